"""Why a gradient is wrong, for a loss that is a graph: the walk from the loss backwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.deltas import numerical_tops
from fastcheck.diagnose.backward.layers import Anatomy
from fastcheck.diagnose.backward.near_loss import find_near_loss
from fastcheck.diagnose.backward.say import said
from fastcheck.diagnose.backward.setting import Setting
from fastcheck.diagnose.backward.walk import find_hypothesis
from fastcheck.diagnose.whole import find_whole

if TYPE_CHECKING:
    from fastcheck.diagnose.evidence import Case
    from fastcheck.graph.state import State
    from fastcheck.result import Diagnosis

__all__ = ["explain_graph"]


def explain_graph(case: Case, state: State, seed: int = 0) -> list[Diagnosis]:
    """Return why a gradient is wrong, the mistake nearest to the loss first.

    Parameters
    ----------
    case : Case
        The two gradients.
    state : State
        The base point of the graph.
    seed : int
        Of the entries at which the steps of the deltas are settled.

    Returns
    -------
    list of Diagnosis
        Empty if the numerical gradient does not follow from the deltas, so that nothing is known.

    Notes
    -----
    The deltas at the sites next to the loss are finite differences; those of earlier layers follow
    from them by the chain rule, and must give the numerical gradient within its bounds. From the
    loss backwards each layer is explained with the delta that the code has there, which a mistake
    in a later layer has changed: a mistake is accepted if it gives what the code gives in every
    entry, and of several the least far-fetched ones are followed together.
    """
    whole = find_whole(case)
    if whole is not None:
        return [whole]
    anatomy = Anatomy(state)
    anatomy.given = {tensor.name: tensor.analytic for tensor in case.tensors}
    anatomy.right = {
        tensor.name: tensor.numerical
        for tensor in case.tensors
        if np.isfinite(tensor.numerical).all()
    }
    setting = Setting(anatomy, case, numerical_tops(anatomy, seed))
    is_sound = bool(setting.subjects) and setting.is_sound()
    found = said(setting, find_hypothesis(setting)) if is_sound else []
    found = [diagnosis for diagnosis in found if _is_called_for(diagnosis, case)]
    told = {name for diagnosis in found for name in diagnosis.tensors}
    left = [tensor for tensor in case.failed if tensor.name not in told]
    return [*found, *find_near_loss(anatomy, left)]


def _is_called_for(diagnosis: Diagnosis, case: Case) -> bool:
    """Return whether one of its tensors is wrong, or passes and is explained exactly.

    A walk that took a mistake for another finds fault with layers that are right.
    """
    wrong = [tensor for tensor in case.failed if tensor.name in diagnosis.tensors]
    return any(diagnosis.is_exact or not tensor.passes for tensor in wrong)
