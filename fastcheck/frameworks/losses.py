"""Checking a loss of another library: followed in NumPy where that is possible, else called."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.check import check_gradients
from fastcheck.check.jitter import jittered
from fastcheck.errors import InputError, TraceError
from fastcheck.frameworks.follow import follow, widened
from fastcheck.result import Finding
from fastcheck.result.wording import listing, quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from fastcheck.frameworks.function import Function
    from fastcheck.frameworks.tape import Tape
    from fastcheck.result import CheckResult

    Array = NDArray[Any]
    Arrays = Mapping[str, Array]
    Gradients = Mapping[str, Array | None]

FOLLOWING = ("auto", "trace")
"""Engines with which a loss is followed."""
BUDGET = 10.0
"""Seconds that every entry may take where the library is called, unless the user says otherwise."""


def check_loss(
    function: Function,
    gradients: Callable[[], Gradients],
    *,
    called: tuple[Any, Any],
    engine: str = "auto",
    **options: Any,
) -> CheckResult:
    """Compare the gradient of a loss with a numerical one.

    Parameters
    ----------
    function : Function
        The loss, its only output.
    gradients : callable
        Returns the gradient at the point by the names of the arrays.
    called : tuple
        What :func:`fastcheck.check_gradients` takes as `loss` and `params` where it is called.
    engine : str
        "auto" and "trace" follow it in NumPy; "auto" calls it where that is not possible.
    **options
        As for :func:`fastcheck.check_gradients`.

    Raises
    ------
    TraceError
        If following was asked for and is not possible.
    """
    given = _settled(gradients)
    reason = ""
    if engine in FOLLOWING:
        try:
            return _followed(function, given, engine, options)
        except TraceError as problem:
            if engine == "trace":
                raise
            engine, reason = "black box", str(problem)
    options |= {"budget": BUDGET} if options.get("budget") is None else {}
    result = check_gradients(*called, given, engine=engine, **options)
    return not_followed(function, result, reason) if reason else advised(result, function)


def _followed(function: Function, given: Any, engine: str, options: dict[str, Any]) -> CheckResult:
    tape = follow(function, options.get("seed", 0))
    if callable(given):
        raise TraceError("two calls of the gradient differ")

    def loss(arrays: Any) -> Any:
        return tape.replay(arrays)[0]

    result = check_gradients(loss, widened(function.arrays), given, engine=engine, **options)
    return with_reason(result, function, tape)


def with_reason(result: CheckResult, function: Function, tape: Tape) -> CheckResult:
    """Return a result that says how a function was followed."""
    n = quantity(len(tape.calls), "operation")
    how = f"{function.name} was followed in NumPy and float64, {n} of {function.library}"
    if not result.engine.startswith("trace"):
        how = f"{how}; {result.engine_reason}"
    return advised(replace(result, engine_reason=how), function)


def moved(arrays: Arrays, grads: Any, jitter: float | None, seed: int) -> Arrays:
    """Return arrays that are moved a little, or as they are if `jitter` is None.

    Raises
    ------
    InputError
        If the user's gradient is no function, and so is not that of the moved point.
    """
    if jitter is None:
        return arrays
    if grads is not None and not callable(grads):
        raise InputError(
            "`grads` must be a function with jitter=, because the gradient is needed where the "
            f"parameters are moved to, got {type(grads).__name__}; pass the backward pass itself"
        )
    with jittered(_at_a_point, dict(arrays), _at_a_point, jitter, seed) as (point, _):
        found: Arrays = point
        return found


def _at_a_point(params: Any) -> None:
    """Stand for a function of the parameters."""


def scalar(value: Any) -> Any:
    """Return a loss if it is one number.

    Raises
    ------
    InputError
        If it is not.
    """
    shape = tuple(getattr(value, "shape", ()))
    if any(n != 1 for n in shape):
        raise InputError(
            f"`loss` must return one real number, got shape {shape}; return its sum or mean"
        )
    return value


def _settled(gradients: Callable[[], Gradients]) -> Any:
    """Return the gradients if two calls give the same, else the function, so that this is told."""
    first, second = gradients(), gradients()
    same = first.keys() == second.keys() and all(_is_same(first[n], second[n]) for n in first)
    return first if same else gradients


def _is_same(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    return np.asarray(one).tobytes() == np.asarray(other).tobytes()


def not_followed(function: Function, result: CheckResult, reason: str) -> CheckResult:
    """Return a result that says why a function was called and not followed."""
    message = (
        f"{function.name} could not be followed in NumPy, so that {function.library} is called "
        f"twice for each entry, which is slower and less accurate: {reason}"
    )
    note = Finding("not-traced", "note", None, message)
    reason = f"{function.name} could not be followed in NumPy"
    noted = replace(result, findings=(*result.findings, note), engine_reason=reason)
    return advised(noted, function)


def advised(result: CheckResult, function: Function) -> CheckResult:
    """Return a result that says what to do where a coarse type leaves no verdict."""
    undecided = {n: t for n, t in result.tensors.items() if t.verdict == "inconclusive"}
    n = sum(tensor.n_unresolved for tensor in undecided.values())
    own = min((array.dtype for array in function.arrays.values()), key=lambda kind: kind.itemsize)
    kind = function.narrow or own.name
    if result.verdict != "inconclusive" or not n or kind == "float64":
        return result
    without = "" if kind == own.name else f", without {kind} on the way"
    message = (
        f"{quantity(n, 'entry', 'entries')} of {listing([*undecided])} could not be resolved, "
        f"because gradients of {kind} are not precise enough where they are small beside others of "
        f"their tensor; make the check in float64{without}: {function.in_double}"
    )
    warning = Finding("low-precision", "warning", None, message)
    others = [f for f in result.findings if f.kind != "low-precision"]
    return replace(result, findings=(warning, *others))
