"""What every peer is asked: a whole check, and afterwards what it would have said of others."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from benchmarks.peers.problem import Problem

    Floats = NDArray[np.float64]
    Arrays = Mapping[str, Floats]
    Entries = dict[str, NDArray[np.int64]]


class Peer:
    """A way to check a gradient.

    Parameters
    ----------
    problem : Problem
        The network, at a point.
    entries : dict of str to ndarray of int64
        The entries that are looked at, by tensor, as indices into the flattened tensor; all of
        them by default. A peer that looks along one direction, or draws its entries, does not ask.

    Attributes
    ----------
    dtype : type
        In which it computes.
    numerical : dict of str to ndarray
        The derivatives that its last check has found, of `entries`; empty if it finds none of
        single entries.
    """

    dtype: type = np.float64

    def __init__(self, problem: Problem, entries: Entries | None = None) -> None:
        self.problem = problem
        self.entries = every(problem) if entries is None else entries
        self.numerical: dict[str, Floats] = {}

    @property
    def n_entries(self) -> int:
        """How many entries are looked at."""
        return sum(some.size for some in self.entries.values())

    def prepare(self) -> None:
        """Compile what is not to be timed."""

    def check(self, grads: Arrays) -> bool:
        """Make the whole check and return whether `grads` passes."""
        raise NotImplementedError

    def judge(self, grads: Arrays) -> bool:
        """Return what :meth:`check` would, from the numerical derivatives of the last check."""
        raise NotImplementedError

    def value(self) -> float:
        """Return the loss at the point, as this peer computes it."""
        raise NotImplementedError

    def backpropagated(self) -> dict[str, Floats] | None:
        """Return the gradient of its own backpropagation, if it has one."""
        return None

    def verdict(self, grads: Arrays) -> str:
        """Return "pass" or "fail"; a peer that knows more says more."""
        return "pass" if self.judge(grads) else "fail"

    def some(self, values: Arrays) -> dict[str, Floats]:
        """Return the entries that are looked at."""
        return {name: values[name].reshape(-1)[i] for name, i in self.entries.items()}


def every(problem: Problem) -> Entries:
    """Return all entries."""
    return {name: np.arange(value.size) for name, value in problem.params.items()}


class Vector:
    """The entries that are looked at as one vector, as optimisers want it.

    Parameters
    ----------
    problem : Problem
        The network.
    entries : dict of str to ndarray of int64
        By tensor.
    """

    def __init__(self, problem: Problem, entries: Entries) -> None:
        self.problem = problem
        self.entries = entries
        self.params = {name: value.copy() for name, value in problem.params.items()}
        self.start = self.rolled(problem.params)

    def rolled(self, values: Arrays) -> Floats:
        """Return the entries of all tensors, one after another."""
        return np.concatenate([values[n].reshape(-1)[i] for n, i in self.entries.items()])

    def unrolled(self, theta: Floats) -> dict[str, Floats]:
        """Return the parts of a vector by tensor."""
        ends = np.cumsum([some.size for some in self.entries.values()])[:-1]
        return dict(zip(self.entries, np.split(theta, ends), strict=True))

    def loss(self, theta: Floats) -> float:
        """Return the loss where the entries have these values."""
        for name, part in self.unrolled(theta).items():
            if part.size == self.params[name].size:
                self.params[name] = part.reshape(self.params[name].shape)
            else:
                self.params[name].reshape(-1)[self.entries[name]] = part
        return self.problem.loss(self.params)


@contextmanager
def remembered(module: Any, name: str, kept: dict[str, Any], *, again: bool) -> Iterator[None]:
    """Keep what a function of a library returns, and let it return the same `again`.

    A library that computes numerical derivatives by one function and compares them in another then
    compares other gradients in its own code, without minutes of evaluations for each.
    """
    original = getattr(module, name)

    def asked(*args: Any, **options: Any) -> Any:
        if not again:
            kept["value"] = original(*args, **options)
        return kept["value"]

    setattr(module, name, asked)
    try:
        yield
    finally:
        setattr(module, name, original)
