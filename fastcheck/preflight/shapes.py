"""What a gradient of a wrong shape may have come from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Shape = tuple[int, ...]


def about_shape(
    given: Array, shape: Shape, others: Mapping[str, Array], reads: Callable[[str], bool] = bool
) -> str:
    """Return what a gradient of a wrong shape looks like, and what to do.

    Parameters
    ----------
    given : ndarray
        The gradient.
    shape : tuple of int
        That of its parameter.
    others : mapping of str to ndarray
        Arrays that the loss reaches, other parameters among them, by name.
    reads : callable
        Says of one of them whether the loss changes with it: a gradient that is kept beside the
        loss is no factor.
    """
    factor = _factor_in_product(given, shape, others, reads)
    if factor:
        return factor
    spreads = _broadcasts(given.shape, shape)
    silent = "; NumPy would broadcast it in an update, without a word" if spreads else ""
    if given.ndim >= 2 and given.shape == shape[::-1]:
        return f"it is that of the transpose: transpose it, or look for swapped factors{silent}"
    if given.size == math.prod(shape):
        return f"it has as many entries: reshape it, if they are in the same order{silent}"
    if spreads:
        return f"look for a sum over one axis too many, or without keepdims={silent}"
    if _broadcasts(shape, given.shape):
        return (
            "the parameter was broadcast to that shape: sum the gradient over the axes along which "
            "it was repeated, such as that of the samples"
        )
    return "compare the backward formula with the shapes of the forward pass"


def _broadcasts(one: Shape, other: Shape) -> bool:
    try:
        return np.broadcast_shapes(one, other) == other
    except ValueError:
        return False


def _factor_in_product(
    given: Array, shape: Shape, others: Mapping[str, Array], reads: Callable[[str], bool]
) -> str:
    """Return a remark if the gradient is the other factor of a matrix product; else nothing."""
    if given.ndim != 2 or len(shape) not in (1, 2):
        return ""
    left = given.shape[1] == shape[0]  # given @ parameter
    if not left and not (len(shape) == 2 and shape[1] == given.shape[0]):
        return ""
    name = next((n for n, x in others.items() if _is_same(x, given) and reads(n)), "")
    if not name:
        return ""
    product = f"{name} @ x" if left else f"x @ {name}"
    right = f"{name}.T @ ones" if left else f"ones @ {name}.T"
    return (
        f"it is {name} itself, as it would be if the two were multiplied entry by entry; shapes "
        f"allow only the matrix product: the gradient of sum({product}) is {right}"
    )


def _is_same(one: Array, other: Array) -> bool:
    return one.shape == other.shape and bool(np.array_equal(one, other))
