"""The benchmark of directions runs, and what is promised of a million parameters holds."""

import json
from pathlib import Path

import pytest

from benchmarks import directions


def test_a_small_network_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directions.main(["--quick", "--json", str(tmp_path / "figures.json")])
    cases = json.loads((tmp_path / "figures.json").read_text())["cases"]
    assert len(cases) == 26
    assert all(case["false"] == 0 for case in cases)
    assert all(case["median"] <= case["limit"] for case in cases if case["wrong"] == "nothing")
    assert "column 0 of W2" in capsys.readouterr().out


@pytest.mark.slow
def test_a_million_parameters_are_searched_within_the_promised_probes() -> None:
    assert directions.main(["--seeds", "3"]) == 0


@pytest.mark.nightly
def test_a_million_parameters_are_searched_within_the_promised_probes_over_many_seeds() -> None:
    assert directions.main([]) == 0
