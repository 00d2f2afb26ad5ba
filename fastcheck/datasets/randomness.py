"""Random numbers that are the same everywhere and for ever.

Only the raw stream of PCG64 is used, which NumPy promises never to change (NEP 19), and only
arithmetic that IEEE 754 rounds exactly, so that synthetic data do not depend on the machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Stream"]


class Stream:
    """A stream of random numbers, decided by its key.

    Parameters
    ----------
    key : int
        Not negative. Streams of different keys are independent.
    """

    def __init__(self, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(key))

    def between(self, low: float, high: float, *shape: int) -> NDArray[np.float64]:
        """Return uniform numbers from `low` to `high`, multiples of 2⁻⁵³ before scaling."""
        raw = np.asarray(self._bits.random_raw(int(np.prod(shape, dtype=np.int64))))
        unit: NDArray[np.float64] = (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return low + (high - low) * unit.reshape(shape)
