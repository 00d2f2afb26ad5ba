"""The kernels of the judge, compiled and interpreted, against the literal rules."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fastcheck.judge import VERDICTS, judge_entries, judge_tensor
from fastcheck.kernels import judging
from tests import judge_reference

pytestmark = pytest.mark.interpreted

KERNELS = ("measure", "classify", "locate")
BAD = (math.nan, math.inf, -math.inf)


@pytest.fixture(params=["as it runs", "interpreted"], autouse=True)
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test with the kernels as they are, and as plain Python."""
    if request.param == "interpreted":
        for name, module in (
            ("measure", "entries"),
            ("classify", "entries"),
            ("locate", "addresses"),
        ):
            kernel = getattr(judging, name)
            plain = getattr(kernel, "py_func", kernel)
            monkeypatch.setattr(f"fastcheck.judge.{module}.{name}", plain)


def random_case(seed: int, n: int = 300) -> dict[str, Any]:
    """Return arrays in which every verdict occurs."""
    rng = np.random.default_rng(seed)
    numerical = rng.normal(size=n) * 10.0 ** rng.integers(-4, 3, n)
    bound = np.abs(numerical) * 10.0 ** rng.choice([-14, -12, -6, -2, 1], n)
    analytic = numerical + bound * rng.choice([0.0, 0.5, -0.9, 1.0, 1.1, 1e3, 1e12], n)
    zero = rng.random(n) < 0.1
    analytic[zero] = numerical[zero] = 0.0
    for array in (analytic, numerical, bound):
        array[rng.random(n) < 0.02] = rng.choice(BAD)
    minus = rng.normal(size=n)
    plus = minus + bound * rng.choice([0.5, 2.0, math.nan], n)
    return {
        "analytic": analytic,
        "numerical": numerical,
        "bound": bound,
        "kink": rng.random(n) < 0.2,
        "slopes": (minus, plus),
        "checked": rng.random(n) < 0.9,
    }


@pytest.mark.parametrize("without", [(), ("kink",), ("slopes",), ("checked",), ("kink", "checked")])
@pytest.mark.parametrize("seed", range(4))
def test_every_entry_is_judged_by_the_literal_rules(seed: int, without: tuple[str, ...]) -> None:
    case = random_case(seed)
    for argument in without:
        del case[argument]
    judged = judge_entries(**case)
    expected = judge_reference.judge(**case)
    assert [VERDICTS[code] for code in judged.codes] == expected
    assert len(set(expected)) >= 4
    assert judged.counts == tuple(expected.count(verdict) for verdict in VERDICTS)


@pytest.mark.parametrize("seed", range(4))
def test_the_worst_entries_are_found_in_order(seed: int) -> None:
    case = random_case(seed)
    case["analytic"][:60] = 1.0  # ties: the same ratio, infinite because the bound is zero
    case["bound"][:60] = 0.0
    expected = judge_reference.judge(**case)
    floor = 0.01 * judge_reference.rms(case["numerical"][case["checked"]])
    arrays = [case[name].tolist() for name in ("analytic", "numerical", "bound")]
    wrong, close = ([i for i, v in enumerate(expected) if v == w] for w in ("disagree", "close"))
    order = judge_reference.largest_first(*arrays[:2], wrong, len(wrong))
    order += judge_reference.worst_first(*arrays, close, floor)
    for n_listed in (0, 1, 7, 10_000):
        mismatches = judge_tensor("W1", **case, n_listed=n_listed).mismatches
        assert [entry.index for entry in mismatches] == [(i,) for i in order[:n_listed]]


@pytest.mark.parametrize("place", [0, 7, 14])
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(
    ("which", "verdict"),
    [("analytic", "disagree"), ("numerical", "unresolved"), ("bound", "unresolved")],
)
def test_what_is_not_finite_never_agrees(which: str, verdict: str, bad: float, place: int) -> None:
    arrays = {name: np.ones(15) for name in ("analytic", "numerical")}
    arrays["bound"] = np.full(15, 1e-9)
    arrays[which][place] = bad
    judged = judge_entries(**arrays)
    assert VERDICTS[judged.codes[place]] == verdict
    assert judged.counts[judging.AGREE] == 14
    if which != "bound":
        assert math.isnan(judged.max_relative_error)
        assert all(map(math.isnan, judged.norms[:1]))
    both = judge_entries(arrays["analytic"], arrays["analytic"], arrays["bound"])
    assert both.counts[judging.AGREE] == (15 if which == "numerical" else 14)


@pytest.mark.parametrize("exponent", [-1060, -1000, -500, 0, 500, 1000])
def test_norms_and_scale_survive_the_ends_of_the_range(exponent: int) -> None:
    numerical = np.ldexp(np.array([3.0, -4.0, 0.0]), exponent)
    analytic = np.ldexp(np.array([6.0, -8.0, 0.0]), exponent)
    judged = judge_entries(analytic, numerical, np.zeros(3))
    expected = [math.ldexp(norm, exponent) for norm in (5.0, 10.0, 5.0)]
    assert list(judged.norms) == pytest.approx(expected, rel=1e-15)
    assert judged.max_relative_error == 0.5
    assert judged.floor == pytest.approx(0.01 * judge_reference.rms(numerical), rel=1e-2)
    assert judged.counts[judging.DISAGREE] == 2


def test_a_difference_that_overflows_disagrees() -> None:
    judged = judge_entries(np.array([1.7e308]), np.array([-1.7e308]), np.array([1.0]))
    assert judged.counts[judging.DISAGREE] == 1
    assert judged.max_relative_error == 2.0


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1.0, 1e150])
def test_norms_are_those_of_the_formula(scale: float) -> None:
    rng = np.random.default_rng(5)
    a, n = scale * rng.normal(size=101), scale * rng.normal(size=101)
    checked = rng.random(101) < 0.7
    judged = judge_entries(a, n, np.zeros(101), checked=checked)
    expected = [np.linalg.norm(x[checked] / scale) * scale for x in (a - n, a, n)]
    assert list(judged.norms) == pytest.approx(expected, rel=1e-13)
    relative = np.abs(a - n) / np.maximum(np.abs(a), np.abs(n))
    assert judged.max_relative_error == relative[checked].max()


def test_each_kernel_is_compiled_for_one_signature() -> None:
    n = np.arange(1.0, 13.0).reshape(3, 4)
    read_only = n.copy()
    read_only.flags.writeable = False
    unaligned = np.frombuffer(b"x" + n.tobytes(), np.uint8)[1:].view(np.float64).reshape(3, 4)
    awkward = [n, read_only, np.asfortranarray(n), np.repeat(n, 2, 1)[:, ::2], unaligned]
    awkward += [n.astype(np.float32), n.astype(int), n.astype(">f8")]
    for array in awkward:
        for options in ({}, {"kink": array > 3, "slopes": (array, n), "checked": array < 12}):
            result = judge_tensor("W1", array + 1, array, 0.1 * n, **options)
            assert result.n_disagree == int((0.1 * n < 1).sum())
    for name in KERNELS:
        kernel: Callable[..., Any] = getattr(judging, name)
        assert len(getattr(kernel, "signatures", [None])) <= 1, name
