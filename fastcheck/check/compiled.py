"""Measuring a loss that numba compiled."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from fastcheck.blackbox import BlackBox, CompiledBox
from fastcheck.blackbox.arguments import spread, unwrapped
from fastcheck.blackbox.compiled import NotCompilableError
from fastcheck.check.black_box import BlackBoxMeasurement
from fastcheck.errors import InputError
from fastcheck.kernels.probing import is_compiled
from fastcheck.parallel import single_threaded_blas
from fastcheck.preflight import Preflight, about_integers
from fastcheck.result import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

ASKED = "asked for"


def has_compiled(loss: object) -> bool:
    """Return whether a loss is a compiled function, perhaps with bound arguments."""
    return is_compiled(unwrapped(loss))


def compiled_measurement(
    loss: Callable[..., Any],
    params: Any,
    engine: str,
    options: dict[str, Any],
    before_each: Callable[[], Any] | None = None,
) -> BlackBoxMeasurement:
    """Return the measurement of a compiled loss: by the compiled loop if that can be.

    Raises
    ------
    InputError
        If its arguments do not fit, or the engine does not suit it.
    """
    if engine == "trace":
        raise InputError(
            "`engine` must be auto, compiled or black box for a compiled function, got 'trace'; "
            "pass its py_func to have the Python code traced that it was compiled from"
        )
    if engine == "compiled" and before_each is not None:
        raise InputError(
            "`before_each` must be None with engine 'compiled', whose loop calls nothing but the "
            f'loss, got {before_each!r}; leave it out, or use engine="black box"'
        )
    if engine == "black box" or before_each is not None:
        reason = ASKED if engine == "black box" else "`before_each` is called by Python"
        called = BlackBox(spread(loss, params), params, before_each)
        return _measured(called, "black box", reason, options)
    start = perf_counter()
    try:
        box: BlackBox = CompiledBox(loss, params)
    except NotCompilableError as problem:
        if engine == "compiled":
            raise
        box = BlackBox(spread(loss, params), params)
        reason = "the loss is compiled, but a loop around it cannot be"
        run = _measured(box, "black box", reason, options)
        run.findings.append(Finding("not-compiled", "note", None, f"{reason}: {problem}"))
        return run
    reason = ASKED if engine == "compiled" else "the loss is compiled by numba"
    seconds = perf_counter() - start
    run = _measured(box, "compiled", reason, options)
    run.timings["compiling"] = seconds
    return run


def _measured(
    box: BlackBox, engine: str, reason: str, options: dict[str, Any]
) -> BlackBoxMeasurement:
    with single_threaded_blas():
        preflight = Preflight(box)
    run = BlackBoxMeasurement(box, preflight, **options)
    run.findings += about_integers(box)
    run.engine, run.engine_reason = engine, reason
    return run
