"""One check from beginning to end, held open as long as somebody wants to look at it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from fastcheck import findings
from fastcheck.check.accept import accepted_names
from fastcheck.check.drawn import draw_steps, draw_tensors
from fastcheck.check.engines import measurement_for
from fastcheck.check.jitter import jittered
from fastcheck.check.loss_value import number_of, unit_of
from fastcheck.check.options import check_entries, check_options
from fastcheck.check.outcome import make_result
from fastcheck.holding import taken
from fastcheck.preflight import about_mode, about_point, about_unread, about_zeros, receive, unread
from fastcheck.result import TensorResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from fastcheck.blackbox import BlackBox
    from fastcheck.check.measurement import Measurement
    from fastcheck.result import CheckResult

    Patterns = str | Iterable[str] | None
    Progress = Callable[[int, int], None]

__all__ = ["Check", "checking"]

OTHER_MODE = "the gradient belongs to another mode of the loss, so that it was not judged"
NOT_READ = "the loss stays the same whatever is put there, so that its gradient was not judged"


@dataclass(frozen=True, eq=False)
class Check:
    """A check that was made, with all that it rests on.

    Attributes
    ----------
    run : Measurement
        What was measured.
    analytic : dict of str to ndarray
        The gradients that were compared.
    result : CheckResult
        The outcome.
    """

    run: Measurement
    analytic: dict[str, NDArray[Any]]
    result: CheckResult


@contextmanager
def checking(
    loss: Any,
    params: Any,
    grads: Any,
    *,
    plan: str = "auto",
    engine: str = "auto",
    step: float | None = None,
    arithmetic: str = "difference",
    n_jobs: int = 1,
    seed: int = 0,
    budget: float | None = None,
    entries: int | None = None,
    rtol: float = 1e-5,
    strict: bool = False,
    loss_value: float | None = None,
    jitter: float | None = None,
    accept: Patterns = (),
    only: Patterns = None,
    skip: Patterns = None,
    before_each: Callable[[], Any] | None = None,
    progress: Progress | None = None,
    pictures: bool = False,
) -> Iterator[Check]:
    """Make a check; what the loss and the gradient have written into is restored at the end.

    The parameters are those of :func:`fastcheck.check_gradients`.

    Yields
    ------
    Check

    Raises
    ------
    InputError
        If an argument is wrong.
    """
    start = perf_counter()
    check_options(
        n_jobs=n_jobs, budget=budget, before_each=before_each, progress=progress, rtol=rtol,
        loss_value=loss_value, jitter=jitter, seed=seed,
    )  # fmt: skip
    check_entries(entries, plan)
    accepted = accepted_names(accept)
    grads = taken(grads, params)  # before the loss is called, which may write into them
    with jittered(loss, params, grads, jitter, seed) as (params, grads):
        run = measurement_for(
            loss, params, engine, step=step, arithmetic=arithmetic, seed=seed, only=only, skip=skip,
            before_each=before_each,
        )  # fmt: skip
        run.entries = entries
        try:
            analytic = _received(run, grads, params, loss_value)
            if analytic:
                run.probe(plan, budget, n_jobs, progress, analytic=analytic, rtol=rtol)
            tensors = _judged(run, analytic, rtol=rtol, strict=strict, seed=seed)
            result = make_result(run, tensors, start, analytic, accepted, rtol)
            if pictures:
                result = _with_pictures(run, result, analytic, rtol)
            yield Check(run, analytic, result)
        finally:
            run.restore()


def _with_pictures(
    run: Measurement, result: CheckResult, analytic: dict[str, NDArray[Any]], rtol: float
) -> CheckResult:
    """Return a result with what a report draws; as it is where Ctrl-C ends that."""
    try:
        with run.timed("pictures"):
            drawn = draw_tensors(run, result.tensors, analytic, rtol)
            steps = draw_steps(run, result.tensors)
    except KeyboardInterrupt:
        return result
    return replace(result, pictures=drawn, steps=steps, timings=run.timings)


def _received(
    run: Measurement, grads: Any, params: Any, loss_value: float | None
) -> dict[str, NDArray[Any]]:
    """Return the gradients to compare, none if no verdict is possible; all else is a finding."""
    analytic: dict[str, NDArray[Any]] = {}
    if run.is_sound:
        given = run.received(grads, params)
        run.include(given)
        fixed = {} if run.box is None else run.box.held.fixed
        receipt = receive(
            run.shapes, run.names, given, fixed=fixed, others=run.reached, reads=run.reads_data
        )
        optional = [name for name in run.shapes if name in run.optional]
        run.findings += findings.unused_gradients(receipt.extra, [*run.shapes], optional)
        run.findings += receipt.findings
        run.extra = {name: given[name] for name in receipt.extra if name in given}
        if run.is_sound:
            analytic = run.tied(receipt.analytic, given)
            run.refused = receipt.results(run.shapes)
            run.misshapen = receipt.misshapen
            run.names = [name for name in run.names if name in analytic]
    if not any(finding.severity == "error" and finding.tensor is None for finding in run.findings):
        unit = unit_of(loss_value, analytic.values())
        run.findings += findings.about_loss(run.loss, number_of(loss_value), unit)
    return analytic


def _judged(
    run: Measurement, analytic: dict[str, NDArray[Any]], *, rtol: float, strict: bool, seed: int
) -> dict[str, TensorResult]:
    """Return the verdict on each tensor; none of them fails for the mode of the loss."""
    if not analytic:
        return {}
    try:
        tensors = run.judge_all(analytic, rtol, strict)
        failed = any(tensor.verdict == "fail" for tensor in tensors.values())
        if failed and run.box is not None and run.preflight is not None and not run.box.aliases:
            found = about_mode(run.box, run.preflight.reach, analytic, run.loss, seed)
            run.findings += found
            tensors = {n: _excused(t, OTHER_MODE) for n, t in tensors.items()} if found else tensors
            tensors |= _unread(run, run.box, tensors, seed)
    except KeyboardInterrupt:
        run.numerical.complete = False
        return {}
    run.findings += about_zeros(analytic, tensors)
    if all(tensor.passed for tensor in tensors.values()):
        run.findings += about_point(run.point)
    return tensors


def _unread(
    run: Measurement, box: BlackBox, tensors: dict[str, TensorResult], seed: int
) -> dict[str, TensorResult]:
    """Return what becomes of tensors that the loss does not read, and say so."""
    names = unread(box, tensors, run.numerical.tensors, run.reads, seed)
    run.unread = names
    is_known = run.graph_state is not None
    run.findings += about_unread(names, box.is_closure, is_known=is_known)
    return {name: _excused(tensors[name], NOT_READ) for name in names}


def _excused(tensor: TensorResult, reason: str) -> TensorResult:
    """Return that nothing follows for a tensor."""
    return TensorResult(
        name=tensor.name,
        shape=tensor.shape,
        verdict="inconclusive",
        reason=reason,
        n_entries=tensor.n_entries,
        n_checked=0,
    )
