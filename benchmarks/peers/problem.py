"""A network at a minibatch, as every peer sees it, and its right gradient."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

import fastcheck as fc
from benchmarks.cases import GUARD, batch
from benchmarks.peers import exact
from benchmarks.peers.dialects import NUMPY, Net

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastcheck.objective import GraphObjective

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Arrays = dict[str, Floats]


@dataclass(frozen=True, eq=False)
class Problem:
    """A network at a minibatch.

    Attributes
    ----------
    name, data : str
        What it is called, and where the examples come from.
    net : Net
        What it computes.
    x : ndarray of float64, shape (n_batch, n_in)
        Examples.
    y : ndarray of int64, shape (n_batch,)
        Labels.
    params : dict of str to ndarray of float64
        The point.
    seed : int
        Of whatever a peer draws.
    """

    name: str
    net: Net
    x: Floats
    y: Ints
    params: Arrays
    data: str = "random numbers"
    seed: int = 0

    @property
    def title(self) -> str:
        """Sizes, activation and loss."""
        sizes = "-".join(map(str, self.net.sizes))
        output = {
            "sigmoid": "sigmoid output",
            "softmax": "softmax",
            "relu softmax": "ReLU on the logits too, softmax",
        }[self.net.output]
        hidden = {"relu": "ReLU", "tanh": "tanh"}[self.net.hidden]
        return f"{sizes}, {hidden}, {output}, batch of {self.n_batch}"

    @property
    def n_params(self) -> int:
        """The number of parameters, all entries counted."""
        return sum(value.size for value in self.params.values())

    @property
    def n_batch(self) -> int:
        """The number of examples."""
        return len(self.y)

    @cached_property
    def rows(self) -> Ints:
        """The numbers of the examples."""
        return np.arange(self.n_batch)

    def loss(self, params: Mapping[str, Floats]) -> float:
        """Return the loss in plain NumPy."""
        return float(self.net.loss(NUMPY, params, self.x, self.y, self.rows))

    @cached_property
    def objective(self) -> GraphObjective:
        """The same network as fastcheck describes it."""
        return self.new_objective()

    def new_objective(self) -> GraphObjective:
        """Return the same, with nothing computed yet."""
        return described(self.net).objective(self.x, self.y)

    @cached_property
    def right(self) -> Arrays:
        """The gradient by backpropagation in float64."""
        return self.objective.gradient(self.params)

    @cached_property
    def truth(self) -> Arrays:
        """The gradient in 50-digit arithmetic, rounded to float64 at the end."""
        return exact.gradient(self.net, self.params, self.x, self.y)


def described(net: Net) -> fc.Network:
    """Return a network in the words of fastcheck."""
    act = {"relu": fc.ReLU, "tanh": fc.Tanh}[net.hidden]
    layers: list[object] = []
    for n_in, n_out in pairwise(net.sizes):
        layers += [fc.Dense(n_in, n_out), act()]
    del layers[-1]
    if net.output == "sigmoid":
        return fc.Network([*layers, fc.Sigmoid()], loss=fc.BinaryCrossEntropy(), l2=net.l2)
    last = [fc.ReLU()] if net.output == "relu softmax" else []
    loss = fc.SoftmaxCrossEntropy(guard=net.guard)
    return fc.Network([*layers, *last], loss=loss, l2=net.l2)


def small() -> Problem:
    """Return a network that a test would have."""
    return drawn(Net((20, 8, 5), "tanh"), 10, 0, "Small")


def s1(n: int | None = None) -> Problem:
    """Return the cat network at `n` examples, all of them by default."""
    x, y, data = _batch("catvnoncat", n)
    net = Net((x.shape[1], 5, 5, 1), "tanh", "sigmoid")
    name = "S1" if n is None else f"S1, {n} example" + "s" * (n > 1)
    return Problem(name, net, x, y, described(net).init_params(seed=0), data)


def s3(n: int = 100) -> Problem:
    """Return the digit network of two layers with ReLU twice."""
    x, y, data = _batch("mnist", n)
    net = Net((x.shape[1], 50, 10), "relu", "relu softmax", guard=GUARD)
    return Problem("S3", net, x, y, described(net).init_params(seed=0, scale=0.01), data)


def digits(sizes: tuple[int, ...], hidden: str, n_batch: int) -> Problem:
    """Return a network of any sizes for the digits; `sizes` has the layers after the pixels."""
    x, y, data = _batch("mnist", n_batch)
    net = Net((x.shape[1], *sizes), hidden)
    params = described(net).init_params(seed=0, scale="he" if hidden == "relu" else "fan_in")
    return Problem("-".join(map(str, net.sizes)), net, x, y, params, data)


def _batch(name: str, n: int | None) -> tuple[Floats, Ints, str]:
    x, y, data = batch(name, n)
    return x, y, data.partition(",")[0]  # how many there are is said elsewhere


def drawn(
    net: Net, n_batch: int, seed: int, name: str = "drawn", scale: str | float = "fan_in"
) -> Problem:
    """Return a network at random examples, with random biases."""
    rng = np.random.default_rng([seed, n_batch])
    x = rng.standard_normal((n_batch, net.sizes[0]))
    n_classes = 2 if net.output == "sigmoid" else net.sizes[-1]
    y = rng.integers(0, n_classes, n_batch)
    params = described(net).init_params(seed=seed, scale=scale, biases="random")
    return Problem(name, net, x, y, params, seed=seed)
