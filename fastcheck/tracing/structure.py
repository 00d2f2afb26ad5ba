"""Parameters in dictionaries, lists and tuples, nested in any way."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["leaves_of", "with_leaves"]

Array = np.ndarray[Any, Any]


def leaves_of(params: Any, name: str = "") -> dict[str, Array]:
    """Return the arrays of a structure, named by keys and numbers joined by dots.

    One array alone is called ``"params"``. What is no array of real numbers is left out.
    """
    if isinstance(params, np.ndarray):
        return {name or "params": params} if params.dtype.kind == "f" else {}
    if isinstance(params, dict):
        items = list(params.items())
    elif isinstance(params, (list, tuple)):
        items = list(enumerate(params))
    else:
        return {}
    prefix = f"{name}." if name else ""
    return {k: a for key, x in items for k, a in leaves_of(x, f"{prefix}{key}").items()}


def with_leaves(params: Any, leaves: dict[str, Any], name: str = "") -> Any:
    """Return a structure like another with other things in the places of its arrays."""
    if isinstance(params, np.ndarray):
        return leaves.get(name or "params", params)
    prefix = f"{name}." if name else ""
    if isinstance(params, dict):
        new = {k: with_leaves(x, leaves, f"{prefix}{k}") for k, x in params.items()}
        return new if type(params) is dict else _like(params, new)
    if isinstance(params, (list, tuple)):
        parts = [with_leaves(x, leaves, f"{prefix}{k}") for k, x in enumerate(params)]
        if hasattr(params, "_fields"):
            return type(params)(*parts)
        return type(params)(parts)
    return params


def _like(params: dict[Any, Any], new: dict[Any, Any]) -> dict[Any, Any]:
    copy = params.copy()
    copy.update(new)
    return copy
