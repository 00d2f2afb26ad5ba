"""Upstream gradients are such that nothing hides behind them."""

from __future__ import annotations

from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.layers.case import Case
from fastcheck.layers.inputs import read_inputs
from fastcheck.layers.wiring import read_layer
from tests.layers.array_layers import attention, batchnorm
from tests.layers.dense_layers import Affine, softmax
from tests.layers.entry import normal

X = normal(5, 4)


def recorded(forward: Any, backward: Any, x: Any, **options: Any) -> list[Any]:
    """Return copies of all upstream gradients that a check passes."""
    seen: SimpleQueue[Any] = SimpleQueue()  # a list would be put back to what it was

    def recording(dout: Any) -> Any:
        seen.put(np.array(dout))
        return backward(dout)

    assert fc.check_layer(forward, recording, x, **options).passed
    return [seen.get() for _ in range(seen.qsize())]


def test_weights_differ_and_are_neither_small_nor_large() -> None:
    seen = recorded(np.tanh, lambda d: d * (1 - np.tanh(X) ** 2), X)
    distinct = {d.tobytes() for d in seen}
    assert len(distinct) > 3
    for dout in seen:
        assert dout.shape == X.shape
        assert len(np.unique(np.abs(dout))) == X.size
        assert (np.sign(dout) > 0).any()
        assert (np.sign(dout) < 0).any()


def test_weights_lie_between_one_half_and_three_halves() -> None:
    x = normal(40, 25)
    layer = read_layer(np.sin, lambda dout: dout)
    case = Case(layer, read_inputs(np.sin, x), None, None, np.random.default_rng(0))
    (weights,) = case.draw(np.random.default_rng(1))
    assert 0.5 <= np.abs(weights).min() < 0.51
    assert 1.49 < np.abs(weights).max() <= 1.5
    assert abs(np.sign(weights).mean()) < 0.1


def test_a_seed_gives_the_same_upstream_gradients_and_another_seed_others() -> None:
    def run(seed: int) -> list[bytes]:
        seen = recorded(np.sin, lambda d: d * np.cos(X), X, seed=seed)
        assert len(seen) > 3
        return [d.tobytes() for d in seen]

    assert run(0) == run(0)
    assert not {*run(0)} & {*run(1)}


def test_each_call_gets_an_upstream_gradient_of_its_own() -> None:
    def backward(dout: Any) -> Any:
        dx = dout * np.cos(X)
        dout[...] = np.nan
        return dx

    assert fc.check_layer(np.sin, backward, X).passed


def test_as_many_are_compared_as_asked_for() -> None:
    result = fc.check_layer(Affine(), inputs=X, n_cotangents=5)
    assert "each of 5 random upstream gradients" in result.coverage.statement
    result = fc.check_layer(Affine("mean"), inputs=X)
    assert "random upstream gradient 1 of 3" in result.coverage.statement


def test_a_fault_that_only_some_upstream_gradients_show_is_found() -> None:
    def backward(dout: Any) -> Any:
        return dout * np.cos(X) * (1.0 if dout[0, 0] > 0 else 1.01)

    with pytest.MonkeyPatch.context() as patch:  # the first two have the sign that hides it
        signs = iter([1, 1, 1, -1, 1, 1])
        draw = Case.draw

        def drawn(self: Any, rng: Any) -> Any:
            return tuple(np.abs(c) * next(signs) for c in draw(self, rng))

        patch.setattr(Case, "draw", drawn)
        result = fc.check_layer(np.sin, backward, X)
    assert result.verdict == "fail"
    assert "random upstream gradient 3 of 3" in result.coverage.statement


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("build", "fault", "tensor"),
    [(softmax, "diagonal", "x"), (batchnorm, "no mean term", "x"), (attention, "diagonal", "q")],
)
def test_what_ones_would_hide_is_found_with_one_draw(
    build: Any, fault: str, tensor: str, seed: int
) -> None:
    result = fc.check_layer(**build(fault), seed=seed, n_cotangents=1)
    found = result.tensors[tensor]
    assert found.verdict == "fail"
    assert found.n_disagree > 0.9 * found.n_checked


def test_a_passing_result_shows_the_worst_of_all_draws() -> None:
    layer = Affine()
    several = fc.check_layer(layer, inputs=X, n_cotangents=3)
    worst = several.tensors["W"].worst
    assert worst is not None
    one = fc.check_layer(layer, inputs=X, n_cotangents=1).tensors["W"].worst
    assert one is not None
    assert worst.ratio >= one.ratio
    assert several.numerical["W"][worst.index] == worst.numerical


def test_an_interrupted_check_gives_what_there_is() -> None:
    def progress(done: int, total: int) -> None:
        raise KeyboardInterrupt

    layer = Affine()
    before = layer.W.tobytes()
    result = fc.check_layer(layer, inputs=X, engine="black box", progress=progress)
    assert result.interrupted
    assert result.verdict == "inconclusive"
    assert layer.W.tobytes() == before


def test_a_given_cotangent_is_used_in_place_of_random_ones() -> None:
    x = np.random.default_rng(0).normal(size=(4, 3))

    def averaging(dout: np.ndarray) -> np.ndarray:  # right of equal weights only
        return 2.0 * dout.mean() * np.ones_like(dout)

    assert fc.check_layer(lambda x: 2.0 * x, averaging, x, cotangent=np.ones((4, 3))).passed
    result = fc.check_layer(lambda x: 2.0 * x, averaging, x, cotangent=x)
    assert result.verdict == "fail"
    assert "times one upstream gradient" in result.coverage.statement


def test_given_cotangents_are_one_for_each_output() -> None:
    def forward(x: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
        return x**2, np.sum(x), x

    def backward(dout: np.ndarray, dsum: float, x: np.ndarray) -> np.ndarray:
        return 2.0 * x * dout + dsum

    x = np.arange(1.0, 4.0)
    assert fc.check_layer(forward, backward, x, cotangent=(np.ones(3), 0.5)).passed
    with pytest.raises(fc.InputError, match=r"`cotangent` .* \(3,\) and \(\), got \(3,\); pass an"):
        fc.check_layer(forward, backward, x, cotangent=np.ones(3))


def test_a_list_of_layers_takes_no_cotangent() -> None:
    with pytest.raises(fc.InputError, match="`cotangent` must be left out for a list of layers"):
        fc.check_layer([(np.exp, lambda dout, x: dout * np.exp(x))], inputs=np.ones(2), cotangent=1)
