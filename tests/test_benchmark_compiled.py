"""The benchmark of the compiled loop compares before it times, and marks what misses a target."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import compiled

if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
    pytest.skip("nothing is compiled", allow_module_level=True)

TINY = compiled.network_case((4, 5, 4, 3), n_batch=2)


def test_the_loops_of_the_network_agree_with_backpropagation() -> None:
    compiled.compared(compiled.Loops(TINY))


def test_a_loop_of_another_loss_is_refused() -> None:
    loops = compiled.Loops(TINY)
    loops.case = replace(TINY, function=lambda *args: 1.01 * TINY.function(*args))
    with pytest.raises(AssertionError, match="network: W1 differs"):
        compiled.compared(loops)


def test_a_network_that_is_not_what_backpropagation_supposes_is_refused(monkeypatch) -> None:
    right = compiled.backpropagated(TINY.params, **TINY.data)
    wrong = right | {"b2": right["b2"] * 1.001}
    monkeypatch.setattr(compiled, "backpropagated", lambda *args, **data: wrong)
    with pytest.raises(AssertionError, match=r"b2 is .* off"):
        compiled.compared(compiled.Loops(TINY))


def test_missed_targets_are_marked() -> None:
    one = {
        "case": "x", "n_params": 10, "probe_seconds": 2e-6, "loss_seconds": 5e-7,
        "beside_seconds": 1.5e-6, "compiled_seconds": 1.0, "interpreted_seconds": 19.0,
        "times_interpreted": 19.0, "times_called": 2.0,
    }  # fmt: skip
    missed = compiled.as_table([one])
    assert "1.5e+03 ns!" in missed
    assert "19!" in missed
    met = compiled.as_table([one | {"beside_seconds": 9e-7, "times_interpreted": 21.0}])
    assert "!" not in met


@pytest.mark.slow
def test_the_promises_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    assert compiled.main(["--quick", "--json", str(path)]) == 0
    for case in json.loads(path.read_text())["cases"]:
        assert case["beside_seconds"] < compiled.ALLOWED_SECONDS
        assert case["times_interpreted"] > compiled.TARGET
        assert np.isfinite(case["times_called"])
