"""What goes into a layer: named, and copied afresh for each call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastcheck.errors import InputError

FLAGS = ("train", "training", "train_flg", "train_flag", "is_train", "is_training", "mode")
"""Names by which layers are told whether they are being trained."""


@dataclass(frozen=True)
class Inputs:
    """The arguments of a forward pass.

    Attributes
    ----------
    values : dict of str to object
        By name, in their order; arrays are private copies.
    by_keyword : bool
        Whether they are passed by name.
    """

    values: dict[str, Any]
    by_keyword: bool = False

    @property
    def tensors(self) -> dict[str, Any]:
        """Those that are differentiated: arrays of floating-point numbers."""
        return {name: value for name, value in self.values.items() if is_tensor(value)}


def is_tensor(value: object) -> bool:
    """Return whether a value is an array of floating-point numbers."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def is_sequence(value: object) -> bool:
    """Return whether a value is several: a tuple, or a list that holds arrays."""
    if isinstance(value, tuple):
        return True
    return isinstance(value, list) and any(isinstance(part, np.ndarray) for part in value)


def fresh(value: Any) -> Any:
    """Return a value in which containers and arrays are copies; other objects are the same."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {key: fresh(part) for key, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(fresh(part) for part in value)
    return value


def called(forward: Callable[..., Any], values: Mapping[str, Any], by_keyword: bool) -> Any:
    """Return what a forward pass gives for copies of its inputs."""
    given = {name: fresh(value) for name, value in values.items()}
    return forward(**given) if by_keyword else forward(*given.values())


def read_inputs(forward: Callable[..., Any], inputs: Any) -> Inputs:
    """Return the inputs of a layer, by the names of its forward pass.

    Parameters
    ----------
    forward : callable
        The forward pass.
    inputs : object
        One input; a tuple (or a list of arrays) of several; a dict of inputs by keyword.

    Raises
    ------
    InputError
        If there is none.
    """
    if isinstance(inputs, Mapping):
        return Inputs({str(name): _kept(value) for name, value in inputs.items()}, by_keyword=True)
    given = list(inputs) if is_sequence(inputs) else [_single(inputs)]
    if not given:
        raise InputError("`inputs` must hold an input, got none; pass what forward is called with")
    names = _names(forward, len(given))
    return Inputs({name: _kept(value) for name, value in zip(names, given, strict=True)})


def _single(value: Any) -> Any:
    """Return one input; numbers and lists of numbers as an array."""
    if isinstance(value, bool) or not isinstance(value, float | int | list | np.generic):
        return value
    return np.asarray(value)


def _kept(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return np.array(value, order="K")
    return fresh(value)


def positional(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """Return the positional parameters of a function, None if they are not known."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in found):
        return None
    return [p for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def n_required(function: Callable[..., Any]) -> int:
    """Return how many positional arguments a function must have, 1 if that is not known."""
    found = positional(function)
    return 1 if found is None else sum(p.default is p.empty for p in found)


def _names(forward: Callable[..., Any], n: int) -> list[str]:
    """Return the names of the first `n` arguments of a forward pass."""
    found = positional(forward)
    if found is None or len(found) < n:  # too many: the call itself will say so
        return ["x"] if n == 1 else [f"x{place}" for place in range(n)]
    return [p.name for p in found[:n]]


def flags_of(forward: Callable[..., Any], owner: object, inputs: Inputs) -> dict[str, Any]:
    """Return what tells a layer whether it is being trained, where that was not passed."""
    found = {
        p.name: p.default
        for p in positional(forward) or ()
        if p.name in FLAGS and p.default is not p.empty and p.name not in inputs.values
    }
    own = getattr(owner, "__dict__", {})
    held = {name: own[name] for name in FLAGS if isinstance(own.get(name), bool | str)}
    return found | held
