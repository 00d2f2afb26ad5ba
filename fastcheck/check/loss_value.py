"""The value of the loss as the user computed it, and how exact it can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.holding import plain
from fastcheck.holding.numbers import is_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

UNIT = 2.0**-53


def number_of(value: Any) -> float | None:
    """Return a real number, whatever holds it; None if it is none.

    Examples
    --------
    >>> number_of(np.float32(0.5)), number_of([[2]]), number_of("2"), number_of([1.0, 2.0])
    (0.5, 2.0, None, None)
    """
    array = _array_of(value)
    return None if array is None else float(array.item())


def unit_of(value: Any, grads: Iterable[NDArray[Any]]) -> float:
    """Return the unit roundoff of the coarsest type among a number and some gradients.

    Who computes a gradient in float32 computes the loss in it too, though ``float(loss)`` hides it.
    """
    array = _array_of(value)
    kinds = [a.dtype for a in ([] if array is None else [array]) + [*grads] if a.dtype.kind == "f"]
    return max([UNIT, *(float(np.finfo(dtype).eps) / 2.0 for dtype in kinds)])


def _array_of(value: Any) -> NDArray[Any] | None:
    """Return an array of one real number, None if `value` is no such thing."""
    try:
        array = np.asarray(plain(value))
    except ValueError:  # a ragged list
        return None
    if array.size != 1:
        return None
    is_real = array.dtype.kind in "fiu" or (array.dtype == object and is_number(array.item()))
    return array if is_real else None
