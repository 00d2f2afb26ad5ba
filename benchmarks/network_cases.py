"""Networks that are not plain dense, each as a graph and as the NumPy code of its literal twin."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

import fastcheck as fc
from benchmarks.cases import STEP, Case
from benchmarks.loops import PlainLoop
from fastcheck import ops

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fastcheck.graph import Node

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Params = dict[str, Floats]

EPSILON = 1e-5


def cross_entropy(z: Floats, y: Ints) -> float:
    """Return the mean cross-entropy of logits."""
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return float(-log_p[np.arange(len(y)), y].mean())


def case(
    name: str, title: str, graph: fc.Graph, params: Params, loss: Callable[[Params], float],
    *, plan: str, target: float, pairs: int = 3,
) -> Case:  # fmt: skip
    """Return a case of random data."""
    return Case(
        name, title, "random numbers", fc.GraphObjective(graph), params, plan,
        (PlainLoop(loss, params, STEP),), {"plain": target}, pairs,
    )  # fmt: skip


def weights(rng: np.random.Generator, **shapes: tuple[int, ...]) -> Params:
    """Return weights scaled by their fan-in, biases near zero, gains (``g...``) near one."""
    found = {}
    for name, shape in shapes.items():
        fan_in = int(np.prod(shape[:-1])) if len(shape) > 1 else 25
        value = rng.standard_normal(shape) / np.sqrt(fan_in)
        found[name] = 1.0 + value if name.startswith("g") else value
    return found


# ------------------------------------------------------------ batch normalisation


def batch_normalised(
    name: str = "bn", sizes: tuple[int, ...] = (784, 512, 512, 10), n_batch: int = 100
) -> Case:
    """Return dense layers with batch normalisation and ReLU after each hidden one."""
    rng = np.random.default_rng(0)
    x = rng.random((n_batch, sizes[0])) * (rng.random((n_batch, sizes[0])) < 0.5)
    y = rng.integers(0, sizes[-1], n_batch)
    shapes: dict[str, tuple[int, ...]] = {}
    n_layers = len(sizes) - 1
    for k in range(1, n_layers + 1):
        shapes[f"W{k}"] = (sizes[k - 1], sizes[k])
        if k < n_layers:  # no bias: the mean over the batch takes it away again
            shapes[f"g{k}"], shapes[f"h{k}"] = (sizes[k],), (sizes[k],)
    shapes["b"] = sizes[-1:]
    params = weights(rng, **shapes)
    graph = fc.Graph()
    p = {key: graph.param(key, shape) for key, shape in shapes.items()}
    a: Node = graph.data(x, batch_axis=0)
    for k in range(1, n_layers + 1):
        z = a @ p[f"W{k}"]
        if k < n_layers:
            a = ops.relu(ops.batch_norm(z, p[f"g{k}"], p[f"h{k}"], eps=EPSILON))
    labels = graph.data(np.eye(sizes[-1])[y], batch_axis=0)
    graph.set_loss(ops.mean(ops.softmax_cross_entropy(z + p["b"], labels)))

    def loss(p: Params) -> float:
        a = x
        for k in range(1, n_layers + 1):
            z = a @ p[f"W{k}"]
            if k < n_layers:
                n = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + EPSILON)
                a = np.maximum(n * p[f"g{k}"] + p[f"h{k}"], 0)
        return cross_entropy(z + p["b"], y)

    title = f"{'-BN-'.join(map(str, sizes[1:-1]))} between {sizes[0]} and {sizes[-1]}"
    return case(name, title, graph, params, loss, plan="exhaustive", target=30, pairs=1)


# ------------------------------------------------------------ recurrence


def lstm(
    name: str = "lstm", n_in: int = 32, width: int = 64, n_steps: int = 20, n_batch: int = 16,
    n_out: int = 10, plan: str = "units",
) -> Case:  # fmt: skip
    """Return an LSTM with one matrix for all gates and a loss after its last step."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((n_steps, n_batch, n_in))
    y = rng.integers(0, n_out, n_batch)
    params = weights(rng, W=(n_in + width, 4 * width), b=(4 * width,), V=(width, n_out), c=(n_out,))
    parts = [slice(k * width, (k + 1) * width) for k in range(4)]
    graph = fc.Graph()
    p = {key: graph.param(key, value.shape) for key, value in params.items()}
    h = c = graph.data(np.zeros((n_batch, width)), batch_axis=0)
    for xt in x:
        joined = ops.concatenate([graph.data(xt, batch_axis=0), h], axis=1)
        z = joined @ p["W"] + p["b"]
        i, f, o = (ops.sigmoid(z[:, part]) for part in parts[:3])
        c = f * c + i * ops.tanh(z[:, parts[3]])
        h = o * ops.tanh(c)
    labels = graph.data(np.eye(n_out)[y], batch_axis=0)
    graph.set_loss(ops.mean(ops.softmax_cross_entropy(h @ p["V"] + p["c"], labels)))

    def loss(p: Params) -> float:
        h = c = np.zeros((n_batch, width))
        for xt in x:
            z = np.concatenate([xt, h], axis=1) @ p["W"] + p["b"]
            i, f, o = (_sigmoid(z[:, part]) for part in parts[:3])
            c = f * c + i * np.tanh(z[:, parts[3]])
            h = o * np.tanh(c)
        return cross_entropy(h @ p["V"] + p["c"], y)

    title = f"LSTM of {width} units, {n_steps} steps of {n_in} inputs"
    return case(name, title, graph, params, loss, plan=plan, target=20)


def _sigmoid(z: Floats) -> Floats:
    return 1 / (1 + np.exp(-z))


# ------------------------------------------------------------ attention

ROOT = float(np.sqrt(2 / np.pi))
"""In the approximation of GELU by tanh."""


def transformer(
    name: str = "transformer", n_layers: int = 2, width: int = 64, n_heads: int = 4,
    n_tokens: int = 16, n_hidden: int = 256, n_batch: int = 8, n_out: int = 10, plan: str = "units",
) -> Case:  # fmt: skip
    """Return blocks of attention and a feed-forward layer, each after a layer normalisation."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal((n_batch, n_tokens, width))
    y = rng.integers(0, n_out, n_batch)
    own = width // n_heads
    shapes: dict[str, tuple[int, ...]] = {}
    for k in range(n_layers):
        shapes |= {f"{m}{k}": (width, n_heads, own) for m in ("Wq", "Wk", "Wv")}
        shapes |= {f"Wo{k}": (n_heads, own, width), f"bo{k}": (width,)}
        shapes |= {f"W1{k}": (width, n_hidden), f"b1{k}": (n_hidden,)}
        shapes |= {f"W2{k}": (n_hidden, width), f"b2{k}": (width,)}
        shapes |= {f"{m}{k}": (width,) for m in ("ga", "ha", "gf", "hf")}
    shapes |= {"V": (width, n_out), "c": (n_out,)}
    params = weights(rng, **shapes)
    for k in range(n_layers):
        for m in ("Wq", "Wk", "Wv"):
            params[f"{m}{k}"] = rng.standard_normal((width, n_heads, own)) / np.sqrt(width)
    scale = 1 / float(np.sqrt(own))
    graph = fc.Graph()
    p = {key: graph.param(key, shape) for key, shape in shapes.items()}
    a: Node = graph.data(x, batch_axis=0)
    for k in range(n_layers):
        n = ops.layer_norm(a, p[f"ga{k}"], p[f"ha{k}"], eps=EPSILON)
        q, key, v = (ops.contract("bte,ehd->bthd", n, p[f"W{m}{k}"]) for m in "qkv")
        score = ops.contract("bthd,bshd->bhts", q, key) * scale
        mixed = ops.contract("bhts,bshd->bthd", ops.softmax(score), v)
        a = a + ops.contract("bthd,hde->bte", mixed, p[f"Wo{k}"]) + p[f"bo{k}"]
        n = ops.layer_norm(a, p[f"gf{k}"], p[f"hf{k}"], eps=EPSILON)
        hidden = ops.gelu(n @ p[f"W1{k}"] + p[f"b1{k}"], "tanh")
        a = a + hidden @ p[f"W2{k}"] + p[f"b2{k}"]
    labels = graph.data(np.eye(n_out)[y], batch_axis=0)
    logits = ops.mean(a, axis=1) @ p["V"] + p["c"]
    graph.set_loss(ops.mean(ops.softmax_cross_entropy(logits, labels)))

    def loss(p: Params) -> float:
        a = x
        for k in range(n_layers):
            n = _layer_norm(a) * p[f"ga{k}"] + p[f"ha{k}"]
            q, key, v = (
                (n @ p[f"W{m}{k}"].reshape(width, width))
                .reshape(n_batch, n_tokens, n_heads, own)
                .transpose(0, 2, 1, 3)
                for m in "qkv"
            )
            score = q @ key.transpose(0, 1, 3, 2) * scale
            e = np.exp(score - score.max(axis=-1, keepdims=True))
            mixed = (e / e.sum(axis=-1, keepdims=True)) @ v
            mixed = mixed.transpose(0, 2, 1, 3).reshape(n_batch, n_tokens, width)
            a = a + mixed @ p[f"Wo{k}"].reshape(width, width) + p[f"bo{k}"]
            n = _layer_norm(a) * p[f"gf{k}"] + p[f"hf{k}"]
            z = n @ p[f"W1{k}"] + p[f"b1{k}"]
            a = a + 0.5 * z * (1 + np.tanh(ROOT * (z + 0.044715 * z**3))) @ p[f"W2{k}"]
            a = a + p[f"b2{k}"]
        return cross_entropy(a.mean(axis=1) @ p["V"] + p["c"], y)

    title = f"{n_layers} blocks of width {width}, {n_heads} heads, {n_tokens} tokens"
    return case(name, title, graph, params, loss, plan=plan, target=20)


def _layer_norm(x: Floats) -> Floats:
    c = x - x.mean(axis=-1, keepdims=True)
    return np.asarray(c / np.sqrt((c * c).mean(axis=-1, keepdims=True) + EPSILON))


# ------------------------------------------------------------ convolution


def lenet(
    name: str = "lenet", side: int = 28, channels: tuple[int, int] = (6, 16),
    hidden: int = 152, n_batch: int = 32, n_out: int = 10, plan: str = "exhaustive",
) -> Case:  # fmt: skip
    """Return two 5x5 convolutions, each with ReLU and 2x2 maxima, and two dense layers."""
    rng = np.random.default_rng(3)
    x = rng.random((n_batch, 1, side, side)) * (rng.random((n_batch, 1, side, side)) < 0.5)
    y = rng.integers(0, n_out, n_batch)
    end = ((side - 4) // 2 - 4) // 2
    n_flat = channels[1] * end * end
    params = weights(
        rng, K1=(channels[0], 25), c1=(channels[0], 1, 1),
        K2=(channels[1], channels[0] * 25), c2=(channels[1], 1, 1),
        W1=(n_flat, hidden), b1=(hidden,), W2=(hidden, n_out), b2=(n_out,),
    )  # fmt: skip
    graph = fc.Graph()
    p = {key: graph.param(key, value.shape) for key, value in params.items()}
    a: Node = graph.data(x, batch_axis=0)
    for k in (1, 2):
        a = _pooled(ops.relu(_convolved(a, p[f"K{k}"]) + p[f"c{k}"]))
    h = ops.relu(ops.reshape(a, (n_batch, -1)) @ p["W1"] + p["b1"])
    labels = graph.data(np.eye(n_out)[y], batch_axis=0)
    graph.set_loss(ops.mean(ops.softmax_cross_entropy(h @ p["W2"] + p["b2"], labels)))

    def loss(p: Params) -> float:
        a = x
        for k in (1, 2):
            a = np.maximum(_convolution(a, p[f"K{k}"]) + p[f"c{k}"], 0)
            n, c, height, wide = a.shape
            a = a.reshape(n, c, height // 2, 2, wide // 2, 2).max(axis=(3, 5))
        h = np.maximum(a.reshape(n_batch, -1) @ p["W1"] + p["b1"], 0)
        return cross_entropy(h @ p["W2"] + p["b2"], y)

    title = f"{channels[0]} and {channels[1]} 5x5 filters, {n_flat}-{hidden}-{n_out}"
    return case(name, title, graph, params, loss, plan=plan, target=100)


def _convolved(a: Node, kernel: Node) -> Node:
    """Return the convolution of images (n, c, h, w) by kernels (filters, c 5 5)."""
    n, c, height, wide = a.shape
    columns = ops.windows(a, (5, 5), (2, 3))  # n, c, h', w', 5, 5
    columns = ops.reshape(
        ops.transpose(columns, (0, 2, 3, 1, 4, 5)), (n, (height - 4) * (wide - 4), c * 25)
    )
    out = ops.contract("npk,fk->nfp", columns, kernel)
    return ops.reshape(out, (n, kernel.shape[0], height - 4, wide - 4))


def _convolution(a: Floats, kernel: Floats) -> Floats:
    """Return the same by copying windows to rows of a matrix."""
    n, c, height, wide = a.shape
    columns = np.lib.stride_tricks.sliding_window_view(a, (5, 5), (2, 3))
    columns = columns.transpose(0, 2, 3, 1, 4, 5).reshape(n * (height - 4) * (wide - 4), c * 25)
    out = (columns @ kernel.T).reshape(n, height - 4, wide - 4, -1)
    return out.transpose(0, 3, 1, 2)


def _pooled(a: Node) -> Node:
    n, c, height, wide = a.shape
    return ops.max(ops.reshape(a, (n, c, height // 2, 2, wide // 2, 2)), axis=(3, 5))


CASES: dict[str, Callable[[], Case]] = {
    "bn": batch_normalised,
    "lstm": lstm,
    "transformer": transformer,
    "lenet": lenet,
}
"""What makes each case."""

SMALL: dict[str, Callable[[], Case]] = {
    "bn": partial(batch_normalised, sizes=(12, 9, 8, 4), n_batch=6),
    "lstm": partial(lstm, n_in=3, width=4, n_steps=5, n_batch=3, n_out=3),
    "transformer": partial(transformer, width=4, n_heads=2, n_tokens=3, n_hidden=5, n_batch=2,
                           n_out=3),
    "lenet": partial(lenet, side=16, channels=(2, 3), hidden=5, n_batch=3, n_out=3),
}  # fmt: skip
"""The same networks where only rightness is looked at."""
