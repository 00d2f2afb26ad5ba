"""The reasons of a hypothesis as diagnoses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fastcheck.diagnose.backward.reason import is_included, is_same
from fastcheck.diagnose.choose import Cause
from fastcheck.diagnose.constants import named_factor
from fastcheck.diagnose.factors import kind_of
from fastcheck.diagnose.fit import Fit
from fastcheck.diagnose.unexplained import unexplained
from fastcheck.result import Diagnosis
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from fastcheck.diagnose.backward.hypothesis import Hypothesis
    from fastcheck.diagnose.backward.reason import Reason
    from fastcheck.diagnose.backward.setting import Setting

MOST_NAMES = 10
NEAR = 1e-9
"""How near a constant must be to the number that it is called."""
WHOLE = ("factor", "sign", "sum-for-mean", "mean-for-sum")


def said(setting: Setting, hypothesis: Hypothesis) -> list[Diagnosis]:
    """Return the mistakes of a hypothesis, the one nearest to the loss first."""
    return [_diagnosis(setting, reason) for reason in _joined(hypothesis.reasons)]


def _joined(reasons: tuple[Reason, ...]) -> list[Reason]:
    """Return reasons, those that are one mistake in several tensors as one."""
    joined: list[Reason] = []
    reasons = _included(_exchanged(reasons))
    for reason in reasons:
        for k, other in enumerate(joined):
            if reason.is_shared and is_same(reason, other):
                joined[k] = replace(other, tensors=(*other.tensors, *reason.tensors))
                break
        else:
            joined.append(reason)
    return joined


def _exchanged(reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Return reasons, two gradients of which each is that of the other as one."""
    others = {r.tensors[0]: r.other for r in reasons if r.kind == "other-tensor"}
    kept = []
    for reason in reasons:
        name = reason.tensors[0]
        if reason.kind != "other-tensor" or others.get(reason.other) != name:
            kept.append(reason)
        elif name < reason.other:
            text = "the gradients are exchanged: each is exactly that of the other"
            pair = (name, reason.other)
            kept.append(replace(reason, kind="exchanged", text=text, tensors=pair))
    return tuple(kept)


def _included(reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Return reasons, the regulariser as part of what is multiplied where all of it is."""
    for factor in reasons:
        parts = [r for r in reasons if is_included(r, factor)]
        if parts:
            text = f"{factor.text}, and so is the term of the regulariser: all of the gradient is"
            whole = replace(factor, text=text, kind="factor")
            return tuple(whole if r is factor else r for r in reasons if r not in parts)
    return reasons


def _diagnosis(setting: Setting, reason: Reason) -> Diagnosis:
    order = [*setting.anatomy.graph.params]
    reason = replace(reason, tensors=tuple(sorted(reason.tensors, key=order.index)))
    names = listing(list(reason.tensors), MOST_NAMES)
    if reason.kind == "unexplained":
        return _unexplained(setting, reason)
    kind, text = _named(setting, reason)
    tensors = reason.tensors
    single = tensors[0] if len(tensors) == 1 or reason.passes_on else None
    if kind in WHOLE and reason.kind == "factor" and reason.passes_on:
        single = None
    text = (
        f"{single}: on the way back to {names}, {text}"
        if single and reason.passes_on
        else (f"{names}: {text}")
    )
    if reason.passes_on:
        later = _before(setting, reason)
        if later:
            those = listing(later, MOST_NAMES)
            if single is None:
                return Diagnosis(kind, None, reason.constant, text, (*tensors, *later))
            text = (
                f"{text}; what lies before ({those}) is wrong because of it"
                if reason.is_exact
                else f"{text}; what lies before ({those}) follows from it, or has mistakes of its "
                "own"
            )
        tensors = (*tensors, *later)
    return Diagnosis(kind, single, reason.constant, text, tensors, reason.is_exact)


def _unexplained(setting: Setting, reason: Reason) -> Diagnosis:
    """Return what is known of tensors that no mistake explains, and of those before them."""
    (found,) = unexplained([setting.case.by_name[reason.tensors[0]]])[:1]
    text, tensors = found.message.removeprefix(f"{found.tensor}: "), reason.tensors
    if len(tensors) > 1:
        text = f"{reason.text}; {text}"
    if reason.passes_on:
        later = _before(setting, reason)
        tensors = (*tensors, *later)
        if later:
            text = (
                f"{text}; this is the layer nearest to the loss that is wrong: begin here, what "
                f"lies before ({listing(later, MOST_NAMES)}) may be wrong because of it"
            )
    names = listing(list(reason.tensors), MOST_NAMES)
    message = f"{names}: {text}"
    return Diagnosis("unexplained", reason.tensors[0], None, message, tensors, is_exact=False)


def _named(setting: Setting, reason: Reason) -> tuple[str, str]:
    """Return the kind of a reason and its text, factors with what they mean."""
    if reason.kind not in ("factor", "delta-factor") or reason.constant is None:
        return reason.kind, reason.text
    is_top = setting.anatomy.home[reason.tensors[0]] is setting.anatomy.layers[0]
    if reason.kind == "delta-factor" and not is_top:
        return reason.kind, reason.text
    c, case = reason.constant, setting.case
    named = named_factor((c * (1.0 - NEAR), c * (1.0 + NEAR)), case.lengths) if c else None
    fits = tuple(Fit("factor", name, (), 1.0) for name in reason.tensors)
    kind, why = kind_of(Cause("factor", "", fits, c if named is None else named.value, named), case)
    return kind, reason.text + why


def _before(setting: Setting, reason: Reason) -> list[str]:
    """Return the failed tensors of the layers before that of a reason."""
    layers = setting.anatomy.layers
    place = layers.index(setting.anatomy.home[reason.tensors[0]])
    return [
        name
        for layer in layers[place + 1 :]
        for name in layer.names
        if name in setting.subjects and setting.subjects[name].evidence.failed
    ]
