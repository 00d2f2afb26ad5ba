"""The walk from the loss backwards: each layer explained with what arrives there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.constants import Constants
from fastcheck.diagnose.backward.local import (
    EASY,
    Reason,
    Reasons,
    decay_reason,
    find_reasons,
    holds,
    regulariser_reason,
    simple_reasons,
)
from fastcheck.diagnose.backward.proposals import Surroundings
from fastcheck.diagnose.backward.unknown import find_recovered, find_weights
from fastcheck.diagnose.backward.view import Subject, View

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.constants import Constant
    from fastcheck.diagnose.backward.layers import Anatomy, Layer
    from fastcheck.diagnose.backward.proposals import Proposal
    from fastcheck.diagnose.evidence import Case

    Floats = NDArray[np.float64]

WIDTH = 6
"""Hypotheses that are followed at the same time."""
AGAIN = 0.1
"""What the same mistake costs in a further tensor."""
MOST_COMPARED = 8192
"""Entries of a tensor at which it is confirmed that the numerical gradient follows."""
VAGUE = ("wrong-part", "zero-part", "factor-part", "one-entry", "unexplained")
"""What says where a gradient is wrong, not why: too little to speak for another mistake beside."""
REGULARISERS = (
    "regulariser", "regulariser-l1", "regulariser-on-biases", "weight-decay", "l1-decay",
)  # fmt: skip
SIMPLE = 1.6
"""Complexity of a constant up to which it may be that of the whole gradient."""
UNKNOWN = 8.0
"""What it costs to leave a tensor unexplained."""


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """Mistakes that explain all layers so far.

    Attributes
    ----------
    deltas : dict of int to ndarray
        The cotangents of the sites as the code has them.
    reasons : tuple of Reason
        The mistakes, those nearest to the loss first.
    complexity : float
        How far-fetched they are together.
    is_lost : bool
        Whether the delta of the layers that follow is unknown.
    """

    deltas: dict[int, Floats] = field(default_factory=dict)
    reasons: tuple[Reason, ...] = ()
    complexity: float = 0.0
    is_lost: bool = False

    def with_(self, reasons: list[Reason], deltas: Mapping[int, Floats]) -> Hypothesis:
        """Return the same with further mistakes."""
        cost = sum(self._cost(reason, reasons[:k]) for k, reason in enumerate(reasons))
        return replace(
            self,
            deltas={**self.deltas, **deltas},
            reasons=(*self.reasons, *reasons),
            complexity=self.complexity + cost,
        )

    def _cost(self, reason: Reason, others: list[Reason]) -> float:
        for other in (*self.reasons, *others):
            if reason.is_shared and (is_same(reason, other) or is_included(reason, other)):
                return AGAIN
        return reason.complexity


def is_same(one: Reason, other: Reason) -> bool:
    """Return whether two reasons are one mistake in two places."""
    if one.kind != other.kind or (one.constant is None) != (other.constant is None):
        return False
    if one.constant is None or other.constant is None:
        return True
    return abs(one.constant - other.constant) <= 1e-6 * max(abs(one.constant), abs(other.constant))


def is_included(reason: Reason, other: Reason) -> bool:
    """Return whether the regulariser is multiplied by what the delta of the loss is."""
    if reason.kind != "regulariser" or other.kind != "delta-factor":
        return False
    return is_same(replace(reason, kind=other.kind), other)


class Walk:
    """The search for the simplest mistakes that explain a gradient.

    Parameters
    ----------
    anatomy : Anatomy
        The layers.
    case : Case
        The two gradients.
    tops : mapping of int to ndarray
        Numerical cotangents of the sites next to the loss.
    """

    def __init__(self, anatomy: Anatomy, case: Case, tops: Mapping[int, Floats]) -> None:
        self.anatomy = anatomy
        self.case = case
        self._truth: dict[str, View] = {}
        self.tops = tops
        last = anatomy.layers[0].node if anatomy.layers else None
        axis = None if last is None else last.batch_axis
        outputs = None
        if last is not None and axis is not None and last.ndim == 2:
            outputs = last.shape[1 - axis]
        self.constants = Constants(anatomy.graph.n_batch, outputs)
        self.right = self._right()
        self.subjects = {
            tensor.name: Subject(tensor, self._direct(tensor.name))
            for tensor in case.tensors
            if tensor.name in anatomy.home
        }

        self._judged = {n: s for n, s in self.subjects.items() if s.evidence.is_complete}

    def _direct(self, name: str) -> Floats | None:
        found = self.anatomy.direct.get(name)
        return found if found is not None and found.any() else None

    def _right(self) -> dict[int, Floats]:
        """Return the right cotangents of all sites: numerical ones, and what follows from them."""
        known: dict[int, Floats] = {}
        for layer in self.anatomy.layers:
            found = self.anatomy.arrive(layer, known)
            for site in layer.sites:
                i = site.node.index
                known[i] = self.tops.get(i, found[i])
        return known

    def is_sound(self) -> bool:
        """Return whether the numerical gradient follows from the deltas: else nothing is said."""
        for name, subject in self.subjects.items():
            tensor = subject.evidence
            view = self._view(self.anatomy.home[name], name, self.right)
            step = slice(None, None, max(1, tensor.analytic.size // MOST_COMPARED))
            right, found = tensor.numerical.reshape(-1)[step], view.expected.reshape(-1)[step]
            allowed = 4.0 * subject.allowance.reshape(-1)[step] + 2.0**-45 * np.abs(found)
            is_off = np.abs(right - found) > allowed
            if np.any(is_off & tensor.known.reshape(-1)[step]):
                return False
        return True

    def best(self) -> Hypothesis:
        """Return the simplest hypothesis, mistakes in the regulariser beside others among them.

        A regulariser that is wrong everywhere hides what else is wrong in a tensor: where something
        is left unexplained, the walk is repeated with each of its usual mistakes.
        """
        found = [self.run(Hypothesis())]
        if all(r.is_exact and r.kind not in VAGUE for r in found[0].reasons):
            return found[0]
        subjects = self.subjects
        for reason, other in self._alternatives(found[0]):
            self.subjects = other
            new = self.run(Hypothesis().with_([reason], {}))
            if all(r.kind != "unexplained" for r in new.reasons):
                found.append(new)
            self.subjects = subjects
        return min(found, key=lambda h: h.complexity)

    def _alternatives(self, first: Hypothesis) -> Iterator[tuple[Reason, dict[str, Subject]]]:
        """Yield mistakes in all tensors that explain one of them, and what is left to explain."""
        for reason, direct in self._regularisers(first):
            yield (
                reason,
                {n: replace(s, direct=direct.get(n)) for n, s in self.subjects.items()},
            )
        factors = {r.constant: r for r in first.reasons if r.kind == "factor"}
        for c, reason in factors.items():
            if c and reason.complexity <= 1.0 + SIMPLE:
                names = tuple(self.subjects)
                whole = replace(reason, tensors=names, kind="factor", passes_on=True)
                yield whole, {n: s.divided(c) for n, s in self.subjects.items()}

    def _regularisers(self, first: Hypothesis) -> Iterator[tuple[Reason, dict[str, Floats]]]:
        """Yield mistakes in the regulariser of all tensors, and what they make of its parts.

        They are those that explain one of the tensors.
        """
        right = {n: s.direct for n, s in self.subjects.items() if s.direct is not None}
        names = tuple(right)
        for reason in {r.kind: r for r in first.reasons if r.kind in REGULARISERS}.values():
            size = reason.constant or 0.0
            values = {n: s.evidence.values for n, s in self.subjects.items()}
            known = {n: v for n, v in values.items() if v is not None}
            if reason.kind == "regulariser":
                yield (
                    replace(reason, tensors=names),
                    {n: size * d for n, d in right.items() if size},
                )
            elif reason.kind in ("weight-decay", "l1-decay"):
                form = np.sign if reason.kind == "l1-decay" else np.positive
                added = {n: size * form(v) for n, v in known.items() if v.ndim > 1}
                if not right:
                    yield replace(reason, tensors=tuple(added)), added
            elif reason.kind == "regulariser-l1":
                signs = {n: size * np.sign(known[n]) for n in names if n in known}
                yield replace(reason, tensors=names), signs
            else:
                rest = {n: size * v for n, v in known.items() if n not in right}
                yield replace(reason, tensors=tuple(rest)), {**right, **rest}

    def run(self, start: Hypothesis) -> Hypothesis:
        """Return the simplest hypothesis that begins with `start`."""
        beam = [start]
        for layer in self.anatomy.layers:
            following = [new for old in beam for new in self._explained(old, layer)]
            beam = sorted(following, key=lambda h: h.complexity)[:WIDTH]
        return beam[0]

    def _view(self, layer: Layer, name: str, deltas: Mapping[int, Floats]) -> View:
        """Return a view; of the right deltas it is made once, but for what is to be explained."""
        view = View(self.anatomy, layer, self.subjects[name], deltas, self.constants)
        if all(deltas[s.node.index] is self.right[s.node.index] for s in layer.sites):
            if name not in self._truth:
                self._truth[name] = view
            view = replace(self._truth[name], subject=self.subjects[name])
            view.data = self._truth[name].data
        return view

    def _names(self, layer: Layer) -> list[str]:
        """Return the parameters of a layer that were given, biases first: they cost least."""
        names = [name for name in layer.names if name in self.subjects]
        return sorted(names, key=lambda name: self.subjects[name].evidence.analytic.size)

    # ------------------------------------------------------------ one layer

    def _explained(self, old: Hypothesis, layer: Layer) -> list[Hypothesis]:
        """Return what may be wrong in a layer, given what is in the layers after it."""
        names = self._names(layer)
        if old.is_lost:
            return [old]
        around = Surroundings(self.anatomy, layer, self._arrive(old, layer))
        deltas = {site.node.index: around.found[site.node.index] for site in layer.sites}
        views = {name: self._view(layer, name, deltas) for name in names}
        wrong = [name for name in names if not self._is_right(views[name])]
        if not wrong:
            return [old.with_([], deltas)]
        options: list[Hypothesis] = []
        if len(wrong) > 1:
            options = self._of_deltas(old, around, names, partly=False)
        is_easy = bool(options) and options[0].complexity <= old.complexity + EASY
        find = simple_reasons if is_easy else find_reasons
        local = {name: find(views[name]) for name in wrong}
        reasons = [reason for found in local.values() for reason in found or ()]
        if all(local.values()):
            options.append(old.with_(reasons, deltas))
        is_vague = not all(local.values()) or any(r.kind in VAGUE for r in reasons)
        if len(wrong) == 1 and is_vague and not self._is_settled(around, names, wrong[0]):
            options += self._of_deltas(old, around, names, partly=False)
        last = [reason for option in options for reason in option.reasons[-1:]]
        if is_vague and len(wrong) > 1 and all(r.kind in VAGUE for r in last):
            options += self._of_deltas(old, around, names, partly=True)
        if options:
            return sorted(options, key=lambda h: h.complexity)[:WIDTH]
        return [self._unknown(old, around, deltas, local)]

    def _is_right(self, view: View) -> bool:
        """Return whether a gradient is right; with the right deltas that was judged before."""
        is_judged = view.subject is self._judged.get(view.subject.name)
        if is_judged and all(view.deltas[i] is self.right[i] for i in view.deltas):
            return not view.subject.evidence.wrong.any()
        return view.is_right

    def _arrive(self, old: Hypothesis, layer: Layer) -> dict[int, Floats]:
        found = self.anatomy.arrive(layer, old.deltas)
        if not old.deltas or all(old.deltas[i] is self.right[i] for i in old.deltas):
            for site in layer.sites:
                found[site.node.index] = self.right[site.node.index]
        return found

    def _of_deltas(
        self, old: Hypothesis, around: Surroundings, names: list[str], *, partly: bool
    ) -> list[Hypothesis]:
        """Return what follows from mistakes in the delta of a layer, the simplest first."""
        found = []
        for proposal, deltas in around.tried(self._edited):
            new = self._of_delta(old, around.layer, names, proposal, deltas, partly=partly)
            if new is not None:
                found.append(new)
        return sorted(found, key=lambda h: h.complexity)[:WIDTH]

    def _is_settled(self, around: Surroundings, names: list[str], wrong: str) -> bool:
        """Return whether the delta must be right: only a bias is wrong, and the weights are not."""
        sizes = {name: self.subjects[name].evidence.analytic.size for name in names}
        return len(names) > 1 and sizes[wrong] == min(sizes.values())

    def _edited(self, around: Surroundings, proposal: Proposal) -> dict[int, Floats]:
        layer, sites = around.layer, around.layer.sites
        if len(sites) == 1:
            i = sites[0].node.index
            return {i: proposal.edit(layer, 0, around.found[i], around.found)}
        known = {i: d for i, d in around.found.items() if i in layer.seeds}
        found = self.anatomy.arrive(layer, known, proposal.edit)
        return {site.node.index: found[site.node.index] for site in sites}

    def _of_delta(
        self,
        old: Hypothesis,
        layer: Layer,
        names: list[str],
        proposal: Proposal,
        deltas: dict[int, Floats],
        *,
        partly: bool,
    ) -> Hypothesis | None:
        """Return what follows if `deltas`, times a constant, are what the code has."""
        if not all(np.isfinite(d).all() for d in deltas.values()):
            return None
        factor: Constant | None = None
        reasons: list[Reason] = []
        left: list[str] = []
        for name in names:
            view = self._view(layer, name, deltas)
            new, extra = _fit(view, factor)
            if extra is None:
                left.append(name)
                if not partly:
                    return None
                continue
            factor = new
            reasons += extra
        if factor is None or len(left) == len(names) or factor.value == 0.0:
            return None
        scaled = {i: factor.value * d for i, d in deltas.items()} if not factor.is_one else deltas
        for name in left:
            found = find_reasons(self._view(layer, name, scaled))
            if found is None:
                return None
            if proposal.kind != "delta-factor" and any(r.kind in VAGUE for r in found):
                return None
            reasons += found
        if proposal.kind == "delta-factor" and factor.is_one:
            return None
        return old.with_([_reason(proposal, factor, layer, names), *reasons], scaled)

    # ------------------------------------------------------------ when nothing fits

    def _unknown(
        self,
        old: Hypothesis,
        around: Surroundings,
        deltas: dict[int, Floats],
        local: dict[str, Reasons | None],
    ) -> Hypothesis:
        """Return what can still be said of a layer that no catalogue entry explains."""
        subjects = {name: self.subjects[name] for name in self._names(around.layer)}
        is_known = all(r.kind != "unexplained" for r in old.reasons)
        for find in (find_weights, find_recovered) if is_known else (find_recovered,):
            found = find(around, subjects, self.constants)
            if found is not None:
                reason, recovered = found
                return old.with_([reason], recovered)
        layer = around.layer
        reasons: list[Reason] = []
        for name, some in local.items():
            text = "no known mistake explains it"
            unknown = Reason("unexplained", text, UNKNOWN, (name,), is_exact=False)
            reasons += some or (unknown,)
        new = old.with_(reasons, deltas)
        both = all(some is None for some in local.values())
        both &= len(local) > 1 or len(self._names(layer)) == 1
        if not (both and self._is_wrong_before(layer, new)):
            return new
        last = replace(new.reasons[-1], passes_on=True)
        return replace(new, reasons=(*new.reasons[:-1], last), is_lost=True)

    def _is_wrong_before(self, layer: Layer, new: Hypothesis) -> bool:
        """Return whether the layer before is wrong too if the delta here is right."""
        place = self.anatomy.layers.index(layer)
        if place + 1 == len(self.anatomy.layers):
            return False
        before = self.anatomy.layers[place + 1]
        found = self.anatomy.arrive(before, new.deltas)
        return not all(self._view(before, name, found).is_right for name in self._names(before))


def _fit(view: View, factor: Constant | None) -> tuple[Constant | None, list[Reason] | None]:
    """Return the factor of the data term of a view and mistakes in the rest; None if none fits."""
    if view.is_hopeless() or not view.data.any():
        return None, None
    direct = view.subject.direct
    columns = [view.data] if direct is None else [view.data, direct]
    fits = view.fit(*columns)
    if fits is None:
        return (factor, None) if factor is None else _with_decay(view, factor)
    factor = fits[0] if factor is None else factor
    if view.is_exact(view.data, factor):
        return (factor, []) if holds(view, factor) else (None, None)
    if direct is None:
        return _with_decay(view, factor)
    k = fits[1]
    if not view.is_exact(view.data, factor, (k.value, direct), own=False):
        return None, None
    if not holds(view, factor, k):
        return None, None
    return factor, [regulariser_reason(view.subject.name, k)]


def _with_decay(view: View, factor: Constant) -> tuple[Constant | None, list[Reason] | None]:
    """Return the same for a parameter without a penalty in the loss, which the code may have."""
    if factor is None:
        return None, None
    values = view.subject.evidence.values
    if values is None or not values.any():
        return None, None
    for size in view.anatomy.penalties:
        if view.is_exact(view.data, factor, (size, values)):
            return factor, [decay_reason(view, size, is_known=True)]
    return None, None


def _reason(proposal: Proposal, factor: Constant, layer: Layer, names: list[str]) -> Reason:
    """Return a mistake in the delta of a layer, times a constant."""
    tensors = tuple(sorted(names, key=layer.names.index))
    text, cost, constant = proposal.text, proposal.complexity, proposal.constant
    if proposal.kind == "delta-factor":
        text, constant = f"the delta is {factor.text} times the right one", factor.value
        cost += factor.complexity
    elif not factor.is_one:
        text = f"{text}, and the delta is {factor.text} times that"
        cost += factor.complexity
    return Reason(proposal.kind, text, cost, tensors, constant, passes_on=True)


__all__ = ["Hypothesis", "Walk", "is_same"]
