"""From what users have (batches, arrays, labels) to the arrays that a network needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.network.checks import first, real_array, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.network.layout import Layout
    from fastcheck.network.losses import Loss

    Floats = NDArray[np.float64]


def examples(x: Any, n_in: int, layout: Layout) -> NDArray[Any]:
    """Return the examples `x` of `n_in` features as an array that lies in `layout`.

    Raises
    ------
    InputError
        If `x` is not numeric, has other axes or another number of features, is empty or has a
        value that is not finite.
    """
    array = real_array("x", x)
    wanted = f"`x` must have shape {layout.described(n_in)}, got {shown(array)}"
    if array.ndim != 2:
        raise InputError(f"{wanted}; reshape it to two axes, samples and features")
    if array.shape[layout.features] != n_in:
        is_transposed = array.shape[layout.batch] == n_in
        raise InputError(f"{wanted}; {_remedy(is_transposed, layout, 'the first Dense layer')}")
    if not array.shape[layout.batch]:
        raise InputError(f"`x` must have one example or more, got {shown(array)}; add examples")
    return array


def targets(y: Any, n_batch: int, n_out: int, layout: Layout, loss: Loss) -> Floats:
    """Return labels as the targets of `n_out` outputs, an array that lies in `layout`.

    Parameters
    ----------
    y : array_like of shape (n_batch,), or of the outputs in `layout`
        Integers from 0 to ``n_out - 1``, which become one-hot; one number per sample where there
        is one output; or the targets themselves.
    n_batch, n_out : int
        How many there must be.
    layout : Layout
        How `y` lies and the result will.
    loss : Loss
        Knows which targets are possible.

    Raises
    ------
    InputError
        If the shape does not fit, a label is out of range or a target not possible.
    """
    array = real_array("y", y)
    shape = layout.shape(n_batch, n_out)
    if array.shape == shape or (array.shape == (n_batch,) and n_out == 1):
        _check_range(array, loss)
        return array.astype(np.float64).reshape(shape)
    if array.shape == (n_batch,) and array.dtype.kind != "f":
        return layout.placed(_one_hot(array, n_out))
    integers = f"{'numbers' if n_out == 1 else 'integers'} of shape ({n_batch},)"
    raise InputError(
        f"`y` must be {integers} or an array of the outputs' shape {shape}, got {shown(array)}; "
        + _remedy(array.shape == shape[::-1], layout, "the labels")
    )


def _remedy(is_transposed: bool, layout: Layout, what: str) -> str:
    if is_transposed:
        return f"transpose it, as layout={layout.name!r} has it"
    return f"correct {what} or the array"


def _one_hot(labels: NDArray[Any], n_out: int) -> Floats:
    """Return an array of shape (n_batch, n_out) with a 1 at the label of each sample."""
    labels = labels.astype(np.int64)
    bad = (labels < 0) | (labels >= n_out)
    if bad.any():
        (i,) = first(bad)
        raise InputError(
            f"`y` must be integers from 0 to {n_out - 1} for {n_out} outputs, but y[{i}] is "
            f"{labels[i]}; correct the label, or n_out of the last Dense layer"
        )
    one_hot = np.zeros((labels.size, n_out))
    one_hot[np.arange(labels.size), labels] = 1.0
    return one_hot


def _check_range(array: NDArray[Any], loss: Loss) -> None:
    bad = np.zeros(array.shape, dtype=np.bool_)
    if loss.lowest is not None:
        bad |= array < loss.lowest
    if loss.highest is not None:
        bad |= array > loss.highest
    if bad.any():
        place = first(bad)
        span = f"at least {loss.lowest:g}" if loss.highest is None else "from 0 to 1"
        raise InputError(
            f"`y` must be {span} for {loss!r}, but y{list(place)} is {array[place]}; encode the "
            "labels as probabilities"
        )
