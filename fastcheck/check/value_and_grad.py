"""Checking a function that returns the loss and its gradient together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.blackbox.loss import takes_nothing
from fastcheck.check import check_gradients
from fastcheck.errors import InputError
from fastcheck.holding import Held, plain, taken

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcheck.result import CheckResult


def check_value_and_grad(function: Callable[..., Any], params: Any, **options: Any) -> CheckResult:
    """Check the gradient of a function that returns ``(loss, gradient, ...)`` in one call.

    Parameters
    ----------
    function : callable
        Returns a tuple or list: the loss, then the gradient in any structure, by the names or in
        the order of the parameters, then anything. For several parameters their gradients may also
        follow one by one: ``(loss, dW, db, cache)``. Without arguments it reads the very arrays of
        `params`; or it is a function of the parameters.
    params : object
        The point, as for :func:`check_gradients`.
    **options
        As for :func:`check_gradients`. `loss_value` is by default the loss that came with the
        gradient.

    Returns
    -------
    CheckResult
        As of :func:`check_gradients`.

    Raises
    ------
    InputError
        If `function` returns something else, or an argument is wrong.

    Notes
    -----
    One evaluation gives the gradient; for probes the function is called as a whole and its first
    item is taken. Where the backward pass takes long, pass the loss alone to
    :func:`check_gradients` instead.

    Examples
    --------
    >>> import numpy as np
    >>> import fastcheck as fc
    >>> def objective(w, x=np.array([1.0, 2.0])):
    ...     return np.exp(w @ x), np.exp(w @ x) * x
    >>> fc.check_value_and_grad(objective, np.array([0.5, -0.25])).verdict
    'pass'
    """
    is_closure = takes_nothing(function, "function")
    value, grads = _evaluated(function, Held(params, is_live=is_closure))
    options.setdefault("loss_value", value)
    if is_closure:
        return check_gradients(lambda: function()[0], params, grads, **options)
    return check_gradients(lambda p: function(p)[0], params, grads, **options)


def _evaluated(function: Callable[..., Any], held: Held) -> tuple[float | None, Any]:
    """Return the loss and a copy of the gradient at the point, which is restored."""
    kept = {name: array.copy() for name, array in held.arrays.items()}
    try:
        held.publish()
        returned = function() if held.is_live else function(held.point())
        loss, grads = _split(returned, len(kept))
        return loss, taken(grads, held.structure)
    finally:
        for name, array in held.arrays.items():
            if array.tobytes() != kept[name].tobytes():
                array[...] = kept[name]
        held.restore()


def _split(returned: Any, n_params: int) -> tuple[float | None, Any]:
    """Return the loss, None if it is no real number, and the gradient of what was returned."""
    if not isinstance(returned, tuple | list) or len(returned) < 2:
        raise InputError(
            f"`function` must return (loss, gradient, ...), got {type(returned).__name__}"
            f"{f' of length {len(returned)}' if isinstance(returned, tuple | list) else ''}; give "
            "a function of the loss alone to fc.check_gradients"
        )
    loss, second = _number(returned[0]), returned[1]
    if loss is None and _number(second) is not None:
        raise InputError(
            "`function` must return the loss first and then its gradient, got the number second; "
            "swap them"
        )
    if n_params > 1 and _is_array(second) and len(returned) > n_params:
        return loss, list(returned[1 : 1 + n_params])
    return loss, second


def _is_array(value: Any) -> bool:
    inner = plain(value)
    return isinstance(inner, np.ndarray | np.number | float) and np.asarray(inner).dtype != object


def _number(value: Any) -> float | None:
    try:
        array = np.asarray(plain(value))
    except ValueError:  # a ragged list
        return None
    if array.dtype.kind not in "fiu" or array.size != 1:
        return None
    return float(array.reshape(()))
