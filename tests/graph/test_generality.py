"""Networks as users write them, checked by the public verbs against 50-digit differences."""

# ruff: noqa: D102 - the methods of an operation are documented once, in its base class

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import ops
from fastcheck.graph import Graph, Node
from fastcheck.graph.ops.base import Op
from fastcheck.graph.ops.pointwise import Pointwise
from tests.graph import mp_networks as mp
from tests.graph.drive import worst_of

Array = np.ndarray
Literal = Callable[[dict[str, Array]], Any]  # the loss, with NumPy on mpmath numbers
Made = tuple[Node, Literal]

PLANS = pytest.mark.parametrize("plan", ["exhaustive", "units"])


def normal(seed: int, *shape: int) -> Array:
    return np.random.default_rng([7, seed]).standard_normal(shape)


def classes(*labels: int, n: int) -> Array:
    return np.eye(n)[list(labels)]


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def softmax(z: Array, axis: int = -1) -> Array:
    return np.exp(z) / np.exp(z).sum(axis=axis, keepdims=True)


def relu(z: Array) -> Array:
    return np.where(z > 0, z, mp.exact(0))


def entropy(z: Array, y: Array) -> Any:
    """Return the mean cross-entropy of the softmax of `z` (samples first)."""
    return -(mp.log(mp.softmax(z)) * mp.exact(y)).sum() / len(y)


class SiLU(Pointwise):
    """``x sigmoid(x)``."""

    def value(self, *values):
        return values[0] * sigmoid(values[0])

    def stencil(self, x, y):
        return x, sigmoid(x)

    def rule(self, d, *stencil):
        x, s = stencil
        e = np.expm1(d)
        ds = s * (1 - s) * e / (1 + s * e)
        return d * (s + ds) + x * ds

    def derivative(self, x, y):
        s = sigmoid(x)
        return s * (1 + x * (1 - s))


class CumulativeSum(Op):
    """Partial sums along an axis."""

    is_linear = True

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def shape(self, *shapes):
        return shapes[0]

    def value(self, *values):
        return np.cumsum(values[0], axis=self.axis)

    def difference(self, node, diffs, block):
        d = diffs[0].unpinned(node.inputs[0].shape)
        return d.replaced(np.cumsum(d.data, axis=self.axis), {})

    def vjp(self, cotangent, values, output):
        return [np.flip(np.cumsum(np.flip(cotangent, self.axis), axis=self.axis), self.axis)]

    def batch(self, inputs, shape):
        samples = inputs[0].batch_axis
        return samples, samples == self.axis


class LogSumExp(Op):
    """``log(sum(exp(x)))`` over an axis."""

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def shape(self, *shapes):
        return shapes[0][: self.axis] + shapes[0][self.axis + 1 :]

    def value(self, *values):
        return np.log(np.exp(values[0]).sum(axis=self.axis))

    def prepare(self, node, state):
        return (softmax(state.inputs(node)[0], self.axis),)

    def difference(self, node, diffs, block):
        source = node.inputs[0]
        d = diffs[0].unpinned(source.shape)
        (p,) = block.base(node, d, source)
        return d.replaced(np.log1p((p * np.expm1(d.data)).sum(axis=self.axis)), {})

    def vjp(self, cotangent, values, output):
        return [np.expand_dims(cotangent, self.axis) * softmax(values[0], self.axis)]

    def batch(self, inputs, shape):
        axis = inputs[0].batch_axis
        kept = axis not in (None, self.axis)
        return (axis - (axis > self.axis) if kept else None), axis == self.axis


def apply(op: Op, a: Node) -> Node:
    return a.graph.apply(op, a)


def tied_autoencoder(graph: Graph) -> Made:
    x = normal(0, 5, 4)
    data, w = graph.data(x, batch_axis=0), graph.param("W", (4, 3))
    hidden = ops.tanh(data @ w + graph.param("b", (3,)))
    error = ops.sum(ops.square(hidden @ w.T + graph.param("c", (4,)) - data), axis=1)

    def literal(p: dict[str, Array]) -> Any:
        return ((mp.tanh(x @ p["W"] + p["b"]) @ p["W"].T + p["c"] - x) ** 2).sum() / 5

    return ops.mean(error), literal


def recurrence(graph: Graph, from_step: int) -> Made:
    """Return eight tanh steps with a loss at each step from `from_step` on."""
    x, y = normal(1, 8, 3, 2), classes(0, 1, 1, n=2)
    wx, wh, b = graph.param("Wx", (2, 3)), graph.param("Wh", (3, 3)), graph.param("b", (3,))
    v, labels = graph.param("V", (3, 2)), graph.data(y, batch_axis=0)
    hidden: Node | None = None
    loss: Any = 0.0
    for t in range(8):
        z = graph.data(x[t], batch_axis=0) @ wx + b
        hidden = ops.tanh(z if hidden is None else z + hidden @ wh)
        if t >= from_step:
            loss = loss + ops.mean(ops.softmax_cross_entropy(hidden @ v, labels))

    def literal(p: dict[str, Array]) -> Any:
        h, total = mp.exact(np.zeros((3, 3))), mp.exact(0)
        for t in range(8):
            h = mp.tanh(x[t] @ p["Wx"] + h @ p["Wh"] + p["b"])
            total += entropy(h @ p["V"], y) if t >= from_step else 0
        return total

    return loss, literal


def normalised(graph: Graph, n_times: int) -> Made:
    """Return two dense layers with `n_times` batch normalisations between them."""
    x, y = normal(2, 5, 3), classes(0, 1, 1, 0, 1, n=2)
    z = graph.data(x, batch_axis=0) @ graph.param("W1", (3, 4))
    for k in range(n_times):
        c = z - ops.mean(z, axis=0, keepdims=True)
        deviation = ops.sqrt(ops.mean(ops.square(c), axis=0, keepdims=True) + 1e-3)
        z = ops.tanh(c / deviation * graph.param(f"g{k}", (4,)) + graph.param(f"h{k}", (4,)))
    z = z @ graph.param("W2", (4, 2))

    def literal(p: dict[str, Array]) -> Any:
        z = x @ p["W1"]
        for k in range(n_times):
            c = z - z.sum(axis=0) / 5
            deviation = mp.sqrt((c * c).sum(axis=0) / 5 + mp.exact(1e-3))
            z = mp.tanh(c / deviation * p[f"g{k}"] + p[f"h{k}"])
        return entropy(z @ p["W2"], y)

    return ops.mean(ops.softmax_cross_entropy(z, graph.data(y, batch_axis=0))), literal


def attention_in_each_sample(graph: Graph) -> Made:
    x, target = normal(3, 3, 4, 2), normal(4, 3, 4, 2)
    data = graph.data(x, batch_axis=0)
    score = ops.contract("nte,nse->nts", data @ graph.param("W", (2, 2)), data) * 0.75
    out = ops.contract("nts,nsd->ntd", ops.softmax(score), data)

    def literal(p: dict[str, Array]) -> Any:
        outs = [mp.softmax(0.75 * (xn @ p["W"] @ xn.T)) @ xn for xn in x]
        return ((np.stack(outs) - target) ** 2).sum() / 24

    return ops.mean(ops.square(out - graph.data(target, batch_axis=0))), literal


def attention_across_samples(graph: Graph) -> Made:
    x, target = normal(5, 4, 2), normal(6, 4, 2)
    data = graph.data(x, batch_axis=0)
    out = ops.softmax(data @ graph.param("W", (2, 2)) @ data.T / np.sqrt(2)) @ data

    def literal(p: dict[str, Array]) -> Any:
        out = mp.softmax(x @ p["W"] @ x.T / mp.exact(np.sqrt(2))) @ x
        return ((out - target) ** 2).sum() / 8

    return ops.mean(ops.square(out - graph.data(target, batch_axis=0))), literal


def features_times_examples(graph: Graph) -> Made:
    x, y = normal(7, 3, 5), classes(0, 2, 1, 1, 0, n=3)
    z = graph.param("W1", (4, 3)) @ graph.data(x, batch_axis=1) + graph.param("b1", (4, 1))
    z = graph.param("W2", (3, 4)) @ ops.relu(z) + graph.param("b2", (3, 1))

    def literal(p: dict[str, Array]) -> Any:
        return entropy((p["W2"] @ relu(p["W1"] @ x + p["b1"]) + p["b2"]).T, y)

    labels = graph.data(y.T, batch_axis=1)
    return ops.mean(ops.softmax_cross_entropy(z, labels, axis=0)), literal


def residual_blocks_that_share_weights(graph: Graph) -> Made:
    x, target = normal(8, 4, 3), normal(9, 4, 3)
    h = ops.relu(graph.data(x, batch_axis=0) @ graph.param("W0", (3, 3)))
    w1, b1, w2 = graph.param("W1", (3, 2)), graph.param("b1", (2,)), graph.param("W2", (2, 3))
    for _ in range(2):
        h = h + ops.tanh(h @ w1 + b1) @ w2

    def literal(p: dict[str, Array]) -> Any:
        h = relu(x @ p["W0"])
        for _ in range(2):
            h = h + mp.tanh(h @ p["W1"] + p["b1"]) @ p["W2"]
        return ((h - target) ** 2).sum() / 12

    return ops.mean(ops.square(h - graph.data(target, batch_axis=0))), literal


def gated_products(graph: Graph) -> Made:
    x = normal(10, 4, 3)
    data = graph.data(x, batch_axis=0)
    weight = ops.tanh(graph.param("A", (3, 2))) * ops.sigmoid(graph.param("B", (3, 2)))
    out = (data @ weight) * ops.softplus(data @ graph.param("C", (3, 2)))

    def literal(p: dict[str, Array]) -> Any:
        out = x @ (mp.tanh(p["A"]) * mp.sigmoid(p["B"])) * mp.softplus(x @ p["C"])
        return ((out - 1) ** 2).sum() / 8

    return ops.mean(ops.square(out - 1.0)), literal


def standardised_weights(graph: Graph) -> Made:
    x = normal(11, 4, 3)
    w = graph.param("W", (3, 2))
    c = w - ops.mean(w)
    w = c / ops.sqrt(ops.mean(ops.square(c)) + 1e-5)
    out = ops.tanh(graph.data(x, batch_axis=0) @ w) @ graph.param("V", (2, 2))

    def literal(p: dict[str, Array]) -> Any:
        c = p["W"] - p["W"].sum() / 6
        w = c / mp.mp.sqrt((c * c).sum() / 6 + mp.exact(1e-5))
        return ((mp.tanh(x @ w) @ p["V"] - 1) ** 2).sum() / 8

    return ops.mean(ops.square(out - 1.0)), literal


def weighted_mean_with_decay(graph: Graph) -> Made:
    x = normal(12, 5, 3)
    data, w, v = graph.data(x, batch_axis=0), graph.param("W", (3, 2)), graph.param("v", (3, 1))
    losses = ops.sum(ops.square(ops.tanh(data @ w) - 1.0), axis=1, keepdims=True)
    weights = ops.exp(data @ v)
    ratio = ops.sum(weights * losses) / ops.sum(weights)

    def literal(p: dict[str, Array]) -> Any:
        losses, weights = ((mp.tanh(x @ p["W"]) - 1) ** 2).sum(axis=1), mp.exp(x @ p["v"])[:, 0]
        return (weights * losses).sum() / weights.sum() + (p["W"] ** 2).sum() / 8

    return ratio + 0.125 * ops.sum(ops.square(w)), literal


def with_ops(graph: Graph, samples: int | None) -> Made:
    """Return a network of added operations, with samples along an axis or undeclared."""
    x = normal(13, 3, 4) if samples == 1 else normal(13, 4, 3)
    data, features = graph.data(x, batch_axis=samples), int(samples != 1)
    w, b = graph.param("W", (3, 3)), graph.param("b", (3,))
    z = data @ w + b if features else w @ data + ops.reshape(b, (3, 1))
    h = apply(CumulativeSum(features), apply(SiLU(), z))
    pooled = ops.square(apply(LogSumExp(features), h))
    own = ops.sum(apply(LogSumExp(0), apply(SiLU(), graph.param("V", (2, 3)))))

    def literal(p: dict[str, Array]) -> Any:
        z = (x if features else x.T) @ (p["W"] if features else p["W"].T) + p["b"]
        h = np.cumsum(z * mp.sigmoid(z), axis=1)
        v = p["V"] * mp.sigmoid(p["V"])
        total = (mp.log(mp.exp(h).sum(axis=1)) ** 2).sum() / 4
        return total + mp.log(mp.exp(v).sum(axis=0)).sum()

    return ops.mean(pooled) + own, literal


def added_operations_that_mix_samples(graph: Graph) -> Made:
    x = normal(14, 4, 3)
    z = ops.tanh(graph.data(x, batch_axis=0) @ graph.param("W", (3, 3)))
    out = apply(CumulativeSum(0), z) * apply(LogSumExp(0), z)

    def literal(p: dict[str, Array]) -> Any:
        z = mp.tanh(x @ p["W"])
        return ((np.cumsum(z, axis=0) * mp.log(mp.exp(z).sum(axis=0)) - 1) ** 2).sum() / 12

    return ops.mean(ops.square(out - 1.0)), literal


WRITTEN = (
    tied_autoencoder, attention_in_each_sample, attention_across_samples, features_times_examples,
    residual_blocks_that_share_weights, gated_products, standardised_weights,
    weighted_mean_with_decay, added_operations_that_mix_samples,
)  # fmt: skip
NETWORKS: dict[str, Callable[[Graph], Made]] = {
    **{make.__name__: make for make in WRITTEN},
    "recurrence_with_one_loss": partial(recurrence, from_step=7),
    "recurrence_with_a_loss_per_step": partial(recurrence, from_step=0),
    "batch_normalisation": partial(normalised, n_times=1),
    "batch_normalisation_twice": partial(normalised, n_times=2),
    "added_operations_streamed": partial(with_ops, samples=0),
    "added_operations_streamed_by_columns": partial(with_ops, samples=1),
    "added_operations_carried": partial(with_ops, samples=None),
}


def made(name: str) -> tuple[fc.GraphObjective, dict[str, Array], dict[str, Array]]:
    """Return the objective, a point, and the gradient there from 50 digits."""
    graph = Graph()
    loss, literal = NETWORKS[name](graph)
    graph.set_loss(loss)
    objective = fc.GraphObjective(graph)
    params = {
        key: 0.7 * normal(20 + k, *shape) for k, (key, shape) in enumerate(objective.shapes.items())
    }
    value = float(literal({key: mp.exact(array) for key, array in params.items()}))
    assert objective.loss(params) == pytest.approx(value, rel=1e-13)
    return objective, params, mp.gradient(literal, params)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_judged_as_50_digits_judge_it(name: str) -> None:
    objective, params, truth = made(name)
    assert worst_of(objective.gradient(params), truth) < 1e-12
    for plan in ("exhaustive", "units"):
        result = fc.check_gradients(objective, params, truth, plan=plan)
        assert result, str(result)
        assert result.plan == plan
        assert worst_of(result.numerical, truth) < 1e-12
        for key, array in truth.items():
            assert (np.abs(result.numerical[key] - array) <= result.bounds[key]).all()
            place = np.unravel_index(np.abs(array).argmax(), array.shape)
            wrong = {**truth, key: array.copy()}
            wrong[key][place] *= 1.0 + 1e-4
            found = fc.check_gradients(objective, params, wrong, plan=plan)
            assert {k: t.verdict for k, t in found.tensors.items()} == {
                k: "fail" if k == key else "pass" for k in truth
            }
            assert [e.index for e in found.tensors[key].mismatches] == [place]


@PLANS
def test_a_tied_weight_whose_second_use_is_forgotten_fails(plan: str) -> None:
    objective, params, _ = made("tied_autoencoder")
    x, w, b, c = normal(0, 5, 4), params["W"], params["b"], params["c"]
    h = np.tanh(x @ w + b)
    d_out = 2 * (h @ w.T + c - x) / 5
    d_z = (d_out @ w) * (1 - h * h)
    right = {"W": x.T @ d_z + d_out.T @ h, "b": d_z.sum(axis=0), "c": d_out.sum(axis=0)}
    assert fc.check_gradients(objective, params, right, plan=plan)
    found = fc.check_gradients(objective, params, {**right, "W": x.T @ d_z}, plan=plan)
    assert {k: t.n_disagree for k, t in found.tensors.items()} == {"W": 12, "b": 0, "c": 0}


@PLANS
def test_a_mean_over_the_batch_that_is_taken_for_a_constant_fails(plan: str) -> None:
    objective, params, _ = made("batch_normalisation")
    x, y = normal(2, 5, 3), classes(0, 1, 1, 0, 1, n=2)
    c = x @ params["W1"] - (x @ params["W1"]).mean(axis=0)
    deviation = np.sqrt((c * c).mean(axis=0) + 1e-3)
    a = np.tanh(c / deviation * params["g0"] + params["h0"])
    d_out = (softmax(a @ params["W2"]) - y) / 5
    d_z = d_out @ params["W2"].T * (1 - a * a)
    right = {"W2": a.T @ d_out, "g0": (d_z * c / deviation).sum(axis=0), "h0": d_z.sum(axis=0)}
    d_n = d_z * params["g0"]
    d_c = d_n / deviation - c * (d_n * c).mean(axis=0) / deviation**3
    right["W1"] = x.T @ (d_c - d_c.mean(axis=0))
    assert fc.check_gradients(objective, params, right, plan=plan)
    found = fc.check_gradients(objective, params, {**right, "W1": x.T @ d_c}, plan=plan)
    assert found.tensors["W1"].n_disagree == 12
    assert all(t.verdict == "pass" for k, t in found.tensors.items() if k != "W1")
