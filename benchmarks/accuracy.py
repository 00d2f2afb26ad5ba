"""How right the numerical gradients are: ``python benchmarks/accuracy.py [--json FILE]``.

The worst relative error of an entry against 50-digit arithmetic, over entries above 1e-4 of the
largest of their tensor; beside it that of plain subtraction of two losses, and how the error falls
with the step where the step is made large.

Exit status 1 if an error is above `LIMIT`, or does not fall as the square of the step.
"""

from __future__ import annotations

import argparse
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the checkout is measured

import fastcheck as fc
from benchmarks.timing import machine, table, write_json
from fastcheck.graph import Graph, ops
from tests.graph import mp_networks as exact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Params = dict[str, Floats]

LIMIT = 1e-12
ABOVE = 1e-4
"""Entries below this share of their tensor's largest are left out."""
SIZES = (8, 7, 6, 5, 4)
STEPS = (2.0**-4, 2.0**-5, 2.0**-6, 2.0**-7)
ORDER = (1.9, 2.1)
"""What the observed order of the error may be where steps are large."""
ACTIVATIONS = {"sigmoid": fc.Sigmoid, "tanh": fc.Tanh, "softplus": fc.Softplus}
LOSSES = {
    "ce": fc.SoftmaxCrossEntropy(),
    "bce": fc.BinaryCrossEntropyWithLogits(),
    "bce from sigmoid": fc.BinaryCrossEntropy(),
    "mse": fc.SquaredError(),
}


def dense(act: str, loss: str, n_layers: int, n_batch: int) -> tuple[Any, Params, Params]:
    """Return objective, parameters and 50-digit gradient of a dense network."""
    rng = np.random.default_rng([n_layers, len(act), len(loss)])
    sizes = (*SIZES[:n_layers], 3)
    layers: list[Any] = []
    for n_in, n_out in pairwise(sizes):
        layers += [fc.Dense(n_in, n_out), ACTIVATIONS[act]()]
    last = [fc.Sigmoid()] if loss == "bce from sigmoid" else []
    net = fc.Network([*layers[:-1], *last], loss=LOSSES[loss])
    params = net.init_params(seed=n_layers, biases="random")
    x = rng.standard_normal((n_batch, sizes[0]))
    y = (
        np.eye(3)[rng.integers(0, 3, n_batch)]
        if loss != "mse"
        else rng.standard_normal((n_batch, 3))
    )
    truth = exact.dense_gradient(params, x, y, act, loss.partition(" ")[0])
    return net.objective(x, y), params, truth


def tied_autoencoder(n_batch: int) -> tuple[Any, Params, Params]:
    """Return a network that reads with a matrix and writes with its transpose."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((n_batch, 7))
    params = {"W": rng.standard_normal((7, 4)) / 2, "b": rng.standard_normal(4), "c": np.zeros(7)}
    graph = Graph()
    w, b, c = (graph.param(name, value.shape) for name, value in params.items())
    data = graph.data(x, batch_axis=0)
    decoded = ops.tanh(data @ w + b) @ w.T + c
    graph.set_loss(ops.sum(ops.square(decoded - data)) * (1 / n_batch))

    def loss(p: Any) -> Any:
        decoded = exact.tanh(x @ p["W"] + p["b"]) @ p["W"].T + p["c"]
        return ((decoded - x) ** 2).sum() / n_batch

    return fc.GraphObjective(graph), params, exact.gradient(loss, params)


def recurrence(n_batch: int, n_steps: int = 6) -> tuple[Any, Params, Params]:
    """Return a tanh recurrence, unrolled, with a softmax at its end."""
    rng = np.random.default_rng(2)
    xs = rng.standard_normal((n_steps, n_batch, 3))
    y = np.eye(3)[rng.integers(0, 3, n_batch)]
    shapes = {"U": (3, 5), "V": (5, 5), "O": (5, 3)}
    params = {name: 0.6 * rng.standard_normal(shape) for name, shape in shapes.items()}
    graph = Graph()
    u, v, o = (graph.param(name, shape) for name, shape in shapes.items())
    state = ops.tanh(graph.data(xs[0], batch_axis=0) @ u)
    for x in xs[1:]:
        state = ops.tanh(graph.data(x, batch_axis=0) @ u + state @ v)
    graph.set_loss(ops.mean(ops.softmax_cross_entropy(state @ o, graph.data(y, batch_axis=0))))

    def loss(p: Any) -> Any:
        state = exact.tanh(xs[0] @ p["U"])
        for x in xs[1:]:
            state = exact.tanh(x @ p["U"] + state @ p["V"])
        return -(y * exact.log(exact.softmax(state @ p["O"]))).sum() / n_batch

    return fc.GraphObjective(graph), params, exact.gradient(loss, params)


def worst_error(found: Mapping[str, Floats], truth: Params) -> float:
    """Return the worst relative error over the entries that are not small."""
    worst = 0.0
    for name, right in truth.items():
        size = np.abs(right)
        matters = size > ABOVE * size.max()
        worst = max(worst, float((np.abs(found[name] - right)[matters] / size[matters]).max()))
    return worst


def errors(objective: Any, params: Params, truth: Params) -> dict[str, float]:
    """Return the worst error of difference arithmetic and of plain subtraction."""
    return {
        arithmetic: worst_error(
            fc.numerical_gradient(
                objective, params, plan="exhaustive", arithmetic=arithmetic
            ).values,
            truth,
        )
        for arithmetic in ("difference", "plain")
    }


def decay(objective: Any, params: Params, truth: Params) -> list[dict[str, Any]]:
    """Return, for large steps, the error of the whole gradient and its observed order."""
    found: list[dict[str, Any]] = []
    for step in STEPS:
        numerical = fc.numerical_gradient(objective, params, plan="exhaustive", step=step).values
        gap = np.sqrt(sum(np.sum((numerical[name] - truth[name]) ** 2) for name in truth))
        size = np.sqrt(sum(np.sum(truth[name] ** 2) for name in truth))
        error = float(gap / size)
        order = float(np.log2(found[-1]["error"] / error)) if found else None
        found.append({"step": step, "error": error, "order": order})
    return found


def all_networks(depths: tuple[int, ...], n_batch: int) -> dict[str, tuple[Any, Params, Params]]:
    """Return all networks by name."""
    found = {
        f"{act}, {loss}, {n_layers} layers": dense(act, loss, n_layers, n_batch)
        for n_layers in depths
        for act in ACTIVATIONS
        for loss in LOSSES
    }
    found["tied autoencoder"] = tied_autoencoder(n_batch)
    found["unrolled tanh recurrence"] = recurrence(n_batch)
    return found


def main(argv: list[str] | None = None) -> int:
    """Measure, print tables, write JSON; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two layers and three examples only")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args(argv)
    networks = all_networks((2,) if options.quick else (2, 3, 4), 3 if options.quick else 8)
    found = {name: errors(*network) for name, network in networks.items()}
    falling = decay(*networks["tanh, ce, 2 layers"])
    print(accuracy_table(found) + "\n\n" + decay_table(falling))
    report = {"machine": machine(), "errors": found, "decay": falling}
    write_json(options.json, report)
    worst = max(error["difference"] for error in found.values())
    falls = all(ORDER[0] < at["order"] < ORDER[1] for at in falling[1:])
    print(f"\nworst {worst:.1e}, limit {LIMIT:.0e}; falls as the square of the step: {falls}")
    return 0 if worst <= LIMIT and falls else 1


def accuracy_table(found: Mapping[str, dict[str, float]]) -> str:
    """Return the errors as text."""
    rows = [
        [name, f"{error['difference']:.1e}", f"{error['plain']:.1e}"]
        for name, error in found.items()
    ]
    return table(["worst relative error of an entry", "differences", "plain subtraction"], rows)


def decay_table(found: list[dict[str, Any]]) -> str:
    """Return the errors at large steps as text."""
    rows = [
        [f"{at['step']:g}", f"{at['error']:.3e}", "" if k == 0 else f"{at['order']:.2f}"]
        for k, at in enumerate(found)
    ]
    return table(["step (tanh, ce, 2 layers)", "error of the gradient", "order"], rows)


if __name__ == "__main__":
    raise SystemExit(main())
