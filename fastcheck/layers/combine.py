"""One result out of several: over the cotangents of a layer, and over the layers of a list."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastcheck.result import (
    CheckResult,
    Coverage,
    Diagnosis,
    Finding,
    TensorResult,
    overall_verdict,
)
from fastcheck.result.wording import count, listing, quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ORDER = {"fail": 0, "inconclusive": 1, "pass": 2}


def refused(found: Sequence[Finding], n_entries: int) -> CheckResult:
    """Return the result of a layer of which no number can be compared."""
    return CheckResult(
        verdict="inconclusive",
        tensors={},
        coverage=Coverage(n_entries, 0, 0, f"0 of {count(n_entries)} entries checked"),
        findings=tuple(found),
    )


def over_cotangents(
    results: Sequence[CheckResult], found: Sequence[Finding], n: int
) -> CheckResult:
    """Return the outcome over all cotangents.

    Parameters
    ----------
    results : sequence of CheckResult
        One for each cotangent, up to the first that fails.
    found : sequence of Finding
        What was found before.
    n : int
        How many cotangents there were to be.

    Notes
    -----
    It is that of the first that fails, else of the first that is inconclusive. If all pass, each
    tensor is shown as it was where its worst entry was closest to its bound.
    """
    place = min(range(len(results)), key=lambda k: ORDER[results[k].verdict])
    chosen = results[place]
    worst = dict.fromkeys(chosen.tensors, chosen)
    if chosen.passed:
        worst = {name: max(results, key=lambda r: _badness(r.tensors[name])) for name in worst}
    how = _how(chosen, place, n)
    coverage = replace(chosen.coverage, statement=f"{chosen.coverage.statement}; {how}")
    findings = (*found, *chosen.findings)
    tensors = {name: r.tensors[name] for name, r in worst.items()}
    return replace(
        chosen,
        verdict=overall_verdict(tensors, findings, chosen.interrupted),
        tensors=tensors,
        coverage=coverage,
        findings=findings,
        diagnosis=_diagnosis(chosen, worst),
        numerical={name: worst.get(name, chosen).numerical[name] for name in chosen.numerical},
        bounds={name: worst.get(name, chosen).bounds[name] for name in chosen.bounds},
        timings=_summed(results),
    )


def _how(chosen: CheckResult, place: int, n: int) -> str:
    if n == 1:
        return "of the sum of the output times one upstream gradient"
    if chosen.passed:
        return f"of the sum of the output times each of {n} random upstream gradients"
    return f"of the sum of the output times random upstream gradient {place + 1} of {n}"


def _diagnosis(chosen: CheckResult, worst: Mapping[str, CheckResult]) -> tuple[Diagnosis, ...]:
    """Return what is said of the tensors that are shown; of a pass, what was accepted."""
    if not chosen.passed:
        return chosen.diagnosis
    said = [d for name, r in worst.items() for d in r.diagnosis if name in d.tensors]
    return tuple(dict.fromkeys(said))


def _badness(tensor: TensorResult) -> float:
    return tensor.worst.ratio if tensor.worst is not None else 0.0


def _summed(results: Sequence[CheckResult]) -> dict[str, float]:
    stages: dict[str, float] = {}
    for result in results:
        for name, seconds in result.timings.items():
            stages[name] = stages.get(name, 0.0) + seconds
    return stages


def over_layers(results: Mapping[str, CheckResult]) -> CheckResult:
    """Return the outcome over a list of layers, tensors named as in ``1.ReLU.x``.

    Parameters
    ----------
    results : mapping of str to CheckResult
        By the place and name of the layer, in their order; the first that is wrong is said first.
    """
    renamed = [_renamed(result, f"{label}.") for label, result in results.items()]
    tensors = _joined(renamed, "tensors")
    findings = tuple(f for result in renamed for f in result.findings)
    interrupted = any(result.interrupted for result in renamed)
    entries, checked, resolved = (
        sum(getattr(r.coverage, field) for r in renamed)
        for field in ("n_entries", "n_checked", "n_resolved")
    )
    how = f"{quantity(len(renamed), 'layer')}, each at its own input"
    coverage = Coverage.of(tensors.values(), how)
    statement = coverage.statement if tensors else f"0 of {count(entries)} entries checked; {how}"
    return replace(
        renamed[0],
        verdict=overall_verdict(tensors, findings, interrupted),
        tensors=tensors,
        coverage=Coverage(entries, checked, resolved, statement),
        findings=findings,
        diagnosis=(*_first_wrong(results), *(d for r in renamed for d in r.diagnosis)),
        engine=_said(r.engine for r in renamed),
        engine_reason=_said(r.engine_reason for r in renamed),
        plan=_said(r.plan for r in renamed),
        plan_reason="",
        numerical=_joined(renamed, "numerical"),
        bounds=_joined(renamed, "bounds"),
        audits=tuple(a for r in renamed for a in r.audits),
        spot_checks=tuple(s for r in renamed for s in r.spot_checks),
        timings=_summed(renamed),
        versions=next((r.versions for r in renamed if r.versions), {}),
        interrupted=interrupted,
        loss=renamed[-1].loss,
    )


def _joined(results: Sequence[CheckResult], field: str) -> dict[str, Any]:
    return {name: value for r in results for name, value in getattr(r, field).items()}


def _said(texts: Any) -> str:
    return ", ".join(dict.fromkeys(filter(None, texts)))


def _first_wrong(results: Mapping[str, CheckResult]) -> tuple[Diagnosis, ...]:
    wrong = [label for label, result in results.items() if result.verdict == "fail"]
    if not wrong:
        return ()
    message = (
        f"{wrong[0]} is the first layer of which the backward pass is wrong; each layer was "
        "checked alone, at its own input, so that the error is in this layer"
    )
    if wrong[1:]:
        message += f"; {listing(wrong[1:], 10)} {'is' if len(wrong) == 2 else 'are'} wrong too"
    return (Diagnosis("layer", None, None, message),)


def _renamed(result: CheckResult, prefix: str) -> CheckResult:
    """Return a result in which all tensors have a prefix."""

    def each(records: Any) -> Any:
        return tuple(replace(r, tensor=_prefixed(r.tensor, prefix)) for r in records)

    def keys(values: Mapping[str, Any]) -> dict[str, Any]:
        return {prefix + name: value for name, value in values.items()}

    return replace(
        result,
        tensors={prefix + name: _tensor(t, prefix, each) for name, t in result.tensors.items()},
        findings=tuple(_finding(f, prefix) for f in result.findings),
        diagnosis=tuple(_explanation(d, prefix) for d in result.diagnosis),
        numerical=keys(result.numerical),
        bounds=keys(result.bounds),
        audits=each(result.audits),
        spot_checks=each(result.spot_checks),
    )


def _prefixed(name: str | None, prefix: str) -> str | None:
    return None if name is None else prefix + name


def _tensor(tensor: TensorResult, prefix: str, each: Callable[[Any], Any]) -> TensorResult:
    worst = each((tensor.worst,))[0] if tensor.worst is not None else None
    return replace(
        tensor, name=prefix + tensor.name, worst=worst, mismatches=each(tensor.mismatches)
    )


def _explanation(diagnosis: Diagnosis, prefix: str) -> Diagnosis:
    tensors = tuple(prefix + name for name in diagnosis.tensors)
    if diagnosis.tensor is None:
        message = f"{prefix[:-1]}: {diagnosis.message}"
        return replace(diagnosis, message=message, tensors=tensors)
    about_tensor = diagnosis.message.removeprefix(f"{diagnosis.tensor}: ")
    tensor = prefix + diagnosis.tensor
    return replace(diagnosis, tensor=tensor, message=f"{tensor}: {about_tensor}", tensors=tensors)


def _finding(finding: Finding, prefix: str) -> Finding:
    if finding.tensor is None:
        return replace(finding, message=f"{prefix[:-1]}: {finding.message}")
    about_tensor = finding.message.removeprefix(f"{finding.tensor}: ")
    return replace(finding, tensor=prefix + finding.tensor, message=about_tensor)
