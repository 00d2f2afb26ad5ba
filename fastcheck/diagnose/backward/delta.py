"""A mistake in the delta of a layer, tried on its gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.local import find_reasons
from fastcheck.diagnose.backward.proof import digits_said, holds, is_supported
from fastcheck.diagnose.backward.proposals import find_proposals
from fastcheck.diagnose.backward.reason import VAGUE, Reason, beside_reason, decay_reason
from fastcheck.result import TIMES_THAT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.constants import Constant
    from fastcheck.diagnose.backward.layers import Layer
    from fastcheck.diagnose.backward.proposal import Proposal, Surroundings
    from fastcheck.diagnose.backward.setting import Setting
    from fastcheck.diagnose.backward.view import View

    Floats = NDArray[np.float64]
    Explained = tuple[list[Reason], Mapping[int, Floats]]


def of_deltas(setting: Setting, around: Surroundings, *, partly: bool) -> list[Explained]:
    """Return mistakes in the delta of a layer that explain its gradients, with the deltas.

    Parameters
    ----------
    setting : Setting
        The check.
    around : Surroundings
        The layer.
    partly : bool
        Whether one of the gradients may have a mistake of its own beside.
    """
    if around.tried is None:
        around.tried = [(p, _edited(around, p)) for p in find_proposals(around)]
    names = setting.names(around.layer)
    orders = [names, names[::-1]] if partly and len(names) > 1 else [names]
    return [
        new
        for proposal, deltas in around.tried
        for order in orders
        if (new := _of_delta(setting, around, proposal, deltas, order, partly=partly))
    ]


def _edited(around: Surroundings, proposal: Proposal) -> dict[int, Floats]:
    """Return what a mistake makes of the deltas of a layer."""
    layer, sites = around.layer, around.layer.sites
    if len(sites) == 1:
        i = sites[0].node.index
        return {i: proposal.edit(layer, 0, around.found[i], around.found)}
    known = {i: d for i, d in around.found.items() if i in layer.seeds}
    found = around.anatomy.arrive(layer, known, proposal.edit)
    return {site.node.index: found[site.node.index] for site in sites}


def _of_delta(
    setting: Setting,
    around: Surroundings,
    proposal: Proposal,
    deltas: Mapping[int, Floats],
    names: list[str],
    *,
    partly: bool,
) -> Explained | None:
    """Return what follows if `deltas`, times a constant, are what the code has.

    The first of `names` that a constant explains settles it.
    """
    layer, is_factor = around.layer, proposal.kind == "delta-factor"
    if not all(np.isfinite(d).all() for d in deltas.values()):
        return None
    factor: Constant | None = None
    reasons: list[Reason] = []
    left: list[str] = []
    fitting: list[View] = []
    for name in names:
        view = setting.view(layer, name, deltas)
        new, extra = _fit(view, factor)
        if extra is not None:
            factor = new
            reasons += extra
            fitting.append(view)
            if is_factor and factor is not None and factor.is_one:
                return None
        elif partly:
            left.append(name)
        else:
            return None
    if factor is None or factor.value == 0.0 or not _is_told(setting, around, fitting, factor):
        return None
    scaled = deltas if factor.is_one else {i: factor.value * d for i, d in deltas.items()}
    for name in left:
        found = find_reasons(setting.view(layer, name, scaled))
        if found is None or (not is_factor and any(r.kind in VAGUE for r in found)):
            return None
        reasons += found
    return [_reason(proposal, factor, layer, names), *reasons], scaled


def _is_told(setting: Setting, around: Surroundings, fitting: list[View], factor: Constant) -> bool:
    """Return whether gradients that are made from a mistake are clearly wrong without it."""
    right = {site.node.index: around.found[site.node.index] for site in around.layer.sites}
    said = [
        digits_said(view, factor, setting.view(view.layer, view.subject.name, right).expected)
        for view in fitting
    ]
    return is_supported([digits for some in said for digits in some], [factor])


def _fit(view: View, factor: Constant | None) -> tuple[Constant | None, list[Reason] | None]:
    """Return the factor of the data term of a view and mistakes in the rest; None if none fits.

    Parameters
    ----------
    view : View
        The gradient, with the deltas of the mistake.
    factor : Constant or None
        That of the other gradients of the layer; None if it is still to be found.
    """
    if view.is_hopeless() or not view.data.any():
        return None, None
    direct = view.subject.direct
    fits = view.fit(*([view.data] if direct is None else [view.data, direct]))
    if fits is None:
        if direct is None and factor is not None:
            return factor, _with_decay(view, factor)
        return factor, None
    factor = fits[0] if factor is None else factor
    if view.is_exact(view.data, factor):
        return (factor, []) if holds(view, factor) else (None, None)
    if direct is None:
        return factor, _with_decay(view, factor)
    k = fits[1]
    is_exact = view.is_exact(view.data, factor, (k.value, direct), own=False)
    if not is_exact or not holds(view, factor, k):
        return None, None
    return factor, [beside_reason(view.subject.name, view.subject.other_use, k)]


def _with_decay(view: View, factor: Constant) -> list[Reason] | None:
    """Return that the regulariser of other parameters is applied here too, None if it is not."""
    values = view.subject.evidence.values
    if values is None or not values.any():
        return None
    for size in view.anatomy.penalties:
        if view.is_exact(view.data, factor, (size, values)):
            return [decay_reason(view.subject.name, size, is_known=True)]
    return None


def _reason(proposal: Proposal, factor: Constant, layer: Layer, names: list[str]) -> Reason:
    """Return a mistake in the delta of a layer, times a constant."""
    tensors = tuple(sorted(names, key=layer.names.index))
    text, cost, constant = proposal.text, proposal.complexity, proposal.constant
    if proposal.kind == "delta-factor":
        text, constant = f"the gradient is {factor.text} times the right one", factor.value
    elif not factor.is_one:
        text += TIMES_THAT.format(factor.text)
    return Reason(proposal.kind, text, cost + factor.complexity, tensors, constant, passes_on=True)
