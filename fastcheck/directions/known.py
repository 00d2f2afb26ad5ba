"""What a search has found so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from fastcheck.directions.boxes import Box
    from fastcheck.directions.reading import Single

    Floats = NDArray[np.float64]
    Index = tuple[int, ...]


@dataclass(slots=True)
class Known:
    """Entries that were probed on their own, and parts that are wrong as a whole.

    Attributes
    ----------
    singles : dict of (str, tuple of int) to Single
        All entries that were probed on their own, right or wrong.
    excluded : set of (str, tuple of int)
        Entries that no direction may move, because their gradient is not finite.
    regions : list of Box
        Boxes in which wrong entries lie densely; singles in them are examples.
    """

    singles: dict[tuple[str, Index], Single] = field(default_factory=dict)
    excluded: set[tuple[str, Index]] = field(default_factory=set)
    regions: list[Box] = field(default_factory=list)

    @property
    def n_named(self) -> int:
        """How many entries and boxes are known to be wrong."""
        return sum(s.is_wrong for s in self.singles.values()) + len(self.regions)

    def n_scattered(self, name: str) -> int:
        """Return how many wrong entries of a tensor lie outside regions."""
        boxes = [box for box in self.regions if box.name == name]
        return sum(
            single.is_wrong and tensor == name and not any(box.has(index) for box in boxes)
            for (tensor, index), single in self.singles.items()
        )

    def leave_out(self, direction: Mapping[str, Floats]) -> None:
        """Write zeros into a direction wherever it would only show what is known."""
        for box in self.regions:
            if box.name in direction:
                box.of(direction[box.name])[...] = 0.0
        wrong = {key for key, single in self.singles.items() if single.is_wrong}
        for name, index in wrong | self.excluded:
            if name in direction:
                direction[name][index] = 0.0
