"""Checking the backward pass of a function of another library, with upstream gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import TraceError
from fastcheck.frameworks.follow import follow
from fastcheck.frameworks.losses import FOLLOWING, not_followed, with_reason
from fastcheck.layers import check_layer
from fastcheck.layers.inputs import positional

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcheck.frameworks.function import Function
    from fastcheck.frameworks.tape import Tape
    from fastcheck.result import CheckResult


def check_function(
    function: Function, *, engine: str = "auto", cotangent: Any = None, **options: Any
) -> CheckResult:
    """Compare what the backward pass of a function gives with numerical gradients.

    Parameters
    ----------
    function : Function
        The function at its point.
    engine : str
        "auto" and "trace" follow it in NumPy; "auto" calls it where that is not possible.
    cotangent : array_like or tuple, optional
        The upstream gradient, one for each output; random ones by default.
    **options
        As for :func:`fastcheck.check_layer`.

    Raises
    ------
    TraceError
        If following was asked for and is not possible.
    """
    tape: Tape | None = None
    reason = ""
    if engine in FOLLOWING:
        try:
            tape = follow(function, options.get("seed", 0))
        except TraceError as problem:
            if engine == "trace":
                raise
            engine, reason = "black box", str(problem)

    def forward(**arrays: Any) -> Any:
        is_wide = all(array.dtype.itemsize == 8 for array in arrays.values())
        outputs = function.outputs(arrays) if tape is None or not is_wide else tape.replay(arrays)
        return (*outputs, arrays)

    def backward(*given: Any) -> Any:
        *cotangents, arrays = given
        return function.gradients(arrays, cotangents)

    forward.__name__ = function.name
    result = check_layer(
        forward, backward, function.arrays, engine=engine, cotangent=cotangent, **options
    )
    if tape is None and not function.is_double:
        kept = tuple(f for f in result.findings if f.kind not in ("widened", "hidden-float32"))
        result = replace(result, findings=kept)  # the float64 of the probes did not arrive
    if reason:
        return not_followed(function, result, reason)
    return result if tape is None else with_reason(result, function, tape)


def arrays_of(cotangent: Any, plain: Callable[[Any], Any] = np.asarray) -> Any:
    """Return an upstream gradient, or a tuple of several, as NumPy's; None as it is.

    Parameters
    ----------
    cotangent : tensor, tuple of tensor, or None
        One for each output.
    plain : callable
        Returns the array of a tensor.
    """
    if cotangent is None:
        return None
    return tuple(map(plain, cotangent)) if isinstance(cotangent, tuple) else plain(cotangent)


def named_inputs(function: Callable[..., Any], inputs: Any) -> tuple[dict[str, Any], bool]:
    """Return inputs by the names of the arguments, and whether they are passed by name.

    Parameters
    ----------
    function : callable
        What takes them; its signature is read.
    inputs : object
        One input, a tuple of several, or a dict of inputs by keyword.
    """
    if isinstance(inputs, Mapping):
        return {str(name): value for name, value in inputs.items()}, True
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    known = [p.name for p in positional(function) or ()]
    if len(known) < len(given):
        known = ["x"] if len(given) == 1 else [f"x{place}" for place in range(len(given))]
    return dict(zip(known, given, strict=False)), False
