"""Parameters behind a pair of functions, one that gives them and one that takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastcheck.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, eq=False, slots=True)
class Accessors:
    """A pair of functions; made by :func:`accessors`.

    Attributes
    ----------
    read : callable
        Returns the parameters, in any structure.
    write : callable
        Takes the same structure.
    """

    read: Callable[[], Any]
    write: Callable[[Any], object]


def accessors(get: Callable[[], Any], set: Callable[[Any], object]) -> Accessors:  # noqa: A002
    """Return parameters that are read by one function and written by another.

    Parameters
    ----------
    get : callable
        Returns the parameters: arrays or numbers in any structure. Whether they are copies does
        not matter.
    set : callable
        Takes the same structure, before each evaluation and once more at the end.

    Raises
    ------
    InputError
        If these are no functions.

    Examples
    --------
    >>> import numpy as np
    >>> import fastcheck as fc
    >>> class Model:
    ...     def __init__(self):
    ...         self._weights = np.array([1.0, 2.0])
    ...     def get_weights(self):
    ...         return [self._weights.copy()]
    ...     def set_weights(self, weights):
    ...         self._weights = weights[0].copy()
    ...     def loss(self):
    ...         return self._weights @ self._weights
    >>> model = Model()
    >>> params = fc.accessors(model.get_weights, model.set_weights)
    >>> fc.check_gradients(model.loss, params, [2 * model._weights]).verdict
    'pass'
    """
    for argument, function in (("get", get), ("set", set)):
        if not callable(function):
            raise InputError(
                f"`{argument}` must be a function, got {type(function).__name__}; pass the method "
                "itself, without calling it"
            )
    return Accessors(get, set)
