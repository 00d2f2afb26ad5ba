"""Mistakes in one gradient alone are named at it; near misses are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.diagnose.backward.common import Arrays, Mlp, claims
from tests.diagnose.backward.test_deltas import VARIANTS, dropped, kept

SQUARE = {"widths": (5, 5, 5, 5), "m": 5}


@dataclass
class Local:
    """A mistake in one gradient and what it is called; `wrong` gives steps of the pass."""

    kinds: str
    tensor: str
    wrong: Callable[[Mlp], dict[str, Any]]
    constant: float | None = None
    net: dict[str, Any] = field(default_factory=dict)
    is_alike: bool = True  # whether rows of the one layout are rows of the other


def data(net: Mlp, k: int) -> np.ndarray:
    return net.forward[f"x{k}"].T @ delta(net, k)


def delta(net: Mlp, k: int) -> np.ndarray:
    """Return the right delta of a layer."""
    found: list[np.ndarray] = []
    net.grads(**{f"delta{k}": lambda d: found.append(d) or d})
    return found[0]


def bias(k: int, of: Callable[[np.ndarray], np.ndarray]) -> Callable[[Mlp], dict[str, Any]]:
    return lambda net: {f"bias{k}": of(delta(net, k))}


def weight(k: int, of: Callable[[np.ndarray], Any]) -> Callable[[Mlp], dict[str, Any]]:
    return lambda net: {f"weight{k}": of}


def entries(**changed: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(g: np.ndarray) -> np.ndarray:
        g = g.copy()
        g[1, 2] *= changed["factor"]
        return g

    return change


def zero_row(g: np.ndarray) -> np.ndarray:
    return g * (np.arange(len(g)) != 2)[:, None]


def masked(k: int, keep: Callable[[Mlp], np.ndarray]) -> Callable[[Mlp], dict[str, Any]]:
    return lambda n: {f"weight{k}": n.forward[f"x{k}"].T @ (delta(n, k) * keep(n))}


LOCALS: dict[str, Local] = {
    "b is a mean": Local("mean-for-sum factor", "b2", bias(2, lambda d: d.mean(0)), 1 / 7),
    "b times m": Local("sum-for-mean factor", "b1", bias(1, lambda d: 7 * d.sum(0)), 7.0),
    "W negated": Local("sign factor", "W2", weight(2, np.negative), -1.0),
    "W over m": Local("mean-for-sum factor", "W1", weight(1, lambda g: g / 7), 1 / 7),
    "W times an odd number": Local("factor", "W2", weight(2, lambda g: 0.377 * g), 0.377),
    "W transposed": Local("transposed", "W2", weight(2, np.transpose)),
    "W in another memory order": Local(
        "memory-order", "W1", weight(1, lambda g: g.T.reshape(g.shape)), is_alike=False
    ),
    "rows rolled": Local("rolled", "W1", weight(1, lambda g: np.roll(g, 1, 0)), 1.0),
    "columns rolled": Local("rolled", "W2", weight(2, lambda g: np.roll(g, -1, 1)), -1.0),
    "rows reversed": Local("reversed", "W2", weight(2, lambda g: g[::-1])),
    "rows in another order": Local("reordered", "W1", weight(1, lambda g: g[[3, 0, 4, 5, 1, 2]])),
    "b rolled": Local("rolled", "b2", bias(2, lambda d: np.roll(d.sum(0), 1)), 1.0),
    "W zero": Local("zero", "W2", weight(2, np.zeros_like)),
    "b zero": Local("zero", "b2", bias(2, lambda d: 0 * d[0])),
    "a row zero": Local("zero-part", "W2", weight(2, zero_row)),
    "an entry off": Local("one-entry", "W2", weight(2, entries(factor=1.5))),
    "an entry slightly off": Local("one-entry", "W2", weight(2, entries(factor=1.00001))),
    "z for a": Local(
        "input-before-activation", "W3", lambda n: {"input3": n.forward["z2"]}
    ),
    "input of another layer": Local("input-elsewhere", "W3", lambda n: {"input3": n.forward["a1"]}),
    "own output for the input": Local(
        "input-elsewhere", "W2", lambda n: {"input2": n.forward["a2"]}
    ),
    "input before dropout": Local(
        "input-before-dropout", "W2", lambda n: {"input2": n.forward["a1"]}, net={"dropout": True}
    ),
    "last sample only": Local("only-sample", "W2", masked(2, kept(6)), 6.0),
    "first sample only": Local("only-sample", "W1", masked(1, kept(0)), 0.0),
    "last sample dropped": Local("sample-dropped", "W2", masked(2, dropped), 6.0),
    "b without the last sample": Local(
        "sample-dropped", "b2", bias(2, lambda d: d[:-1].sum(0)), 6.0
    ),
    "b of the first sample": Local("only-sample", "b2", bias(2, lambda d: d[0]), 0.0),
    "b summed over all": Local("summed-over-all", "b1", bias(1, lambda d: d.sum() + 0 * d[0])),
    "b summed over the units": Local(
        "summed-over-units", "b1", bias(1, lambda d: d.sum(1)), net=SQUARE
    ),
    "slope twice in b": Local(
        "slope-twice", "b2", lambda n: {"bias2": (delta(n, 2) * (1 - n.forward["a2"] ** 2)).sum(0)}
    ),
}  # fmt: skip
EVERY_LOCAL = pytest.mark.parametrize("local", LOCALS.values(), ids=LOCALS)


@EVERY_LOCAL
@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_a_mistake_in_one_gradient_is_named_at_it(local: Local, options: dict[str, Any]) -> None:
    net = Mlp(**({"seed": 1} | local.net | options))
    found = net.only(net.grads(**local.wrong(net)))
    if local.is_alike or not net.columns:
        assert found.kind in local.kinds.split(), str(found)
    assert (found.tensor, found.tensors) == (local.tensor, (local.tensor,))
    if local.constant is not None:
        assert found.constant == pytest.approx(local.constant, rel=1e-9)
    assert found.is_exact or found.kind in ("zero-part", "one-entry")


@EVERY_LOCAL
def test_a_mistake_that_is_nearly_one_of_the_list_is_not_named(local: Local) -> None:
    net = Mlp(**({"seed": 1} | local.net))
    given = net.grads(**local.wrong(net))
    off = given[local.tensor] = given[local.tensor].copy()
    size = 1e-6 * np.abs(net.right[local.tensor]).max()
    off.flat[0] += size
    off.flat[off.size // 2] -= 2 * size
    found = net.said(given)
    assert found
    assert {name for d in found for name in d.tensors} == {local.tensor}
    assert claims(found) == []


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_a_gradient_that_is_clipped(options: dict[str, Any]) -> None:
    net = Mlp(**options)
    limit = float(np.quantile(np.abs(net.right["W2"]), 0.6))
    found = net.only(net.right | {"W2": net.right["W2"].clip(-limit, limit)})
    assert (found.kind, found.tensor, found.is_exact) == ("clipped", "W2", True)
    assert found.constant == pytest.approx(limit, rel=1e-12)


# ------------------------------------------------------------ regularisers


REGULARISERS: dict[str, tuple[str, float, Callable[[Mlp], Arrays]]] = {
    "missing": ("regulariser", 0.0, lambda n: n.grads(penalty2=0.0)),
    "doubled": ("regulariser", 2.0, lambda n: n.grads(penalty2=lambda g: 2 * g)),
    "negated": ("regulariser", -1.0, lambda n: n.grads(penalty2=lambda g: -g)),
    "over m": ("regulariser", 1 / 7, lambda n: n.grads(penalty2=lambda g: g / 7)),
    "L1": ("regulariser-l1", 0.1, lambda n: n.grads(penalty2=0.1 * np.sign(n.params["W2"]))),
    "on a bias": (
        "regulariser-on-biases", 0.1, lambda n: n.grads(bias2=lambda g: g + 0.1 * n.params["b2"])
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "constant", "wrong"), REGULARISERS.values(), ids=REGULARISERS)
@pytest.mark.parametrize("columns", [False, True])
def test_mistakes_in_the_regulariser(
    kind: str, constant: float, wrong: Callable[[Mlp], Arrays], columns: bool
) -> None:
    net = Mlp(l2=0.1, columns=columns)
    found = net.only(wrong(net))
    assert (found.kind, found.tensor) == (kind, "b2" if kind.endswith("biases") else "W2")
    assert found.constant == pytest.approx(constant, rel=1e-9, abs=1e-12)
    assert found.is_exact


@pytest.mark.parametrize(("kind", "factor"), [("regulariser", 0.0), ("regulariser", 3.0)])
def test_a_regulariser_that_is_wrong_everywhere_is_told_once(kind: str, factor: float) -> None:
    net = Mlp(l2=0.1)
    wrong = {f"penalty{k}": lambda g: factor * g for k in (1, 2, 3)}
    found = net.only(net.grads(**wrong))
    assert (found.kind, found.tensor, found.constant) == (kind, None, factor)
    assert set(found.tensors) == {"W1", "W2", "W3"}


def test_a_regulariser_on_all_biases_is_told_once() -> None:
    net = Mlp(l2=0.1)
    wrong = {f"bias{k}": lambda g, k=k: g + 0.1 * net.params[f"b{k}"] for k in (1, 2, 3)}
    found = net.only(net.grads(**wrong))
    assert (found.kind, set(found.tensors)) == ("regulariser-on-biases", {"b1", "b2", "b3"})


def test_a_regulariser_that_the_loss_has_not() -> None:
    net = Mlp()
    wrong = {f"penalty{k}": 0.05 * net.params[f"W{k}"] for k in (1, 2, 3)}
    found = net.only(net.grads(**wrong))
    assert (found.kind, set(found.tensors)) == ("weight-decay", {"W1", "W2", "W3"})
    assert found.constant == pytest.approx(0.05, rel=1e-9)


def test_a_regulariser_with_a_small_term_beside_is_not_named() -> None:
    net = Mlp(l2=0.1)
    found = net.said(net.grads(penalty2=lambda g: 2 * g + 1e-6 * np.sin(g)))
    assert claims(found) == []


# ------------------------------------------------------------ at a minimum


def at_minimum() -> tuple[Any, Arrays, np.ndarray]:
    """Return ridge regression at its minimum, where data and regulariser cancel."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((12, 4)), rng.standard_normal((12, 3))
    W = np.linalg.solve(x.T @ x / 12 + 0.3 * np.eye(4), x.T @ y / 12)

    def loss(p: Any, x: Any, y: Any) -> Any:
        return 0.5 * np.sum((x @ p["W"] - y) ** 2) / 12 + 0.15 * np.sum(p["W"] ** 2)

    return fc.trace(loss, {"W": W}, x, y), {"W": W}, x.T @ (x @ W - y) / 12


@pytest.mark.parametrize("k", [0.0, 2.0, -1.0, 1 / 12])
def test_a_regulariser_is_named_where_it_cancels_what_comes_from_data(k: float) -> None:
    objective, params, from_data = at_minimum()
    given = {"W": from_data + k * 0.3 * params["W"]}
    (found,) = fc.check_gradients(objective, params, given, strict=True).diagnosis
    assert (found.kind, found.tensor) == ("regulariser", "W")
    assert found.constant == pytest.approx(k, rel=1e-9, abs=1e-9)
