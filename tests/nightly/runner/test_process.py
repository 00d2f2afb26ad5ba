"""The process of a case is asked and ended, whatever it does meanwhile."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from time import perf_counter, sleep
from typing import Any

import pytest

from fastcheck.nightly.records import Case
from fastcheck.nightly.runner.dry import foresee
from fastcheck.nightly.runner.process import CaseProcess
from fastcheck.nightly.runner.remote.errand import Errand
from tests.nightly.runner.conftest import RunText


def until(has_happened: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something has happened."""
    end = perf_counter() + seconds
    while not has_happened():
        assert perf_counter() < end, "it did not happen"
        sleep(0.02)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[CaseProcess]:
    """Return a process in a folder of its own that is ended after the test."""
    process = CaseProcess(str(tmp_path))
    yield process
    process.close()


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.2, 0.5])
def test_one_that_is_stopped_while_it_starts_is_interrupted(
    process: CaseProcess, folder: Path, seconds: float
) -> None:
    process.give(Case("hangs", "net.py:hangs"), folder)
    sleep(seconds)
    process.interrupt()
    until(lambda: process.is_over)
    assert process.outcome().status == "interrupted"


def test_one_that_prints_without_end_answers_and_is_ended(
    process: CaseProcess, folder: Path
) -> None:
    process.give(Case("chats", "net.py:chats"), folder)
    until(process.printed)
    start = perf_counter()
    assert "in chats" in process.where()
    process.close()
    assert perf_counter() - start < 4.0
    assert process.is_over


def test_one_on_a_cluster_is_ended_while_somebody_waits_for_its_answer(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    order = {
        "case": Case("chats", "net.py:chats").to_dict(), "folder": str(folder), "share": None,
        "expected": {}, "current": str(folder), "environment": {},
    }  # fmt: skip
    errand = Errand(json.dumps(order))
    wanted = [True]
    work = Thread(target=errand.outcome, args=(lambda: wanted[0],), daemon=True)
    work.start()
    sleep(2.0)
    monkeypatch.setattr("fastcheck.nightly.runner.process.ANSWER", 60.0)
    Thread(target=errand.where, daemon=True).start()
    sleep(0.3)
    wanted[0] = False
    work.join(5.0)
    closing = Thread(target=errand.close, daemon=True)
    closing.start()
    closing.join(5.0)
    assert not work.is_alive()
    assert not closing.is_alive()


# ------------------------------------------------------------ with all that it started


def is_alive(pid: int) -> bool:
    """Return whether a process runs, and not only nobody has buried it yet."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def escaped(process: CaseProcess, tmp_path: Path, folder: Path) -> Callable[..., int]:
    """Return a function that lets a case start a process that outlives it; it returns its id."""

    def start(how: str, *, hangs: bool) -> int:
        target = f"{folder / 'net.py'}:escapes"
        process.give(Case("a", target, arguments={"how": how, "hangs": hangs}), folder)
        until((tmp_path / "escaped").exists)
        pid = int((tmp_path / "escaped").read_text())
        assert is_alive(pid)
        return pid

    return start


needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="of Linux")


@needs_proc
@pytest.mark.parametrize("hangs", [True, False])
@pytest.mark.parametrize("how", ["group", "session", "orphan"])
def test_what_it_started_ends_with_it(
    process: CaseProcess, escaped: Callable[..., int], how: str, hangs: bool
) -> None:
    pid = escaped(how, hangs=hangs)
    if not hangs:
        until(lambda: process.is_over)
        assert process.outcome().status == "pass"
    process.close()
    until(lambda: not is_alive(pid), 2.0)


@needs_proc
@pytest.mark.parametrize("is_asked", [True, False])
def test_what_it_started_ends_with_it_whoever_notices_its_end(
    process: CaseProcess, escaped: Callable[..., int], monkeypatch: pytest.MonkeyPatch,
    is_asked: bool,
) -> None:  # fmt: skip
    monkeypatch.setattr("fastcheck.nightly.runner.process.kill_marked", lambda mark: None)
    if not is_asked:
        monkeypatch.delattr("os.waitid")  # as on macOS before Python 3.13
    pid = escaped("group", hangs=False)
    until(lambda: process.is_over)
    if is_asked:
        process.where()
    assert process.outcome().status == "pass"
    until(lambda: not is_alive(pid), 2.0)


# ------------------------------------------------------------ a system that has no more


@pytest.fixture
def scarce(monkeypatch: pytest.MonkeyPatch) -> Callable[[range], list[Any]]:
    """Return a function that lets some starts of processes fail; it returns those that did not."""

    def let(fail: range) -> list[Any]:
        started: list[Any] = []
        numbers = iter(range(10**6))

        class Popen(subprocess.Popen[bytes]):
            def __init__(self, *args: Any, **options: Any) -> None:
                if args[0][0] == sys.executable and next(numbers) in fail:  # not Git
                    raise OSError(errno.EMFILE, "Too many open files")
                super().__init__(*args, **options)
                started.append(self)

        monkeypatch.setattr(subprocess, "Popen", Popen)
        return started

    return let


CASES = "".join(f'[[case]]\nname = "{k}"\ntarget = "net.py:right"\nseed = {k}\n' for k in range(3))
NONE = "its process could not be started (Too many open files); raise the limits of the system"


def test_cases_that_cannot_be_started_wait_for_others(
    scarce: Callable[[range], list[Any]], run_text: RunText
) -> None:
    scarce(range(1, 4))
    found = run_text(CASES, jobs=3, budget=60.0)
    assert [(r.status, r.message) for r in found.records] == 3 * [("pass", "")]


def test_cases_that_can_never_be_started_say_so(
    scarce: Callable[[range], list[Any]], run_text: RunText, folder: Path
) -> None:
    scarce(range(10**6))
    found = run_text(CASES, jobs=2)
    assert [(r.status, r.message, r.traceback) for r in found.records] == 3 * [("error", NONE, "")]
    seen = foresee(folder, [record.case for record in found.records], jobs=2)
    assert [(one.prediction, one.message) for one in seen] == 3 * [(None, f"error: {NONE}")]


@pytest.mark.parametrize("n_threads", [0, 1])
def test_a_process_without_threads_to_read_from_it_is_ended(
    scarce: Callable[[range], list[Any]], monkeypatch: pytest.MonkeyPatch, n_threads: int
) -> None:
    started, threads = scarce(range(0)), []
    start = threading.Thread.start

    def limited(thread: Thread) -> None:
        threads.append(thread)
        if len(threads) > n_threads:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    with pytest.raises(OSError, match="can't start new thread"):
        CaseProcess()
    assert started[0].returncode == -9
    assert started[0].stdin.closed
