"""Gradients of what a loss reads itself: the scores of a loss that is checked alone, or `z3`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.layers import Layer
from fastcheck.diagnose.backward.outputs import find_outputs, find_role
from fastcheck.diagnose.backward.view import ROUNDING, SLACK
from fastcheck.diagnose.choose import NEEDED
from fastcheck.graph.route import find_route
from fastcheck.result import Diagnosis

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.layers import Anatomy
    from fastcheck.diagnose.backward.outputs import Output
    from fastcheck.diagnose.evidence import Evidence
    from fastcheck.graph.node import Node

    Floats = NDArray[np.float64]


def find_near_loss(anatomy: Anatomy, tensors: Sequence[Evidence]) -> Iterator[Diagnosis]:
    """Yield mistakes in the derivative of the loss, of tensors that it reads without a layer.

    Parameters
    ----------
    anatomy : Anatomy
        The graph.
    tensors : sequence of Evidence
        What nothing else explains.

    Notes
    -----
    The numerical gradient is the derivative that mistakes are made in. One of them must give what
    was given in every entry, and nothing is fitted.
    """
    nodes = {**anatomy.graph.params, **anatomy.graph.intermediates}
    for tensor in tensors:
        node = nodes.get(tensor.name)
        if node is None or not tensor.is_complete or sum(tensor.digits) < NEEDED:
            continue
        found = [output for output in _outputs(anatomy, node, tensor) if _is_so(tensor, output)]
        if found:
            best = min(found, key=lambda output: output.complexity)
            message = f"{tensor.name}: {best.text}"
            yield Diagnosis(best.kind, tensor.name, best.constant, message, (tensor.name,))


def _outputs(anatomy: Anatomy, node: Node, tensor: Evidence) -> Iterator[Output]:
    """Yield what may stand in place of the derivative with respect to a node."""
    delta = tensor.numerical
    if delta.shape != node.shape:
        return
    loss = Layer([], [tensor.name], region=list(find_route(node).nodes))
    role = find_role(anatomy, loss, node, delta)
    if role is not None:
        yield from find_outputs(role, delta)


def _is_so(tensor: Evidence, output: Output) -> bool:
    """Return whether a mistake gives what was given, in every entry."""
    if output.value.shape != tensor.shape:
        return False
    allowed = SLACK * tensor.allowance
    allowed = allowed + ROUNDING * (np.abs(tensor.analytic) + np.abs(output.value))
    return bool(np.all(np.abs(tensor.analytic - output.value) <= allowed))
