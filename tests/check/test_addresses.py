"""One wrong entry among tens of thousands is found where it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.datasets import embedded, open_dataset
from fastcheck.demo import demos
from tests.check.common import (
    PLANS,
    with_one_off,
)
from tests.literal import Arrays


@pytest.fixture(scope="module")
def mnist() -> tuple[fc.GraphObjective, Arrays, float, Arrays]:
    """Return 784-50-10 on 100 synthetic digits, with the hand-written loss and gradient."""
    demo = demos()[1]
    return demo.case(open_dataset(embedded("mnist")).sample(100, seed=0), 0)


def places(gradient: np.ndarray, seed: int, n: int = 2) -> Iterator[tuple[int, ...]]:
    """Yield some entries that are not much smaller than the others."""
    rms = np.sqrt((gradient**2).mean())
    usual = np.argwhere(np.abs(gradient) > 0.02 * rms)
    for k in np.random.default_rng(seed).choice(len(usual), n):
        yield tuple(int(i) for i in usual[k])


@PLANS
@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
def test_one_entry_off_by_1e_4_fails_at_its_address(mnist: Any, name: str, plan: str) -> None:
    objective, params, loss, grads = mnist
    for place in places(grads[name], seed=1):
        wrong = with_one_off(grads, name, place, 1e-4)
        result = fc.check_gradients(objective, params, wrong, plan=plan, loss_value=loss)
        assert result.verdict == "fail"
        assert [n for n, t in result.tensors.items() if not t.passed] == [name]
        tensor = result.tensors[name]
        (entry,) = tensor.mismatches
        assert entry == tensor.worst
        assert (entry.index, entry.verdict, tensor.n_disagree) == (place, "disagree", 1)
        assert entry.analytic == wrong[name][place]
        assert entry.numerical == pytest.approx(grads[name][place], rel=1e-9)
        address = re.escape(f"{name}[{', '.join(map(str, place))}]")
        assert re.search(rf"{address}: yours .* \(× 1.0001\)", str(result))


@PLANS
@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
def test_one_entry_off_by_1e_6_is_close_at_its_address(mnist: Any, name: str, plan: str) -> None:
    objective, params, _, grads = mnist
    for place in places(grads[name], seed=2):
        wrong = with_one_off(grads, name, place, 1e-6)
        lenient = fc.check_gradients(objective, params, wrong, plan=plan)
        strict = fc.check_gradients(objective, params, wrong, plan=plan, strict=True)
        assert (lenient.verdict, strict.verdict) == ("pass", "fail")
        for result in (lenient, strict):
            assert [n for n, t in result.tensors.items() if t.n_close] == [name]
            (entry,) = result.tensors[name].mismatches
            assert (entry.index, entry.verdict) == (place, "close")
            assert entry.address in str(result)
        assert strict.tensors[name].reason.startswith("1 of ")


@PLANS
def test_the_right_gradient_of_a_usual_network_passes(mnist: Any, plan: str) -> None:
    objective, params, loss, grads = mnist
    result = fc.check_gradients(objective, params, grads, plan=plan, loss_value=loss, strict=True)
    assert result.passed
    assert result.coverage.n_checked == result.coverage.n_entries == 39760
    assert result.loss == pytest.approx(loss, rel=1e-14)
    assert (result.plan, result.engine) == (plan, "graph")
    assert [f.kind for f in result.findings] == ["uninformative-point"]  # biases are zero
    assert [a.tensor for a in result.audits] == list(grads)
    assert all(a.passed for a in result.audits)
    assert bool(result.spot_checks) == (plan == "units")
    assert result.batch is not None
    assert (result.batch.n_batch, result.batch.seed) == (100, 0)
    assert Path(result.batch.source).name == "mnist_synthetic.h5"
