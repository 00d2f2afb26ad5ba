"""Parameters that are attributes of an object."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.holding.slots import Attribute, Entry, Slot
from fastcheck.params import did_you_mean

Path = tuple[str, ...]


class Attributes:
    """Some attributes of an object; made by :func:`attributes`.

    Attributes
    ----------
    owner : object
        The object.
    paths : dict of str to tuple of str
        For each name that the user gave, the steps that lead to it.
    """

    def __init__(self, owner: object, names: Sequence[str]) -> None:
        self.owner = owner
        self.paths = {name: _steps(name) for name in names}
        for name in self.paths:
            self.slot(name).get()

    def slot(self, name: str) -> Slot:
        """Return the place that a name means.

        Raises
        ------
        InputError
            If there is none.
        """
        here, path = self.owner, self.paths[name]
        for step in path[:-1]:
            here = _place(here, step, name).get()
        return _place(here, path[-1], name)

    def slots(self) -> dict[str, Slot]:
        """Return the place of each name."""
        return {name: self.slot(name) for name in self.paths}

    def remade(self, values: Mapping[str, Any]) -> Any:
        """Return a copy of the object with other values in these places.

        What lies on the way to them is copied too, one level deep; all else is shared.
        """
        copies: dict[Path, Any] = {(): copy.copy(self.owner)}
        for name, path in self.paths.items():
            for depth in range(1, len(path)):
                if path[:depth] not in copies:
                    place = _place(copies[path[: depth - 1]], path[depth - 1], name)
                    copies[path[:depth]] = copy.copy(place.get())
                    place.put(copies[path[:depth]])
            _place(copies[path[:-1]], path[-1], name).put(values[name])
        return copies[()]


def attributes(owner: object, *names: str) -> Attributes:
    """Return some attributes of an object, to be given as parameters or as gradients.

    Parameters
    ----------
    owner : object
        A layer, a model: whatever has the attributes.
    *names : str
        Their names, which are those of the tensors too. Dots lead on, as in ``"encoder.W"``,
        ``"layers.0.W"`` or ``"layers[0].W"``; an attribute that is itself a dict or list gives all
        that it holds.

    Raises
    ------
    InputError
        If there is no such attribute.

    Notes
    -----
    As gradients, ``attributes(layer, "dW", "db")`` belong to the parameters ``W`` and ``b``. Both
    may be parts of a larger structure: ``{"first": attributes(first, "W", "b"), ...}``. A loss of
    one argument gets a copy of the object.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> import fastcheck as fc
    >>> layer = SimpleNamespace(W=np.array([1.0, 2.0]), dW=np.array([2.0, 4.0]))
    >>> result = fc.check_gradients(
    ...     lambda: layer.W @ layer.W, fc.attributes(layer, "W"), fc.attributes(layer, "dW")
    ... )
    >>> result.verdict
    'pass'
    """
    if not names or not all(isinstance(name, str) for name in names):
        raise InputError(
            f"`names` must be names of attributes, got {names!r}; write "
            "fc.attributes(layer, 'W', 'b')"
        )
    return Attributes(owner, names)


def _steps(name: str) -> Path:
    return tuple(re.sub(r"\[['\"]?([^\]'\"]*)['\"]?\]", r".\1", name).split("."))


def _place(owner: Any, step: str, name: str) -> Slot:
    """Return the place of an object that a step means: an attribute, a key or a number."""
    if isinstance(owner, Mapping):
        for key in owner:
            if str(key) == step:
                return Entry(owner, key)
        raise _unknown(owner, step, name, map(str, owner))
    if step.isdigit() and (isinstance(owner, Sequence) or _holds_objects(owner)):
        if int(step) < len(owner):
            return Entry(owner, int(step))
        raise InputError(f"`names` must be attributes, got {name!r}, of which {len(owner)} exist; "
                         "count from 0")  # fmt: skip
    if not hasattr(owner, step):
        raise _unknown(owner, step, name, [n for n in dir(owner) if not n.startswith("__")])
    return Attribute(owner, step)


def _holds_objects(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == object


def _unknown(owner: object, step: str, name: str, known: Any) -> InputError:
    among = f", in which {step!r} is missing" if step != name else ""
    return InputError(
        f"`names` must be attributes of {type(owner).__name__}, got {name!r}{among}"
        f"{did_you_mean([step], known)}; name what holds an array"
    )
