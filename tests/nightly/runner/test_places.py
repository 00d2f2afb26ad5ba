"""What the loop does with cases that wait for their turn, and with places that are lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import pytest

from fastcheck.nightly.beginning import MemoryParts, new_run
from fastcheck.nightly.records import Case, Run
from fastcheck.nightly.runner import PlacesError, run_suite
from fastcheck.nightly.suite import read_suite
from fastcheck.nightly.work.outcome import Outcome


class Waiting:
    """A place at which the first cases begin at once, and all others never."""

    machine = "node-7"

    def __init__(self, places: Places) -> None:
        self.places = places
        self.has_begun = self.is_over = False
        self.began = perf_counter()
        self.result = Outcome("pass")

    @property
    def seconds(self) -> float:
        """Time since it began."""
        return perf_counter() - self.began if self.has_begun else 0.0

    def give(self, case: Case, folder: Path, *, share: float | None = None) -> None:
        """Begin, or wait."""
        self.has_begun = case.name in self.places.at_once
        self.is_over = case.name in self.places.over
        self.result = self.places.over.get(case.name, self.result)

    def interrupt(self) -> None:
        """End as a check does that is asked to."""
        self.is_over, self.result = True, Outcome("interrupted", "stopped")

    def outcome(self) -> Outcome:
        """Return what was given."""
        return self.result

    def where(self) -> str:
        """Return a traceback."""
        return "in f"

    def close(self) -> None:
        """Note it."""
        self.places.n_closed += 1


class Places:
    """Places for all cases, which are as many as anybody likes."""

    n_given = n_at_once = 10

    def __init__(self, *at_once: str, over: dict[str, Outcome] | None = None) -> None:
        self.problem = ""
        self.at_once = at_once
        self.over = over or {}
        self.n_closed = self.n_looks = 0
        self.given: list[Waiting] = []
        self.happens: dict[int, Callable[[], None]] = {}

    def place(self) -> Waiting:
        """Return a place."""
        self.given.append(Waiting(self))
        return self.given[-1]

    def refresh(self, *, has_more: bool) -> None:
        """Let happen what happens at this look."""
        self.n_looks += 1
        self.happens.get(self.n_looks, lambda: None)()

    def end(self, outcome: Outcome) -> None:
        """Let all end that has begun."""
        for place in self.given:
            place.is_over, place.result = place.has_begun, outcome

    def close(self) -> None:
        """Be somebody else's."""
        raise AssertionError


Outcomes = list[tuple[str, str]]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[Run, list[str]]]:
    """Return a function that runs cases a, b and c at some places."""

    def call(places: Places, **options: object) -> tuple[Run, list[str]]:
        text = "".join(f'[[case]]\nname = "{n}"\ntarget = "net.py:f"\n' for n in "abc")
        (tmp_path / "night.toml").write_text(text)
        suite, begun = read_suite(tmp_path / "night.toml"), []
        parts = MemoryParts(new_run(suite))
        try:
            run_suite(
                suite, parts, places=places, on_start=lambda case: begun.append(case.name),
                **options,  # type: ignore[arg-type]
            )  # fmt: skip
        except (KeyboardInterrupt, PlacesError) as end:
            begun.append(type(end).__name__)
        assert places.n_closed >= 3
        return parts.run, begun

    return call


Called = Callable[..., tuple[Run, list[str]]]


def told(run: Run) -> Outcomes:
    return [(record.status, record.message) for record in run.records]


def test_ctrl_c_takes_back_what_waits_and_lets_the_rest_finish(run: Called) -> None:
    places = Places("a")
    places.happens[5] = lambda: os.kill(os.getpid(), signal.SIGINT)
    places.happens[10] = lambda: places.end(Outcome("pass"))
    found, begun = run(places)
    interrupted = "the run was interrupted before it started"
    assert told(found) == [("pass", ""), ("not run", interrupted), ("not run", interrupted)]
    assert begun == ["a", "KeyboardInterrupt"]
    assert found.records[0].started
    assert found.records[0].machine == "node-7"
    assert not found.records[1].started


def test_a_failure_takes_back_what_waits(run: Called) -> None:
    places = Places("a", over={"a": Outcome("fail")})
    found, _ = run(places, fail_fast=True)
    reason = "not started, because a ended with fail"
    assert told(found) == [("fail", ""), ("not run", reason), ("not run", reason)]


def test_the_end_of_a_budget_takes_back_what_waits(run: Called) -> None:
    start = perf_counter()
    found, _ = run(Places("a"), budget=2.0)
    assert perf_counter() - start < 6.0
    reason = "the budget of 2 s was used up before it could start"
    assert [record.status for record in found.records] == ["interrupted", "not run", "not run"]
    assert found.records[1].message == found.records[2].message == reason


def test_places_that_are_lost_end_the_run_with_their_reason(run: Called) -> None:
    places = Places("a", "b", over={"a": Outcome("pass")})

    def happens() -> None:
        places.problem = "the scheduler was lost"
        places.end(Outcome("interrupted", places.problem))

    places.happens[5] = happens
    found, begun = run(places, budget=1000.0)
    lost = "the scheduler was lost"
    assert told(found) == [("pass", ""), ("interrupted", lost), ("not run", lost)]
    assert begun == ["a", "b", "PlacesError"]
