"""Which plan is chosen by what an evaluation costs, and what is said of it."""

import math
import re

import pytest

from fastcheck.blackbox.budget import DIRECTIONS, Budget
from fastcheck.errors import InputError
from fastcheck.sampling import FEWEST, needed

SHAPES = {"W1": (784, 50), "b1": (50,), "W2": (50, 10), "b2": (10,)}
TOTAL = 39_760


def costs(seconds: float, budget: float | None = None, obstacle: str = "") -> Budget:
    return Budget(SHAPES, seconds, 2, budget, obstacle)


@pytest.mark.parametrize(
    ("seconds", "budget", "obstacle", "plan"),
    [
        (1e-5, None, "", "exhaustive"),  # 0.8 s of a minute
        (7e-4, None, "", "exhaustive"),  # 56 s
        (8e-4, None, "", "directions"),  # 64 s
        (8e-4, 70.0, "", "exhaustive"),
        (1e-5, 0.5, "", "directions"),
        (10.0, None, "", "directions"),
        (8e-4, None, "parameters share memory", "sample"),
        (1e-5, None, "parameters share memory", "exhaustive"),
    ],
)
def test_auto_goes_by_time_and_budget(
    seconds: float, budget: float | None, obstacle: str, plan: str
) -> None:
    chosen = costs(seconds, budget, obstacle).choose("auto")
    assert chosen.plan == plan
    if plan == "exhaustive":
        assert chosen.counts == {n: math.prod(s) for n, s in SHAPES.items()}
        assert chosen.seconds == pytest.approx(2 * TOTAL * seconds)
        assert chosen.limit == math.inf
    else:
        assert chosen.limit == (60.0 if budget is None else budget)
        assert chosen.seconds <= chosen.limit or chosen.counts == dict.fromkeys(SHAPES, 0)


@pytest.mark.parametrize("plan", ["exhaustive", "sample", "directions"])
def test_a_plan_that_is_asked_for_is_taken_whatever_it_costs(plan: str) -> None:
    for seconds in (1e-7, 100.0):
        chosen = costs(seconds).choose(plan)
        assert chosen.plan == plan
        assert chosen.reason.startswith("asked for; ")


@pytest.mark.parametrize("budget", [1.0, 10.0, 60.0])
@pytest.mark.parametrize("seconds", [1e-4, 1e-3])
def test_a_sample_keeps_to_the_budget_with_room_for_disagreements(
    budget: float, seconds: float
) -> None:
    chosen = costs(seconds, budget).choose("sample")
    n = sum(chosen.counts.values())
    assert chosen.seconds == pytest.approx(2 * 2 * seconds * n)
    assert chosen.seconds <= 0.7 * budget * 1.01 or n == sum(
        min(math.prod(s), FEWEST) for s in SHAPES.values()
    )
    assert f"{n:,} of 39,760" in chosen.reason


def test_each_tensor_has_some_entries_though_the_budget_is_nothing() -> None:
    counts = costs(1.0, 1e-3).choose("sample").counts
    assert counts == {"W1": 32, "b1": 32, "W2": 32, "b2": 10}


def test_beside_directions_entries_are_probed_where_there_is_time() -> None:
    rich, fair, poor = (costs(s).choose("auto") for s in (1e-3, 0.05, 5.0))
    assert sum(rich.counts.values()) == sum(map(needed, SHAPES.values()))
    assert sum(fair.counts.values()) >= 106
    assert all(fair.counts[n] >= min(FEWEST, math.prod(s)) for n, s in SHAPES.items())
    assert sum(poor.counts.values()) == 0
    assert f"and {sum(fair.counts.values())} entries one by one" in fair.reason
    assert "one by one" not in poor.reason


@pytest.mark.parametrize(("seconds", "said"), [(0.01, "0.4 s"), (0.5, "20 s"), (3.0, "120 s")])
def test_the_cost_of_directions_is_said_before(seconds: float, said: str) -> None:
    reason = costs(seconds).choose("directions").reason
    assert f"about {DIRECTIONS} evaluations (" in reason
    number = re.search(r"evaluations \(([\d.]+)\s*(ms|s|min|m)\b", reason)
    assert number is not None, reason
    factor = {"ms": 1e-3, "s": 1.0, "min": 60.0, "m": 60.0}[number[2]]
    assert float(number[1]) * factor == pytest.approx(DIRECTIONS * seconds, rel=0.1)


def test_directions_that_take_longer_than_the_budget_say_so() -> None:
    chosen = costs(5.0, 10.0).choose("auto")
    assert chosen.plan == "directions"
    assert "more than the budget but the least that says anything" in chosen.reason
    assert "more than the budget" not in costs(0.01, 10.0).choose("auto").reason


def test_directions_are_refused_where_they_cannot_be_and_the_reason_is_named() -> None:
    with pytest.raises(InputError, match=re.escape(
        "`plan` must be auto, exhaustive or sample where parameters share memory, "
        "got 'directions'; leave it out"
    )):  # fmt: skip
        costs(1.0, obstacle="parameters share memory").choose("directions")


def test_an_unknown_plan_is_refused_with_the_choices() -> None:
    with pytest.raises(InputError, match=r"one of auto, exhaustive, sample, directions .* 'units'"):
        costs(1.0).choose("units")


@pytest.mark.parametrize(("seconds", "is_short"), [(1e-4, False), (0.05, False), (0.2, True)])
def test_noise_is_found_with_less_care_where_time_is_short(seconds: float, is_short: bool) -> None:
    assert costs(seconds).is_short is is_short
