"""The reasons of a hypothesis as diagnoses, in sentences that say where and what to change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fastcheck.diagnose.backward.followers import find_followers
from fastcheck.diagnose.backward.layers import number_of
from fastcheck.diagnose.backward.reason import is_included, is_same
from fastcheck.diagnose.choose import Cause
from fastcheck.diagnose.constants import named_factor
from fastcheck.diagnose.factors import kind_of
from fastcheck.diagnose.fit import Fit
from fastcheck.diagnose.unexplained import clause
from fastcheck.result import Diagnosis
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcheck.diagnose.backward.hypothesis import Hypothesis
    from fastcheck.diagnose.backward.layers import Layer
    from fastcheck.diagnose.backward.reason import Reason
    from fastcheck.diagnose.backward.setting import Setting

MOST_NAMES = 10
NEAR = 1e-9
"""How near a constant must be to the number that it is called."""


def said(setting: Setting, hypothesis: Hypothesis) -> list[Diagnosis]:
    """Return the mistakes of a hypothesis, the one nearest to the loss first."""
    reasons = _joined(_included(_exchanged(hypothesis.reasons)))
    followers = find_followers(setting, reasons, hypothesis.deltas)
    return [_diagnosis(setting, reason, followers.get(reason, [])) for reason in reasons]


# ------------------------------------------------------------ reasons that are one mistake


def _joined(reasons: Sequence[Reason]) -> list[Reason]:
    """Return reasons, those that are one mistake in several tensors as one."""
    joined: list[Reason] = []
    for reason in reasons:
        for k, other in enumerate(joined):
            if reason.is_shared and is_same(reason, other):
                joined[k] = replace(other, tensors=(*other.tensors, *reason.tensors))
                break
        else:
            joined.append(reason)
    return joined


def _exchanged(reasons: Sequence[Reason]) -> list[Reason]:
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
    return kept


def _included(reasons: Sequence[Reason]) -> list[Reason]:
    """Return reasons, the regulariser as part of what is multiplied where all of it is."""
    for factor in reasons:
        parts = [r for r in reasons if is_included(r, factor)]
        if parts:
            text = f"{factor.text}, and so is the term of the regulariser: all of the gradient is"
            whole = replace(factor, text=text, kind="factor")
            return [whole if r is factor else r for r in reasons if r not in parts]
    return list(reasons)


# ------------------------------------------------------------ sentences


def _diagnosis(setting: Setting, reason: Reason, followers: Sequence[str]) -> Diagnosis:
    order = [*setting.anatomy.graph.params]
    reason = replace(reason, tensors=tuple(sorted(reason.tensors, key=order.index)))
    names = listing(list(reason.tensors), MOST_NAMES)
    earlier = _earlier(setting, reason) if reason.passes_on else []
    tensors = (*reason.tensors, *earlier)
    kind, text = _named(setting, reason)
    first = reason.tensors[0]
    if reason.kind == "factor" and reason.passes_on:  # of the whole gradient
        return Diagnosis(kind, None, reason.constant, f"{names}: {text}", tensors)
    if reason.kind == "unexplained":
        text = _unexplained(setting, reason, earlier)
        return Diagnosis(kind, first, None, f"{first}: {text}", tensors, is_exact=False)
    if not reason.passes_on:
        single = first if len(reason.tensors) == 1 else None
        return Diagnosis(
            kind, single, reason.constant, f"{names}: {text}", tensors, reason.is_exact
        )
    text = _filled(text, setting.anatomy.home[first], reason.tensors)
    because = _because(earlier, followers, reason.is_exact)
    text = f"{first}: {_place(setting, reason)}, {text}{because}"
    tensors = (*tensors, *followers)
    return Diagnosis(kind, first, reason.constant, text, tensors, reason.is_exact)


def _place(setting: Setting, reason: Reason) -> str:
    """Return of what a delta is the gradient, with the name that it usually has."""
    names = listing(list(reason.tensors), MOST_NAMES)
    layer = setting.anatomy.home[reason.tensors[0]]
    usual = _usual_name(layer, reason.tensors)
    return f"in the gradient that {names} {_is_are(reason)} made from{usual}"


def _is_are(reason: Reason) -> str:
    return "is" if len(reason.tensors) == 1 else "are"


def _usual_name(layer: Layer, names: Sequence[str]) -> str:
    """Return what people call the gradient of the output of a layer, in brackets; or nothing."""
    if len(layer.sites) > 1:
        return ""
    if layer.node.name:
        return f" (d{layer.node.name})"
    number = number_of(names)
    return f" (often called dz{number})" if number else ""


def _filled(text: str, layer: Layer, names: Sequence[str]) -> str:
    """Return a sentence with the names of what an activation is given, and of what it gives."""
    number = number_of(names) if len(layer.sites) == 1 else ""
    return text.replace("{z}", f"z{number}").replace("{a}", f"a{number}")


def _because(earlier: Sequence[str], followers: Sequence[str], is_exact: bool) -> str:
    """Return what follows for the layers before, those nearer to the input, and for values."""
    named = listing(list(followers), MOST_NAMES)
    if not earlier:
        verb = "is" if len(followers) == 1 else "are"
        return f"; {named} {verb} wrong because of it" if followers else ""
    layers = f"; the earlier layers ({listing(list(earlier), MOST_NAMES)})"
    if not is_exact:
        return f"{layers} follow from it, or have mistakes of their own"
    also = f", and so {'is' if len(followers) == 1 else 'are'} {named}" if followers else ""
    return f"{layers} are wrong because of it{also}"


def _unexplained(setting: Setting, reason: Reason, earlier: Sequence[str]) -> str:
    """Return what is known of tensors that no mistake explains, and of those before them."""
    text = f"cause not identified; {clause(setting.case.by_name[reason.tensors[0]])}"
    if reason.text:
        names = listing(list(reason.tensors), MOST_NAMES)
        layer = setting.anatomy.home[reason.tensors[0]]
        told = reason.text.replace("{usual}", _usual_name(layer, reason.tensors))
        text = f"cause not identified; of {names} {told}"
    if not earlier:
        return text
    return (
        f"{text}; begin here, this is the layer nearest to the loss that is wrong: the earlier "
        f"layers ({listing(list(earlier), MOST_NAMES)}) may be wrong because of it"
    )


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


def _earlier(setting: Setting, reason: Reason) -> list[str]:
    """Return the wrong tensors of the layers before that of a reason."""
    layers = setting.anatomy.layers
    place = layers.index(setting.anatomy.home[reason.tensors[0]])
    return [
        name
        for layer in layers[place + 1 :]
        for name in layer.names
        if name in setting.subjects and setting.subjects[name].evidence.failed
    ]
