"""Recurrent, attentive, residual and convolutional networks against gradients of 50 digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.graph import Graph, Node, ops
from tests.graph import mp_networks as mp
from tests.graph.drive import worst_of

Array = np.ndarray
Literal = Callable[[dict[str, Array]], Any]
EPSILON = 1e-3


def normal(seed: int, *shape: int) -> Array:
    return np.random.default_rng([11, seed]).standard_normal(shape)


def softmax(z: Array) -> Array:
    e = mp.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


def layer_norm(a: Array, gain: Array, shift: Array) -> Array:
    c = a - a.sum(axis=-1, keepdims=True) / a.shape[-1]
    variance = (c * c).sum(axis=-1, keepdims=True) / a.shape[-1]
    return c / mp.sqrt(variance + mp.exact(EPSILON)) * gain + shift


def lstm(graph: Graph) -> tuple[Node, Literal]:
    x, target, n = normal(0, 4, 3, 2), normal(1, 3, 2), 2
    w, b = graph.param("W", (2 + n, 4 * n)), graph.param("b", (4 * n,))
    h = c = graph.data(np.zeros((3, n)), 0)
    for xt in x:
        z = ops.concatenate([graph.data(xt, 0), h], axis=1) @ w + b
        i, f, o = (ops.sigmoid(z[:, k * n : (k + 1) * n]) for k in range(3))
        c = f * c + i * ops.tanh(z[:, 3 * n :])
        h = o * ops.tanh(c)

    def literal(p: dict[str, Array]) -> Any:
        h = c = mp.exact(np.zeros((3, n)))
        for xt in x:
            z = np.concatenate([mp.exact(xt), h], axis=1) @ p["W"] + p["b"]
            i, f, o = (mp.sigmoid(z[:, k * n : (k + 1) * n]) for k in range(3))
            c = f * c + i * mp.tanh(z[:, 3 * n :])
            h = o * mp.tanh(c)
        return ((h - target) ** 2).sum()

    return ops.sum(ops.square(h - graph.data(target, 0))), literal


def gru(graph: Graph) -> tuple[Node, Literal]:
    x, target, n = normal(2, 3, 3, 2), normal(3, 3, 2), 2
    shapes = {f"{m}{g}": (2, n) if m == "W" else (n, n) for g in "zrh" for m in "WU"}
    p = {name: graph.param(name, shape) for name, shape in shapes.items()}
    h = graph.data(normal(4, 3, n), 0)
    for xt in x:
        one = graph.data(xt, 0)
        z = ops.sigmoid(one @ p["Wz"] + h @ p["Uz"])
        r = ops.sigmoid(one @ p["Wr"] + h @ p["Ur"])
        h = (1.0 - z) * h + z * ops.tanh(one @ p["Wh"] + (r * h) @ p["Uh"])

    def literal(p: dict[str, Array]) -> Any:
        h = mp.exact(normal(4, 3, n))
        for xt in x:
            z = mp.sigmoid(xt @ p["Wz"] + h @ p["Uz"])
            r = mp.sigmoid(xt @ p["Wr"] + h @ p["Ur"])
            h = (1 - z) * h + z * mp.tanh(xt @ p["Wh"] + (r * h) @ p["Uh"])
        return ((h - target) ** 2).sum()

    return ops.sum(ops.square(h - graph.data(target, 0))), literal


def transformer_block(graph: Graph) -> tuple[Node, Literal]:
    x, target = normal(5, 2, 3, 4), normal(6, 2, 3, 4)
    shapes = {"Wq": (4, 2, 2), "Wk": (4, 2, 2), "Wv": (4, 2, 2), "Wo": (2, 2, 4), "W1": (4, 3),
              "b1": (3,), "W2": (3, 4), "g": (4,), "h": (4,)}  # fmt: skip
    p = {name: graph.param(name, shape) for name, shape in shapes.items()}
    a: Node = graph.data(x, 0)
    for _ in range(2):  # with the same weights
        n = ops.layer_norm(a, p["g"], p["h"], eps=EPSILON)
        q, k, v = (ops.contract("bte,ehd->bthd", n, p[f"W{m}"]) for m in "qkv")
        weight = ops.softmax(ops.contract("bthd,bshd->bhts", q, k) * 0.75)
        mixed = ops.contract("bhts,bshd->bthd", weight, v)
        a = a + ops.contract("bthd,hde->bte", mixed, p["Wo"])
        n = ops.layer_norm(a, p["g"], p["h"], eps=EPSILON)
        a = a + ops.tanh(n @ p["W1"] + p["b1"]) @ p["W2"]

    def literal(p: dict[str, Array]) -> Any:
        a = mp.exact(x)
        for _ in range(2):
            n = layer_norm(a, p["g"], p["h"])
            heads = []
            for k in range(2):
                q, key, v = (n @ p[f"W{m}"][:, k] for m in "qkv")
                score = np.stack([one @ other.T for one, other in zip(q, key, strict=True)])
                weight = softmax(score * mp.exact(0.75))
                mixed = np.stack([w @ own for w, own in zip(weight, v, strict=True)])
                heads.append(mixed @ p["Wo"][k])
            a = a + heads[0] + heads[1]
            a = a + mp.tanh(layer_norm(a, p["g"], p["h"]) @ p["W1"] + p["b1"]) @ p["W2"]
        return ((a - target) ** 2).sum()

    return ops.sum(ops.square(a - graph.data(target, 0))), literal


def residual_blocks(graph: Graph) -> tuple[Node, Literal]:
    x, target = normal(7, 5, 3), normal(8, 5, 3)
    shapes = {f"{m}{k}": (3, 3) if m == "W" else (3,) for k in range(2) for m in "Wgh"}
    p = {name: graph.param(name, shape) for name, shape in shapes.items()}
    a: Node = graph.data(x, 0)
    for k in range(2):
        a = a + ops.tanh(ops.batch_norm(a @ p[f"W{k}"], p[f"g{k}"], p[f"h{k}"], eps=EPSILON))

    def literal(p: dict[str, Array]) -> Any:
        a = mp.exact(x)
        for k in range(2):
            z = layer_norm((a @ p[f"W{k}"]).T, mp.exact(np.ones(1)), mp.exact(np.zeros(1))).T
            a = a + mp.tanh(z * p[f"g{k}"] + p[f"h{k}"])
        return ((a - target) ** 2).sum()

    return ops.sum(ops.square(a - graph.data(target, 0))), literal


def convolutions(graph: Graph) -> tuple[Node, Literal]:
    """Two convolutions, the second with stride 2, padding 1 and dilation 2."""
    x = normal(9, 2, 2, 4, 5)
    k1, k2 = graph.param("K1", (2, 2, 2, 2)), graph.param("K2", (3, 2, 2, 2))
    a = ops.tanh(_convolved(graph.data(x, 0), k1))
    a = ops.pad(a, ((0, 0), (0, 0), (1, 1), (1, 1)))
    out = _convolved(a, k2, strides=2, dilation=2)

    def literal(p: dict[str, Array]) -> Any:
        a = mp.tanh(_literal(mp.exact(x), p["K1"], 1, 1))
        a = np.pad(a, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=mp.mp.mpf(0))
        return (_literal(a, p["K2"], 2, 2) ** 2).sum()

    return ops.sum(ops.square(out)), literal


def _convolved(a: Node, kernel: Node, **how: int) -> Node:
    windows = ops.windows(a, kernel.shape[2:], (2, 3), **how)
    n, c, height, width, *_ = windows.shape
    columns = ops.reshape(ops.transpose(windows, (0, 2, 3, 1, 4, 5)), (n, height * width, c * 4))
    return ops.reshape(
        ops.contract("npk,fk->nfp", columns, ops.reshape(kernel, (kernel.shape[0], -1))),
        (n, kernel.shape[0], height, width),
    )


def _literal(a: Array, kernel: Array, stride: int, dilation: int) -> Array:
    n_f, _, n_k, n_l = kernel.shape
    height = (a.shape[2] - dilation * (n_k - 1) - 1) // stride + 1
    width = (a.shape[3] - dilation * (n_l - 1) - 1) // stride + 1
    out = np.empty((len(a), n_f, height, width), dtype=object)
    for b, f, i, j in np.ndindex(out.shape):
        rows, columns = (
            stride * i + dilation * np.arange(n_k),
            stride * j + dilation * np.arange(n_l),
        )
        out[b, f, i, j] = (a[b][:, rows][:, :, columns] * kernel[f]).sum()
    return out


@pytest.mark.parametrize("plan", ["exhaustive", "units"])
@pytest.mark.parametrize("make", [lstm, gru, transformer_block, residual_blocks, convolutions])
def test_a_network_is_right_to_twelve_digits(
    make: Callable[[Graph], tuple[Node, Literal]], plan: str
) -> None:
    graph = Graph()
    loss, literal = make(graph)
    graph.set_loss(loss)
    params = {
        name: 0.7 * normal(20 + k, *node.shape)
        for k, (name, node) in enumerate(graph.params.items())
    }
    objective = fc.GraphObjective(graph)
    truth = mp.gradient(literal, params)
    assert worst_of(objective.gradient(params), truth) < 1e-12
    found = fc.numerical_gradient(objective, params, plan=plan)
    assert found.plan == plan
    assert worst_of(found.values, truth) < 1e-12
