"""What speaks for an explanation: what clearly wrong entries say, less what it took to find it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.constants import ARBITRARY
from fastcheck.diagnose.choose import NEEDED
from fastcheck.diagnose.evidence import CLEAR, digits_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.constants import Constant
    from fastcheck.diagnose.backward.view import View

    Floats = NDArray[np.float64]
    Digits = tuple[float, ...]


def digits_said(view: View, factor: Constant, before: Floats | None = None) -> Digits:
    """Return what clearly wrong entries say of what explains them, in decimal digits, most first.

    Parameters
    ----------
    view : View
        The gradient.
    factor : Constant
        What the explanation multiplies by.
    before : ndarray of float64, optional
        What the code should give without the mistake; what the view expects if it is left out.
    """
    off = np.abs(view.given - (view.expected if before is None else before))
    if view.subject.counts is not None:
        off = np.where(view.subject.counts, off, 0.0)
    allowed = view.tolerance(abs(factor.value))
    return digits_of(view.given, off, allowed, off > CLEAR * allowed)


def is_supported(said: Iterable[float], constants: Iterable[Constant]) -> bool:
    """Return whether entries say more than it took to find an explanation.

    A constant that is no simple number takes what the entry says that says most.
    """
    found = list(constants)
    n_free = sum(c.complexity >= ARBITRARY for c in found)
    spent = sum(c.complexity for c in found if c.complexity < ARBITRARY)
    return sum(sorted(said, reverse=True)[n_free:]) - spent >= NEEDED


def holds(view: View, *constants: Constant) -> bool:
    """Return whether there are enough entries for constants that are no simple numbers."""
    n_free = sum(c.complexity >= ARBITRARY for c in constants)
    counts = view.subject.counts
    n = view.given.size if counts is None else int(np.count_nonzero(counts))
    return not n_free or n > n_free + 1
