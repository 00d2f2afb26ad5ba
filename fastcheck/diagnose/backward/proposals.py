"""All mistakes that can be in the delta of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastcheck.diagnose.backward.of_activations import of_activations
from fastcheck.diagnose.backward.of_branches import of_branches
from fastcheck.diagnose.backward.of_losses import of_losses
from fastcheck.diagnose.backward.of_weights import of_weights
from fastcheck.diagnose.backward.proposal import Proposal, Surroundings, along, sample_masks

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.layers import Deltas, Layer

    Floats = NDArray[np.float64]


def find_proposals(around: Surroundings) -> Iterator[Proposal]:
    """Yield the mistakes that can be in the delta of a layer."""
    yield Proposal("delta-factor", "the delta", 0.8, lambda _l, _k, d, _f: d)
    if around.is_last:
        yield from of_losses(around)
    yield from of_activations(around)
    yield from of_weights(around)
    yield from of_branches(around)
    yield from _of_samples(around)


def _of_samples(around: Surroundings) -> Iterator[Proposal]:
    for kind, text, constant, keeps in sample_masks(around.anatomy.graph.n_batch or 0):

        def edit(
            layer: Layer, k: int, delta: Floats, _found: Deltas, keeps: Floats = keeps
        ) -> Floats:
            axis = layer.sites[k].node.batch_axis
            return delta if axis is None else along(delta, keeps, axis)

        yield Proposal(kind, text, 1.4, edit, constant)
