"""The gradient behind an update of which only the result is seen."""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.holding.held import Held
from fastcheck.holding.recovered import recovered
from fastcheck.holding.tree import find_tree, gathered, leaves_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]


def grads_from_update(step: Callable[..., Any], params: Any, lr: float) -> Any:
    """Return the gradient that a step of gradient descent has used, ``(before - after) / lr``.

    Parameters
    ----------
    step : callable
        Makes one update ``w -= lr * g`` of all parameters: in place, or by putting new arrays in
        the containers or attributes that `params` names. Without arguments, or of `params`; it may
        then also return the new parameters.
    params : object
        The parameters, as for a check. They are as before afterwards, bit for bit.
    lr : float
        The learning rate of that step, without momentum, weight decay or clipping.

    Returns
    -------
    object
        The structure of `params`, with a dict for an object, of arrays of float64 that know by how
        much they may be wrong.
        A check adds that to its bounds as long as they are given to it as they are.

    Raises
    ------
    InputError
        If `lr` is no positive number, or nothing has changed.

    Notes
    -----
    The new parameter was rounded, so that of the gradient ``u (|before| + |after|) / lr`` is lost,
    with the unit roundoff ``u`` of the parameter: about ``1e-16 |w| / lr`` in float64, and in
    float32 ``6e-8 |w| / lr``, which can be more than the gradient. Take a large `lr`: it need not
    be one with which training would work. What else the step changes, such as counters or moving
    averages, remains changed.

    Examples
    --------
    >>> import numpy as np
    >>> import fastcheck as fc
    >>> w = np.array([1.0, 2.0])
    >>> def step():
    ...     w[:] -= 0.5 * (2.0 * w)
    >>> grads = fc.grads_from_update(step, {"w": w}, lr=0.5)
    >>> grads["w"].tolist(), w.tolist()
    ([2.0, 4.0], [1.0, 2.0])
    """
    if not _is_rate(lr):
        raise InputError(f"`lr` must be a number other than 0, got {lr!r}; pass that of the step")
    held = Held(params, is_live=True)
    before = {name: array.copy() for name, array in held.arrays.items()}
    try:
        held.publish()
        returned = step(params) if _takes_params(step) else step()
        after = held.now()
        if all(_same(before[name], after[name]) for name in before):
            after = _returned(returned, before)
    finally:
        for name, array in held.arrays.items():
            if array.tobytes() != before[name].tobytes():
                array[...] = before[name]
        held.restore()
    found = {name: _gradient(name, before[name], after[name], float(lr)) for name in before}
    return gathered(held.tree, lambda leaf: found[leaf.name])


def _is_rate(value: object) -> bool:
    is_number = isinstance(value, float | np.number | int) and not isinstance(value, bool)
    return is_number and 0.0 < abs(float(value)) < math.inf  # type: ignore[arg-type]


def _takes_params(step: Callable[..., Any]) -> bool:
    if not callable(step):
        raise InputError(f"`step` must be a function, got {type(step).__name__}; pass lambda: ...")
    try:
        inspect.signature(step).bind()
    except TypeError:
        return True
    except ValueError:
        return False
    return False


def _same(one: Array, other: Array) -> bool:
    return one.shape == other.shape and bool(np.array_equal(one, other, equal_nan=True))


def _returned(returned: Any, before: dict[str, Array]) -> dict[str, Array]:
    """Return the new parameters that a step has returned."""
    found = {}
    if returned is not None:
        try:
            leaves = leaves_of(find_tree(returned))
            found = {leaf.name: np.array(leaf.hold(is_live=False)) for leaf in leaves}
        except InputError:
            found = {}
    if found.keys() != before.keys() or all(_same(before[n], found[n]) for n in before):
        raise InputError(
            f"`step` must change parameters in place or return new ones, got the same "
            f"{', '.join(before)} afterwards; if it binds new arrays, name where it keeps them, as "
            "fc.attributes(layer, 'W', 'b') does"
        )
    return found


def _gradient(name: str, before: Array, after: Array, lr: float) -> Array:
    if before.shape != after.shape:
        raise InputError(
            f"`step` must keep the shape of {name}, {before.shape}, got {after.shape}; look for "
            "broadcasting in the update"
        )
    old, new = before.astype(np.float64), after.astype(np.float64)
    unit = max(float(np.finfo(a.dtype).eps) / 2.0 for a in (before, after) if a.dtype.kind == "f")
    error = unit * (np.abs(old) + np.abs(new)) / abs(lr)
    return recovered((old - new) / lr, error)
