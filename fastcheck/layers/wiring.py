"""How a layer is called: which of its results are outputs, and what its backward pass takes."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import getattr_static
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.layers.inputs import is_sequence, is_tensor, positional
from fastcheck.layers.updates import RATE, RATES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

OUTPUTS = ("out", "output", "outputs", "y", "a", "result")
"""Names by which a backward pass asks for the output."""


@dataclass(frozen=True)
class Layer:
    """A forward pass with its backward pass.

    Attributes
    ----------
    forward, backward : callable
        The two.
    owner : object or None
        The object that has them, and perhaps parameters.
    name : str
        The name of its class, or of the forward function.
    """

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    owner: object
    name: str


def read_layer(forward: Any, backward: Any) -> Layer:
    """Return a layer given as an object or as two functions.

    Raises
    ------
    InputError
        If one of the two cannot be called.
    """
    run = getattr(forward, "forward", forward)
    back = getattr(forward, "backward", None) if backward is None else backward
    kind = type(forward).__name__
    if not callable(run):
        raise InputError(
            f"`forward` must be a function or an object with forward and backward, got {kind}; "
            "pass the layer itself"
        )
    if backward is None and not callable(back):
        raise InputError(
            f"`backward` must be given, because {getattr(forward, '__name__', kind)} has no method "
            "of that name; pass the backward pass as second argument"
        )
    if not callable(back):
        raise InputError(
            f"`backward` must be a function, got {type(backward).__name__}; name the inputs, as in "
            "check_layer(layer, inputs=x)"
        )
    if isinstance(forward, type) and isinstance(getattr_static(forward, "forward"), FunctionType):
        raise InputError(
            f"`forward` must be a layer, got the class {forward.__name__}; pass an object, as in "
            f"{forward.__name__}(...)"
        )
    has_method = run is not forward or backward is None
    owner = forward if has_method else getattr(forward, "__self__", None)
    if owner is None or isinstance(owner, ModuleType):  # that of a function in C
        return Layer(run, back, None, getattr(forward, "__name__", kind).strip("<>"))
    return Layer(run, back, owner, getattr(owner, "__name__", type(owner).__name__))


@dataclass(frozen=True)
class Wiring:
    """What of a forward pass's result is differentiated, and what a backward pass is given.

    Attributes
    ----------
    n_outputs : int or None
        How many of a tuple are outputs, None if the result is the only one.
    takes_cotangents : bool
        Whether the backward pass takes an upstream gradient at all.
    is_bundled : bool
        Whether it takes those of several outputs in one list.
    rest : tuple of str
        What follows them: ``"cache"``, ``"output"``, ``"rate"`` or ``"input x"``.
    """

    n_outputs: int | None = None
    takes_cotangents: bool = True
    is_bundled: bool = False
    rest: tuple[str, ...] = ()

    @property
    def updates(self) -> bool:
        """Whether the backward pass takes a learning rate, and so updates parameters."""
        return "rate" in self.rest

    def outputs(self, result: Any) -> tuple[Any, ...]:
        """Return the outputs in a result."""
        return (result,) if self.n_outputs is None else tuple(result[: self.n_outputs])

    def arguments(
        self, result: Any, inputs: Mapping[str, Any], cotangents: Sequence[Any]
    ) -> list[Any]:
        """Return what the backward pass is called with."""
        if not self.takes_cotangents:
            return []
        given = [list(cotangents)] if self.is_bundled else list(cotangents)
        for what in self.rest:
            if what == "cache":
                given.append(result[-1])
            elif what == "output":
                given.append(self.outputs(result)[0])
            elif what == "rate":
                given.append(RATE)
            else:
                given.append(inputs[what.removeprefix("input ")])
        return given


def find_wiring(layer: Layer, result: Any, names: Sequence[str]) -> Wiring:
    """Return how a backward pass is called after its forward pass returned `result`.

    Parameters
    ----------
    layer : Layer
        The two passes.
    result : object
        What forward returned: the output, or a tuple of outputs, perhaps with a cache at the end.
    names : sequence of str
        The names of the inputs.

    Raises
    ------
    InputError
        If the two do not fit together.
    """
    takes = _arguments(layer.backward, result)
    if not takes:
        return Wiring(None if not is_sequence(result) else 1, takes_cotangents=False)
    if not is_sequence(result):
        return Wiring(rest=_rest(takes[1:], names))
    if len(takes) == 1:
        return _for_one(result)
    is_cache = not is_tensor(result[-1]) or not takes[-1].lower().startswith(("d", "g", "up"))
    n = len(takes) - 1 if is_cache else len(takes)
    if n > len(result) - is_cache:
        raise InputError(
            f"`backward` must take a gradient for each output, and the cache, got a function of "
            f"{', '.join(takes)} where forward returns {len(result)} values; bind the rest"
        )
    return Wiring(n, rest=("cache",) if is_cache else ())


def _arguments(backward: Callable[..., Any], result: Any) -> list[str]:
    """Return the names of what a backward pass is to be given."""
    found = positional(backward)
    if found is None:
        return [""] * (len(result) if is_sequence(result) else 1)
    required = [p.name for p in found if p.default is p.empty]
    optional = [p.name for p in found if p.default is not p.empty]
    if not required and optional:
        required = [optional.pop(0)]
    if is_sequence(result) and optional and "cache" in optional[0]:
        required.append(optional[0])
    return required


def _for_one(result: Any) -> Wiring:
    """Return how a backward pass of one argument is called after several results."""
    if isinstance(result, list):
        return Wiring(len(result), is_bundled=True)
    if any(is_tensor(other) for other in result[1:]):
        raise InputError(
            f"`backward` must take a gradient for each output, got one argument where forward "
            f"returns {len(result)} values; if only the first counts, pass "
            "lambda *inputs: forward(*inputs)[0]"
        )
    return Wiring(1)


def _rest(takes: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Return what a backward pass takes after the upstream gradient, where there is no cache."""
    by_lower = {name.lower(): name for name in names}
    found = [
        f"input {by_lower[name]}" if name in by_lower
        else "output" if name in OUTPUTS
        else "rate" if name in RATES
        else ""
        for name in map(str.lower, takes)
    ]  # fmt: skip
    if "" not in found:
        return tuple(found)
    if len(takes) == len(names):
        return tuple(f"input {name}" for name in names)
    raise InputError(
        f"`backward` must take the upstream gradient, and the cache or the inputs, got also "
        f"{', '.join(takes)} where forward returns no tuple and takes {', '.join(names)}; bind the "
        "rest, as in lambda dout: backward(dout, ...)"
    )


def as_output(value: Any) -> Any:
    """Return an output as an array.

    Raises
    ------
    InputError
        If it is no array of real numbers.
    """
    try:
        array = np.asarray(value)
    except ValueError:  # a ragged list
        array = np.asarray(None)
    if array.dtype.kind not in "fiu":
        what = type(value).__name__ if array.dtype.kind == "O" else f"dtype {array.dtype}"
        raise InputError(
            f"`forward` must return an array of real numbers, or a tuple (output, cache), got "
            f"{what}; let it end with return out"
        )
    return array
