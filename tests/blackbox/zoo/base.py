"""What a member of the zoo is, and the register that all families write to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.blackbox.networks import Network

Arrays = dict[str, np.ndarray]
Passes = Callable[[], tuple[float, Arrays]]
Make = Callable[..., Network]


@dataclass(frozen=True)
class Member:
    """A right gradient that must never be accused.

    Attributes
    ----------
    name : str
        How tests call it.
    make : callable
        ``make(seed)`` returns the loss and its gradient, over live arrays.
    smooth : bool
        Whether it is smooth and in float64, so that every tensor must pass.
    single : bool
        Whether float32, rounding or a cancellation leaves it far fewer digits than float64 has.
    zeros : frozenset of str
        Tensors whose derivative is zero everywhere, of which nothing can be resolved.
    """

    name: str
    make: Make
    smooth: bool = True
    single: bool = False
    zeros: frozenset[str] = frozenset()


MEMBERS: dict[str, Member] = {}


def add(name: str, make: Make, **traits: object) -> None:
    """Register a member of the zoo."""
    assert name not in MEMBERS
    MEMBERS[name] = Member(name, make, **traits)  # type: ignore[arg-type]


def member(**traits: object) -> Callable[[Make], Make]:
    """Register a function of a seed under its own name."""

    def registered(make: Make) -> Make:
        add(make.__name__, make, **traits)
        return make

    return registered


def of_vector(x: np.ndarray, value: Callable, slope: Callable) -> Network:
    """Return a loss of one array, from its value and its gradient."""
    return Network({"x": x}, lambda: (value(x), {"x": slope(x)}))
