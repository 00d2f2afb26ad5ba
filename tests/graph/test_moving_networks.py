"""Networks made of slices, windows, look-ups and sums over places, judged as 50 digits judge."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.graph import Graph, Node, ops
from tests.graph import mp_networks as mp
from tests.graph.drive import probe, worst_of

Array = np.ndarray
Literal = Callable[[dict[str, Array]], Any]


def normal(seed: int, *shape: int) -> Array:
    return np.random.default_rng([11, seed]).standard_normal(shape)


def embedding(graph: Graph, batch_axis: int | None) -> tuple[Node, Literal]:
    """Return words looked up, a position added, a layer over time; one word stands twice."""
    words, target = np.array([[1, 4, 1], [0, 2, 5], [5, 3, 0], [2, 2, 2]]), normal(5, 4, 2)
    look_up = ops.take(graph.param("E", (6, 3)), words, 0, batch_axis=batch_axis)
    h = ops.tanh(look_up + graph.param("P", (3, 3)))
    out = h.reshape(4, 9) @ graph.param("W", (9, 2))

    def literal(p: dict[str, Array]) -> Any:
        h = mp.tanh(p["E"][words] + p["P"])
        return ((h.reshape(4, 9) @ p["W"] - target) ** 2).sum() / 8

    labels = graph.data(target, batch_axis=batch_axis)
    return ops.mean(ops.square(out - labels)), literal


def convolution(graph: Graph, stride: int, dilation: int, padding: int) -> tuple[Node, Literal]:
    """Return two convolutions by windows and a dense layer."""
    x, y = normal(6, 2, 2, 6, 5), normal(7, 2, 2)
    w1, w2 = graph.param("W1", (3, 2, 2, 2)), graph.param("W2", (2, 3, 2, 1))
    border = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    z = ops.windows(ops.pad(graph.data(x, 0), border), (2, 2), (2, 3), stride, dilation)
    z = ops.contract("nchwkl,fckl->nfhw", z, w1) + graph.param("b", (3, 1, 1))
    a = ops.windows(ops.tanh(z), (2, 1), (2, 3), strides=(1, 2))
    a = ops.tanh(ops.contract("nchwkl,fckl->nfhw", a, w2))
    flat = a.reshape(2, -1)
    out = flat @ graph.param("V", (flat.shape[1], 2))

    def convolved(a: Array, w: Array, step: tuple[int, int], gap: int) -> Array:
        span = [(k - 1) * gap for k in w.shape[2:]]
        size = [(n - s - 1) // d + 1 for n, s, d in zip(a.shape[2:], span, step, strict=True)]
        out = np.empty((2, len(w), *size), dtype=object)
        for n, f, i, j in np.ndindex(out.shape):
            i0, j0 = i * step[0], j * step[1]
            window = a[n, :, i0 : i0 + span[0] + 1 : gap, j0 : j0 + span[1] + 1 : gap]
            out[n, f, i, j] = (window * w[f]).sum()
        return out

    def literal(p: dict[str, Array]) -> Any:
        z = convolved(np.pad(x, border), p["W1"], (stride, stride), dilation) + p["b"]
        a = mp.tanh(convolved(mp.tanh(z), p["W2"], (1, 2), 1))
        return ((a.reshape(2, -1) @ p["V"] - y) ** 2).sum() / 4

    return ops.mean(ops.square(out - graph.data(y, 0))), literal


def gated_recurrence(graph: Graph, last_only: bool) -> tuple[Node, Literal]:
    """Return an LSTM whose gates are slices of one product, hidden states stacked."""
    x, y = normal(8, 3, 4, 2), normal(9, 3, 4, 2)
    w, b, v = graph.param("W", (4, 8)), graph.param("b", (8,)), graph.param("V", (2, 2))
    data = graph.data(x, 0)
    h = c = graph.data(np.zeros((3, 2)), 0)
    states = []
    for t in range(4):
        z = ops.concatenate([data[:, t], h], axis=1) @ w + b
        i, f, o, g = ops.split(z, 4, axis=1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        states.append(h)
    hs = ops.stack(states, axis=1)
    out, target = (hs[:, -1:], y[:, -1:]) if last_only else (ops.flip(hs, 1), y[:, ::-1])
    error = ops.square(out @ v - graph.data(target, 0))

    def literal(p: dict[str, Array]) -> Any:
        h = c = mp.exact(np.zeros((3, 2)))
        total = mp.exact(0)
        for t in range(4):
            z = np.concatenate([mp.exact(x[:, t]), h], axis=1) @ p["W"] + p["b"]
            i, f, o = (mp.sigmoid(z[:, k : k + 2]) for k in (0, 2, 4))
            c = f * c + i * mp.tanh(z[:, 6:])
            h = o * mp.tanh(c)
            total += ((h @ p["V"] - y[:, t]) ** 2).sum() if t == 3 or not last_only else 0
        return total / error.size

    return ops.mean(error), literal


def one_vector_of_parameters(graph: Graph) -> tuple[Node, Literal]:
    x, y = normal(10, 5, 3), normal(11, 5, 2)
    theta = graph.param("theta", (3 * 4 + 4 + 4 * 2 + 2,))
    a = ops.tanh(graph.data(x, 0) @ theta[:12].reshape(3, 4) + theta[12:16])
    out = a @ theta[16:24].reshape(4, 2) + theta[24:]

    def literal(p: dict[str, Array]) -> Any:
        t = p["theta"]
        a = mp.tanh(x @ t[:12].reshape(3, 4) + t[12:16])
        return ((a @ t[16:24].reshape(4, 2) + t[24:] - y) ** 2).sum() / 10

    return ops.mean(ops.square(out - graph.data(y, 0))), literal


def masked_attention(graph: Graph) -> tuple[Node, Literal]:
    """Return attention of two heads, each position to those before it; heads are slices."""
    x, y = normal(12, 2, 3, 4), normal(13, 2, 3, 4)
    data = graph.data(x, 0)
    qkv = data @ graph.param("W", (4, 12))
    heads = qkv.reshape(2, 3, 3, 2, 2).transpose(2, 0, 3, 1, 4)  # which, sample, head, time, width
    q, k, v = list(heads)
    score = ops.softmax(ops.tril(ops.contract("nhtd,nhsd->nhts", q, k), fill=-1e9))
    out = ops.contract("nhts,nhsd->nhtd", score, v).transpose(0, 2, 1, 3).reshape(2, 3, 4)

    def literal(p: dict[str, Array]) -> Any:
        total = mp.exact(0)
        for xn, yn in zip(x, y, strict=True):
            qkv = xn @ p["W"]
            for head in range(2):
                at = slice(2 * head, 2 * head + 2)
                q, k, v = (qkv[:, 4 * n :][:, at] for n in range(3))
                for t in range(3):
                    weight = mp.softmax((q @ k.T)[t, : t + 1])
                    total += ((weight @ v[: t + 1] - yn[t, at]) ** 2).sum()
        return total / 24

    return ops.mean(ops.square(out - graph.data(y, 0))), literal


def sums_over_places(graph: Graph, batch_axis: int | None) -> tuple[Node, Literal]:
    """Return features added at places of each sample, and edges added at nodes of a graph."""
    x, place = normal(14, 3, 4), np.array([1, 0, 1, 2])
    z = ops.tanh(graph.data(x, batch_axis) @ graph.param("W", (4, 4)))
    pooled = ops.scatter_add(z, (np.arange(3)[:, None], place), (3, 3))
    shared = ops.scatter_add(z, np.array([[0, 1, 2, 0], [1, 1, 2, 0], [2, 0, 0, 1]]), (3,))

    def literal(p: dict[str, Array]) -> Any:
        z = mp.tanh(x @ p["W"])
        pooled = [[zn[place == k].sum() for k in range(3)] for zn in z]
        a, b, c = z
        shared = [a[0] + a[3] + b[3] + c[1] + c[2], a[1] + b[0] + b[1] + c[3], a[2] + b[2] + c[0]]
        return (mp.exact(pooled) ** 2).sum() / 3 + (mp.tanh(mp.exact(shared)) ** 2).sum()

    return ops.sum(ops.square(pooled)) / 3.0 + ops.sum(ops.square(ops.tanh(shared))), literal


NETWORKS: dict[str, Callable[[Graph], tuple[Node, Literal]]] = {
    "embedding": partial(embedding, batch_axis=0),
    "embedding, samples undeclared": partial(embedding, batch_axis=None),
    "convolution": partial(convolution, stride=1, dilation=1, padding=0),
    "convolution, padded, strided": partial(convolution, stride=2, dilation=1, padding=1),
    "convolution, dilated": partial(convolution, stride=1, dilation=2, padding=1),
    "LSTM": partial(gated_recurrence, last_only=False),
    "LSTM, last state": partial(gated_recurrence, last_only=True),
    "one vector of parameters": one_vector_of_parameters,
    "masked attention": masked_attention,
    "sums over places": partial(sums_over_places, batch_axis=0),
    "sums over places, samples undeclared": partial(sums_over_places, batch_axis=None),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_judged_as_50_digits_judge_it(name: str) -> None:
    graph = Graph()
    loss, literal = NETWORKS[name](graph)
    graph.set_loss(loss)
    objective = fc.GraphObjective(graph)
    params = {
        key: 0.7 * normal(20 + k, *shape) for k, (key, shape) in enumerate(objective.shapes.items())
    }
    value = float(literal({key: mp.exact(array) for key, array in params.items()}))
    assert objective.loss(params) == pytest.approx(value, rel=1e-13)
    truth = mp.gradient(literal, params)
    assert worst_of(objective.gradient(params), truth) < 1e-12
    for plan in ("exhaustive", "units"):
        result = fc.check_gradients(objective, params, truth, plan=plan)
        assert result, str(result)
        assert worst_of(result.numerical, truth) < 1e-12
        key = max(truth, key=lambda key: truth[key].size)
        place = np.unravel_index(np.abs(truth[key]).argmax(), truth[key].shape)
        wrong = {**truth, key: truth[key].copy()}
        wrong[key][place] *= 1.0 + 1e-4
        found = fc.check_gradients(objective, params, wrong, plan=plan)
        assert [e.index for e in found.tensors[key].mismatches] == [place]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_in_small_chunks_gives_the_same(name: str) -> None:
    graph = Graph()
    loss, _ = NETWORKS[name](graph)
    graph.set_loss(loss)
    params = {k: 0.7 * normal(20, *node.shape) for k, node in graph.params.items()}
    for node in graph.params.values():
        whole = probe(graph, params, node)
        parts = probe(graph, params, node, chunk=5, n_rows=20)
        scale = np.abs(whole.values).max()
        assert np.abs(whole.values - parts.values).max() <= 1e-13 * scale
        assert not whole.coupled
