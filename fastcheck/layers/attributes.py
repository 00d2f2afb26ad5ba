"""Parameters and gradients that a layer keeps in its attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from fastcheck.layers.inputs import is_tensor

DEEPEST = 8
"""How many layers may be inside each other."""


@dataclass(frozen=True)
class Held:
    """A parameter that a layer holds.

    Attributes
    ----------
    array : ndarray
        The very array.
    where : str
        Where its gradient is, such as ``dW``.
    gradient : callable
        Returns the present gradient.
    """

    array: np.ndarray[Any, Any]
    where: str
    gradient: Callable[[], Any]


def parts(owner: object, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    """Yield a layer and the layers inside it, each with the prefix of its names."""
    yield prefix, owner
    if depth == DEEPEST:
        return
    for name, value in contents(owner).items():
        for key, inner in _members(name, value):
            if callable(getattr(inner, "forward", None)) and hasattr(inner, "backward"):
                yield from parts(inner, f"{prefix}{key}.", depth + 1)


def _members(name: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, list | tuple):
        yield from ((f"{name}[{place}]", part) for place, part in enumerate(value))
    elif isinstance(value, Mapping):
        yield from ((f"{name}[{key}]", part) for key, part in value.items())
    else:
        yield name, value


def contents(owner: object) -> dict[str, Any]:
    """Return the attributes of an object, in the order in which they were set."""
    slots = [s for kind in type(owner).__mro__ for s in getattr(kind, "__slots__", ())]
    found = {name: getattr(owner, name) for name in slots if hasattr(owner, name)}
    return found | dict(getattr(owner, "__dict__", {}))


def arrays_of(owner: object) -> dict[str, Any]:
    """Return the arrays that a layer holds, also inside other objects, by where they are."""
    found = {}
    for prefix, part in parts(owner):
        for name, value in contents(part).items():
            for key, array in _leaves(name, value):
                if is_tensor(array):
                    found[prefix + key] = array
    return found


def _leaves(name: str, value: object) -> Iterator[tuple[str, object]]:
    if is_tensor(value):
        yield name, value
    elif isinstance(value, Mapping):
        yield from ((f"{name}[{key}]", part) for key, part in value.items())
    elif isinstance(value, list | tuple):
        yield from ((f"{name}[{place}]", part) for place, part in enumerate(value))
    elif hasattr(value, "grad") and is_tensor(getattr(value, "data", None)):
        yield name, value.data  # type: ignore[attr-defined]


def held_parameters(
    owner: object, before: Mapping[str, Any], inside: Sequence[object]
) -> dict[str, Held]:
    """Return the parameters of a layer for which it holds gradients, by name.

    Parameters
    ----------
    owner : object
        The layer, after a forward and a backward pass.
    before : mapping of str to ndarray
        Its :func:`arrays_of` before. What is another array now is no parameter: a cached input,
        for example, or an output.
    inside : sequence of object
        Its :func:`parts` before. Layers that are made in each call, one for each step of a
        sequence, hold gradients of their step only.

    Notes
    -----
    Where one array is a parameter of several layers inside, it is tied: their gradients are added.
    Where an outer layer has a gradient of it too, that is the one.
    """
    lasting = {id(array) for array in before.values()}
    known = {id(part) for part in inside}
    found: dict[int, tuple[int, str, list[Held]]] = {}
    for prefix, part in parts(owner):
        for name, held in (_in_containers(part) | _in_attributes(part)).items():
            if id(held.array) in lasting and id(part) in known:
                depth = prefix.count(".")
                outer, _, others = found.setdefault(id(held.array), (depth, prefix + name, []))
                if depth == outer and _is_another(held, others):
                    others.append(held)
    return {name: _tied(held) for _, name, held in found.values()}


def _is_another(held: Held, others: Sequence[Held]) -> bool:
    """Return whether a gradient is none of the `others` under another name."""
    return all(held.gradient() is not other.gradient() for other in others)


def _tied(held: Sequence[Held]) -> Held:
    if len(held) == 1:
        return held[0]
    where = f"the sum of {len(held)} gradients of tied parameters"
    return Held(held[0].array, where, lambda: sum(np.asarray(part.gradient()) for part in held))


def _in_containers(part: object) -> dict[str, Held]:
    """Return what is in ``params`` and has an entry in ``grads``: two dicts or two lists."""
    params, grads = getattr(part, "params", None), getattr(part, "grads", None)
    if isinstance(params, list | tuple) and isinstance(grads, list | tuple):
        own = {id(value): name for name, value in contents(part).items()}
        return {
            own.get(id(array), f"params[{place}]"): _entry(part, array, place)
            for place, array in enumerate(params[: len(grads)])
            if is_tensor(array)
        }
    if not (isinstance(params, Mapping) and isinstance(grads, Mapping)):
        return {}
    keys = {name: key for name in params for key in (f"d{name}", name) if key in grads}
    return {
        str(name): _entry(part, params[name], key)
        for name, key in keys.items()
        if is_tensor(params[name])
    }


def _entry(part: Any, array: Any, key: Any) -> Held:
    return Held(array, f"grads[{key!r}]", lambda: part.grads[key])


def _in_attributes(part: object) -> dict[str, Held]:
    """Return pairs of attributes such as ``W`` and ``dW``, and what has ``data`` and ``grad``."""
    own = contents(part)
    found = {}
    for name, value in own.items():
        key = gradient_name(name, own)
        if is_tensor(value) and key:
            found[name] = Held(value, key, partial(getattr, part, key))
        elif hasattr(value, "grad") and is_tensor(getattr(value, "data", None)):
            found[name] = Held(value.data, f"{name}.grad", partial(getattr, value, "grad"))
    return found


def gradient_name(name: str, names: Mapping[str, Any]) -> str:
    """Return which of some names is that of the gradient of `name`, empty if none is.

    Examples
    --------
    >>> gradient_name("W", {"W": 0, "dW": 0}), gradient_name("_w", {"_dw": 0})
    ('dW', '_dw')
    """
    bare = name.lstrip("_")
    lead = name[: len(name) - len(bare)]
    forms = ("d{}", "d_{}", "grad_{}", "{}_grad", "{}grad", "g_{}", "delta_{}")
    for form in forms:
        if lead + form.format(bare) in names:
            return lead + form.format(bare)
    return ""
