"""Objectives of many kinds, on which plans and bounds are compared."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import fastcheck as fc
from fastcheck import ops
from fastcheck.graph import Node

Arrays = dict[str, np.ndarray]
Made = tuple[fc.GraphObjective, Arrays]
KINDS: dict[str, Callable[[int], Made]] = {}


def kind(make: Callable[[int], Made]) -> Callable[[int], Made]:
    """Add a function of a seed to `KINDS`."""
    KINDS[make.__name__] = make
    return make


def drawn(seed: int, **shapes: tuple[int, ...]) -> Arrays:
    """Return random parameters of moderate size."""
    rng = np.random.default_rng([seed, 1])
    return {
        name: rng.standard_normal(shape) / np.sqrt(shape[0] if len(shape) > 1 else 4)
        for name, shape in shapes.items()
    }


def declared(graph: fc.Graph, params: Arrays) -> list[Node]:
    """Declare parameters, in order."""
    return [graph.param(name, value.shape) for name, value in params.items()]


def network(layers: list[object], loss: object, seed: int, **options: object) -> Made:
    net = fc.Network(layers, loss, **options)  # type: ignore[arg-type]
    rng = np.random.default_rng(seed)
    n_in, n_out = net.dense[0].n_in, net.dense[-1].n_out
    x = rng.standard_normal((7, n_in)) * (rng.random((7, n_in)) < 0.7)
    y = np.eye(n_out)[rng.integers(0, n_out, 7)]
    if net.layout == "features_first":
        x, y = x.T, y.T
    return net.objective(x, y), net.init_params(seed, biases="random")


@kind
def tanh_network(seed: int) -> Made:
    layers = [fc.Dense(6, 5), fc.Tanh(), fc.Dense(5, 4), fc.Tanh(), fc.Dense(4, 3)]
    return network(layers, fc.SoftmaxCrossEntropy(), seed)


@kind
def relu_network_in_columns(seed: int) -> Made:
    layers = [fc.Dense(6, 5), fc.ReLU(), fc.Dense(5, 4), fc.LeakyReLU(0.1), fc.Dense(4, 3)]
    return network(layers, fc.SoftmaxCrossEntropy(1e-3), seed, layout="features_first", l2=0.05)


@kind
def dropout_and_l2(seed: int) -> Made:
    layers = [
        fc.Dense(6, 5),
        fc.Sigmoid(),
        fc.Dropout(0.4, seed=seed),
        fc.Dense(5, 3),
        fc.Sigmoid(),
    ]
    return network(layers, fc.BinaryCrossEntropy(), seed, l2=0.3)


@kind
def one_unit_wide(seed: int) -> Made:
    return network(
        [fc.Dense(1, 1), fc.Softplus(), fc.Dense(1, 1, bias=False)], fc.SquaredError(), seed
    )


@kind
def tied_autoencoder(seed: int) -> Made:
    """Reconstruct with the transposed weights."""
    rng = np.random.default_rng(seed)
    graph, params = fc.Graph(), drawn(seed, W=(5, 3), b=(3,), c=(5,))
    W, b, c = declared(graph, params)
    x = graph.data(rng.standard_normal((6, 5)), 0)
    r = ops.tanh(x @ W + b) @ W.T + c
    graph.set_loss(ops.mean(ops.sum(ops.square(r - x), axis=1)))
    return fc.GraphObjective(graph), params


@kind
def recurrence(seed: int) -> Made:
    """Unroll four steps of a tanh recurrence."""
    rng = np.random.default_rng(seed)
    graph, params = fc.Graph(), drawn(seed, U=(3, 4), V=(4, 4), b=(4,), W=(4, 2))
    U, V, b, W = declared(graph, params)
    h = graph.data(np.zeros((5, 4)), 0)
    for _ in range(4):
        h = ops.tanh(graph.data(rng.standard_normal((5, 3)), 0) @ U + h @ V + b)
    y = graph.data(np.eye(2)[rng.integers(0, 2, 5)], 0)
    graph.set_loss(ops.mean(ops.softmax_cross_entropy(h @ W, y)))
    return fc.GraphObjective(graph), params


@kind
def batch_normalisation(seed: int) -> Made:
    """Couple the samples by the mean and variance of each unit."""
    rng = np.random.default_rng(seed)
    graph = fc.Graph()
    params = drawn(seed, W1=(4, 5), W2=(5, 3)) | {
        "gamma": rng.uniform(0.5, 1.5, 5), "beta": rng.standard_normal(5),
    }  # fmt: skip
    W1, W2, gamma, beta = declared(graph, params)
    x, y = graph.data(rng.standard_normal((6, 4)), 0), np.eye(3)[rng.integers(0, 3, 6)]
    z = x @ W1
    c = z - ops.mean(z, axis=0, keepdims=True)
    v = ops.mean(ops.square(c), axis=0, keepdims=True)
    a = ops.tanh(c / ops.sqrt(v + 1e-3) * gamma + beta)
    graph.set_loss(ops.mean(ops.softmax_cross_entropy(a @ W2, graph.data(y, 0))))
    return fc.GraphObjective(graph), params


@kind
def residual(seed: int) -> Made:
    """Add the input of a block to its output, twice with the same weights."""
    rng = np.random.default_rng(seed)
    graph, params = fc.Graph(), drawn(seed, W=(4, 4), b=(4,), V=(4, 4))
    W, b, V = declared(graph, params)
    x = graph.data(rng.standard_normal((5, 4)), 0)
    for _ in range(2):
        x = x + ops.sigmoid(x @ W + b) @ V
    graph.set_loss(ops.sum(ops.square(x)))
    return fc.GraphObjective(graph), params


@kind
def weights_of_weights(seed: int) -> Made:
    """Pass the weights through a function before they meet samples."""
    rng = np.random.default_rng(seed)
    graph, params = fc.Graph(), drawn(seed, W=(4, 3), s=(3,))
    W, s = declared(graph, params)
    x = graph.data(rng.standard_normal((5, 4)), 0)
    z = x @ (ops.tanh(W) * s)
    graph.set_loss(ops.mean(ops.softplus(z)) + ops.scale(ops.sum(ops.square(W)), 0.1))
    return fc.GraphObjective(graph), params


def relu_only(seed: int, n_batch: int = 20) -> Made:
    """Return a network with many kinks nearby: two wide ReLU layers."""
    rng = np.random.default_rng(seed)
    layers = [fc.Dense(8, 20), fc.ReLU(), fc.Dense(20, 20), fc.ReLU(), fc.Dense(20, 3)]
    net = fc.Network(layers, loss=fc.SoftmaxCrossEntropy())
    objective = net.objective(rng.standard_normal((n_batch, 8)), rng.integers(0, 3, n_batch))
    return objective, net.init_params(seed, "he", "random")
