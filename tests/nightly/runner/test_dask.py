"""A suite on a Dask cluster of two processes: what it gives, and what becomes of misfortunes."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from time import perf_counter, sleep
from typing import Any

import numpy as np
import pytest

from fastcheck.errors import InputError
from fastcheck.nightly.beginning import MemoryParts, new_run
from fastcheck.nightly.records import Run
from fastcheck.nightly.runner import PlacesError, run_suite
from fastcheck.nightly.runner.remote import DaskPlaces
from fastcheck.nightly.suite import Suite, read_suite
from tests.cli.conftest import ENVIRONMENT, command
from tests.conftest import ROOT
from tests.nightly.runner.conftest import NET
from tests.nightly.runner.test_running import comparable

distributed = pytest.importorskip("distributed", reason="dask[distributed] is not installed")

pytestmark = pytest.mark.filterwarnings("default")

MORE = """
    import signal
    from pathlib import Path

    def kills():
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(1000)

    def is_hit():
        if not Path("hit").exists():
            Path("hit").write_text(str(os.getppid()))
            time.sleep(1000)
        return right()

    def waits():
        import subprocess
        if Path("pids").exists():
            return right()
        child = subprocess.Popen(["sleep", "1000"])
        Path("pids.tmp").write_text(f"{os.getpid()} {child.pid}")
        Path("pids.tmp").rename("pids")
        time.sleep(1000)
"""
SAME = """
[[case]]
name = "right"
target = "net.py:right"
keep = "arrays"
[[case]]
name = "minibatch"
target = "net.py:on_batch"
dataset = "mnist"
batch = 5
seed = 3
keep = "arrays"
[[case]]
name = "draws"
target = "net.py:draws"
[[case]]
name = "wrong"
target = "net.py:right"
arguments = {factor = 2.0}
[[case]]
name = "quits"
target = "net.py:quits"
"""
HIT = """
[[case]]
name = "is hit"
target = "net.py:is_hit"
"""
FATAL = """
[[case]]
name = "kills"
target = "net.py:kills"
[[case]]
name = "hangs"
target = "net.py:hangs"
timeout = 5.0
"""


def address_of(cluster: Any) -> str:
    return str(cluster.scheduler_address)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Start a cluster of two processes on this machine."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
        silence_logs=logging.CRITICAL,
    ) as found:  # fmt: skip
        yield found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Go to a folder with ``net.py``."""
    folder, before = tmp_path_factory.mktemp("cluster"), Path.cwd()
    (folder / "net.py").write_text(dedent(NET) + dedent(MORE), encoding="utf-8")
    os.chdir(folder)
    yield folder
    os.chdir(before)


def suite_of(home: Path, text: str) -> Suite:
    (home / "night.toml").write_text(text)
    return read_suite(home / "night.toml")


def hit(home: Path) -> None:
    """Kill the worker on which a case is that asks for it."""
    while not (home / "hit").exists() or not (home / "hit").read_text():
        sleep(0.02)
    os.kill(int((home / "hit").read_text()), signal.SIGKILL)


Night = tuple[Run, list[str]]


def on_cluster(cluster: Any, suite: Suite, **options: Any) -> Night:
    """Return what became of a suite on a cluster, and what was said about workers."""
    run, told = new_run(suite), []
    with DaskPlaces(address_of(cluster), run, suite.folder, notice=told.append) as places:
        return run_suite(suite, MemoryParts(run), places=places, **options), told


@pytest.fixture(scope="module")
def night(cluster: Any, home: Path) -> Night:
    """Return a run on a cluster of which a worker is killed."""
    threading.Thread(target=hit, args=(home,), daemon=True).start()
    return on_cluster(cluster, suite_of(home, HIT + SAME))


@pytest.fixture(scope="module")
def fatal(cluster: Any, home: Path) -> Night:
    """Return a run of which a case kills every worker, and another hangs."""
    return on_cluster(cluster, suite_of(home, FATAL + SAME))


def test_a_cluster_gives_what_this_machine_gives_bit_for_bit(night: Night, home: Path) -> None:
    suite = suite_of(home, SAME)
    here = run_suite(suite, MemoryParts(new_run(suite)), jobs=2)
    there = replace(night[0], records=night[0].records[-len(here.records) :])
    assert [r.status for r in there.records] == [
        "pass", "pass", "pass", "fail", "crashed",
    ]  # fmt: skip
    where = {record.machine for record in there.records}
    assert where == {here.provenance["machine"]}
    same = replace(there, records=tuple(replace(r, machine="") for r in there.records))
    assert comparable(same) == comparable(here)
    for one, two in zip(here.records[:2], there.records[:2], strict=True):
        assert one.arrays.keys() == two.arrays.keys() != set()
        for kind, found in one.arrays.items():
            for name, array in found.items():
                assert np.array_equal(array, two.arrays[kind][name], equal_nan=True)


def test_a_case_whose_worker_is_killed_is_run_on_another(night: Night) -> None:
    run, told = night
    record = run.record("is hit")
    assert record
    assert (record.status, record.message) == ("pass", "")
    assert [line.partition("tcp://")[0] for line in told] == ["the worker "]
    assert "(" in told[0]
    assert told[0].endswith(
        ") ended while is hit was at work there; it is run again, alone on its worker"
    )


@pytest.mark.slow
def test_a_case_that_kills_its_workers_is_given_up_and_the_others_are_not(fatal: Night) -> None:
    run, _ = fatal
    record = run.record("kills")
    assert record
    assert record.status == "crashed"
    assert record.message.startswith("the worker on which it ran ended 3 times, the last 2 with")
    assert record.message.count("tcp://") == 3
    assert [r.status for r in run.records[2:]] == [
        "pass", "pass", "pass", "fail", "crashed",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_case_that_hangs_is_ended_and_says_where_it_was(fatal: Night) -> None:
    record = fatal[0].record("hangs")
    assert record
    assert record.status == "timeout"
    assert record.message == "it took longer than its time-out of 5 s"
    assert "in hangs" in record.traceback
    assert "about to hang" in record.traceback


@pytest.mark.slow
def test_a_budget_is_kept(cluster: Any, home: Path) -> None:
    text = '[[case]]\nname = "%s"\ntarget = "net.py:%s"\n'
    suite = suite_of(home, text % ("slow", "slow") + text % ("stubborn", "is_stubborn"))
    start = perf_counter()
    run, _ = on_cluster(cluster, suite, budget=9.0)
    assert perf_counter() - start < 16.0
    slow, stubborn = run.records
    assert slow.status in ("pass", "inconclusive", "interrupted")
    assert "of the budget" in slow.message
    assert slow.result is not None
    assert stubborn.status == "interrupted"
    assert "and it did not end after" in stubborn.message
    assert "in is_stubborn" in stubborn.traceback


@pytest.mark.slow
def test_the_page_shows_how_it_is_done_in_python(cluster: Any, home: Path) -> None:
    page = (ROOT / "docs/suites.md").read_text("utf-8")
    _, here, there = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names = {"suite": suite_of(home, '[[case]]\ntarget = "net.py:right"\n')}
    exec(here.partition("suite = ")[0] + there, names)
    assert names["on_cluster"](address_of(cluster)).count("pass") == 1  # type: ignore[operator]


# ------------------------------------------------------------ what is refused


def test_a_worker_with_another_version_is_refused(cluster: Any, home: Path) -> None:
    suite = suite_of(home, SAME)
    run = new_run(suite)
    other = replace(run, provenance={**run.provenance, "numpy": "1.0"})
    with pytest.raises(InputError) as caught:
        DaskPlaces(address_of(cluster), other, suite.folder)
    assert str(caught.value).startswith(f"no worker of {address_of(cluster)} can be used: tcp://")
    assert f"): numpy is {np.__version__} there and 1.0 here; install the same" in str(caught.value)


def test_code_that_changes_while_it_is_run_is_refused(cluster: Any, home: Path) -> None:
    (home / "other.py").write_text("x = 1\n")
    suite = suite_of(home, '[[case]]\ntarget = "other.py:f"\n[[case]]\ntarget = "net.py:right"\n')
    run, notices = new_run(suite), []
    parts = MemoryParts(run)
    with DaskPlaces(
        address_of(cluster), run, suite.folder, notice=notices.append, patience=0.1
    ) as places:
        (home / "other.py").write_text("x = 2\n")
        with pytest.raises(PlacesError, match=r"there was no worker to use at .* for 0.1 s; tcp"):
            run_suite(suite, parts, places=places, only=["other*"])
    assert parts.run.records[0].status == "not run"
    assert "other.py has the sha256 " in parts.run.records[0].message
    assert any(n.startswith("tcp://") and "other.py has the sha256 " in n for n in notices)
    with pytest.raises(InputError, match=r"other.py has the sha256 \w{12}… and not \w{12}…; let"):
        DaskPlaces(address_of(cluster), run, suite.folder)


def test_a_folder_that_a_worker_does_not_see_is_refused(
    cluster: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = suite_of(home, SAME)
    run = new_run(suite)
    monkeypatch.setattr(Path, "cwd", lambda: home / "only here")
    with pytest.raises(InputError, match=r"there is no folder .*/only here; give the command in"):
        DaskPlaces(address_of(cluster), run, suite.folder)


# ------------------------------------------------------------ ends


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def waiting(home: Path, address: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a suite of which the second case does not end, and return when it has begun."""
    (home / "pids").unlink(missing_ok=True)
    text = "".join(
        f'[[case]]\nname = "{name}"\ntarget = "net.py:{name}"\n'
        for name in ("right", "waits", "draws")
    )
    suite_of(home, text)
    process = subprocess.Popen(
        command("run", "night.toml", "--dask", address, "--jobs", "1", *arguments),
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    while not (home / "pids").exists():
        assert process.poll() is None
        sleep(0.02)
    return process


def remaining(home: Path) -> list[int]:
    """Return which processes of the case are there, at the end of some seconds."""
    pids = [int(word) for word in (home / "pids").read_text().split()]
    deadline = perf_counter() + 10.0
    while perf_counter() < deadline and any(map(is_alive, pids)):
        sleep(0.05)
    return [pid for pid in pids if is_alive(pid)]


def test_ctrl_c_twice_stops_all_at_once(cluster: Any, home: Path) -> None:
    with waiting(home, address_of(cluster), "--no-archive", "--json", "run.json") as process:
        start = perf_counter()
        for _ in range(2):
            os.killpg(process.pid, signal.SIGINT)
            sleep(0.3)
        _, stderr = process.communicate(timeout=60)
        assert perf_counter() - start < 10.0
    assert process.returncode == 130
    assert stderr == ""
    assert remaining(home) == []
    run = Run.from_dict(json.loads((home / "run.json").read_text()))
    assert [record.status for record in run.records] == ["pass", "interrupted", "not run"]
    assert run.records[1].message.startswith("the run was interrupted after ")
    assert "in waits" in run.records[1].traceback
    assert run.records[2].message == "the run was interrupted before it started"
    assert run.provenance["cluster"].startswith(f"{address_of(cluster)}, ")
    assert run.records[0].machine == run.provenance["machine"]


@pytest.mark.slow
def test_nothing_survives_the_death_of_the_run(cluster: Any, home: Path) -> None:
    with waiting(home, address_of(cluster), "--no-archive") as process:
        process.kill()
    assert remaining(home) == []


OWN_CLUSTER = """
import distributed, time
if __name__ == "__main__":
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as c:
        print(c.scheduler_address, flush=True)
        time.sleep(1000)
"""


@pytest.mark.slow
def test_a_run_whose_scheduler_dies_keeps_what_it_has_and_is_resumed(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(OWN_CLUSTER)
    started = [sys.executable, str(tmp_path / "own.py")]
    archive = ("--archive", str(tmp_path / "archive"))
    with subprocess.Popen(
        started, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ENVIRONMENT
    ) as own:
        assert own.stdout is not None
        address = own.stdout.readline().strip()
        with waiting(home, address, *archive) as process:
            own.kill()
            stdout, stderr = process.communicate(timeout=60)
    lost = f"the scheduler at {address} was lost"
    assert process.returncode == 3
    assert stderr == f"{lost}; --resume continues it\n"
    assert "1/3 pass         right" in stdout
    assert "2/3 interrupted  waits (" in stdout
    assert f"3/3 not run      draws: {lost}\n" in stdout
    assert remaining(home) == []
    again = subprocess.run(
        command("run", "night.toml", *archive, "--resume"),
        env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert again.returncode == 0
    assert [line.partition(" (")[0] for line in again.stdout.splitlines()[:2]] == [
        "1/3 pass         waits", "2/3 pass         draws",
    ]  # fmt: skip
    assert "kept in " in again.stderr
