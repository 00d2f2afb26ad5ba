"""The walk from the loss backwards: each layer explained with what arrives there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fastcheck.diagnose.backward.alternatives import find_alternatives
from fastcheck.diagnose.backward.delta import of_deltas
from fastcheck.diagnose.backward.hypothesis import Hypothesis
from fastcheck.diagnose.backward.local import EASY, find_reasons, simple_reasons
from fastcheck.diagnose.backward.proposal import Surroundings
from fastcheck.diagnose.backward.reason import VAGUE, Reason
from fastcheck.diagnose.backward.unknown import find_factors, find_recovered, find_weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.layers import Layer
    from fastcheck.diagnose.backward.reason import Reasons
    from fastcheck.diagnose.backward.setting import Setting

    Floats = NDArray[np.float64]

WIDTH = 6
"""Hypotheses that are followed at the same time."""
UNKNOWN = 8.0
"""What it costs to leave a tensor unexplained."""


def find_hypothesis(setting: Setting) -> Hypothesis:
    """Return the simplest mistakes that explain a gradient, as far as any do.

    A mistake in all tensors, such as a regulariser that is missing, hides what else is wrong in
    one of them: where something is left unexplained, the walk is repeated with those that explain
    another tensor.
    """
    first = _walked(setting, Hypothesis())
    if all(r.is_exact and r.kind not in VAGUE for r in first.reasons):
        return first
    found = [first]
    for reason, other in find_alternatives(setting, first):
        new = _walked(other, Hypothesis().with_([reason], {}))
        if all(r.kind != "unexplained" for r in new.reasons):
            found.append(new)
    return min(found, key=lambda h: h.complexity)


def _walked(setting: Setting, start: Hypothesis) -> Hypothesis:
    """Return the simplest hypothesis that begins with `start`."""
    beam = [start]
    for layer in setting.anatomy.layers:
        following = [new for old in beam for new in _explained(setting, old, layer)]
        beam = sorted(following, key=lambda h: h.complexity)[:WIDTH]
    return beam[0]


def _explained(setting: Setting, old: Hypothesis, layer: Layer) -> list[Hypothesis]:
    """Return what may be wrong in a layer, given what is in the layers after it."""
    if old.is_lost:
        return [old]
    names = setting.names(layer)
    around = Surroundings(setting.anatomy, layer, _arrived(setting, old, layer))
    deltas = {site.node.index: around.found[site.node.index] for site in layer.sites}
    views = {name: setting.view(layer, name, deltas) for name in names}
    wrong = [name for name in names if not setting.is_right(views[name])]
    if not wrong:
        return [old.with_([], deltas)]
    is_alone = len(names) == 1  # so that only the layers before tell its delta from its gradient
    is_open = len(wrong) > 1 or (is_alone and layer is not setting.anatomy.layers[-1])
    options = _with_deltas(setting, old, around, partly=False) if is_open else []
    is_easy = bool(options) and not is_alone and options[0].complexity <= old.complexity + EASY
    find = simple_reasons if is_easy else find_reasons
    local = {name: find(views[name]) for name in wrong}
    reasons = [reason for found in local.values() for reason in found or ()]
    if all(local.values()):
        options.append(old.with_(reasons, deltas))
    is_vague = not all(local.values()) or any(r.kind in VAGUE for r in reasons)
    is_near = all(views[name].is_nearly_right for name in wrong)
    if is_vague and not is_near and not (is_alone and is_open):
        options += _beside_vague(setting, old, around, wrong, options)
    if not options:
        return [_unknown(setting, old, around, local)]
    left = old.with_(_so_far(local), deltas)
    if not all(local.values()) and not _is_wrong_before(setting, layer, left):
        options.append(left)  # what is made of a wrong delta would be wrong, too
    return sorted(options, key=lambda h: h.complexity)[:WIDTH]


def _beside_vague(
    setting: Setting, old: Hypothesis, around: Surroundings, wrong: list[str],
    options: list[Hypothesis],
) -> list[Hypothesis]:  # fmt: skip
    """Return further mistakes in the delta, where those of single gradients explain too little.

    If one of several gradients is right, so is the delta. The exception is a bias behind the loss:
    targets in another order leave the sum over samples as it is.
    """
    names = setting.names(around.layer)
    if len(wrong) == 1:
        is_settled = len(names) > 1 and (wrong[0] == names[0] or not around.is_last)
        return [] if is_settled else _with_deltas(setting, old, around, partly=False)
    last = [reason for option in options for reason in option.reasons[-1:]]
    if any(reason.kind not in VAGUE for reason in last):
        return []
    return _with_deltas(setting, old, around, partly=True)


def _with_deltas(
    setting: Setting, old: Hypothesis, around: Surroundings, *, partly: bool
) -> list[Hypothesis]:
    """Return what follows from mistakes in the delta of a layer, the simplest first."""
    found = of_deltas(setting, around, partly=partly)
    new = [old.with_(reasons, deltas) for reasons, deltas in found]
    return sorted(new, key=lambda h: h.complexity)[:WIDTH]


def _arrived(setting: Setting, old: Hypothesis, layer: Layer) -> dict[int, Floats]:
    """Return the cotangents of the region of a layer, with the deltas that the code has so far."""
    found = setting.anatomy.arrive(layer, old.deltas)
    if all(old.deltas[i] is setting.right[i] for i in old.deltas):
        for site in layer.sites:
            found[site.node.index] = setting.right[site.node.index]
    return found


# ------------------------------------------------------------ when nothing fits


def _unknown(
    setting: Setting, old: Hypothesis, around: Surroundings, local: dict[str, Reasons | None]
) -> Hypothesis:
    """Return what can still be said of a layer that no known mistake explains."""
    subjects = {name: setting.subjects[name] for name in setting.names(around.layer)}
    is_known = all(r.kind != "unexplained" for r in old.reasons)
    finders = (find_factors, find_weights, find_recovered) if is_known else (find_recovered,)
    for find in finders if len(local) == len(subjects) else ():
        recovered = find(around, subjects, setting.constants)
        if recovered is not None and _may_pass_on(setting, around, old):
            reason, deltas = recovered
            return old.with_([reason], deltas)
    deltas = {i: around.found[i] for i in around.layer.places}
    new = old.with_(_so_far(local), deltas)
    is_delta = not any(local.values()) and len(local) == len(subjects)
    if not (is_delta and _is_wrong_before(setting, around.layer, new)):
        return new
    last = replace(new.reasons[-1], passes_on=True)
    return replace(new, reasons=(*new.reasons[:-1], last), is_lost=True)


def _so_far(local: dict[str, Reasons | None]) -> list[Reason]:
    """Return the reasons that were found, and of the other tensors that they are unexplained."""
    found: list[Reason] = []
    for name, some in local.items():
        found += some or (Reason("unexplained", "", UNKNOWN, (name,), is_exact=False),)
    return found


def _may_pass_on(setting: Setting, around: Surroundings, old: Hypothesis) -> bool:
    """Return whether the delta of a layer may be wrong: not if those before are right with it."""
    if around.layer is setting.anatomy.layers[-1]:
        return True
    right = {i: around.found[i] for i in around.layer.places}
    return _is_wrong_before(setting, around.layer, old.with_([], right))


def _is_wrong_before(setting: Setting, layer: Layer, new: Hypothesis) -> bool:
    """Return whether the layer before is wrong too if the delta here is right."""
    layers = setting.anatomy.layers
    place = layers.index(layer)
    if place + 1 == len(layers):
        return False
    before = layers[place + 1]
    found = setting.anatomy.arrive(before, new.deltas)
    names = setting.names(before)
    return not all(setting.view(before, name, found).is_right for name in names)
