"""The drop-in for `gradcheck_naive`; of losses that are called, see tests/blackbox."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.examples.loading import kinds, load

s4 = load("s4_gradcheck_naive")
RNG = np.random.default_rng(7)


@pytest.mark.parametrize("x", [np.array(123.456), RNG.normal(size=3), RNG.normal(size=(4, 5))])
def test_the_functions_that_came_with_the_original_pass_in_any_shape(x: np.ndarray) -> None:
    for f in (s4.square, lambda x: (np.sum(np.exp(x / 100)), np.exp(x / 100) / 100)):
        before = x.copy()
        assert s4.original(f, x) is None
        np.testing.assert_array_equal(x, before)
        assert s4.gradcheck_naive(f, x)


def test_the_original_stops_at_the_first_of_two_wrong_entries_and_the_drop_in_has_both() -> None:
    def f(x):
        g = np.exp(x)
        g[0, 1] *= 1.01
        g[2, 0] *= 1.01
        return np.exp(x).sum(), g

    x = RNG.normal(size=(3, 2))
    assert s4.original(f, x) == (0, 1)
    result = s4.gradcheck_naive(f, x)
    assert {entry.index for entry in result.tensors["x"].mismatches} == {(0, 1), (2, 0)}


@pytest.mark.parametrize("shapes", [((5, 10), (10, 3)), ((4, 4), (4, 4)), ((1, 3), (3, 1))])
def test_a_matrix_product_mistaken_for_an_elementwise_one_is_told(shapes: tuple) -> None:
    W, x = (RNG.normal(size=shape) for shape in shapes)
    result = s4.gradcheck_naive(s4.mistaken(W), x)
    assert not result
    (found,) = result.diagnosis
    assert found.kind == "elementwise"
    assert found.message.startswith(
        "x: this is the gradient of sum(W * x), which is W, but the loss has the matrix product "
        "W @ x, and the gradient of sum(W @ x) is W.T @ ones"
    )
    assert s4.gradcheck_naive(s4.right(W), x)


def test_the_elementwise_product_itself_passes() -> None:
    W, x = RNG.normal(size=(4, 4)), RNG.normal(size=(4, 4))
    result = s4.gradcheck_naive(s4.elementwise(W), x)
    assert result.passed
    assert kinds(result) == []


def test_every_call_finds_pythons_random_as_it_was_and_so_does_the_caller() -> None:
    x = RNG.normal(size=8)
    random.seed(4)
    before, states = random.getstate(), set()

    def watched(x):
        states.add(random.getstate())
        return s4.sampled(x)

    result = s4.gradcheck_naive(watched, x)
    assert result.passed, str(result)
    assert states == {before}
    assert random.getstate() == before


def test_the_state_is_restored_where_the_function_raises() -> None:
    before = random.getstate()

    def f(x):
        random.random()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        s4.gradcheck_naive(f, np.ones(2))
    assert random.getstate() == before
