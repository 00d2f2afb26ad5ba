"""The verdict on a tensor: every rule from both sides, planted faults, messages, invariances."""

from __future__ import annotations

import math
import re
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fastcheck.errors import InputError
from fastcheck.judge import judge_entries, judge_tensor
from fastcheck.result import TensorResult
from tests import judge_reference

RNG = np.random.default_rng(1)
W2 = RNG.normal(size=(50, 10))
BOUND = np.full((50, 10), 1e-13)


def judged(analytic: object, numerical: object, bound: object = 1e-12, **options: object) -> str:
    """Return the verdict on the first entry, of which others fix the scale."""
    arrays = [np.atleast_1d(np.asarray(x, float)) for x in (analytic, numerical, bound)]
    arrays[2] = np.broadcast_to(arrays[2], arrays[0].shape)
    result = judge_tensor("W1", *arrays, **options)  # type: ignore[arg-type]
    counts = {v: getattr(result, f"n_{v}") for v in ("agree", "close", "disagree", "kink")}
    counts["unresolved"] = result.n_unresolved
    assert sum(counts.values()) == result.n_checked == 1
    return next(verdict for verdict, n in counts.items() if n)


# ------------------------------------------------------------ rules for one entry


@pytest.mark.parametrize(
    ("analytic", "numerical", "bound", "verdict"),
    [
        (1.0 + 2.0**-40, 1.0, 2.0**-40, "agree"),  # on the bound
        (1.0 + 2.0**-40 + 2.0**-52, 1.0, 2.0**-40, "close"),  # just outside
        (1.0 + 0.99e-5, 1.0, 1e-12, "close"),
        (1.0 + 1.01e-5, 1.0, 1e-12, "disagree"),
        (1.0, 1.0, 1.0e-3, "agree"),
        (1.0, 1.0, 1.001e-3, "unresolved"),
        (1.0, 1.5, 0.1, "disagree"),  # a coarse bound, and far outside of it
        (1.0, 1.05, 0.1, "unresolved"),
        (0.0, 0.0, 0.0, "agree"),
        (0.0, 0.0, 1.0, "agree"),
        (-0.0, 0.0, 0.0, "agree"),
        (0.0, 1e-300, 0.0, "disagree"),
        (1.0, 1.0, 0.0, "agree"),
        (5e-324, 5e-324, 0.0, "agree"),
        (1e-323, 5e-324, 0.0, "disagree"),
        (1e300, 1e300, 1e290, "agree"),
        (-1e300, 1e300, 1e290, "disagree"),
        (math.nan, math.nan, math.nan, "disagree"),
        (math.inf, math.inf, 1.0, "disagree"),
        (1.0, math.inf, math.inf, "unresolved"),
        (1.0, 1.0, math.inf, "unresolved"),
        (0.0, 0.0, math.nan, "unresolved"),
        (1.0, 1.0, -1.0, "unresolved"),
    ],
)
def test_one_entry(analytic: float, numerical: float, bound: float, verdict: str) -> None:
    assert judged(analytic, numerical, bound) == verdict


def test_rtol_and_resolution_move_their_limits() -> None:
    assert judged(1.0 + 1e-4, 1.0, rtol=1e-3) == "close"
    assert judged(1.0 + 1e-4, 1.0, rtol=1e-5) == "disagree"
    assert judged(1.0 + 1e-4, 1.0, rtol=0.0) == "disagree"
    assert judged(1.0, 1.0, 1e-2, resolution=1e-1) == "agree"
    assert judged(1.0, 1.0, 1e-2, resolution=1e-3) == "unresolved"
    assert judged(1.0 + 2e-4, 1.0, 1e-4, resolution=1e-6, rtol=1e-3) == "unresolved"


def test_a_small_entry_is_compared_with_a_hundredth_of_the_rms() -> None:
    numerical = np.array([1.0] * 99 + [1e-9])
    floor = 0.01 * math.sqrt((99 + 1e-18) / 100)
    bound = np.full(100, 1e-15)
    for error, field in ((0.9e-5 * floor, "n_close"), (1.1e-5 * floor, "n_disagree")):
        analytic = numerical.copy()
        analytic[-1] += error
        assert getattr(judge_tensor("W1", analytic, numerical, bound), field) == 1
    for allowed, field in ((0.9e-3 * floor, "n_agree"), (1.1e-3 * floor, "n_unresolved")):
        bound = np.full(100, 1e-15)
        bound[-1] = allowed
        assert getattr(judge_tensor("W1", numerical, numerical, bound), field) in (100, 1)


def test_a_kink_is_one_if_its_slopes_differ_by_more_than_the_bound() -> None:
    at, on = np.array([True]), np.array([False])
    zero, one = np.array([0.0]), np.array([1.0])
    assert judged(1.0, 0.5, kink=at) == "kink"
    assert judged(1.0, 0.5, kink=on) == "disagree"
    assert judged(1.0, 0.5, kink=at, slopes=(zero, one)) == "kink"
    assert judged(1.0, 0.5, kink=at, slopes=(one, one)) == "disagree"
    assert judged(1.0, 1.0, kink=at, slopes=(one, one + 0.9e-12)) == "agree"
    assert judged(1.0, 1.0, kink=at, slopes=(one, one + 1.1e-12)) == "kink"
    assert judged(1.0, 1.0, kink=at, slopes=(one, one * math.nan)) == "kink"
    assert judged(math.nan, 1.0, kink=at) == "disagree"


def test_zero_on_both_sides_of_a_kink_does_not_agree() -> None:
    slopes = (np.array([-1.0]), np.array([1.0]))  # |x| at zero: the central difference is zero
    assert judged(0.0, 0.0, kink=np.array([True]), slopes=slopes) == "kink"


# ------------------------------------------------------------ rules for a tensor


def test_a_right_gradient_passes_and_says_how_well() -> None:
    result = judge_tensor("W2", W2 + 0.5e-13, W2, BOUND)
    assert (result.verdict, result.reason, result.mismatches) == ("pass", "", ())
    assert result.n_entries == result.n_checked == result.n_agree == result.n_resolved == 500
    assert result.worst is not None
    assert result.worst.verdict == "agree"
    assert result.worst.ratio == pytest.approx(0.5, rel=1e-2)
    assert 12.0 < result.digits < 14.0
    assert result.norm_ratio < 1e-13


@pytest.mark.parametrize("index", [(0, 0), (3, 7), (49, 9)])
@pytest.mark.parametrize("factor", [0.0, -1.0, 1.01, 1.0 + 1e-4, 100.0])
def test_a_planted_fault_is_found_at_its_address(index: tuple[int, int], factor: float) -> None:
    analytic = W2.copy()
    analytic[index] *= factor
    result = judge_tensor("W2", analytic, W2, BOUND)
    assert result.verdict == "fail"
    assert result.n_disagree == 1
    assert [entry.index for entry in result.mismatches] == [index]
    assert result.worst == result.mismatches[0]
    assert result.reason.startswith(f"1 of 500 checked entries is wrong, W2[{index[0]}, ")


def test_entries_that_disagree_come_before_those_that_are_close() -> None:
    analytic = W2.copy()
    analytic[0, 1] *= 1.0 + 1e-7
    analytic[5, 5] *= 1.0 + 1e-6
    analytic[9, 0] *= 1.1
    bound = BOUND.copy()
    bound[9, 0] = 1e-4 * abs(W2[9, 0])
    result = judge_tensor("W2", analytic, W2, bound)
    assert [e.address for e in result.mismatches] == ["W2[9, 0]", "W2[5, 5]", "W2[0, 1]"]
    assert [e.verdict for e in result.mismatches] == ["disagree", "close", "close"]


def test_the_list_of_mismatches_is_capped_and_the_count_is_not() -> None:
    result = judge_tensor("W2", 2.0 * W2, W2, BOUND, n_listed=3)
    assert (len(result.mismatches), result.n_disagree) == (3, 500)
    assert "500 of 500 checked entries are wrong, such as W2[" in result.reason


@pytest.mark.parametrize("shape", [(60, 8), (8, 60), (4, 2, 60), (480,)])
def test_the_first_entries_that_are_listed_are_of_different_rows_and_columns(
    shape: tuple[int, ...],
) -> None:
    numerical = np.random.default_rng(3).normal(size=shape)
    error = np.random.default_rng(4).uniform(1.0, 2.0, size=shape)
    error[..., 5] += 10.0  # neighbours that are worse than all others
    found = judge_tensor("W", numerical + error, numerical, np.full(shape, 1e-12)).mismatches
    n = min(10, *(length for length in (math.prod(shape[:-1]), shape[-1]) if length > 1))
    matrix = error.reshape(-1, shape[-1])
    places = [
        np.unravel_index(np.ravel_multi_index(entry.index, shape), matrix.shape) for entry in found
    ]
    assert len(set(places)) == 10
    assert matrix[places[0]] == matrix.max()
    if len(shape) > 1:
        for axis in (0, 1):
            assert len({place[axis] for place in places[:n]}) == n
    else:
        assert [i for _, i in places] == np.argsort(-error)[:10].tolist()
    listed = [matrix[place] for place in places]
    assert listed[:n] == sorted(listed[:n], reverse=True)


def test_few_wrong_entries_are_all_listed_the_largest_error_first() -> None:
    analytic = W2.copy()
    for k in range(10):
        analytic[7, k] += 1.0 + k
    assert [e.index for e in judge_tensor("W2", analytic, W2, BOUND).mismatches] == [
        (7, k) for k in reversed(range(10))
    ]


def test_close_fails_only_when_strict() -> None:
    analytic = W2.copy()
    analytic[4, 2] *= 1.0 + 1e-7
    relaxed = judge_tensor("W2", analytic, W2, BOUND)
    assert (relaxed.verdict, relaxed.n_close, relaxed.reason) == ("pass", 1, "")
    strict = judge_tensor("W2", analytic, W2, BOUND, strict=True)
    assert strict.verdict == "fail"
    assert strict.reason.startswith("1 of 500 checked entries is close and not within the bound")
    assert "W2[4, 2]: yours " in strict.reason
    assert "(× 1.0000001)" in strict.reason
    assert judge_tensor("W2", W2, W2, BOUND, strict=True).passed


@pytest.mark.parametrize(("n_unresolved", "verdict"), [(10, "pass"), (11, "inconclusive")])
@pytest.mark.parametrize("obstacle", ["bound", "kink", "nan"])
def test_nine_in_ten_must_be_resolved(n_unresolved: int, verdict: str, obstacle: str) -> None:
    numerical, bound, kink = np.ones(100), np.full(100, 1e-12), np.zeros(100, bool)
    if obstacle == "bound":
        bound[:n_unresolved] = 1.0
    elif obstacle == "kink":
        kink[:n_unresolved] = True
    else:
        numerical[:n_unresolved] = math.nan
    result = judge_tensor("b1", np.ones(100), numerical, bound, kink=kink)
    assert result.verdict == verdict
    assert result.n_resolved == 100 - n_unresolved
    if verdict == "inconclusive":
        words = "11 are at a kink" if obstacle == "kink" else "the bound of 11 is too large"
        assert result.reason.startswith(f"only 89 of 100 checked entries resolved: {words}")
        assert "such as b1[0]: yours 1, numerical " in result.reason


def test_the_share_counts_checked_entries_only() -> None:
    checked = np.arange(100) < 10
    bound = np.where(np.arange(100) < 11, 1e-12, 1.0)
    result = judge_tensor("b1", np.ones(100), np.ones(100), bound, checked=checked)
    assert (result.verdict, result.n_checked, result.n_entries) == ("pass", 10, 100)
    assert judge_tensor("b1", np.ones(100), np.ones(100), bound).verdict == "inconclusive"


def test_an_unchecked_entry_has_no_influence() -> None:
    analytic, numerical = W2.copy(), W2.copy()
    analytic[0, 0], numerical[0, 1], analytic[0, 2] = math.nan, 1e300, 7.0
    checked = np.ones(W2.shape, bool)
    checked[0, :3] = False
    result = judge_tensor("W2", analytic, numerical, BOUND, checked=checked)
    assert (result.verdict, result.n_agree) == ("pass", 497)
    assert result.norm_numerical == pytest.approx(np.linalg.norm(W2[checked]))


def test_a_tensor_of_zeros_is_not_resolved() -> None:
    result = judge_tensor("b1", np.zeros(5), np.zeros(5), np.full(5, 1e-12))
    assert (result.verdict, result.n_agree, result.n_zero, result.n_resolved) == (
        "inconclusive", 5, 5, 0,
    )  # fmt: skip
    assert result.reason.startswith("5 checked entries, exactly zero on both sides")
    assert math.isnan(result.digits)
    assert math.isnan(result.norm_ratio)
    assert math.isnan(result.max_relative_error)
    mixed = judge_tensor("b1", np.eye(5)[0], np.eye(5)[0], np.full(5, 1e-12))
    assert (mixed.verdict, mixed.n_zero, mixed.n_resolved) == ("pass", 4, 5)
    wrong = judge_tensor("b1", np.eye(5)[0], np.zeros(5), np.full(5, 1e-12))
    assert (wrong.verdict, wrong.n_disagree) == ("fail", 1)


def test_nothing_checked_is_inconclusive() -> None:
    result = judge_tensor("b1", np.ones(5), np.ones(5), np.zeros(5), checked=np.zeros(5, bool))
    assert (result.verdict, result.worst) == ("inconclusive", None)
    assert result.reason == "none of its 5 entries was checked"


def test_a_tensor_without_entries_passes_and_resolves_nothing() -> None:
    empty = np.empty((0, 3))
    result = judge_tensor("W0", empty, empty, empty)
    assert (result.verdict, result.reason, result.shape) == ("pass", "", (0, 3))
    assert result.n_resolved == 0


def test_a_scalar_and_a_single_entry_have_addresses() -> None:
    scalar = judge_tensor("c", np.float64(2.0), np.float64(1.0), np.float64(1e-9))  # type: ignore[arg-type]
    assert (scalar.shape, str(scalar.worst)) == (
        (), "c: yours 2, should be 1 ± 1e-09 (× 2)",
    )  # fmt: skip
    single = judge_tensor("b", np.array([[[2.0]]]), np.array([[[2.0]]]), np.array([[[1e-9]]]))
    assert (single.verdict, single.worst and single.worst.address) == ("pass", "b[0, 0, 0]")


# ------------------------------------------------------------ figures


def test_the_digits_are_the_median() -> None:
    bound = 10.0 ** -np.arange(4.0, 13.0)
    result = judge_tensor("b1", np.ones(9), np.ones(9), bound)
    assert result.digits == pytest.approx(8.0)
    exact = judge_tensor("b1", np.ones(9), np.ones(9), np.zeros(9))
    assert exact.digits == pytest.approx(53 * math.log10(2))
    wrong = judge_tensor("b1", -np.ones(9), np.ones(9), np.zeros(9))
    assert wrong.digits == 0.0


def test_the_digits_of_a_large_tensor_are_sampled_from_all_columns() -> None:
    bound = np.broadcast_to(np.where(np.arange(64) < 24, 1e-6, 1e-12), (1024, 64))
    ones = np.ones((1024, 64))
    assert judge_tensor("W1", ones, ones, bound).digits == pytest.approx(12.0)
    assert judge_tensor("W1", ones, ones, bound.T.reshape(1024, 64)).digits == pytest.approx(12.0)


def test_forty_thousand_entries_take_less_than_a_millisecond() -> None:
    numerical = np.random.default_rng(3).normal(size=40_000)
    times = []
    for _ in range(10):
        start = time.perf_counter()
        judge_entries(numerical, numerical, np.abs(numerical) * 1e-12)
        times.append(time.perf_counter() - start)
    assert min(times) < 1e-3


# ------------------------------------------------------------ arguments


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"analytic": np.ones((3, 2))}, r"one shape, got (3, 2), (2, 3) and (2, 3)"),
        ({"bound": np.ones(6)}, r"one shape, got (2, 3), (2, 3) and (6,)"),
        ({"kink": np.ones(6, bool)}, r"`kink` must have the shape of the tensor, (2, 3), got (6,)"),
        ({"checked": np.ones((), bool)}, r"`checked` must have the shape of the tensor, (2, 3)"),
        ({"slopes": (np.ones(2), np.ones(2))}, r"`slopes` must have the shape of the tensor"),
    ],
)
def test_shapes_must_be_equal(change: dict[str, object], message: str) -> None:
    arguments = {name: np.ones((2, 3)) for name in ("analytic", "numerical", "bound")}
    with pytest.raises(InputError, match=re.escape(message)):
        judge_tensor("W1", **(arguments | change))  # type: ignore[arg-type]


def test_arrays_of_the_caller_are_left_as_they_are() -> None:
    arrays = [W2.copy(), W2.copy(), BOUND.copy()]
    judge_tensor("W2", *arrays)
    assert all(array.flags.writeable for array in arrays)
    assert np.array_equal(arrays[0], W2)


# ------------------------------------------------------------ invariances

SMALL = st.integers(-40, 40).map(float)  # sums of their squares are exact in any order
CASES = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        hnp.arrays(float, n, elements=SMALL | st.just(math.nan)),
        hnp.arrays(float, n, elements=SMALL | st.just(math.inf)),
        hnp.arrays(float, n, elements=st.sampled_from([0.0, 2.0**-40, 2.0**-12, 1.0, 3.0])),
        st.permutations(range(n)),
    )
)
Case = tuple[np.ndarray, np.ndarray, np.ndarray, list[int]]


def figures(result: TensorResult) -> tuple[object, ...]:
    """Return what must not depend on order or scale."""
    counts = (result.n_agree, result.n_close, result.n_disagree, result.n_unresolved)
    ratio = result.worst.ratio if result.worst else None
    return (result.verdict, *counts, result.n_zero, ratio, result.digits, result.norm_ratio)


@given(CASES)
def test_the_order_of_entries_does_not_matter(case: Case) -> None:
    a, n, bound, order = case
    here = figures(judge_tensor("W1", a, n, bound))
    there = figures(judge_tensor("W1", a[order], n[order], bound[order]))
    assert repr(here) == repr(there)


@given(CASES, st.integers(-900, 900))
def test_a_common_power_of_two_does_not_matter(case: Case, exponent: int) -> None:
    a, n, bound, _ = case
    scaled = [np.ldexp(array, exponent) for array in (a, n, bound)]
    here, there = judge_tensor("W1", a, n, bound), judge_tensor("W1", *scaled)
    assert repr(figures(here)) == repr(figures(there))


@given(CASES, st.booleans())
def test_the_verdict_is_that_of_the_literal_rules(case: Case, strict: bool) -> None:
    a, n, bound, _ = case
    result = judge_tensor("W1", a, n, bound, strict=strict)
    verdicts = judge_reference.judge(a, n, bound)
    assert result.verdict == judge_reference.verdict(verdicts, result.n_zero, strict)
    assert result.n_checked == a.size
