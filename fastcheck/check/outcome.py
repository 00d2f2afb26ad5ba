"""Putting the result of a check together."""

from __future__ import annotations

import math
import platform
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck import __version__, findings
from fastcheck.blackbox import CompiledBox
from fastcheck.check.accept import about_unused, with_accepted
from fastcheck.check.coverage import with_guarantee
from fastcheck.diagnose import gathered
from fastcheck.diagnose.misshapen import explain_shapes
from fastcheck.diagnose.reruns import rerun
from fastcheck.kernels.judging import KINK
from fastcheck.parallel import single_threaded_blas
from fastcheck.preflight import Reach
from fastcheck.result import (
    Audit,
    CheckResult,
    Coverage,
    Provenance,
    SpotCheck,
    TensorResult,
    overall_verdict,
)
from fastcheck.result.wording import count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.check.measurement import Measurement
    from fastcheck.diagnose import Case
    from fastcheck.result import Diagnosis

LEAST_SECONDS, SHARE = 0.5, 0.2
"""How long loss and gradient are called again to find a cause: so long, or a share of probing."""
SEVERITIES = ("error", "warning", "note")
"""The order in which findings are told."""


def make_result(
    run: Measurement,
    tensors: dict[str, TensorResult],
    start: float,
    analytic: Mapping[str, NDArray[Any]],
    accept: Sequence[str] = (),
    rtol: float = math.nan,
) -> CheckResult:
    """Return the result of a check.

    Parameters
    ----------
    run : Measurement
        What was measured.
    tensors : dict of str to TensorResult
        The verdicts.
    start : float
        When the check began, of ``perf_counter``.
    analytic : mapping of str to ndarray
        The gradient that was judged.
    accept : sequence of str
        The names of accepted causes.
    rtol : float
        The limit of what is close.
    """
    audits, spots = _second_opinions(run) if tensors else ([], [])
    doubted = {audit.tensor for audit in audits if not audit.passed}
    doubted |= {spot.tensor for spot in spots if not spot.passed}
    judged = {
        name: _doubted(tensor) if name in doubted else tensor for name, tensor in tensors.items()
    }
    tensors = judged | run.refused
    tensors = {name: tensors[name] for name in run.shapes if name in tensors}
    interrupted = not run.numerical.complete
    diagnosis, failures = ((), []) if interrupted else _diagnosis(run, tensors, analytic)
    diagnosis, tensors = with_accepted(diagnosis, tensors, accept)
    for name, sample in run.numerical.samples.items():
        if name in tensors and tensors[name].n_accepted:
            tensors[name] = with_guarantee(tensors[name], sample)
    found = [
        *run.findings,
        *(remark for remark in run.remarks() if remark.tensor not in run.unread),
        *findings.about_audits(audits),
        *findings.about_spots(spots),
        *findings.about_kinks(tensors),
        *findings.about_close(tensors),
        *about_unused(diagnosis, tensors, accept),
        *findings.about_diagnosis(failures),
    ]
    why = {name for d in diagnosis if d.is_exact for name in d.tensors}
    found = [f for f in found if f.kind != "mostly-close" or f.tensor not in why]  # it guesses
    run.timings["total"] = perf_counter() - start
    return CheckResult(
        verdict=overall_verdict(tensors, found, interrupted),
        tensors=tensors,
        findings=tuple(sorted(found, key=lambda f: SEVERITIES.index(f.severity))),
        diagnosis=diagnosis,
        coverage=_coverage(run, tensors),
        engine=run.engine,
        engine_reason=run.engine_reason,
        plan=run.numerical.plan,
        plan_reason=run.numerical.reason,
        numerical={name: t.values for name, t in run.numerical.tensors.items()},
        bounds={name: run.bound(name, None) for name in judged},
        audits=tuple(audits),
        spot_checks=tuple(spots),
        batch=_provenance(run.batch),
        timings=run.timings,
        versions=_versions(),
        interrupted=interrupted,
        loss=run.loss,
        rtol=rtol,
    )


def _diagnosis(
    run: Measurement, tensors: Mapping[str, TensorResult], analytic: Mapping[str, NDArray[Any]]
) -> tuple[tuple[Diagnosis, ...], list[Exception]]:
    """Return why tensors are wrong, and what went wrong in finding that.

    No verdict depends on it: Ctrl-C ends it, and an exception is told beside the verdict.
    """
    is_right = all(t.verdict != "fail" and not t.n_close for t in tensors.values())
    if is_right and not run.misshapen:
        return (), []
    found: list[Diagnosis] = []
    failures: list[Exception] = []
    try:
        with run.timed("diagnosis"), np.errstate(all="ignore"):
            for step in (_of_shapes,) if is_right else (_of_shapes, _of_numbers):
                try:
                    found += step(run, tensors, analytic)
                except Exception as error:  # a fault of ours
                    failures.append(error)
    except KeyboardInterrupt:
        return (), []
    return tuple(found), failures


def _of_numbers(
    run: Measurement, tensors: Mapping[str, TensorResult], analytic: Mapping[str, NDArray[Any]]
) -> tuple[Diagnosis, ...]:
    """Return why gradients of the right shape are wrong."""
    case = case_of(run, tensors, analytic)
    explanations = run.explained(case)
    return (*_by_rerunning(run, case, explanations), *explanations)


def case_of(
    run: Measurement, tensors: Mapping[str, TensorResult], analytic: Mapping[str, NDArray[Any]]
) -> Case:
    """Return what explanations of wrong tensors can rest on."""
    found = {name: t for name, t in run.numerical.tensors.items() if name in analytic}
    return gathered(
        {name: tensors[name] for name in found if name in tensors},
        analytic,
        {name: t.values for name, t in found.items()},
        {name: run.allowance(name, analytic[name].dtype) for name in found},
        run.point,
        kinks={name: _at_kinks(run, name, analytic[name]) for name in found},
        data=run.reached(),
        n_samples=run.n_samples,
        extra=run.extra,
        reads=run.reads_data,
    )


def _at_kinks(run: Measurement, name: str, analytic: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which entries were not judged because they are at a kink."""
    flags: NDArray[np.bool_] = run.numerical.tensors[name].kink
    if not flags.any() or analytic.shape != flags.shape:
        return flags
    judged: NDArray[np.bool_] = run.judgement(name, analytic, rtol=0.0).codes == KINK
    return flags & judged


def _of_shapes(run: Measurement, *_: object) -> tuple[Diagnosis, ...]:
    """Return what gradients of a wrong shape are."""
    if not run.misshapen or run.box is None or run.box.aliases:
        return ()
    with single_threaded_blas():
        return explain_shapes(run.box, run.misshapen, run.reached(), run.seed)


def _by_rerunning(
    run: Measurement, case: Case, found: tuple[Diagnosis, ...]
) -> tuple[Diagnosis, ...]:
    """Return what the gradient on other data says of tensors that nothing explains."""
    names = [name for d in found if d.kind == "unexplained" for name in d.tensors]
    box, call = run.box, run.call
    if not names or call is None or box is None or box.aliases or isinstance(box, CompiledBox):
        return ()
    seconds = max(LEAST_SECONDS, SHARE * run.timings.get("numerical", 0.0))
    with single_threaded_blas():
        return rerun(
            box, call, Reach(run.roots, box.arrays.values()), names,
            seed=run.seed, n_samples=case.n_samples, seconds=seconds,
        )  # fmt: skip


def _second_opinions(run: Measurement) -> tuple[list[Audit], list[SpotCheck]]:
    """Return audits and spot checks; none where Ctrl-C ends them."""
    try:
        with run.timed("audit"):
            return run.audits(), run.spot_checks()
    except KeyboardInterrupt:
        run.numerical.complete = False
        return [], []


def _doubted(tensor: TensorResult) -> TensorResult:
    """Return a tensor whose numerical gradient failed its own check: nothing follows from it."""
    reason = "the numerical gradient failed its own check, so that yours was not judged"
    return replace(tensor, verdict="inconclusive", reason=reason)


def _coverage(run: Measurement, tensors: dict[str, TensorResult]) -> Coverage:
    how = {
        "exhaustive": "each perturbed on its own",
        "units": "by perturbing every unit in every sample, and exact outer products",
        "sample": "each perturbed on its own",
        "directions": "",
    }.get(run.numerical.plan, "nothing was probed")
    left_out = len(run.shapes.keys() - run.optional - set(run.asked))
    note = f"; {left_out} tensors left out as asked" if left_out else ""
    if tensors:
        how = "; ".join(filter(None, [how, run.guarantee(tensors.values())]))
        return Coverage.of(tensors.values(), (how + note).removeprefix("; "))
    n = sum(math.prod(run.shapes[name]) for name in run.names)
    return Coverage(n, 0, 0, f"0 of {count(n)} entries checked; {how}{note}")


def _provenance(batch: Any) -> Provenance | None:
    if batch is None:
        return None
    return Provenance(
        source=str(batch.source),
        sha256=batch.sha256,
        split=batch.split,
        seed=batch.seed,
        indices=tuple(int(i) for i in batch.indices),
        n_batch=len(batch.indices),
    )


@cache
def _versions() -> dict[str, str]:
    packages = {name: version(name) for name in ("numpy", "numba", "joblib", "h5py")}
    return {"fastcheck": __version__, "python": platform.python_version(), **packages}
