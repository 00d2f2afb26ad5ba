"""Numerical deltas: derivatives with respect to the outputs of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.numdiff import Job, Prober, run_jobs, settle_step

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.layers import Anatomy

    Floats = NDArray[np.float64]


def numerical_tops(anatomy: Anatomy, seed: int) -> dict[int, Floats]:
    """Return the derivatives with respect to the sites that are next to the loss.

    Notes
    -----
    One probe up and one down for each output of each sample. Entries at a kink, of which there is
    no derivative, keep the cotangent of the chain rule.
    """
    assert anatomy.graph.loss is not None
    loss = anatomy.graph.loss.index
    found: dict[int, Floats] = {}
    for layer in anatomy.layers:
        if loss not in layer.seeds:
            continue
        chained = anatomy.arrive(layer, found)
        for site in layer.sites:
            prober = Prober(anatomy.state, site.node)
            settle_step(prober, seed)
            job = Job.of(prober, prober.entries())
            if not run_jobs([job]):
                raise KeyboardInterrupt
            values = job.in_place(0.0)
            usable = values.known & ~values.kink & np.isfinite(values.values)
            found[site.node.index] = np.where(usable, values.values, chained[site.node.index])
    return found
