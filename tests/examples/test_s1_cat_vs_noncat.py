"""Cat or not: the figures of the original, and what one picture or one number cannot show."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from tests.examples.loading import kinds, load

s1 = load("s1_cat_vs_noncat")
X, Y, _ = s1.pictures()
ONE, EVERY = (X[:, :1], Y[:, :1]), (X, Y)
P = s1.initial()
SMALL = s1.initial((6, 5, 5, 1), seed=3)
RNG = np.random.default_rng(0)
FEW = RNG.random((6, 4)), RNG.integers(0, 2, (1, 4))


# ------------------------------------------------------------ the recipe


def test_the_published_differences_of_a_square_come_out_digit_by_digit() -> None:
    assert s1.slopes_of_square() == (5.999999999999872, 6.009999999999849)


def test_the_network_has_61481_parameters_in_columns() -> None:
    shapes = {"W1": (5, 12288), "b1": (5, 1), "W2": (5, 5), "b2": (5, 1), "W3": (1, 5)}
    assert {n: v.shape for n, v in P.items()} == shapes | {"b3": (1, 1)}
    assert s1.vector_of(P).shape == (61_481, 1) == (s1.N_PARAMS, 1)


def test_a_dictionary_comes_back_from_its_vector() -> None:
    again = s1.dictionary_of(s1.vector_of(P), P)
    assert list(again) == list(P)
    assert all(np.array_equal(again[name], P[name]) for name in P)


@pytest.mark.parametrize("act", ["tanh", "relu"])
def test_the_recipe_is_content_with_a_right_gradient_and_not_with_a_wrong_one(act: str) -> None:
    moved = {n: v + 0.1 * RNG.normal(size=v.shape) for n, v in SMALL.items()}
    theta, g = s1.vector_of(moved), s1.vector_of(s1.gradient(moved, *FEW, act), "d")

    def f(t):
        return s1.cost(s1.dictionary_of(t, SMALL), *FEW, act)

    assert s1.published_ratio(f, theta, g) < 1e-7
    assert s1.published_ratio(f, theta, 1.001 * g) > 1e-4


def test_the_recipe_calls_some_entries_of_the_real_network_fine() -> None:
    assert s1.recipe(P, *ONE, entries=range(0, s1.N_PARAMS, 60)) < 1e-7


# ------------------------------------------------------------ fastcheck


@pytest.mark.parametrize("batch", [ONE, EVERY], ids=["one picture", "all pictures"])
def test_every_entry_of_the_right_gradient_is_resolved_and_right(batch: tuple) -> None:
    result = s1.check(P, *batch)
    assert result.passed, str(result)
    assert result.engine == "trace"
    assert result.coverage.n_resolved == 61_481


def test_the_vector_is_checked_as_it_is() -> None:
    theta, g = s1.vector_of(SMALL), s1.vector_of(s1.gradient(SMALL, *FEW), "d")

    def f(t):
        return s1.cost(s1.dictionary_of(t, SMALL), *FEW)

    assert fc.check_gradients(f, theta, g)
    backwards = np.concatenate([v.reshape(-1, 1) for v in s1.gradient(SMALL, *FEW).values()])
    assert kinds(fc.check_gradients(f, theta, backwards)) == ["reordered"]


def test_a_missing_mean_is_seen_with_all_pictures_only() -> None:
    for X, Y in (ONE, EVERY):
        g = s1.gradient(P, X, Y)
        g["db1"] = g["db1"] * Y.shape[1]
        result = fc.check_gradients(lambda p, X=X, Y=Y: s1.cost(p, X, Y), P, g)
        if Y.shape[1] == 1:
            assert result.passed
        else:
            (found,) = result.diagnosis
            assert (found.kind, found.tensor, found.constant) == ("sum-for-mean", "b1", Y.shape[1])


def test_a_unit_that_is_off_is_no_mistake() -> None:
    k = next(k for k in range(X.shape[1]) if not s1.forward(P, X[:, [k]], "relu")[0][0].any())
    off = X[:, [k]], Y[:, [k]]
    assert s1.recipe(P, *off, "relu", range(s1.N_PARAMS - 36, s1.N_PARAMS)) > 0.01
    result = s1.check(P, *off, "relu")
    assert result.verdict == "inconclusive"
    assert result.tensors["b2"].n_kink == 5
    assert all(tensor.n_disagree == 0 for tensor in result.tensors.values())
    moved = s1.check(P, *EVERY, "relu", jitter=1e-3)
    assert moved.passed, str(moved)


# ------------------------------------------------------------ dropout


def test_masks_that_are_drawn_in_each_call_are_told_and_blame_nobody() -> None:
    rng = np.random.default_rng(0)
    result = fc.check_gradients(
        lambda p: s1.cost(p, *FEW, masks=s1.drawn_masks(rng, 4)), SMALL, s1.gradient(SMALL, *FEW)
    )
    assert result.verdict == "inconclusive"
    assert [finding.kind for finding in result.findings] == ["loss-not-repeatable"]
    assert "it draws from rng" in result.findings[0].message


@pytest.mark.parametrize("act", ["tanh", "relu"])
def test_frozen_masks_are_checked_and_others_on_the_way_back_fail(act: str) -> None:
    rng = np.random.default_rng(1)
    masks, others = s1.drawn_masks(rng, 4), s1.drawn_masks(rng, 4)
    assert any((m == 0).any() for m in masks)
    moved = {n: v + 0.1 * RNG.normal(size=v.shape) for n, v in SMALL.items()}
    assert s1.check(moved, *FEW, act, masks).passed
    wrong = s1.gradient(moved, *FEW, act, others)
    result = fc.check_gradients(lambda p: s1.cost(p, *FEW, act, masks), moved, wrong)
    assert result.verdict == "fail"
