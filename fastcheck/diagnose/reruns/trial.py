"""Loss and gradient as they are, to compare with what they are on other data."""

from __future__ import annotations

import math
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from fastcheck.blackbox import BlackBox

    Array = NDArray[Any]
    Arrays = dict[str, Array]

ROUNDINGS = 4096.0
"""Roundings of its largest entry by which a gradient may differ and be the same."""
OTHER = 1e-5
"""By how much it must differ to be another one, relative to its largest entry."""
ROUNDINGS_OF_LOSS = 512.0


class Trial:
    """A loss and a gradient at the point, and what is compared with them.

    Parameters
    ----------
    box : BlackBox
        The loss.
    call : callable
        The gradient, by name.
    names : list of str
        The tensors that matter.
    seconds : float
        How long there is.

    Attributes
    ----------
    loss : float
        Its value at the point.
    gradient : dict of str to ndarray
        Copies, at the point.
    """

    def __init__(
        self,
        box: BlackBox,
        call: Callable[[], Mapping[str, Any]],
        names: list[str],
        seconds: float,
    ) -> None:
        self.box = box
        self.call = call
        self.names = names
        self.deadline = perf_counter() + seconds
        self.loss = box.tried()
        self.gradient = self.called() or {}

    @property
    def is_sound(self) -> bool:
        """Whether there is something to compare with."""
        again = self.called()
        return bool(self.gradient) and math.isfinite(self.loss) and is_same(self.gradient, again)

    @property
    def is_late(self) -> bool:
        """Whether time is up."""
        return perf_counter() > self.deadline

    def called(self) -> Arrays | None:
        """Return the gradient after an evaluation of the loss, None where that fails."""
        if not math.isfinite(self.box.tried()):
            return None
        try:
            with self.box.restoring():
                given = self.call()
                found = {name: np.array(given[name], np.float64) for name in self.names}
        except Exception:
            return None
        shapes = self.box.shapes
        if any(g.shape != shapes[n] or not np.isfinite(g).all() for n, g in found.items()):
            return None
        return found

    def has_same_loss(self) -> bool:
        """Return whether the loss is now what it was, but for rounding."""
        rounding = ROUNDINGS_OF_LOSS * self.box.unit * abs(self.loss)
        return abs(self.box.tried() - self.loss) <= rounding

    def has_same_gradient(self) -> bool:
        """Return whether the gradient is now what it was, but for rounding."""
        return is_same(self.gradient, self.called())

    def gradient_differs(self) -> bool | None:
        """Return whether the gradient is now another one; None where it cannot be had."""
        now = self.called()
        if now is None:
            return None
        return any(_distance(g, now[n]) > OTHER for n, g in self.gradient.items())


def is_same(one: Mapping[str, Array], other: Mapping[str, Array] | None) -> bool:
    """Return whether two gradients are the same but for rounding."""
    if other is None:
        return False
    limit = ROUNDINGS * 2.0**-53
    return all(_distance(g, other[n]) <= limit for n, g in one.items())


def _distance(one: Array, other: Array) -> float:
    """Return how far two arrays are apart, relative to the largest entry of the first."""
    size = float(np.abs(one).max(initial=0.0))
    far = float(np.abs(one - other).max(initial=0.0))
    return far / size if size else far
