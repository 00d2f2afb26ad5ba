"""In which shapes users hold parameters and gradients: mappings, lists and tuples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastcheck.errors import InputError


def named(params: object) -> dict[str, Any]:
    """Return the tensors of `params` by name; those of a list or tuple are "0", "1", ...

    Raises
    ------
    InputError
        If `params` is something else, or empty.
    """
    if isinstance(params, Mapping):
        found = {str(name): value for name, value in params.items()}
    elif isinstance(params, list | tuple):
        found = {str(place): value for place, value in enumerate(params)}
    else:
        raise InputError(
            f"`params` must be a dict, list or tuple of arrays, got {type(params).__name__}; write "
            '{"theta": theta} for a single array'
        )
    if not found:
        raise InputError("`params` must hold an array, got none; pass what the loss depends on")
    return found


def rebuilt(params: object, arrays: Mapping[str, Any]) -> Any:
    """Return new containers of the kind of `params` around `arrays`."""
    if isinstance(params, Mapping):
        return {name: arrays[str(name)] for name in params}
    if isinstance(params, tuple) and hasattr(params, "_fields"):
        return type(params)(*arrays.values())
    return tuple(arrays.values()) if isinstance(params, tuple) else list(arrays.values())


def as_mapping(grads: Any, params: object) -> Any:
    """Return gradients that are in a list or tuple, as `params` are, by the names of those.

    Raises
    ------
    InputError
        If there are not as many as parameters.
    """
    if not (isinstance(params, list | tuple) and isinstance(grads, list | tuple)):
        return grads
    if len(grads) != len(params):
        raise InputError(
            f"`grads` must have one gradient for each of {len(params)} parameters, got "
            f"{len(grads)}; put them in the same order"
        )
    return named(grads)
