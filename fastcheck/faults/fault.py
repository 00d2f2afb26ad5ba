"""A mistake that can be planted, and the point at which it is planted."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.faults.sweep import swept

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from fastcheck.faults.sweep import Edit
    from fastcheck.graph.graph import Graph

    Floats = NDArray[np.float64]
    Arrays = dict[str, Floats]


@dataclass(frozen=True, eq=False)
class Fault:
    """A mistake in a gradient.

    Attributes
    ----------
    name : str
        What it is called, such as ``"transposed"``.
    place : str
        Where it is: a tensor, or a value of the network; empty for all of the gradient.
    description : str
        What its author did, in a few words.
    kinds : tuple of str
        The diagnoses that name it rightly.
    make : callable
        Returns the wrong gradient, by name; what it leaves as it is are the very arrays of the
        right one.
    constants : tuple of float
        The numbers of which a right diagnosis gives one, empty for any.
    tensor : str
        The tensor that a right diagnosis names, empty for all that are wrong.
    is_delta : bool
        Whether what is wrong arrives at a layer: a right diagnosis names the first layer, seen
        from the loss, of which a tensor is wrong.
    """

    name: str
    place: str
    description: str
    kinds: tuple[str, ...]
    make: Callable[[], Arrays] = field(repr=False)
    constants: tuple[float, ...] = ()
    tensor: str = ""
    is_delta: bool = False

    @property
    def title(self) -> str:
        """Name and place."""
        return f"{self.name} {self.place}".rstrip()


@dataclass(frozen=True, eq=False)
class Point:
    """A right gradient, and what it was made from.

    Attributes
    ----------
    right : dict of str to ndarray of float64
        The right gradient, by tensor.
    params : mapping of str to ndarray
        The parameters, as far as they are known.
    n_samples : int or None
        The size of the batch, where it is known.
    graph : Graph or None
        The network, None for a function that can only be called.
    values : list of ndarray
        The value of every node of the graph.
    seed : int
        Seed of whatever is drawn: entries, rows, blocks.
    """

    right: Arrays
    params: Mapping[str, NDArray[Any]]
    n_samples: int | None = None
    graph: Graph | None = None
    values: list[Floats] = field(default_factory=list)
    seed: int = 0

    def rng(self, *words: str) -> np.random.Generator:
        """Return a generator for one fault, whatever others are planted."""
        letters = [byte for word in words for byte in word.encode()]
        return np.random.default_rng([self.seed, 19, *letters])

    def changed(self, wrong: Mapping[str, NDArray[Any]]) -> list[str]:
        """Return the tensors that `wrong` changes."""
        return [name for name, right in self.right.items() if wrong[name] is not right]

    def planted(self, edits: Mapping[int, Edit]) -> Callable[[], Arrays]:
        """Return what makes the gradient of a backward pass with these edits."""
        return lambda: self.swept(edits)

    @cached_property
    def _reference(self) -> Arrays:
        assert self.graph is not None
        return swept(self.graph, self.values, [*self.right])

    def swept(
        self, edits: Mapping[int, Edit] | None = None, values: list[Floats] | None = None
    ) -> Arrays:
        """Return the gradient of a backward pass that is changed at some nodes.

        Parameters
        ----------
        edits : mapping of int to callable, optional
            By the index of a node, what stands in place of its vjp.
        values : list of ndarray, optional
            What the backward pass takes for the values of the nodes; the right ones by default.
        """
        assert self.graph is not None
        found = swept(self.graph, self.values if values is None else values, [*self.right], edits)
        return {
            name: right
            if np.array_equal(found[name], self._reference[name], equal_nan=True)
            else found[name].reshape(right.shape)
            for name, right in self.right.items()
        }
