"""Numerical derivatives with noise, as those of a loss that is not so exact."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.numdiff import Job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastcheck.derivatives import Derivatives

BOUND = 6.0
"""By how many standard deviations bounds grow."""


@contextmanager
def disturbed(noise: float, seed: int = 0) -> Iterator[None]:
    """Disturb every numerical derivative of a graph, and let its bound grow with that.

    Parameters
    ----------
    noise : float
        Standard deviation, relative to the rms of all derivatives with respect to the same node.
    seed : int
        Of the noise, which is the same whenever a node is probed again.

    Notes
    -----
    All probes of a node, parameter or delta, end in ``Job.in_place``, and what their error may be
    travels on as the truncation of the derivatives, from deltas through outer products to bounds.
    """
    if not noise:
        yield
        return
    original = Job.in_place

    def in_place(job: Job, truncation: float) -> Derivatives:
        found = original(job, truncation)
        rng = np.random.default_rng([seed, job.prober.node.index])
        finite = found.values[np.isfinite(found.values)]
        size = noise * float(np.sqrt(np.mean(finite**2))) if finite.size else 0.0
        error = np.clip(size * rng.standard_normal(found.values.shape), -BOUND * size, BOUND * size)
        probed = np.zeros(found.values.size, bool)
        probed[job.entries] = True
        error[~probed.reshape(error.shape)] = 0.0  # known to be zero without a probe
        for values in (found.values, found.minus, found.plus):
            values += error
        found.truncation += BOUND * size
        return found

    Job.in_place = in_place  # type: ignore[method-assign]
    try:
        yield
    finally:
        Job.in_place = original  # type: ignore[method-assign]
