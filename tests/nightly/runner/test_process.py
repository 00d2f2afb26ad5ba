"""The process of a case is asked and ended, whatever it does meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from time import perf_counter, sleep

import pytest

from fastcheck.nightly.records import Case
from fastcheck.nightly.runner.process import CaseProcess
from fastcheck.nightly.runner.remote.errand import Errand


def until(has_happened: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something has happened."""
    end = perf_counter() + seconds
    while not has_happened():
        assert perf_counter() < end, "it did not happen"
        sleep(0.02)


@pytest.fixture
def process() -> Iterator[CaseProcess]:
    """Return a process that is ended after the test."""
    process = CaseProcess()
    yield process
    process.close()


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
