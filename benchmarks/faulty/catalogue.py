"""What a mistake is: where it can be made, how, and what it is to be called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.faulty.network import Net
    from benchmarks.faulty.passes import Changes


@dataclass(frozen=True)
class Expected:
    """A right answer.

    Attributes
    ----------
    kinds : frozenset of str
        Words for it.
    tensors : frozenset of (str or None)
        Addresses; None stands for several tensors at once.
    constants : tuple of float or None
        Numbers that are right; None if there is none to be found.
    is_part : bool
        Whether it is one of two things to be said, and need not explain all that is wrong.
    """

    kinds: frozenset[str]
    tensors: frozenset[str | None]
    constants: tuple[float, ...] | None = None
    is_part: bool = False


def expect(
    kinds: str, tensors: Iterable[str | None], *constants: float | None
) -> tuple[Expected, ...]:
    """Return one right answer; words are separated by blanks."""
    numbers = tuple(c for c in constants if c is not None) or None
    return (Expected(frozenset(kinds.split()), frozenset(tensors), numbers),)


@dataclass(frozen=True)
class Planted:
    """A mistake in one network.

    Attributes
    ----------
    changes : dict
        The steps that it makes wrong.
    expected : tuple of Expected
        The right answers.
    """

    changes: Changes
    expected: tuple[Expected, ...]


Plant = Callable[["Net", int], "Planted | None"]


@dataclass(frozen=True)
class Fault:
    """A class of mistakes.

    Attributes
    ----------
    name : str
        What people would call it.
    scope : {"whole", "loss", "delta", "tensor"}
        Where it is made: to all gradients, at the last layer, to the delta of a hidden layer, to
        the gradients of any layer.
    plant : callable
        From a network and a layer to the mistake there, None where it cannot be made.
    """

    name: str
    scope: str
    plant: Plant

    def layers(self, net: Net) -> range:
        """Return the layers at which it may be made."""
        last = net.n_layers
        return {
            "whole": range(1),
            "loss": range(last, last + 1),
            "delta": range(1, last),
            "tensor": range(1, last + 1),
        }[self.scope]


@dataclass
class Catalogue:
    """Faults by name."""

    faults: dict[str, Fault] = field(default_factory=dict)

    def add(self, name: str, scope: str) -> Callable[[Plant], Plant]:
        """Return a decorator that adds a fault."""

        def added(plant: Plant) -> Plant:
            assert name not in self.faults
            self.faults[name] = Fault(name, scope, plant)
            return plant

        return added


FAULTS = Catalogue()


def both(k: int) -> tuple[str, str]:
    """Return the tensors of layer `k`."""
    return f"W{k}", f"b{k}"
