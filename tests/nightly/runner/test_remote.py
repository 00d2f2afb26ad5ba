"""Which case begins when and where on a cluster, and whose fault the end of a worker is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fastcheck.cluster.messages import Done, Lost, Workers
from fastcheck.errors import InputError
from fastcheck.nightly.work.outcome import Outcome
from tests.nightly.runner.scripted import Night, Scripted

SEVERAL = {"w1": 2, "w2": 2, "w3": 1}


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Night]:
    """Return a function that makes a night on workers, which are examined as is said."""

    def make(
        threads: dict[str, int] = SEVERAL, examined: dict[str, Any] | None = None, **options: Any
    ) -> Night:
        class Ready(Scripted):
            def __init__(self, *args: Any) -> None:
                super().__init__(*args)
                self.examined = examined or {}
                self.has(threads)

        monkeypatch.setattr("fastcheck.nightly.runner.remote.places.Cluster", Ready)
        return Night(threads, **options)

    return make


Make = Callable[..., Night]


def test_a_case_begins_when_it_has_arrived_and_is_timed_from_then(night: Make) -> None:
    n = night()
    case = n.given("a")
    n.look()
    assert (case.has_begun, case.seconds, n.cluster.said) == (False, 0.0, [])
    n.arrive(case, "w2")
    assert case.has_begun
    assert n.cluster.said == [("w2", "e1", "begin")]
    assert 0.0 < case.seconds < 5.0
    n.cluster.reports(case, Outcome("pass"))
    n.look()
    assert (case.is_over, case.outcome().status, case.seconds) == (True, "pass", 2.5)
    assert case.machine == "m-w2, x86_64"


def test_as_many_cases_are_given_as_there_are_threads(night: Make) -> None:
    n = night()
    assert (n.places.n_given, n.places.n_at_once) == (5, 5)
    n.has(w1=1)
    assert (n.places.n_given, n.places.n_at_once) == (1, 1)
    n.has()
    assert (n.places.n_given, n.places.n_at_once) == (1, 1)  # it waits for a worker there
    n.has(w1=1, w9=7)
    assert (n.places.n_given, n.places.n_at_once) == (8, 8)
    assert str(n.places) == (
        "tcp://s:1, 2 workers, 8 cases at a time, on m-w1, x86_64; m-w9, x86_64"
    )


def test_jobs_limit_what_is_given_and_may_be_more_than_there_are_threads(night: Make) -> None:
    assert night(jobs=2).places.n_at_once == 2
    more = night(jobs=20).places
    assert (more.n_given, more.n_at_once) == (20, 5)


def test_those_at_work_at_a_death_work_alone_and_one_after_the_other(night: Make) -> None:
    n = night()
    a, b = n.at_work("a", "w1"), n.at_work("b", "w1")
    c = n.at_work("c", "w3")
    n.has(w2=2, w3=1)
    assert [len(case.deaths) for case in (a, b, c)] == [1, 1, 0]
    assert n.notices == [
        f"the worker w1 (m-w1) ended while {name} was at work there; it is run again, alone on its "
        "worker"
        for name in "ab"
    ]
    n.arrive(a, "w2")
    assert a.has_begun  # beside c, which is on another worker
    n.arrive(b, "w3")
    d = n.given("d")
    n.arrive(d, "w2")
    assert not b.has_begun
    assert not d.has_begun
    n.cluster.reports(c, Outcome("pass"))
    n.look()
    assert not b.has_begun  # a, which may be the culprit, is at work
    n.cluster.reports(a, Outcome("pass"))
    n.look()
    assert a.is_over
    assert b.has_begun
    assert d.has_begun


def test_a_suspect_waits_until_its_worker_is_free(night: Make) -> None:
    n = night()
    a, c = n.at_work("a", "w1"), n.at_work("c", "w2")
    n.has(w2=2)
    n.arrive(a, "w2")
    assert not a.has_begun
    n.cluster.reports(c, Outcome("pass"))
    n.look()
    assert a.has_begun


def test_a_case_that_ends_its_workers_is_given_up(night: Make) -> None:
    n = night()
    a, b = n.at_work("a", "w1"), n.at_work("b", "w2")
    n.has(w2=2, w3=1)
    n.arrive(a, "w3")
    n.has(w2=2, w4=1)
    n.arrive(a, "w4")
    key = a.key
    n.cluster.arrives(a, "w2")  # before it is seen that w4 is gone
    n.look()
    assert a.is_over
    assert a.outcome().status == "crashed"
    assert a.outcome().message == (
        "the worker on which it ran ended 3 times, the last 2 with nothing else at work there: "
        "w1 (m-w1), w3 (m-w3) and w4 (m-w4)"
    )
    assert key in n.cluster.cancelled
    assert b.has_begun
    assert not b.deaths


def test_a_worker_that_was_not_there_yet_when_asked_for_is_not_dead(night: Make) -> None:
    n = night()
    case = n.at_work("a", "w1")
    n.cluster.inbox.put(Workers(0.0, {"w2": 1}))  # the answer to an old question
    n.look()
    assert not case.deaths
    assert case.has_begun


def test_a_death_before_the_beginning_is_nobodys_fault(night: Make) -> None:
    n = night()
    a = n.at_work("a", "w1")
    n.has(w2=2)
    n.arrive(a, "w2")
    b = n.given("b")
    n.arrive(b, "w2")
    n.has(w3=1)
    assert (len(a.deaths), len(b.deaths)) == (2, 0)


def test_what_dask_gives_up_before_it_begins_is_tried_again_some_times(night: Make) -> None:
    n = night()
    case = n.given("a")
    keys = set()
    for _ in range(5):
        assert not case.is_over
        keys.add(case.key)
        n.cluster.inbox.put(Done(case.key, None, RuntimeError("no\nroom"), is_death=True))
        n.look()
    assert len(keys) == 5
    assert case.outcome() == Outcome(
        "error", "it could not be run on the cluster, 5 times: no room"
    )


def test_what_dask_gives_up_at_work_is_a_death(night: Make) -> None:
    n = night()
    case = n.at_work("a", "w1")
    n.cluster.inbox.put(Done(case.key, None, RuntimeError("killed"), is_death=True))
    n.look()
    assert case.deaths == ["w1 (m-w1)"]
    assert not case.has_begun


# ------------------------------------------------------------ workers that are not used


def test_a_worker_that_differs_is_not_used(night: Make) -> None:
    n = night(examined={"w1": ("m1, x86_64", "numpy is 1 there and 2 here")})
    assert n.notices == ["w1 (m1) is not used: numpy is 1 there and 2 here"]
    assert n.places.n_given == 3
    case = n.given("a")
    assert sorted(n.cluster.limits[case.key]) == ["w2", "w3"]


def test_a_worker_that_comes_later_is_examined_before_a_case_begins_there(night: Make) -> None:
    n = night({"w1": 1}, examined={"w2": ModuleNotFoundError("No module named 'fastcheck'")})
    case = n.given("a")
    assert n.cluster.limits[case.key] == []
    old = case.key
    n.arrive(case, "w2")
    assert not case.has_begun
    n.has(w1=1, w2=1)
    (notice,) = n.notices
    assert notice.startswith("w2 is not used: its fastcheck is not that from here (No module")
    assert old in n.cluster.cancelled
    assert n.cluster.limits[case.key] == ["w1"]


def test_a_worker_on_which_a_file_has_changed_is_used_no_longer(night: Make) -> None:
    n = night({"w1": 1, "w2": 1})
    case = n.at_work("a", "w1")
    n.cluster.reports(case, Outcome("not run", refusal="net.py has another sha256"))
    n.look()
    assert not case.is_over
    assert n.notices == ["w1 (m-w1) is not used: net.py has another sha256"]
    assert n.cluster.limits[case.key] == ["w2"]
    n.arrive(case, "w2")
    n.cluster.reports(case, Outcome("not run", refusal="net.py has another sha256"))
    n.look()
    assert not case.key  # it waits for another worker
    n.has(w1=1, w2=1, w3=1)
    assert n.cluster.limits[case.key] == ["w3"]


def test_a_case_whose_workers_have_gone_is_sent_to_others(night: Make) -> None:
    n = night({"w1": 1, "w2": 1}, examined={"w1": ("m", "no")})
    case = n.given("a")
    assert n.cluster.limits[case.key] == ["w2"]
    n.has(w1=1, w3=1)
    assert n.cluster.limits[case.key] == ["w3"]


def test_a_cluster_without_a_worker_to_use_is_refused(
    night: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError) as caught:
        night({"w1": 1, "w2": 1}, examined=dict.fromkeys(("w1", "w2"), ("m", "numpy is 1")))
    assert str(caught.value) == (
        "no worker of tcp://s:1 can be used: w1 (m): numpy is 1; and 1 more"
    )


# ------------------------------------------------------------ no workers, no scheduler


def test_workers_are_waited_for_and_that_is_told(
    night: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastcheck.nightly.runner.remote.places.QUIET", -1.0)
    n = night({}, patience=600.0)
    n.look()
    assert n.notices == [
        "there is no worker to use at tcp://s:1; one is waited for, 10 min at most"
    ]
    n.has(w1=1)
    assert n.notices[1:] == ["there are workers again"]
    assert n.places.problem == ""


def test_they_are_not_waited_for_for_ever(night: Make) -> None:
    n = night({"w1": 1}, patience=-1.0)
    case = n.given("a")
    n.has()
    assert n.places.problem == "there was no worker to use at tcp://s:1 for -1 s"
    assert not case.has_begun


def test_without_a_scheduler_what_is_at_work_is_interrupted(night: Make) -> None:
    n = night()
    a, b = n.at_work("a", "w1"), n.given("b")
    n.cluster.inbox.put(Lost("was lost"))
    n.look()
    assert n.places.problem == "the scheduler at tcp://s:1 was lost"
    assert a.outcome() == Outcome("interrupted", "the scheduler at tcp://s:1 was lost")
    assert not b.has_begun


def test_what_is_closed_is_heard_of_no_more(night: Make) -> None:
    n = night()
    a = n.at_work("a", "w1")
    key = a.key
    a.close()
    assert key in n.cluster.cancelled
    n.cluster.inbox.put(Done(key, None, RuntimeError("late")))
    n.look()
    assert not a.is_over
    n.places.close()
    assert n.cluster.is_closed
