"""All mistakes in networks of dense layers, and their gradients."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.faulty import deltas, local, slopes, whole
from benchmarks.faulty.catalogue import FAULTS
from benchmarks.faulty.passes import Backward, right_gradient

if TYPE_CHECKING:
    from benchmarks.faulty.catalogue import Expected
    from benchmarks.faulty.network import Net
    from benchmarks.faulty.passes import Arrays, Changes, Floats

MODULES = (whole, deltas, slopes, local)
"""Importing them fills the catalogue."""
SAME = 1e-9
"""Gradients that differ by less, relative to the largest entry of each tensor, are the same."""


@dataclass(eq=False)
class Mistake:
    """A fault at one layer of one network.

    Attributes
    ----------
    name : str
        The fault.
    gradient : dict of str to ndarray
        The wrong gradient, rows being samples.
    expected : tuple of Expected
        What it may be called, with what other faults that have the same gradient are called.
    layer : int
        Where; 0 for everywhere.
    scope : str
        See `Fault`.
    changes : dict
        The steps that it makes wrong.
    """

    name: str
    gradient: Arrays
    expected: tuple[Expected, ...]
    layer: int = 0
    scope: str = "whole"
    changes: Changes = field(default_factory=dict)


class Spoilt:
    """Every mistake that can be made in a network, each with another gradient than the right one.

    Attributes
    ----------
    right : dict of str to ndarray
        The right gradient.
    mistakes : list of Mistake
        In the order of the catalogue.
    n_equivalent : int
        How many mistakes change nothing.
    """

    def __init__(self, net: Net) -> None:
        self.net = net
        self.right = right_gradient(net)
        self.mistakes: list[Mistake] = []
        self.n_equivalent = 0
        for fault in FAULTS.faults.values():
            for k in fault.layers(net):
                planted = fault.plant(net, k)
                if planted is None:
                    continue
                gradient = Backward(net, planted.changes).gradient()
                if is_same(gradient, self.right, self.right):
                    self.n_equivalent += 1
                else:
                    answers, changes = planted.expected, planted.changes
                    self.mistakes.append(
                        Mistake(fault.name, gradient, answers, k, fault.scope, changes)
                    )
        shared = [self._answers(row) for row in self._signatures]
        for mistake, answers in zip(self.mistakes, shared, strict=True):
            mistake.expected = answers

    def _answers(self, signature: Floats) -> tuple[Expected, ...]:
        """Return what all mistakes with one gradient may be called."""
        near = np.flatnonzero(np.abs(self._signatures - signature).max(axis=1) < SAME)
        return tuple(dict.fromkeys(e for j in near for e in self.mistakes[j].expected))

    @cached_property
    def _signatures(self) -> Floats:
        """Random projections of each tensor: faults with the same ones have the same gradient."""
        rng = np.random.default_rng(0)
        columns = []
        for name, right in self.right.items():
            along = rng.standard_normal((right.size, 3))
            scale = np.sqrt(np.sum(right**2)) or 1.0
            columns += [np.stack([m.gradient[name].ravel() @ along for m in self.mistakes]) / scale]
        return np.concatenate(columns, axis=1)


def is_same(one: Arrays, other: Arrays, scale: Arrays) -> bool:
    """Return whether two gradients are the same by mathematics."""
    return all(
        one[n].shape == other[n].shape
        and np.abs(one[n] - other[n]).max(initial=0.0)
        <= SAME * max(np.abs(scale[n]).max(initial=0.0), 1e-300)
        for n in other
    )
