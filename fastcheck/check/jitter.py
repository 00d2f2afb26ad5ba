"""Moving the parameters a little for the time of a check."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.blackbox.arguments import as_one_argument
from fastcheck.blackbox.loss import takes_nothing
from fastcheck.check.gradient_of import gradient_of
from fastcheck.errors import InputError
from fastcheck.holding import Held
from fastcheck.objective import GraphObjective

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    Array = NDArray[Any]

LEAST = 1e-2
"""Least size of a tensor that its changes are relative to, so that zeros move too."""


@contextmanager
def jittered(
    loss: Any, params: Any, grads: Any, size: float | None, seed: int
) -> Iterator[tuple[Any, Any]]:
    """Give parameters that are moved a little, and the gradient function at them.

    Parameters
    ----------
    loss : GraphObjective or callable
        The loss. The arrays that a function without arguments reads are moved in place, and
        restored bit for bit; else copies are moved.
    params : object
        The parameters.
    grads : object
        The gradient; with a `size`, a function: without arguments, if `loss` is one, else of the
        parameters.
    size : float or None
        Standard deviation of the changes, relative to the rms of each tensor or 0.01; None moves
        nothing.
    seed : int
        Their seed.

    Yields
    ------
    params, grads : object
        As given, or moved.

    Raises
    ------
    InputError
        If the gradient at the moved point cannot be had.
    """
    if size is None:
        yield params, grads
        return
    if not callable(grads):
        raise InputError(
            "`grads` must be a function with jitter=, because the gradient is needed where the "
            f"parameters are moved to, got {type(grads).__name__}; pass the backward pass itself"
        )
    is_live = not isinstance(loss, GraphObjective) and takes_nothing(as_one_argument(loss, params))
    held = Held(params, is_live=is_live)
    if is_live:
        with _in_place(held, size, seed):
            yield params, grads
        return
    if takes_nothing(as_one_argument(grads, params), "grads"):
        raise InputError(
            "`grads` must be a function of the parameters with jitter=, because `loss` is one too "
            "and gets others than yours, got a function without arguments; write lambda params: ..."
        )
    point = held.argument(_moved(held.arrays, size, seed))
    yield point, lambda: gradient_of(grads, point)


@contextmanager
def moved_in_place(arrays: Mapping[str, Array], size: float | None, seed: int) -> Iterator[None]:
    """Move arrays a little for a while; None moves nothing."""
    if size is None or not arrays:
        yield
        return
    with _in_place(Held(dict(arrays), is_live=True), size, seed):
        yield


@contextmanager
def _in_place(held: Held, size: float, seed: int) -> Iterator[None]:
    """Move what the loss reads for a while."""
    kept = {name: array.copy(order="K") for name, array in held.arrays.items()}
    try:
        for name, values in _moved(held.arrays, size, seed).items():
            held.arrays[name][...] = values
        held.publish()
        yield
    finally:
        for name, array in held.arrays.items():
            array[...] = kept[name]
        held.restore()


def _moved(arrays: dict[str, Array], size: float, seed: int) -> dict[str, Array]:
    """Return new values of all tensors."""
    rng = np.random.default_rng([seed, 17])
    return {name: _near(array, size, rng) for name, array in arrays.items()}


def _near(array: Array, size: float, rng: np.random.Generator) -> Array:
    if not array.size:
        return array.copy(order="K")
    values = array.astype(np.float64)
    scale = max(float(np.sqrt(np.mean(np.square(values)))), LEAST)
    moves = size * scale * rng.standard_normal(array.shape)
    return np.asarray(values + moves, array.dtype)
