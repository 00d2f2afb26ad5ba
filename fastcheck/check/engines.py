"""What evaluates the probes: a graph, a trace of Python code, compiled code, or the Python code."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from fastcheck import findings
from fastcheck.blackbox import BlackBox
from fastcheck.blackbox.arguments import as_one_argument
from fastcheck.check.black_box import BlackBoxMeasurement
from fastcheck.check.compiled import ASKED, compiled_measurement, has_compiled
from fastcheck.check.graph import GraphMeasurement
from fastcheck.check.options import check_options, choose, is_positive
from fastcheck.errors import InputError, NotRepeatableError, TraceError
from fastcheck.objective import GraphObjective
from fastcheck.parallel import single_threaded_blas
from fastcheck.preflight import Preflight, about_casts, about_integers
from fastcheck.result import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fastcheck.check.measurement import Measurement
    from fastcheck.traced import TracedObjective

    Patterns = str | Iterable[str] | None

ARITHMETICS = ("difference", "plain")
ENGINES = ("auto", "graph", "trace", "compiled", "black box")


def measurement_for(
    loss: Any,
    params: Any,
    engine: str,
    *,
    step: float | None,
    arithmetic: str,
    seed: int,
    only: Patterns,
    skip: Patterns,
    before_each: Callable[[], Any] | None = None,
) -> Measurement:
    """Return the measurement that suits a loss; parameters are those of a check.

    Raises
    ------
    InputError
        If an argument is wrong, or the engine does not suit the loss.
    TraceError
        If tracing was asked for and is not possible.
    """
    engine = "black box" if engine == "blackbox" else engine
    check_options(seed=seed)
    choose("engine", engine, ENGINES)
    choose("arithmetic", arithmetic, ARITHMETICS)
    if step is not None and not is_positive(step):
        raise InputError(f"`step` must be a positive number, got {step!r}; None chooses one")
    options: dict[str, Any] = {"step": step, "seed": seed, "only": only, "skip": skip}
    if isinstance(loss, GraphObjective):
        if engine not in ("auto", "graph"):
            raise InputError(
                f"`engine` must be auto or graph for an objective, got {engine!r}; pass its "
                "method `loss` to have that called"
            )
        if before_each is not None:
            raise InputError(
                "`before_each` must be None for an objective, which evaluates nothing of yours, "
                f"got {before_each!r}; leave it out"
            )
        return GraphMeasurement(loss, params, arithmetic=arithmetic, **options)
    _check_function(loss, engine)
    if has_compiled(loss):
        return compiled_measurement(loss, params, engine, options, before_each)
    box = BlackBox(as_one_argument(loss, params), params, before_each)
    start = perf_counter()
    with single_threaded_blas():
        preflight = Preflight(box)
    try:
        run = _function_measurement(box, preflight, engine, arithmetic, options)
    except BaseException:
        preflight.reach.restore()
        raise
    run.timings["forward"] = perf_counter() - start
    run.findings[:0] = findings.about_copies(box)
    run.findings += about_integers(box)
    return run


def _function_measurement(
    box: BlackBox, preflight: Preflight, engine: str, arithmetic: str, options: dict[str, Any]
) -> Measurement:
    """Return the measurement of a Python function."""
    if engine == "black box":
        return _black_box(box, preflight, ASKED, options)
    if engine == "auto" and not preflight.is_sound:
        return _black_box(box, preflight, "nothing could be probed", options)
    preflight.reach.restore_all()  # a best value so far would be a kink exactly at the loss
    try:
        objective = _traced(box)
    except TraceError as problem:
        if engine == "trace":
            raise
        run = _black_box(box, preflight, "the loss could not be traced", options)
        run.findings.append(_not_traced(problem))
        known = any(finding.kind == "loss-not-repeatable" for finding in run.findings)
        if isinstance(problem, NotRepeatableError) and not known:  # two other calls may agree
            run.findings.append(Finding("loss-not-repeatable", "error", None, str(problem)))
        return run
    preflight.reach.restore_all()  # a traced loss is not called any more
    measured = GraphMeasurement(objective, box.arrays, arithmetic=arithmetic, **options)
    measured.box, measured.preflight = box, preflight
    measured.findings += [*preflight.findings, *about_casts(objective.recording, box.arrays)]
    measured.engine = measured.engine.replace("graph", "trace")
    followed = ", followed in float64" if objective.recording.coarse() else ""
    measured.engine_reason = ASKED if engine == "trace" else f"the loss is NumPy code{followed}"
    return measured


def _check_function(loss: object, engine: str) -> None:
    if not callable(loss):
        raise InputError(
            f"`loss` must be an objective or a function, got {type(loss).__name__}; make one with "
            "Network.objective(batch) or GraphObjective(graph), or pass the function itself"
        )
    if engine == "graph":
        raise InputError(
            "`engine` must be auto, trace or black box for a Python function, got 'graph'; leave "
            "it out"
        )
    if engine == "compiled" and not has_compiled(loss):
        raise InputError(
            "`engine` must be auto, trace or black box for a Python function, got 'compiled'; "
            "decorate the function with numba.njit"
        )


def _black_box(
    box: BlackBox, preflight: Preflight, reason: str, options: dict[str, Any]
) -> BlackBoxMeasurement:
    run = BlackBoxMeasurement(box, preflight, **options)
    run.engine_reason = reason
    return run


def _traced(box: BlackBox) -> TracedObjective:
    """Return the loss as a graph; its module is loaded when a function is given."""
    from fastcheck.traced import trace, trace_closure

    if box.held.obstacle:
        raise TraceError(f"{box.held.obstacle}; NumPy code over arrays of floats can be followed")
    if box.is_closure:
        return trace_closure(box.function, box.arrays)
    function, held = box.function, box.held

    def called(arrays: Any) -> Any:  # a closure: what it refers to is the user's, and followed
        return function(held.argument(arrays))

    return trace(called, box.arrays, batch_axis=None)


def _not_traced(problem: TraceError) -> Finding:
    reason = " ".join(str(problem).split()).rstrip(".")
    message = (
        f"the loss could not be traced, so that it is called twice for each entry, which is slower "
        f"and less accurate: {reason}"
    )
    return Finding("not-traced", "note", None, message)
