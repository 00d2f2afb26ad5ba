"""Gradients of another shape than their parameter: what would be right, tried on the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.diagnose.fit import interval_of, middle
from fastcheck.diagnose.products import message
from fastcheck.diagnose.slopes import Slopes
from fastcheck.result import Diagnosis

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from fastcheck.blackbox import BlackBox

    Array = NDArray[Any]
    Shape = tuple[int, ...]
    Candidate = tuple[str, str, Array]

MOST_ENTRIES = 10_000_000
ROUNDING = 2.0**-49
CONFIRMED = "slopes of the loss along random directions confirm it"


def explain_shapes(
    box: BlackBox, given: Mapping[str, Array], data: Mapping[str, Array], seed: int
) -> tuple[Diagnosis, ...]:
    """Return what gradients of a wrong shape are, where the loss confirms it.

    Parameters
    ----------
    box : BlackBox
        The loss; its arrays are moved, and restored bit for bit.
    given : mapping of str to ndarray
        The gradients, by the names of their parameters.
    data : mapping of str to ndarray
        What the loss reads, by name.
    seed : int
        Seed of the directions.

    Notes
    -----
    A gradient that was not compared has no bounds, so that no explanation counts as exact. Twelve
    evaluations for each candidate; few tensors have more than one.
    """
    found = []
    for name, array in given.items():
        if (
            array.size > MOST_ENTRIES
            or array.dtype.kind not in "fiu"
            or not np.isfinite(array).all()
        ):
            continue
        slopes = Slopes(box, [name], seed)
        others = {n: x for n, x in data.items() if n != name}
        for kind, text, right in _candidates(name, array, box.shapes[name], others):
            if slopes.are_of({name: right}):
                said = f"{text}; {CONFIRMED}"
                found.append(Diagnosis(kind, name, None, said, (name,), is_exact=False))
                break
    return tuple(found)


def _candidates(
    name: str, array: Array, shape: Shape, data: Mapping[str, Array]
) -> Iterator[Candidate]:
    """Yield what may be right, with its kind and sentence."""
    yield from _factors(name, array, shape, data)
    if array.ndim > 1 and array.T.shape == shape:
        yield "transposed", f"{name}: the gradient is the transpose of the right one", array.T
    if array.size == np.prod(shape, dtype=int):
        text = f"{name}: the gradient is right, but of shape {array.shape}: reshape it to {shape}"
        yield "wrong-shape", text, array.reshape(shape)
    for axis in range(array.ndim):
        if array.shape[:axis] + array.shape[axis + 1 :] == shape:
            for verb, right in (("sum", array.sum(axis)), ("average", array.mean(axis))):
                text = (
                    f"{name}: the gradient has an axis more than the parameter, axis {axis} of "
                    f"length {array.shape[axis]}, as of samples: {verb} over it"
                )
                yield "not-summed", text, right


def _factors(
    name: str, array: Array, shape: Shape, data: Mapping[str, Array]
) -> Iterator[Candidate]:
    """Yield the gradient of a sum of a matrix product, of which the other factor was given."""
    if array.ndim != 2 or len(shape) not in (1, 2):
        return
    for other, x in data.items():
        if x.shape != array.shape or x.dtype.kind not in "fiu":
            continue
        factor, value = (np.asarray(a, np.float64) for a in (x, array))
        scale = interval_of(value, factor, ROUNDING * np.abs(value))
        if scale is None:
            continue
        if array.shape[1] == shape[0]:
            right = middle(scale) * factor.T @ np.ones((array.shape[0], *shape[1:]))
            yield "elementwise", message(other, name, f"{other} @ {name}"), right
        if array.shape[0] == shape[-1]:
            right = middle(scale) * np.ones((*shape[:-1], array.shape[1])) @ factor.T
            yield "elementwise", message(other, name, f"{name} @ {other}"), right
