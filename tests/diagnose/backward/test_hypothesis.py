"""What mistakes cost together: the same one in a further tensor hardly anything."""

from __future__ import annotations

import numpy as np
import pytest

from fastcheck.diagnose.backward.hypothesis import AGAIN, Hypothesis
from fastcheck.diagnose.backward.reason import Reason, is_included, is_same

HALF = Reason("factor", "", 1.5, ("W1",), 0.5, is_shared=True)
THIRD = Reason("factor", "", 1.5, ("W2",), 1 / 3, is_shared=True)
ROLLED = Reason("rolled", "", 2.0, ("W1",), 1.0)
DELTA = Reason("delta-factor", "", 1.8, ("W3", "b3"), 0.5, passes_on=True)
DECAY = Reason("regulariser", "", 1.2, ("W3",), 0.5, is_shared=True)


def cost(*reasons: Reason) -> float:
    return Hypothesis().with_([*reasons], {}).complexity


def test_mistakes_add_up() -> None:
    assert cost() == 0.0
    assert cost(HALF, ROLLED) == pytest.approx(3.5)
    assert cost(HALF, THIRD) == pytest.approx(3.0)


def test_the_same_mistake_in_a_further_tensor_costs_little() -> None:
    assert cost(HALF, HALF) == pytest.approx(1.5 + AGAIN)
    again = Hypothesis().with_([HALF], {}).with_([HALF], {})
    assert again.complexity == pytest.approx(1.5 + AGAIN)
    assert again.reasons == (HALF, HALF)


def test_what_is_made_once_for_each_tensor_costs_each_time() -> None:
    assert cost(ROLLED, ROLLED) == pytest.approx(4.0)


def test_a_regulariser_multiplied_like_the_delta_is_part_of_that() -> None:
    assert cost(DELTA, DECAY) == pytest.approx(1.8 + AGAIN)
    third = Reason("regulariser", "", 1.2, ("W3",), 1 / 3, is_shared=True)
    assert cost(DELTA, third) == pytest.approx(3.0)
    assert is_included(DECAY, DELTA)
    assert not is_included(DELTA, DECAY)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [(0.5, 0.5, True), (0.5, 0.5 * (1 + 1e-9), True), (0.5, 0.5001, False), (None, None, True),
     (None, 0.5, False), (0.5, None, False), (0.5, -0.5, False)],
)  # fmt: skip
def test_reasons_are_the_same_with_the_same_constant(
    one: float | None, other: float | None, expected: bool
) -> None:
    a, b = (Reason("factor", "", 1.0, ("W1",), c) for c in (one, other))
    assert is_same(a, b) is expected
    assert not is_same(a, Reason("sign", "", 1.0, ("W1",), one))


def test_deltas_of_later_steps_are_kept_and_those_before_are_not_changed() -> None:
    one, two = np.ones(2), np.zeros(2)
    first = Hypothesis().with_([HALF], {3: one})
    second = first.with_([], {1: two})
    assert first.deltas.keys() == {3}
    assert second.deltas.keys() == {1, 3}
    assert second.deltas[3] is one
    assert second.complexity == first.complexity
