"""A budget is shared by cost and urgency, and never exceeded."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcheck.nightly.runner.shares import Claim, share_of

pytestmark = pytest.mark.interpreted

COSTS = st.one_of(st.floats(0.01, 1e4), st.just(math.inf))
CLAIMS = st.builds(Claim, COSTS, st.floats(0.01, 2.0), st.sampled_from([1.0, 4.0]))


@given(st.lists(CLAIMS, min_size=1, max_size=20), st.floats(1.0, 1e5))
def test_shares_add_up_to_the_budget(claims: list[Claim], seconds: float) -> None:
    left = seconds
    for k, claim in enumerate(claims):
        share = share_of(claim, claims[k + 1 :], left)
        spent = min(share.seconds, claim.need)
        assert share.seconds >= min(claim.least, claim.need)
        assert share.is_whole == (claim.need <= share.seconds)
        left -= spent
    least = sum(claim.least for claim in claims)
    assert left >= -1e-6 * seconds - max(0.0, least - seconds)


def test_everything_is_whole_where_there_is_time_for_all() -> None:
    claims = [Claim(10.0, 1.0, 1.0)] * 5
    assert all(share_of(claims[0], claims[k:], 80.0).is_whole for k in range(1, 5))


def test_an_urgent_case_gets_four_times_as_much() -> None:
    urgent, other = Claim(1e3, 0.1, 4.0), Claim(1e3, 0.1, 1.0)
    assert share_of(urgent, [other] * 6, 100.0).seconds == pytest.approx(40.0)
    assert share_of(other, [urgent, *[other] * 5], 100.0).seconds == pytest.approx(10.0)


def test_what_a_small_case_does_not_need_goes_to_the_others() -> None:
    small, large = Claim(1.0, 0.5, 1.0), Claim(math.inf, 0.5, 1.0)
    share = share_of(large, [small, large], 21.75)
    assert share.seconds == pytest.approx((21.75 - 1.75) / 2.0)
    assert not share.is_whole


def test_every_case_gets_something_beside_one_of_unknown_cost() -> None:
    endless, others = Claim(math.inf, 1.0, 4.0), [Claim(math.inf, 1.0, 1.0)] * 8
    assert share_of(endless, others, 10.0).seconds == pytest.approx(2.0)
