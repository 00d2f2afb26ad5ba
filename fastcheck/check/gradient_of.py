"""Calling a function for the gradient."""

from __future__ import annotations

import inspect
from typing import Any

from fastcheck.blackbox.arguments import as_one_argument
from fastcheck.errors import InputError


def gradient_of(grads: Any, params: Any) -> Any:
    """Return what a function gives as the gradient; anything else as it is.

    Parameters
    ----------
    grads : object
        If it is a function, it is called without arguments, or with the parameters if it takes
        one, or with each as an argument of its own. None is then what fills the ``.grad`` of the
        parameters.
    params : object
        What it is called with.

    Raises
    ------
    InputError
        If the function takes something else.
    """
    if not callable(grads):
        return grads
    grads = as_one_argument(grads, params)
    try:
        signature = inspect.signature(grads)
    except (TypeError, ValueError):
        return grads()
    for arguments in ((), (params,)):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return grads(*arguments)
    raise InputError(
        f"`grads` must take no argument, or the parameters, got a function of {signature}; bind "
        "the rest, as in lambda: backward(params, x, y)"
    )
