"""Checking a function that returns the loss and its gradient together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.blackbox.arguments import as_one_argument
from fastcheck.blackbox.loss import takes_nothing
from fastcheck.check import check_gradients
from fastcheck.errors import InputError
from fastcheck.holding import plain
from fastcheck.holding.tree import find_tree, leaves_of

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
        As for :func:`check_gradients`.

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
    For each probe the function is called as a whole and its first item is taken. Where the backward
    pass takes long, pass the loss alone to :func:`check_gradients` instead.

    Examples
    --------
    >>> import numpy as np
    >>> import fastcheck as fc
    >>> def objective(w, x=np.array([1.0, 2.0])):
    ...     return np.exp(w @ x), np.exp(w @ x) * x
    >>> fc.check_value_and_grad(objective, np.array([0.5, -0.25])).verdict
    'pass'
    """
    function = as_one_argument(function, params)
    n_params = len(leaves_of(find_tree(params)))

    def loss(*point: Any) -> Any:
        return _parts(function(*point))[0]

    def gradient(*point: Any) -> Any:
        return _gradient(_parts(function(*point)), n_params)

    if takes_nothing(function, "function"):
        return check_gradients(lambda: loss(), params, lambda: gradient(), **options)
    return check_gradients(lambda p: loss(p), params, lambda p: gradient(p), **options)


def _parts(returned: Any) -> tuple[Any, ...]:
    if not isinstance(returned, tuple | list) or len(returned) < 2:
        raise InputError(
            f"`function` must return (loss, gradient, ...), got {type(returned).__name__}"
            f"{f' of length {len(returned)}' if isinstance(returned, tuple | list) else ''}; give "
            "a function of the loss alone to fc.check_gradients"
        )
    is_swapped = type(returned[0]) is np.ndarray and returned[0].size > 1
    if is_swapped and _number(returned[1]) is not None:
        raise InputError(
            "`function` must return the loss first and then its gradient, got the number second; "
            "swap them"
        )
    return tuple(returned)


def _gradient(parts: tuple[Any, ...], n_params: int) -> Any:
    """Return the gradient among what was returned."""
    if n_params > 1 and _is_array(parts[1]) and len(parts) > n_params:
        return list(parts[1 : 1 + n_params])
    return parts[1]


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
