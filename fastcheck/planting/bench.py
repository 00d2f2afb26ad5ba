"""Planting one mistake: the wrong gradient is judged and diagnosed like one of a user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.check.accept import accepted_names, with_accepted
from fastcheck.check.outcome import case_of
from fastcheck.faults import Sites
from fastcheck.judge import judge_tensor
from fastcheck.planting.missed import why_missed, why_tolerated, why_unresolvable
from fastcheck.planting.naming import is_named
from fastcheck.result import overall_verdict
from fastcheck.result.selftest import Planted
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastcheck.check.checking import Check
    from fastcheck.faults import Fault
    from fastcheck.result import TensorResult
    from fastcheck.result.selftest import Outcome

    Floats = NDArray[np.float64]
    Arrays = Mapping[str, NDArray[Any]]

SAME = 2.0**-48
"""Wrong and right are the same if they differ by no more than this, relative."""
TYPICAL = 1e-8
"""Bound of a black box where no entry was probed, relative to the largest derivative."""
ADAPTED = ("sample", "directions")
"""The plans that depend on the gradient that is checked."""


class Bench:
    """A finished check of a right gradient, to which wrong ones are put.

    Parameters
    ----------
    check : Check
        The check, still open.
    options : dict
        Those of the check.
    """

    def __init__(self, check: Check, options: Mapping[str, Any]) -> None:
        self.run = check.run
        self.right = {n: g.astype(np.float64) for n, g in check.analytic.items()}
        self.dtypes = {name: g.dtype for name, g in check.analytic.items()}
        self.result = check.result
        self.options = options
        self.rtol = float(options.get("rtol", 1e-5))
        self.strict = bool(options.get("strict", False))
        self.accepted = accepted_names(options.get("accept", ()))
        self.is_adapted = self.run.numerical.plan in ADAPTED
        self._known = (self.run.numerical, list(self.run.findings))
        self._analytic = dict(check.analytic)
        state = self.run.graph_state
        self.sites = None if state is None else Sites(state.graph, state.values)

    def planted(self, fault: Fault) -> Planted:
        """Return what the check makes of a mistake."""
        analytic, changed = self._made(fault)
        if not changed:
            return self._outcome(fault, (), "equivalent", "it changes nothing here")
        tensors = self._judged(analytic, changed, anew=self.is_adapted)
        if self._fails(tensors):
            return self._failed(fault, analytic, changed, tensors)
        ideal = {name: self._ideally(name, analytic[name]) for name in changed}
        wrong = [name for name, tensor in ideal.items() if tensor.verdict == "fail"]
        if not wrong:
            close = sum(tensor.n_close for tensor in ideal.values())
            if close:
                text = why_tolerated(self.right, analytic, changed, self.rtol)
                return self._outcome(fault, changed, "tolerated", text)
            text = why_unresolvable(ideal)
            return self._outcome(fault, changed, "unresolvable", text)
        if not self.is_adapted and self.run.box is not None:  # bounds improve where it looks wrong
            tensors = self._judged(analytic, changed, anew=True)
            if self._fails(tensors):
                return self._failed(fault, analytic, changed, tensors)
        text = why_missed(wrong, ideal, tensors, strict=self.strict)
        return self._outcome(fault, changed, "missed", text)

    def _made(self, fault: Fault) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
        """Return the wrong gradient in the precision of the user's, and what differs in it."""
        analytic, changed = dict(self._analytic), []
        for name, wrong in fault.make().items():
            right = self.right[name]
            with np.errstate(over="ignore"):
                given = wrong.astype(self.dtypes[name])
            off = np.abs(given.astype(np.float64) - right)
            if not np.all(off <= SAME * np.maximum(np.abs(wrong), np.abs(right))):
                analytic[name] = given
                changed.append(name)
        return analytic, tuple(changed)

    def _judged(
        self, analytic: dict[str, NDArray[Any]], changed: tuple[str, ...], *, anew: bool
    ) -> dict[str, TensorResult]:
        """Return the verdicts, with the probes of the right gradient or with new ones."""
        run = self.run
        run.numerical, run.findings = self._known[0], list(self._known[1])
        if anew:
            options = self.options
            run.probe(
                options.get("plan", "auto"), options.get("budget"), options.get("n_jobs", 1), None,
                analytic=analytic, rtol=self.rtol,
            )  # fmt: skip
            if not run.numerical.complete:
                raise KeyboardInterrupt
        judged = analytic if anew else {name: analytic[name] for name in changed}
        return dict(self.result.tensors) | run.judge_all(judged, self.rtol, self.strict)

    def _fails(self, tensors: Mapping[str, TensorResult]) -> bool:
        return overall_verdict(tensors, self.run.findings, interrupted=False) == "fail"

    def _failed(
        self, fault: Fault, analytic: Arrays, changed: tuple[str, ...],
        tensors: Mapping[str, TensorResult],
    ) -> Planted:  # fmt: skip
        """Return that a mistake was caught, unless it is one that is accepted.

        The user's gradient function, if there is one, is right, and is not called for a cause.
        """
        try:
            found = self.run.explained(case_of(self.run, tensors, analytic))
        except Exception:  # a fault of ours, which a check tells beside its verdict: not named
            found = ()
        found, judged = with_accepted(found, tensors, self.accepted)
        if not self._fails(judged):
            kinds = listing(list(dict.fromkeys(d.kind for d in found if d.accepted)))
            return self._outcome(fault, changed, "tolerated", f"accepted: {kinds}")
        wrong = [name for name in changed if tensors[name].verdict == "fail"]
        return Planted(
            name=fault.name, place=fault.place, description=fault.description,
            expected=fault.kinds, outcome="caught", tensors=changed,
            diagnosis=found[0] if found else None,
            is_named=is_named(fault, found, wrong, self.sites),
        )  # fmt: skip

    def _outcome(
        self, fault: Fault, changed: tuple[str, ...], outcome: Outcome, reason: str
    ) -> Planted:
        return Planted(
            name=fault.name, place=fault.place, description=fault.description,
            expected=fault.kinds, outcome=outcome, reason=reason, tensors=changed,
        )  # fmt: skip

    def _ideally(self, name: str, wrong: NDArray[Any]) -> TensorResult:
        """Return the verdict of a check of every entry, for which the right gradient stands."""
        found = self._known[0].tensors[name]
        self.run.numerical = self._known[0]
        bound = self.run.allowance(name, self.dtypes[name])
        known = np.isfinite(bound)
        least = TYPICAL * float(np.abs(self.right[name]).max(initial=0.0))
        typical = float(bound[known].max()) if known.any() else least
        return judge_tensor(
            name,
            wrong.astype(np.float64),
            self.right[name],
            np.where(known, bound, typical),
            kink=found.kink,
            slopes=(found.minus, found.plus),
            terms=self.run.terms(name),
            rtol=self.rtol,
            strict=self.strict,
        )
