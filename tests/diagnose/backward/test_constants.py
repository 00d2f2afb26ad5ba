"""Fitted constants are those of closed forms, within the errors that are said, and no others."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from fastcheck.diagnose.backward.constants import ARBITRARY, ONE, ZERO, Constants, fitted
from fastcheck.diagnose.backward.view import nearest

KNOWN = Constants(100, 3)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-1.0, "-1"), (2.0, "2"), (0.5, "1/2"), (100.0, "100"), (0.01, "1/100"), (0.02, "2/100"),
        (50.0, "100/2"), (-0.01, "-1/100"), (0.99, "99/100"), (100 / 99, "100/99"), (1e4, "100²"),
        (1e-4, "1/100²"), (3.0, "3"), (1 / 3, "1/3"), (300.0, "300"), (1 / 300, "1/300"),
        (1.5, "3/2"), (2 / 3, "2/3"), (7.0, "7"), (1 / 17, "1/17"), (0.75, "3/4"), (0.1, "0.1"),
    ],
)  # fmt: skip
def test_simple_constants_are_called_as_people_write_them(value: float, text: str) -> None:
    for off in (0.0, 3e-12, -3e-12):
        assert KNOWN.called(value * (1 + off), 0.0).text == text


def test_texts_of_simple_constants_are_their_values() -> None:
    for constant in KNOWN.simple:
        text = constant.text.replace("²", "")
        power = 2 if "²" in constant.text else 1
        top, _, bottom = text.partition("/")
        value = Fraction(top) ** (power if not bottom else 1)
        value /= Fraction(bottom or "1") ** power
        assert float(value) == pytest.approx(constant.value, rel=1e-15)


def test_every_simple_constant_is_cheaper_than_any_number() -> None:
    assert all(0.0 < c.complexity < ARBITRARY for c in KNOWN.simple)
    assert ONE.complexity == 0.0


@pytest.mark.parametrize(("value", "expected"), [(1.0 + 1e-12, ONE), (1e-13, ZERO), (0.0, ZERO)])
def test_one_and_zero_are_called_so(value: float, expected: object) -> None:
    assert KNOWN.called(value, 0.0) is expected


@pytest.mark.parametrize("off", [1e-9, -1e-9])
def test_a_number_that_is_near_a_simple_one_is_not_called_so(off: float) -> None:
    found = KNOWN.called(2.0 * (1 + off), 0.0)
    assert found.complexity == ARBITRARY
    assert found.value == 2.0 * (1 + off)
    assert KNOWN.called(2.0 * (1 + off), 2e-9).text == "2"  # unless it is known no better


def test_a_batch_of_one_has_no_constants_of_its_own() -> None:
    values = [c.value for c in Constants(1, 1).simple]
    assert 1.0 not in values
    assert all(np.isfinite(values))
    assert [c.value for c in Constants(None, None).simple] == values


def test_the_batch_is_more_likely_than_a_number_of_its_size() -> None:
    assert Constants(7, 3).called(7.0, 0.0).complexity < Constants(5, 3).called(7.0, 0.0).complexity


# ------------------------------------------------------------ fits


def noisy(rng: np.random.Generator, n: int, noise: float, *wanted: float) -> tuple[object, ...]:
    columns = [rng.standard_normal(n) for _ in wanted]
    target = sum(c * column for c, column in zip(wanted, columns, strict=True))
    return target + noise * rng.standard_normal(n), columns, np.full(n, noise)


@pytest.mark.parametrize("n", [2, 5, 40, 3000, 20_000])
@pytest.mark.parametrize("wanted", [(0.3,), (-2.0, 0.7), (1e-6,), (1.0, 1e-3)])
@pytest.mark.parametrize("noise", [1e-14, 1e-9])
def test_fitted_constants_are_within_their_errors(
    n: int, wanted: tuple[float, ...], noise: float
) -> None:
    if n <= len(wanted):
        return
    rng = np.random.default_rng([n, len(wanted)])
    for _ in range(5):
        target, columns, allowance = noisy(rng, n, noise, *wanted)
        found, errors = fitted(target, columns, allowance)  # type: ignore[arg-type]
        for c, error, right in zip(found, errors, wanted, strict=True):
            assert abs(c - right) <= max(error, 1e-11) * max(abs(right), 1e-3)


def test_the_fit_is_the_closed_form_of_weighted_least_squares() -> None:
    mpmath = pytest.importorskip("mpmath")
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 9))
    target, allowance = rng.standard_normal(9), rng.uniform(0.5, 2.0, 9)
    with mpmath.workdps(40):
        w = [1 / mpmath.mpf(t) ** 2 for t in allowance]

        def dot(u: np.ndarray, v: np.ndarray) -> object:
            return mpmath.fsum(
                k * mpmath.mpf(p) * mpmath.mpf(q) for k, p, q in zip(w, u, v, strict=True)
            )

        matrix = mpmath.matrix([[dot(a, a), dot(a, b)], [dot(a, b), dot(b, b)]])
        right = mpmath.lu_solve(matrix, mpmath.matrix([dot(a, target), dot(b, target)]))
    found, _ = fitted(target, [a, b], allowance)
    np.testing.assert_allclose(found, [float(right[0]), float(right[1])], rtol=1e-12)


def test_entries_that_are_known_badly_say_little() -> None:
    column = np.ones(10)
    target, allowance = np.full(10, 2.0), np.full(10, 1e-12)
    target[3], allowance[3] = 2.1, 1.0
    (c,), _ = fitted(target, [column], allowance)
    assert abs(c - 2.0) < 1e-12


def test_errors_shrink_as_the_noise_does() -> None:
    rng = np.random.default_rng(1)
    errors = [fitted(*noisy(rng, 50, noise, 0.4))[1][0] for noise in (1e-6, 1e-9, 1e-12)]  # type: ignore[arg-type]
    assert errors[0] > 100 * errors[1] > 1e4 * errors[2]


def test_columns_of_zeros_get_nothing() -> None:
    target = np.arange(4.0)
    found, errors = fitted(target, [np.zeros(4)], np.full(4, 1e-12))
    assert found[0] == 0.0
    assert np.isinf(errors[0])
    found, errors = fitted(target, [target, np.zeros(4)], np.full(4, 1e-12))
    assert found == pytest.approx([1.0, 0.0])
    assert np.isinf(errors[1])


def test_columns_that_are_alike_have_large_errors() -> None:
    rng = np.random.default_rng(2)
    a = rng.standard_normal(30)
    near = a + 1e-6 * rng.standard_normal(30)
    _, alone = fitted(3 * a, [a], np.full(30, 1e-13))
    _, errors = fitted(a + 2 * near, [a, near], np.full(30, 1e-13))
    assert np.all(errors > 1e4 * alone)


# ------------------------------------------------------------ what is left


def test_what_is_left_is_that_of_least_squares() -> None:
    rng = np.random.default_rng(3)
    a, b, target = rng.standard_normal((3, 20))
    for columns in ([a], [a, b]):
        matrix = np.stack(columns, axis=1)
        rest = target - matrix @ np.linalg.lstsq(matrix, target, rcond=None)[0]
        assert nearest(target, columns) == pytest.approx(np.linalg.norm(rest), rel=1e-9)


def test_alike_zero_and_infinite_columns_are_no_trouble() -> None:
    rng = np.random.default_rng(4)
    a, target = rng.standard_normal((2, 20))
    alone = nearest(target, [a])
    assert nearest(target, [a, 2 * a]) == pytest.approx(alone, rel=1e-6)
    assert nearest(target, [a, 0 * a]) == pytest.approx(alone)
    assert nearest(target, [0 * a, a]) == pytest.approx(alone)
    assert nearest(target, [0 * a]) == pytest.approx(np.linalg.norm(target))
    with np.errstate(all="ignore"):
        assert nearest(np.full(20, 1e300), [a]) == np.inf
