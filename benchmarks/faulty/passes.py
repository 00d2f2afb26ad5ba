"""A literal backward pass, of which every step can be done wrongly."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.faulty.activations import SLOPES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.faulty.network import Net

    Floats = NDArray[np.float64]
    Arrays = dict[str, Floats]

Change = Callable[[Any, "Backward"], Any]
Changes = dict[tuple[str, int], Change]
"""What is done to the value of a step at a layer.

The steps, in order, at layer k from the last to the first:

``cotangent``  dL/d(output), at the last layer
``delta``      dL/dz
``input``      x, for the outer product
``weight``     x^T delta
``bias``       the sum of delta over the samples
``penalty``    what the regulariser adds to the gradient of W
``offset``     what it adds to that of b
``back``       W, through which delta goes to the layer below
``dropout``    the factors of the dropout, at the layer below
``slope``      those of the activation, at the layer below
``gradient``   all gradients by name, at layer 0
"""


class Backward:
    """One backward pass.

    Attributes
    ----------
    net : Net
        The network.
    changes : dict
        The wrong steps; see `Changes`.
    x, d : ndarray
        What enters the present layer, and the delta that arrived there.
    grads : dict of str to ndarray
        What was found so far.
    """

    def __init__(self, net: Net, changes: Changes | None = None) -> None:
        self.net = net
        self.changes = changes or {}
        self.used: set[tuple[str, int]] = set()
        self.f = net.forward
        self.m = net.setting.n_batch
        self.x = self.d = net.x
        self.grads: Arrays = {}

    def step(self, name: str, k: int, right: Any) -> Any:
        """Return the value of a step as this pass has it."""
        change = self.changes.get((name, k))
        if change is None:
            return right
        self.used.add((name, k))
        return change(right, self)

    def gradient(self) -> Arrays:
        """Return all gradients, by name."""
        net, p, last = self.net, self.net.params, self.net.n_layers
        grads = self.grads
        d = output_delta(self.step("cotangent", last, output_cotangent(net)), net)
        for k in range(last, 0, -1):
            self.d = d = self.step("delta", k, d)
            self.x = self.step("input", k, self.f[f"x{k}"])
            W = self.step("weight", k, self.x.T @ d)
            b = self.step("bias", k, d.sum(axis=0))
            penalty = net.setting.penalty * p[f"W{k}"]
            grads[f"W{k}"] = W + self.step("penalty", k, penalty)
            grads[f"b{k}"] = b + self.step("offset", k, 0.0 * p[f"b{k}"])
            if k > 1:
                e = d @ self.step("back", k, p[f"W{k}"]).T
                if k == 2 and net.mask is not None:
                    e = e * self.step("dropout", 1, net.mask / (1.0 - net.setting.rate))
                slope = SLOPES[net.setting.activation](self.f[f"z{k - 1}"])
                d = e * self.step("slope", k - 1, slope)
        grads = {name: grads[name] for name in p}
        grads = self.step("gradient", 0, grads)
        assert self.used == self.changes.keys(), "a step that is not made cannot be wrong"
        return grads


def output_cotangent(net: Net) -> Floats:
    """Return dL/d(output)."""
    head, out, y, m = net.setting.head, net.forward["out"], net.y, net.setting.n_batch
    if head.kind == "cross-entropy":
        return -y / (out + head.guard) / m
    if head.kind == "binary":
        return ((1.0 - y) / (1.0 - out + head.guard) - y / (out + head.guard)) / m
    return (1.0 if head.half else 2.0) * (out - y) / m


def output_delta(u: Floats, net: Net) -> Floats:
    """Return dL/dz of the last layer for the cotangent `u` of its output."""
    out, head = net.forward["out"], net.setting.head
    if head.output == "softmax":
        return out * (u - (u * out).sum(axis=1, keepdims=True))
    return u * SLOPES[head.output](net.forward[f"z{net.n_layers}"])


def right_gradient(net: Net) -> Arrays:
    """Return the gradient without a mistake."""
    return Backward(net).gradient()


def only(net: Net, *samples: int) -> Floats:
    """Return a column that is 1 for some samples and 0 for the others."""
    keep = np.zeros((net.setting.n_batch, 1))
    keep[list(samples)] = 1.0
    return keep


__all__ = ["Backward", "Change", "Changes", "only", "output_cotangent", "right_gradient"]
