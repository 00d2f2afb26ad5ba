"""``fastcheck run SUITE.toml --dask ADDRESS``: what is said before anything is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run

pytestmark = [
    pytest.mark.usefixtures("empty_folder"),
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture
def night(mine: Path) -> Path:
    """Return a suite of what ``mine.py`` has."""
    path = mine.parent / "night.toml"
    path.write_text('[[case]]\ntarget = "mine.py:right"\n')
    return path


def test_a_scheduler_that_is_not_there_is_one_line_and_leaves_no_run(
    run: Run, night: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="dask[distributed] is not installed")
    monkeypatch.setattr("fastcheck.cluster.client.CONNECT", 0.5)
    found = run("run", night, "--dask", "tcp://127.0.0.1:9")
    assert found.status == 2
    assert found.stderr.startswith("Error: `--dask` must be the address of a Dask scheduler")
    assert "got 'tcp://127.0.0.1:9': none answers there" in found.stderr
    assert found.stderr.count("\n") == 1
    assert not Path("fastcheck-archive").exists()


def test_a_dry_run_is_made_here(run: Run, night: Path) -> None:
    found = run("run", night, "--dask", "tcp://127.0.0.1:9", "--dry-run")
    assert found.status == 0
    assert "1 case, about " in found.stdout


def test_a_cluster_is_for_suites(run: Run, mine: Path) -> None:
    found = run("run", "mine.py:right", "--dask", "tcp://127.0.0.1:9")
    assert found.status == 2
    assert found.stderr == "Error: `--dask` is for suites; name a file that ends in .toml\n"
