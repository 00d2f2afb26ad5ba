"""Neither threads nor chunks change a bit that they should not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import threadpoolctl

import fastcheck as fc
from fastcheck import parallel
from fastcheck.numdiff import Prober
from tests.objectives import KINDS, Arrays, relu_only

small = pytest.mark.interpreted
ANY_KIND = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
PLANS = pytest.mark.parametrize("plan", ["exhaustive", "units"])
Make = Callable[[int], tuple[fc.GraphObjective, Arrays]]


def assert_same_bits(one: Any, other: Any) -> None:
    """Compare two numerical gradients, or two dicts of arrays."""
    one, other = (a if isinstance(a, dict) else a.values for a in (one, other))
    assert list(one) == list(other)
    for name, value in one.items():
        assert np.array_equal(value, other[name], equal_nan=True), name


@pytest.mark.parametrize("make", [*KINDS.values(), relu_only], ids=[*KINDS, "relu_only"])
@PLANS
def test_the_number_of_threads_changes_no_bit(
    make: Make, plan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "SMALL", 0.0)
    objective, params = make(1)
    one, two, three = (
        fc.numerical_gradient(objective, params, plan=plan, n_jobs=n) for n in (1, 2, 3)
    )
    assert_same_bits(one, two)
    assert_same_bits(one, three)
    assert_same_bits(one.kinks, three.kinks)
    assert_same_bits(one.bounds, three.bounds)


@PLANS
def test_threads_change_no_bit_of_many_chunks(plan: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "SMALL", 0.0)
    objective, params = relu_only(0, n_batch=64)
    sizes: list[int] = []
    chunks = Prober.chunks

    def noted(self: Prober, entries: np.ndarray) -> Any:
        sizes.append(len(chunks(self, entries)))
        return [
            (lo + at, part[at : at + 37])
            for lo, part in chunks(self, entries)
            for at in range(0, part.size, 37)
        ]

    monkeypatch.setattr(Prober, "chunks", noted)
    found = [fc.numerical_gradient(objective, params, plan=plan, n_jobs=n) for n in (1, 2, -1)]
    assert_same_bits(found[0], found[1])
    assert_same_bits(found[0], found[2])


def test_checking_twice_gives_the_same_bits() -> None:
    objective, params = relu_only(2)
    grads = objective.gradient(params)
    for how in ("exhaustive", "units"):
        one, two = (fc.check_gradients(objective, params, grads, plan=how) for _ in range(2))
        assert_same_bits(one.numerical, two.numerical)
        assert_same_bits(one.bounds, two.bounds)
        assert (one.tensors, one.audits, one.spot_checks) == (
            two.tensors,
            two.audits,
            two.spot_checks,
        )


@PLANS
def test_the_threads_of_blas_change_no_bit(plan: str) -> None:
    rng = np.random.default_rng(0)
    net = fc.Network([fc.Dense(700, 40), fc.Tanh(), fc.Dense(40, 10)], fc.SoftmaxCrossEntropy())
    objective = net.objective(rng.standard_normal((100, 700)), rng.integers(0, 10, 100))
    params = net.init_params()
    found = []
    for n_threads in (1, 2):
        with threadpoolctl.threadpool_limits(n_threads, user_api="blas"):
            found.append(fc.numerical_gradient(objective, params, plan=plan))
    assert_same_bits(found[0], found[1])
    assert_same_bits(found[0].bounds, found[1].bounds)


@small
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_the_size_of_chunks_changes_rounding_only(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for make in KINDS.values():
        objective, params = make(2)
        usual = fc.numerical_gradient(objective, params, plan="exhaustive")
        with monkeypatch.context() as patch:
            patch.setattr(
                Prober,
                "chunks",
                lambda self, entries: [
                    (lo, entries[lo : lo + size]) for lo in range(0, entries.size, size)
                ],
            )
            other = fc.numerical_gradient(objective, params, plan="exhaustive")
        for name, value in usual.values.items():
            assert (np.abs(value - other.values[name]) <= 0.2 * usual.bounds[name]).all()


@small
def test_chunks_cover_every_entry_once_and_end_with_units() -> None:
    rng = np.random.default_rng(0)
    net = fc.Network([fc.Dense(500, 300), fc.Tanh(), fc.Dense(300, 10)], fc.SoftmaxCrossEntropy())
    objective = net.objective(rng.standard_normal((50, 500)), rng.integers(0, 10, 50))
    state = objective.state(net.init_params())
    prober = Prober(state, state.graph.params["W1"])
    entries = prober.entries()
    assert np.array_equal(np.sort(entries), np.arange(150_000))
    chunks = prober.chunks(entries)
    assert len(chunks) > 1
    assert np.array_equal(np.concatenate([c for _, c in chunks]), entries)
    assert [lo for lo, _ in chunks] == np.cumsum([0, *(c.size for _, c in chunks)])[:-1].tolist()
    assert len({c.size for _, c in chunks[:-1]}) == 1
    units = [set((c % 300).tolist()) for _, c in chunks]  # column j of W1 feeds unit j
    assert sum(len(u) for u in units) <= 300 + len(chunks)
