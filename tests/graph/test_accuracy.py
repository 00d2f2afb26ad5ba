"""Central differences of whole networks against gradients of 50 digits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from fastcheck.graph import Graph, Node, ops
from fastcheck.graph.state import State
from tests.graph import mp_networks as exact
from tests.graph.drive import derivatives, probe, worst_of

pytestmark = pytest.mark.interpreted

Params = dict[str, np.ndarray]
ACTS: dict[str, Callable[[Node], Node]] = {
    "sigmoid": ops.sigmoid, "tanh": ops.tanh, "softplus": ops.softplus,
}  # fmt: skip


def labels(rng: np.random.Generator, n_batch: int, n_classes: int) -> np.ndarray:
    return np.eye(n_classes)[rng.integers(0, n_classes, n_batch)]


def dense(
    act: str, loss: str, n_layers: int, *, gain: float = 1.0, n_batch: int = 5
) -> tuple[Graph, Params, np.ndarray, np.ndarray]:
    """Return a dense network, its parameters and its data."""
    rng = np.random.default_rng([n_layers, len(act), len(loss)])
    sizes = (*(6, 5, 4, 4, 3)[:n_layers], 3)
    x = rng.standard_normal((n_batch, 6)) * (rng.random((n_batch, 6)) < 0.7)
    y = labels(rng, n_batch, 3) if loss != "mse" else rng.standard_normal((n_batch, 3))
    graph = Graph()
    h, params = graph.data(x, 0), {}
    for k, shape in enumerate(pairwise(sizes), 1):
        params[f"W{k}"] = gain * rng.standard_normal(shape) / shape[0] ** 0.5
        params[f"b{k}"] = 0.1 * rng.standard_normal(shape[1])
        h = h @ graph.param(f"W{k}", shape) + graph.param(f"b{k}", shape[1:])
        h = ACTS[act](h) if k < n_layers else h
    target = graph.data(y, 0)
    if loss == "ce":
        graph.set_loss(ops.mean(ops.softmax_cross_entropy(h, target)))
    elif loss == "bce":
        each = ops.binary_cross_entropy(ops.sigmoid(h), target)
        graph.set_loss(ops.sum(each) * (1 / n_batch))
    else:
        graph.set_loss(ops.mean(ops.sum(ops.square(h - target), axis=1)))
    return graph, params, x, y


@pytest.mark.parametrize("n_layers", [2, 3, 4])
@pytest.mark.parametrize("loss", ["ce", "bce", "mse"])
@pytest.mark.parametrize("act", ACTS)
def test_a_dense_network_is_right_to_twelve_digits(act: str, loss: str, n_layers: int) -> None:
    graph, params, x, y = dense(act, loss, n_layers)
    truth = exact.dense_gradient(params, x, y, act, loss)
    assert worst_of(derivatives(graph, params), truth) < 1e-12


@pytest.mark.parametrize("loss", ["ce", "bce"])
@pytest.mark.parametrize("act", ["sigmoid", "tanh"])
def test_a_saturated_network_is_right_to_twelve_digits(act: str, loss: str) -> None:
    graph, params, x, y = dense(act, loss, 3, gain=8.0)
    truth = exact.dense_gradient(params, x, y, act, loss)
    assert worst_of(derivatives(graph, params), truth) < 1e-12


@pytest.mark.parametrize("change", [2.0**-20, 2.0**-40, 2.0**-200])
def test_the_error_does_not_grow_as_the_step_shrinks(change: float) -> None:
    graph, params, x, y = dense("tanh", "ce", 3)
    truth = exact.dense_gradient(params, x, y, "tanh", "ce")
    limit = 1e-10 if change > 2.0**-24 else 1e-13
    assert worst_of(derivatives(graph, params, change=change), truth, above=1e-2) < limit


@pytest.mark.parametrize(("act", "loss"), [("tanh", "ce"), ("sigmoid", "mse"), ("softplus", "bce")])
def test_halving_the_step_divides_the_truncation_by_four(act: str, loss: str) -> None:
    graph, params, x, y = dense(act, loss, 3)
    truth = exact.dense_gradient(params, x, y, act, loss)
    n_curved = 0
    for name, node in graph.params.items():
        errors = [probe(graph, params, node, step=h).values - truth[name] for h in (2e-3, 1e-3)]
        ends = [np.linalg.norm(e) for e in errors]
        if max(ends) > 1e-11 * np.linalg.norm(truth[name]):  # else the loss is quadratic in it
            assert ends[0] / ends[1] == pytest.approx(4.0, rel=0.1)
            n_curved += 1
    assert n_curved >= 4


def test_one_sided_changes_are_those_of_the_loss() -> None:
    graph, params, *_ = dense("tanh", "ce", 2)
    node = graph.params["W1"]
    found = probe(graph, params, node, step=0.25)
    base = State(graph, params).loss
    for place in ((0, 0), (5, 4), (2, 3)):
        for change, sign in ((found.plus, 1), (found.minus, -1)):
            moved = params["W1"].copy()
            moved[place] += sign * 0.25
            plain = State(graph, params | {"W1": moved}).loss - base
            assert change[place] == pytest.approx(plain, rel=1e-11)


# ------------------------------------------------------------ networks that are not dense


def test_a_tied_autoencoder_is_right_to_twelve_digits() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((4, 6))
    params = {"W": rng.standard_normal((6, 3)) / 2, "b": rng.standard_normal(3), "c": np.zeros(6)}
    graph = Graph()
    w, b, c = (graph.param(name, value.shape) for name, value in params.items())
    data = graph.data(x, 0)
    graph.set_loss(ops.sum(ops.square(ops.tanh(data @ w + b) @ w.T + c - data)))

    def loss(p: Any) -> Any:
        return ((exact.tanh(x @ p["W"] + p["b"]) @ p["W"].T + p["c"] - x) ** 2).sum()

    assert worst_of(derivatives(graph, params), exact.gradient(loss, params)) < 1e-12


def test_an_unrolled_recurrence_is_right_to_twelve_digits() -> None:
    rng = np.random.default_rng(2)
    xs, y = rng.standard_normal((5, 3, 2)), labels(rng, 3, 3)
    params = {
        "U": rng.standard_normal((2, 4)),
        "V": 0.6 * rng.standard_normal((4, 4)),
        "O": rng.standard_normal((4, 3)),
    }
    graph = Graph()
    u, v, o = (graph.param(name, value.shape) for name, value in params.items())
    h = ops.tanh(graph.data(xs[0], 0) @ u)
    for x in xs[1:]:
        h = ops.tanh(graph.data(x, 0) @ u + h @ v)
    graph.set_loss(ops.mean(ops.softmax_cross_entropy(h @ o, graph.data(y, 0))))

    def loss(p: Any) -> Any:
        state = exact.tanh(xs[0] @ p["U"])
        for x in xs[1:]:
            state = exact.tanh(x @ p["U"] + state @ p["V"])
        return -(y * exact.log(exact.softmax(state @ p["O"]))).sum() / 3

    assert worst_of(derivatives(graph, params), exact.gradient(loss, params)) < 1e-12


def normalised_network(x: np.ndarray, y: np.ndarray, n: int, width: int) -> tuple[Graph, Any]:
    """Return a network with batch normalisation, and its loss in 50 digits."""
    graph = Graph()
    w = graph.param("W", (x.shape[1], width))
    g, b, o = (graph.param(k, s) for k, s in (("g", (width,)), ("b", (width,)), ("O", (width, 3))))
    z = graph.data(x, 0) @ w
    centred = z - ops.mean(z, axis=0, keepdims=True)
    variance = ops.mean(ops.square(centred), axis=0, keepdims=True)
    h = ops.tanh(centred / ops.sqrt(variance + 1e-5) * g + b)
    graph.set_loss(ops.mean(ops.softmax_cross_entropy(h @ o, graph.data(y, 0))))

    def loss(p: Any) -> Any:
        z = x @ p["W"]
        centred = z - z.sum(axis=0) / n
        variance = (centred**2).sum(axis=0) / n
        root = exact.sqrt(variance + exact.mp.mpf(1e-5))
        h = exact.tanh(centred / root * p["g"] + p["b"])
        return -(y * exact.log(exact.softmax(h @ p["O"]))).sum() / n

    return graph, loss


@pytest.mark.parametrize(
    ("centre", "spread", "limit", "above"),
    [
        (0.0, 1.0, 1e-12, 1e-4),
        # The product x W, near 660, is rounded by 1e-13, which is 1e-10 of what the subtraction
        # of the mean leaves, 1e-3. Small entries are differences of larger ones and lose more.
        (200.0, 1e-3, 1e-10, 0.3),
    ],
)
def test_batch_normalisation_from_primitives_is_as_right_as_its_conditioning(
    centre: float, spread: float, limit: float, above: float
) -> None:
    rng = np.random.default_rng(3)
    x = centre + spread * rng.standard_normal((5, 4))
    y = labels(rng, 5, 3)
    params = {
        "W": rng.standard_normal((4, 3)),
        "g": 1 + 0.1 * rng.standard_normal(3),
        "b": 0.1 * rng.standard_normal(3),
        "O": rng.standard_normal((3, 3)),
    }
    graph, loss = normalised_network(x, y, 5, 3)
    found = derivatives(graph, params)
    assert worst_of(found, exact.gradient(loss, params), above) < limit


def test_a_bilinear_score_and_attention_are_right_to_twelve_digits() -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal((2, 3, 3))
    params = {k: rng.standard_normal((3, 3)) for k in ("Q", "K", "V", "S")}
    graph = Graph()
    q, k, v, s = (graph.param(name, (3, 3)) for name in params)
    data = graph.data(x, 0)
    score = ops.contract("bik,bjk->bij", data @ q, data @ k) * 0.5
    score = score + ops.contract("bik,bjk->bij", data @ s, data)
    graph.set_loss(ops.sum(ops.square(ops.tanh(ops.softmax(score) @ (data @ v)) - 1.0)))

    def loss(p: Any) -> Any:
        total = 0
        for one in x:
            a = (one @ p["Q"]) @ (one @ p["K"]).T / 2 + (one @ p["S"]) @ one.T
            total += ((exact.tanh(exact.softmax(a) @ (one @ p["V"])) - 1) ** 2).sum()
        return total

    assert worst_of(derivatives(graph, params), exact.gradient(loss, params)) < 1e-12


def test_softmax_with_cross_entropy_from_probabilities_is_right_to_twelve_digits() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((4, 3)), labels(rng, 4, 3)
    params = {"W": rng.standard_normal((3, 3))}
    graph = Graph()
    p = ops.softmax(graph.data(x, 0) @ graph.param("W", (3, 3)))
    graph.set_loss(ops.mean(ops.sum(ops.cross_entropy(p, graph.data(y, 0), 1e-7), axis=1)))

    def loss(p: Any) -> Any:
        return -(y * exact.log(exact.softmax(x @ p["W"]) + exact.mp.mpf(1e-7))).sum() / 4

    assert worst_of(derivatives(graph, params), exact.gradient(loss, params)) < 1e-12
