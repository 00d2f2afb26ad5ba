"""A network that is no plain stack of layers, with wrong gradients beside the right one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.faulty.faults import Mistake, is_same

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.faulty.catalogue import Expected

    Arrays = dict[str, NDArray[Any]]


@dataclass(eq=False)
class Problem:
    """What is handed over to a check, and in which ways it can be wrong.

    Attributes
    ----------
    setting : str
        What it is.
    seed : int
        What it was drawn with.
    given : dict of str to ndarray
        The parameters.
    objective : GraphObjective
        The traced loss.
    loss : float
        The same by hand.
    gradient : callable
        The gradient, with keyword arguments for what is done wrongly.
    mistakes : list of Mistake
        The wrong gradients.
    n_equivalent : int
        How many mistakes change nothing.
    """

    setting: str
    seed: int
    given: Arrays
    objective: Any
    loss: float
    gradient: Callable[..., Arrays]
    mistakes: list[Mistake] = field(default_factory=list)
    n_equivalent: int = 0

    def __post_init__(self) -> None:
        self.right = self.gradient()

    @property
    def net(self) -> Problem:
        """Itself, which is handed over as the network of a `Spoilt` is."""
        return self

    def placed(self, arrays: Arrays) -> Arrays:
        """Return gradients as they are handed over."""
        return arrays

    def add(self, name: str, expected: tuple[Expected, ...], **wrong: Any) -> None:
        """Add a mistake."""
        self.put(name, expected, self.gradient(**wrong))

    def put(self, name: str, expected: tuple[Expected, ...], gradient: Arrays) -> None:
        """Add a wrong gradient, if it differs from the right one."""
        if is_same(gradient, self.right, self.right):
            self.n_equivalent += 1
        else:
            self.mistakes.append(Mistake(name, gradient, expected))
