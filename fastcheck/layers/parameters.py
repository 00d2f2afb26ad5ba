"""Which parameters are checked, and where their gradients are read after a backward pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.layers.attributes import arrays_of
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from fastcheck.layers.attributes import Held
    from fastcheck.layers.wiring import Layer

Reader = Callable[[], Any]


class Parameters:
    """The parameters of a layer.

    Parameters
    ----------
    layer : Layer
        After one forward and one backward pass.
    params, grads : object
        As the user gave them; None to look on the layer.
    held : mapping of str to Held
        The parameters that have gradients on the layer.
    before : mapping of str to ndarray
        The arrays of the layer before these passes.

    Attributes
    ----------
    arrays : dict of str to ndarray
        The very arrays.
    readers : dict of str to callable
        For each, what returns its present gradient; those that backward returns have none.
    found : str
        What was found on the layer, in words; empty if nothing was.
    others : dict of str to ndarray
        The arrays of the layer that outlast a call and for which no gradient was found, where
        the user did not name parameters.

    Raises
    ------
    InputError
        If `params` or `grads` do not say what they must.
    """

    def __init__(
        self,
        layer: Layer,
        params: Any,
        grads: Any,
        held: Mapping[str, Held],
        before: Mapping[str, Any],
    ) -> None:
        self.arrays: dict[str, Any] = {}
        self.readers: dict[str, Reader] = {}
        self.others: dict[str, Any] = {}
        self.found = ""
        if params is None:
            self._look(layer, grads, held, before)
            return
        self.arrays = _named(params, layer.owner)
        if grads is None:
            by_array = {id(h.array): h.gradient for h in held.values()}
            for name, array in self.arrays.items():
                if id(array) in by_array:
                    self.readers[name] = by_array[id(array)]
                elif name in held:
                    self.readers[name] = held[name].gradient
            return
        self.readers = {name: _reader(name, self, grads, layer.owner) for name in self.arrays}

    def _look(
        self, layer: Layer, grads: Any, held: Mapping[str, Held], before: Mapping[str, Any]
    ) -> None:
        """Find parameters on the layer."""
        if grads is not None:
            raise InputError(
                f"`grads` must come with `params`, got {type(grads).__name__} alone; name the "
                'parameters too, as in params={"W": layer.W}'
            )
        if layer.owner is None:
            return
        self.arrays = {name: h.array for name, h in held.items()}
        self.readers = {name: h.gradient for name, h in held.items()}
        now = {id(array) for array in arrays_of(layer.owner).values()}
        known = {id(array) for array in self.arrays.values()}
        self.others = {n: a for n, a in before.items() if id(a) in now and id(a) not in known}
        if held:
            pairs = [f"{name} ({h.where})" for name, h in held.items()]
            self.found = f"{listing(pairs, 10)} found on {layer.name}"


def _named(params: Any, owner: object) -> dict[str, Any]:
    """Return parameters by name; names alone are those of attributes."""
    if isinstance(params, Mapping):
        named = {str(name): value for name, value in params.items()}
    elif isinstance(params, list | tuple):
        named = {
            value if isinstance(value, str) else f"params[{place}]": value
            for place, value in enumerate(params)
        }
    else:
        raise InputError(
            f"`params` must map names to arrays, got {type(params).__name__}; write "
            '{"W": layer.W} or ["W"]'
        )
    found = {
        name: _attribute("params", value, owner) if isinstance(value, str) else value
        for name, value in named.items()
    }
    for name, value in found.items():
        if not isinstance(value, np.ndarray):
            raise InputError(
                f"`params[{name!r}]` must be the array that the layer reads, got "
                f"{type(value).__name__}; pass the array itself"
            )
    return found


def _attribute(argument: str, path: str, owner: object) -> Any:
    try:
        return attrgetter(path)(owner)
    except AttributeError as problem:
        raise InputError(
            f"`{argument}` must name attributes of the layer, got {path!r}; {problem}"
        ) from None


def _reader(name: str, parameters: Parameters, grads: Any, owner: object) -> Reader:
    """Return what reads the gradient of a parameter from what the user gave."""
    names = [*parameters.arrays]

    def read() -> Any:
        given = grads() if callable(grads) else grads
        if isinstance(given, list | tuple):
            if len(given) != len(names):
                raise InputError(
                    f"`grads` must have one gradient for each of {', '.join(names)}, got "
                    f"{len(given)}; put them in the same order"
                )
            found = given[names.index(name)]
        elif isinstance(given, Mapping):
            keys = [k for k in (f"d{name}", name) if k in given and (k == name or k not in names)]
            if not keys:
                raise InputError(
                    f"`grads` must have a gradient for {name}, got {sorted(map(str, given))}; add "
                    f"it as {name} or d{name}"
                )
            found = given[keys[0]]
        else:
            raise InputError(
                f"`grads` must map names to gradients, or be a function that returns them, got "
                f"{type(given).__name__}; write lambda: {{{name!r}: layer.d{name}}}"
            )
        return _attribute("grads", found, owner) if isinstance(found, str) else found

    return read
