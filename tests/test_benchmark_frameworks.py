"""The benchmark of frameworks runs: their own gradients are followed, and pass."""

import json
from pathlib import Path

import pytest

from benchmarks import frameworks


def test_a_small_network_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="something to measure")
    status = frameworks.main(["--quick", "--rounds", "1", "--json", str(tmp_path / "figures.json")])
    assert status == 0
    cases = json.loads((tmp_path / "figures.json").read_text())["cases"]
    followed = [case for case in cases if case["engine"] != "black box"]
    assert {case["case"] for case in cases} >= {"torch", "torch, float64"}
    assert 2 * len(followed) == len(cases)
    assert [c["verdict"] for c in cases if c["case"] == "torch, float64"] == ["pass", "pass"]
    assert "black box" in capsys.readouterr().out
