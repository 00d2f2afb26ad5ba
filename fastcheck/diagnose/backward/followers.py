"""Named intermediate values whose gradients are wrong because of a mistake that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.view import ROUNDING, SLACK
from fastcheck.graph.route import find_route

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.layers import Anatomy
    from fastcheck.diagnose.backward.reason import Reason
    from fastcheck.diagnose.backward.setting import Setting
    from fastcheck.diagnose.evidence import Evidence
    from fastcheck.graph.node import Node

    Floats = NDArray[np.float64]


def find_followers(
    setting: Setting, reasons: Sequence[Reason], deltas: Mapping[int, Floats]
) -> dict[Reason, list[str]]:
    """Return intermediate values that are wrong as the mistakes make them, by the mistake.

    Parameters
    ----------
    setting : Setting
        The layers and the gradients.
    reasons : sequence of Reason
        The mistakes.
    deltas : mapping of int to ndarray
        The cotangents of the sites as the code has them.

    Notes
    -----
    One backward pass with these deltas gives what the code should have for every value; what was
    given must be that in every entry. The mistake is the one nearest to the value on its way to
    the loss.
    """
    anatomy, named = setting.anatomy, setting.anatomy.graph.intermediates
    wrong = [t for t in setting.case.failed if t.name in named and t.is_complete]
    active = [r for r in reasons if r.passes_on and r.is_exact]
    if not wrong or not active:
        return {}
    arrived = _arrived(anatomy, [named[tensor.name] for tensor in wrong], deltas)
    found: dict[Reason, list[str]] = {}
    for tensor in wrong:
        node = named[tensor.name]
        behind = {anatomy.home[r.tensors[0]].node.index: r for r in active}
        places = [index for index in behind if index >= node.index]
        if places and node.index in arrived and _is_so(tensor, arrived[node.index]):
            found.setdefault(behind[min(places)], []).append(tensor.name)
    return found


def _arrived(
    anatomy: Anatomy, nodes: Sequence[Node], deltas: Mapping[int, Floats]
) -> dict[int, Floats]:
    """Return cotangents of all that lies between some nodes and the loss, with given deltas."""
    assert anatomy.graph.loss is not None
    wanted = {node.index for node in nodes}
    wanted |= {passed.index for node in nodes for passed in find_route(node).nodes}
    found = {anatomy.graph.loss.index: np.ones(anatomy.graph.loss.shape)}
    for node in reversed(anatomy.graph.nodes):
        cotangent = deltas.get(node.index, found.get(node.index))
        if cotangent is None or node.index not in wanted:
            continue
        found[node.index] = cotangent
        for source, part in anatomy.parts(node, cotangent, wanted):
            old = found.get(source.index)
            found[source.index] = part if old is None else old + part
    return found


def _is_so(tensor: Evidence, predicted: Floats) -> bool:
    """Return whether a gradient is what was predicted, in every entry."""
    if predicted.shape != tensor.analytic.shape:
        return False
    right = float(np.linalg.norm(tensor.numerical))
    grown = max(1.0, float(np.linalg.norm(predicted)) / right) if right else 1.0
    allowed = SLACK * grown * tensor.allowance
    allowed += ROUNDING * (np.abs(tensor.analytic) + np.abs(predicted))
    return bool(np.all(np.abs(tensor.analytic - predicted) <= allowed))
