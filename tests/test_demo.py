"""The main job's networks: full size, and right by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.datasets import embedded, open_dataset
from fastcheck.demo import GUARD, Demo, cat_backward, demos, mnist_backward


def case(demo: Demo, n: int = 30, seed: int = 0) -> tuple:
    return demo.case(open_dataset(embedded(demo.data)).sample(n, seed=seed), seed)


def small(k: int) -> tuple:
    """Return a small twin of a demo with random data."""
    rng = np.random.default_rng(k)
    layers = [
        [fc.Dense(6, 4), fc.Tanh(), fc.Dense(4, 4), fc.Tanh(), fc.Dense(4, 1), fc.Sigmoid()],
        [fc.Dense(6, 5), fc.ReLU(), fc.Dense(5, 3), fc.ReLU()],
    ][k]
    demo = demos()[k]
    twin = replace(demo, network=fc.Network(layers, loss=demo.network.loss), scale="fan_in")
    params = twin.network.init_params(1, biases="random")
    x, y = rng.standard_normal((7, 6)), rng.integers(0, (2, 3)[k], 7)
    loss, grads = twin.backward(params, x, y)
    return twin.network.objective(x, y), params, loss, grads


def test_the_networks_have_full_size() -> None:
    assert [demo.network.n_params for demo in demos()] == [61481, 39760]
    assert [demo.data for demo in demos()] == ["catvnoncat", "mnist"]
    assert GUARD == 1e-7


@pytest.mark.parametrize("demo", demos(), ids=["cat", "mnist"])
def test_the_backward_pass_by_hand_is_that_of_the_objective(demo: Demo) -> None:
    objective, params, loss, grads = case(demo)
    assert loss == pytest.approx(objective.loss(params), rel=1e-13)
    reference = objective.gradient(params)
    assert list(grads) == list(reference) == list(demo.network.shapes)
    for name, right in reference.items():
        largest = np.abs(right).max()
        assert largest > 0
        np.testing.assert_allclose(grads[name], right, rtol=1e-10, atol=1e-13 * largest)


@pytest.mark.interpreted
@pytest.mark.parametrize("k", [0, 1])
def test_small_twins_pass_and_fail(k: int) -> None:
    objective, params, loss, grads = small(k)
    for plan in ("exhaustive", "units"):
        result = fc.check_gradients(
            objective, params, grads, plan=plan, loss_value=loss, strict=True
        )
        assert result.passed, str(result)
        for name in grads:
            wrong = grads | {name: 1.001 * grads[name]}
            assert not fc.check_gradients(objective, params, wrong, plan=plan)


@pytest.mark.parametrize("demo", demos(), ids=["cat", "mnist"])
@pytest.mark.parametrize("plan", ["exhaustive", "units"])
def test_the_main_job_passes(demo: Demo, plan: str) -> None:
    objective, params, loss, grads = case(demo, seed=1)
    result = fc.check_gradients(objective, params, grads, plan=plan, loss_value=loss)
    assert result.passed, str(result)
    assert result.coverage.n_resolved == result.coverage.n_entries == demo.network.n_params
    assert [f.kind for f in result.findings] == ["uninformative-point"]  # biases are zero


@pytest.mark.interpreted
def test_the_backward_passes_leave_their_arguments_alone() -> None:
    for k, backward in enumerate((cat_backward, mnist_backward)):
        params = small(k)[1]
        x = np.random.default_rng(0).standard_normal((5, 6))
        y = np.zeros(5, np.int64)
        before = [a.tobytes() for a in (x, y, *params.values())]
        backward(params, x, y)
        assert [a.tobytes() for a in (x, y, *params.values())] == before


@pytest.mark.interpreted
def test_the_same_seed_draws_the_same_case() -> None:
    demo = demos()[1]
    one, two, other = (case(demo, 5, seed) for seed in (3, 3, 4))
    assert one[2] == two[2] != other[2]
    assert np.array_equal(one[1]["W1"], two[1]["W1"])
