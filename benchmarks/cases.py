"""The networks that are timed, each with its literal twins and its targets."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

import fastcheck as fc
from benchmarks.loops import (
    Loop,
    PlainLoop,
    PublishedLoop,
    affine_relu_loss,
    relu,
    sigmoid_output_loss,
    softmax_output_loss,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fastcheck.objective import GraphObjective

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Params = dict[str, Floats]

GUARD = 1e-7
STEP = 1e-5
"""Of the plain loop; its time does not depend on it."""


@dataclass(frozen=True, eq=False)
class Case:
    """A network at a minibatch, and what it is compared with.

    Attributes
    ----------
    name, title, data : str
        What it is called, what it is, and where the examples come from.
    objective : GraphObjective
        The loss as fastcheck sees it.
    params : dict of str to ndarray
        The point.
    plan : str
        The plan that is timed.
    loops : tuple of Loop
        The peers, the plain loop first.
    targets : dict of str to float
        By name of the peer, how many times faster fastcheck is meant to be.
    pairs : int
        How many times everything is measured; fewer where it takes long.
    """

    name: str
    title: str
    data: str
    objective: GraphObjective
    params: Params
    plan: str
    loops: tuple[Loop, ...]
    targets: dict[str, float] = field(default_factory=dict)
    pairs: int = 7

    @property
    def n_params(self) -> int:
        """The number of parameters, all entries counted."""
        return sum(value.size for value in self.params.values())

    @property
    def n_batch(self) -> int:
        """The number of examples."""
        return self.objective.graph.n_batch or 1


def batch(name: str, n: int | None, *, scaled: bool = True) -> tuple[Floats, Ints, str]:
    """Return examples, labels and where they come from: real data if there are any."""
    from fastcheck.datasets import find_data

    dataset = find_data(name)
    there = len(dataset.split())
    drawn = dataset.sample(there if n is None else min(n, there), seed=0, scaled=scaled)
    kind = "synthetic" if drawn.synthetic else "real"
    return drawn.x, drawn.y, f"{kind} {drawn.title}, {len(drawn)} examples"


def two_layers(
    name: str, x: Floats, y: Ints, data: str, *, sizes: tuple[int, int, int], **options: object
) -> Case:
    """Return a network with ReLU twice and a guarded cross-entropy."""
    n_in, n_hidden, n_out = sizes
    layers = [fc.Dense(n_in, n_hidden), fc.ReLU(), fc.Dense(n_hidden, n_out), fc.ReLU()]
    net = fc.Network(layers, loss=fc.SoftmaxCrossEntropy(guard=GUARD))
    params = net.init_params(seed=0, scale=0.01)
    loss = partial(affine_relu_loss, x=x, y=y, guard=GUARD)
    return Case(
        name, f"{'-'.join(map(str, sizes))} ReLU twice", data, net.objective(x, y), params,
        "exhaustive", (PlainLoop(loss, params, STEP),), **options,
    )  # fmt: skip


def binary(
    name: str, x: Floats, y: Ints, data: str, *, sizes: tuple[int, ...], **options: object
) -> Case:
    """Return a network with tanh layers, a sigmoid output and binary cross-entropy."""
    layers: list[object] = []
    for n_in, n_out in pairwise(sizes):
        layers += [fc.Dense(n_in, n_out), fc.Tanh()]
    layers[-1] = fc.Sigmoid()
    net = fc.Network(layers, loss=fc.BinaryCrossEntropy())
    params = net.init_params(seed=0)
    loops = (
        PlainLoop(partial(sigmoid_output_loss, x=x, y=y), params, STEP),
        PublishedLoop(params, x, y),
    )
    return Case(
        name, f"{'-'.join(map(str, sizes))} tanh", data, net.objective(x, y), params,
        "exhaustive", loops, **options,
    )  # fmt: skip


def deep(
    name: str, x: Floats, y: Ints, data: str, *, sizes: tuple[int, ...], act: str = "relu",
    plan: str = "exhaustive", **options: object,
) -> Case:  # fmt: skip
    """Return a network with one activation after each hidden layer and softmax cross-entropy."""
    layer = {"relu": fc.ReLU, "tanh": fc.Tanh}[act]
    function: Callable[[Floats], Floats] = {"relu": relu, "tanh": np.tanh}[act]
    layers: list[object] = []
    for n_in, n_out in pairwise(sizes):
        layers += [fc.Dense(n_in, n_out), layer()]
    net = fc.Network(layers[:-1], loss=fc.SoftmaxCrossEntropy())
    params = net.init_params(seed=0, scale="he" if act == "relu" else "fan_in")
    loss = partial(softmax_output_loss, x=x, y=y, act=function)
    return Case(
        name, f"{'-'.join(map(str, sizes))} {act}", data, net.objective(x, y), params, plan,
        (PlainLoop(loss, params, STEP),), **options,
    )  # fmt: skip


def _s3(*, scaled: bool) -> Case:
    found = batch("mnist", 100, scaled=scaled)
    name = "s3" if scaled else "s3-raw"
    return two_layers(name, *found, sizes=(784, 50, 10), targets={"plain": 500})


def _s1() -> Case:
    found = batch("catvnoncat", None)
    targets = {"plain": 1400, "published": 5000}
    return binary("s1", *found, sizes=(12288, 5, 5, 1), targets=targets)


def _wide(name: str, act: str = "relu", plan: str = "exhaustive", **options: object) -> Case:
    found = batch("mnist", 100)
    return deep(name, *found, sizes=(784, 512, 512, 10), act=act, plan=plan, **options)


def _large() -> Case:
    return deep(
        "large-units", *batch("mnist", 64), sizes=(784, 4096, 1024, 10), plan="units", pairs=5
    )


CASES: dict[str, Callable[[], Case]] = {
    "s3": partial(_s3, scaled=True),
    "s3-raw": partial(_s3, scaled=False),
    "s1": _s1,
    "wide": partial(_wide, "wide", targets={"plain": 700}),
    "wide-units": partial(_wide, "wide-units", plan="units", targets={"plain": 30000}),
    "wide-tanh": partial(_wide, "wide-tanh", "tanh", pairs=3),
    "large-units": _large,
}
"""What makes each case."""
