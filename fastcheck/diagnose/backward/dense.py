"""A layer that is one product of its input with a matrix, and a bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph.ops.contraction import Contraction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.proposal import Surroundings
    from fastcheck.diagnose.backward.view import Subject

    Floats = NDArray[np.float64]


@dataclass(eq=False)
class Dense:
    """A layer of one product, samples first.

    Attributes
    ----------
    weight : str
        Its matrix.
    x : ndarray of float64, shape (m, n_in)
        What enters.
    given : ndarray of float64, shape (n_in, n_out)
        The analytic gradient without the part of a penalty.
    bias : ndarray of float64, shape (n_out,), or None
        That of the bias.
    is_turned : bool
        Whether features come first in the graph.
    """

    weight: str
    x: Floats
    given: Floats
    bias: Floats | None
    is_turned: bool

    def placed(self, delta: Floats) -> Floats:
        """Return a delta with samples first as the graph has it."""
        return np.ascontiguousarray(delta.T) if self.is_turned else delta


def find_dense(around: Surroundings, subjects: Mapping[str, Subject]) -> Dense | None:
    """Return a layer as one product and a bias, None if it is something else."""
    if len(around.layer.sites) > 1:
        return None
    (site,) = around.layer.sites
    state, params = around.anatomy.state, around.anatomy.graph.params
    weights = [n for n in subjects if isinstance(site.paths[n][0].op, Contraction)]
    rest = [n for n in subjects if n not in weights]
    if len(weights) != 1 or len(rest) > 1 or site.node.ndim != 2 or site.node.batch_axis is None:
        return None
    (weight,) = weights
    product = site.paths[weight][0]
    source = next((i for i in product.inputs if i is not params[weight]), None)
    if source is None or source.ndim != 2 or source.batch_axis is None or product.ndim != 2:
        return None
    x = state.value(source)
    x = x if source.batch_axis == 0 else x.T
    subject = subjects[weight]
    given = subject.evidence.analytic
    given = given if subject.direct is None else given - subject.direct
    is_turned = site.node.batch_axis == 1
    n_out = site.node.shape[1 - site.node.batch_axis]
    given = given.T if is_turned and given.ndim == 2 else given
    if given.shape != (x.shape[1], n_out):
        return None
    bias = subjects[rest[0]].evidence.analytic.reshape(-1) if rest else None
    if bias is not None and bias.size != n_out:
        return None
    return Dense(weight, x, given, bias, is_turned)
