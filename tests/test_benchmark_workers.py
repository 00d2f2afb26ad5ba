"""The benchmark of processes compares bits first and counts what is sent."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import fastcheck as fc
from benchmarks import workers


@pytest.mark.slow
def test_the_script_prints_a_table_and_writes_json(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers.workers, "PAYS", 0.0)
    path = tmp_path / "workers.json"
    assert workers.main(["--quick", "--json", str(path)]) == 0
    assert "parameters" in capsys.readouterr().out
    found = json.loads(path.read_text())
    assert found["n_params"] == 8 * 6 + 6 + 6 * 3 + 3
    assert found["share"] == pytest.approx(found["speedup"] / found["control_speedup"])
    n_numbers = found["n_params"] + 20 * (8 + 1)  # parameters, inputs and labels
    assert 8 * n_numbers < found["bytes_per_worker"] < 8 * n_numbers + 20_000
    assert found["bytes_per_task"] < 2000


def test_another_bit_makes_the_script_exit_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = fc.numerical_gradient

    def wrong(*args: object, n_jobs: int, **options: object) -> fc.NumericalGradient:
        found = right(*args, **options)  # type: ignore[arg-type]
        if n_jobs == 2:
            found.values["b2"][1] = np.nextafter(found.values["b2"][1], 1.0)
        return found

    monkeypatch.setattr(fc, "numerical_gradient", wrong)
    monkeypatch.setattr(workers.workers, "PAYS", 0.0)
    assert workers.main(["--quick"]) == 1
    assert "WRONG: b2 differs between one process and two" in capsys.readouterr().err
