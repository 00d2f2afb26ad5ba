"""What a backward pass returned: whose gradients these are, and whether they have the shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.layers.inputs import is_sequence, is_tensor


def by_name(returned: Any, inputs: Mapping[str, Any], params: Sequence[str]) -> dict[str, Any]:
    """Return what a backward pass returned, by the names of inputs and parameters.

    Parameters
    ----------
    returned : object
        Nothing, one gradient, a tuple in the order of the inputs and then the parameters, or a
        mapping by name.
    inputs : mapping of str to object
        All inputs. Those that are no floating-point arrays have a place in the tuple or not.
    params : sequence of str
        Names of the parameters whose gradients are found nowhere else.

    Raises
    ------
    InputError
        If it is not clear whose the gradients are.
    """
    if returned is None:
        return {}
    if isinstance(returned, Mapping):
        names = [*inputs, *params]
        keys = {
            name: key
            for name in names
            for key in (f"d{name}", name)
            if key in returned and (key == name or key not in names)
        }
        return {name: returned[key] for name, key in keys.items()}
    given = list(returned) if is_sequence(returned) else [returned]
    tensors = [name for name, value in inputs.items() if is_tensor(value)]
    for slots in ([*tensors, *params], [*inputs, *params], tensors, [*inputs]):
        if len(given) == len(slots):
            return dict(zip(slots, given, strict=True))
    if len(given) < len(tensors):
        return dict(zip(tensors, given, strict=False))
    raise InputError(
        f"`backward` must return a gradient for each of {', '.join([*tensors, *params])}, got "
        f"{len(given)}; return them in this order, or as a dict"
    )


def check_shape(name: str, gradient: Any, shape: tuple[int, ...]) -> None:
    """Refuse a gradient that has another shape than its tensor.

    Raises
    ------
    InputError
        With both shapes, and what to do.
    """
    found = np.shape(gradient)
    if found != shape:
        raise InputError(
            f"`backward` must give a gradient of {name} in the shape of {name}, {shape}, got "
            f"{found}; {_remedy(found, shape)}"
        )


def _remedy(found: tuple[int, ...], shape: tuple[int, ...]) -> str:
    if len(shape) > 1 and found == shape[::-1]:
        return "transpose it"
    if np.prod(found) == np.prod(shape):
        return "reshape it"
    if _broadcasts(shape, found):
        lead = len(found) - len(shape)
        axes = [a for a in range(len(found)) if a < lead or shape[a - lead] != found[a]]
        return f"sum it over {_axes(axes)}, along which the tensor was broadcast"
    if _broadcasts(found, shape):
        return "it would broadcast, but each entry has a derivative of its own: do not sum it"
    return "follow the shapes of the forward pass"


def _broadcasts(small: tuple[int, ...], large: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(small, large) == large
    except ValueError:
        return False


def _axes(axes: Sequence[int]) -> str:
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
