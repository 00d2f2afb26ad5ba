"""The analytic gradient in every shape in which users have it, by the names of the parameters."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.holding.accessors import Accessors
from fastcheck.holding.attributes import Attributes
from fastcheck.holding.foreign import is_sparse, is_tensor, is_wrapper, plain
from fastcheck.holding.leaves import is_buffer
from fastcheck.holding.numbers import is_number, shape_of_numbers
from fastcheck.holding.recorder import Recorder
from fastcheck.holding.recovered import Recovered, recovered
from fastcheck.holding.tree import find_tree, join, leaves_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PREFIXES = ("d", "d_", "grad_", "g_")
SUFFIXES = ("_grad",)


class InOrder(dict[str, Any]):
    """Gradients whose order the user chose, so that they may also be matched by it."""


def taken(grads: Any, params: Any) -> Any:
    """Return a copy of gradients, in plain containers of NumPy arrays; a function as it is.

    Parameters
    ----------
    grads : object
        Arrays, tensors, numbers, objects with ``.data``; or dicts, lists, tuples, object arrays,
        attributes or a recorder of such; or a function that returns them. None stands for the
        ``.grad`` of the objects in `params`.
    params : object
        The parameters.

    Raises
    ------
    InputError
        If there is no gradient.

    Notes
    -----
    To be called before the loss is, which may write into arrays that the user gave.
    """
    if grads is None:
        return _of_holders(params)
    if isinstance(grads, Recorder):
        return grads.grads
    return grads if callable(grads) and not is_tensor(grads) else _copied(grads)


def _copied(value: Any) -> Any:
    if isinstance(value, Attributes):
        return InOrder({name: _copied(slot.get()) for name, slot in value.slots().items()})
    if isinstance(value, Accessors):
        return _copied(value.read())
    if isinstance(value, Mapping):
        return {str(key): _copied(part) for key, part in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return InOrder({key: _copied(getattr(value, key)) for key in value._fields})
    if isinstance(value, list | tuple):
        return [_copied(part) for part in value]
    if isinstance(value, Recovered) and value.error is not None:
        return recovered(np.array(value), value.error.copy())
    if isinstance(value, np.ndarray) and value.dtype == object:
        if shape_of_numbers(value) is not None:
            return value.astype(np.float64)
        return [_copied(part) for part in value]
    return _copied_leaf(value)


def _copied_leaf(value: Any) -> Any:
    if value is None or isinstance(value, int | float | np.generic):
        return value
    if is_number(value):  # decimals and fractions
        return float(value)
    if is_tensor(value) or is_wrapper(value) or is_sparse(value):
        inner = plain(value)
        return np.array(inner) if isinstance(inner, np.ndarray) else inner
    if is_buffer(value) and not isinstance(value, np.ndarray):
        return np.array(memoryview(value))
    return copy.copy(value)


def _of_holders(params: Any) -> Any:
    """Return the ``.grad`` of all parameters, by name; None where there is none."""
    leaves = leaves_of(find_tree(params))
    if not all(hasattr(leaf.holder, "grad") for leaf in leaves):
        raise InputError(
            "`grads` must be the gradient, got None, and not all parameters are objects with "
            ".grad; pass a dict of arrays, or a function that returns one"
        )
    found = {leaf.name: _copied(leaf.holder.grad) for leaf in leaves}
    if all(gradient is None for gradient in found.values()):
        raise InputError(
            f"`grads` must be the gradient, got None, and .grad of {', '.join(found)} is None too; "
            "run the backward pass before the check"
        )
    return found


# ------------------------------------------------------------ names


def named_gradients(grads: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return gradients by the names of the parameters, as far as they belong to any.

    Parameters
    ----------
    grads : object
        What :func:`taken` returned.
    names : sequence of str
        The parameters, in the user's order.

    Returns
    -------
    dict of str to object
        Arrays, numbers, or None for what is frozen. What belongs to no parameter keeps its own
        name. Parameters without a gradient are missing.

    Raises
    ------
    InputError
        If gradients that are given by position are not as many as the parameters.

    Notes
    -----
    By name, nested as the parameters are, where ``dW``, ``d_W``, ``grad_W``, ``g_W`` and ``W_grad``
    stand for ``W``; a list also by position; a single array for a single parameter.
    """
    if isinstance(grads, Mapping):
        return _by_name(grads, names)
    if not isinstance(grads, list):
        if len(names) != 1:
            raise _too_few(names, _described(grads))
        return {names[0]: grads}
    roots = {name.partition(".")[0] for name in names}
    by_place = {str(place): part for place, part in enumerate(grads)}
    if roots == {place for place, part in by_place.items() if place in roots or _is(part)}:
        return _by_name(by_place, names)
    if len(names) == 1 and shape_of_numbers(grads) is not None:
        return {names[0]: grads}
    return _by_place(grads, names)


def _by_place(grads: Sequence[Any], names: Sequence[str]) -> dict[str, Any]:
    flat = list(_flat(grads))
    if len(flat) != len(names) == len(grads):  # parts that are ragged lists of numbers, say
        flat = list(grads)
    if len(flat) != len(names):
        raise _too_few(names, str(len(flat)))
    return dict(zip(names, flat, strict=True))


def _flat(grads: Any) -> Iterator[Any]:
    """Yield the arrays in lists and dicts, in order."""
    parts = grads.values() if isinstance(grads, Mapping) else grads
    for part in parts:
        if isinstance(part, list | Mapping) and shape_of_numbers(part) is None:
            yield from _flat(part)
        else:
            yield part


def _by_name(grads: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    prefixes = {name[:i] for name in names for i, letter in enumerate(name) if letter == "."}
    found: dict[str, Any] = {}
    extra: dict[str, Any] = {}

    def descend(part: Any, path: str) -> None:
        items = part if isinstance(part, Mapping) else {str(i): g for i, g in enumerate(part)}
        if isinstance(part, InOrder):
            items = _renamed(part, [n for n in names if n.startswith(path and path + ".")], path)
        for key, value in items.items():
            full = _meant(path, key, items, {*names, *prefixes})
            if full in prefixes and isinstance(value, Mapping | list) and full not in names:
                descend(value, full)
            elif full in names and full not in found:
                found[full] = value
            else:
                extra[join(path, key)] = value

    descend(grads, "")
    return found | {key: g for key, g in extra.items() if key not in found}


def _is(part: Any) -> bool:
    """Return whether something may be a gradient."""
    return part is not None and not isinstance(part, str | bool)


def _meant(path: str, key: str, siblings: Mapping[str, Any], known: set[str]) -> str:
    """Return the path of the parameter that a key means; its own if it means none."""
    for bare in (key, *_stripped(key)):
        full = join(path, bare)
        if full in known and (bare == key or bare not in siblings):
            return full
    return join(path, key)


def is_meant(key: str, names: Iterable[str]) -> bool:
    """Return whether a key means one of the parameters, or its gradient.

    Examples
    --------
    >>> is_meant("dW", ["W", "b"]), is_meant("z1", ["W", "b"])
    (True, False)
    """
    known = {*names}
    return any(bare in known for bare in (key, *_stripped(key)))


def _stripped(key: str) -> list[str]:
    """Return what `key` is the gradient of, by the usual habits, in its last part.

    Examples
    --------
    >>> _stripped("layers.0.dW"), _stripped("weight_grad")
    (['layers.0.W'], ['weight'])
    """
    head, dot, last = key.rpartition(".")
    bare = [last.removeprefix(p) for p in PREFIXES if last.startswith(p) and last != p]
    bare += [last.removesuffix(s) for s in SUFFIXES if last.endswith(s) and last != s]
    return [head + dot + name for name in bare]


def _renamed(part: InOrder, names: Sequence[str], path: str) -> Mapping[str, Any]:
    """Return gradients by order, unless names are known and contradict it."""
    known = set(names)
    meant = [_meant(path, key, part, known) for key in part]
    contradicts = any(m in known and m != name for m, name in zip(meant, names, strict=False))
    if len(part) != len(names) or contradicts:
        return part
    skip = len(path) + 1 if path else 0
    return {name[skip:]: value for name, value in zip(names, part.values(), strict=True)}


def _too_few(names: Sequence[str], got: str) -> InputError:
    n = len(names)
    which = f"{', '.join(names)}" if n <= 8 else f"{', '.join(names[:8])} and {n - 8} more"
    return InputError(
        f"`grads` must have one gradient for each of {n} parameters, got {got}; put them in the "
        f"same order, {which}, or give them by name"
    )


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"one array of shape {value.shape}"
    return type(value).__name__


def errors_of(grads: Mapping[str, Any]) -> dict[str, Any]:
    """Return the absolute errors of gradients that are known to have some, by name."""
    errors = {name: g.error for name, g in grads.items() if isinstance(g, Recovered)}
    return {name: error for name, error in errors.items() if error is not None}
