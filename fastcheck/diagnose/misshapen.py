"""Gradients of another shape than their parameter: what would be right, tried on the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.diagnose.exchange import circle_from, exchange_text
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
MOST_OWNERS = 4
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
    usable = {name: array for name, array in given.items() if _is_usable(array)}
    found: dict[str, Diagnosis] = {}
    for name, array in usable.items():
        slopes = Slopes(box, [name], seed)
        others = {n: x for n, x in data.items() if n != name}
        for kind, text, right in _candidates(name, array, box.shapes[name], others):
            if slopes.are_of({name: right}):
                said = f"{text}; {CONFIRMED}"
                found[name] = Diagnosis(kind, name, None, said, (name,), is_exact=False)
                break
    left = {name: array for name, array in usable.items() if name not in found}
    return (*_exchanged(box, left, seed), *found.values())


def _is_usable(array: Array) -> bool:
    return bool(
        array.size <= MOST_ENTRIES and array.dtype.kind in "fiu" and np.isfinite(array).all()
    )


def _exchanged(box: BlackBox, given: Mapping[str, Array], seed: int) -> Iterator[Diagnosis]:
    """Yield gradients that are those of other parameters, by their shapes and by the loss."""
    owners: dict[str, str] = {}
    for name, array in given.items():
        alike = [other for other, shape in box.shapes.items() if shape == array.shape]
        right = (o for o in alike[:MOST_OWNERS] if Slopes(box, [o], seed).are_of({o: array}))
        owner = next(right, None)
        if owner is not None:
            owners[name] = owner
    done: set[str] = set()
    for name in owners:
        circle = circle_from(owners, name)
        if name in done:
            continue
        if circle:
            names = [n for n in box.shapes if n in circle]
            message = f"{exchange_text(names, owners)}; {CONFIRMED}"
            yield Diagnosis("exchanged", None, None, message, tuple(names), is_exact=False)
            done.update(circle)
        else:
            message = f"{name}: this is the gradient of {owners[name]}; {CONFIRMED}"
            yield Diagnosis("other-tensor", name, None, message, (name,), is_exact=False)


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
