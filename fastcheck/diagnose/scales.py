"""One constant: times the gradient, times the parameters, times their signs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.evidence import ROUNDING
from fastcheck.diagnose.fit import Fit, interval_of, inverse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastcheck.diagnose.evidence import Evidence


def find_scales(tensor: Evidence) -> Iterator[Fit]:
    """Yield what one constant explains of a tensor.

    Notes
    -----
    ``numerical = k analytic`` gives the factor ``1 / k``; ``analytic - numerical = c W`` an L2
    regulariser, ``c sign(W)`` an L1 regulariser.
    """
    known = tensor.known
    given, right, allowed = (
        array[known] for array in (tensor.analytic, tensor.numerical, tensor.allowance)
    )
    found = interval_of(right, given, allowed)
    if found is not None:
        yield Fit("factor", tensor.name, tensor.n_clear, 1.0, inverse(found))
    if tensor.values is None:
        return
    values, extra = tensor.values[known], given - right
    allowed = allowed + ROUNDING * np.maximum(np.abs(given), np.abs(right))
    found = interval_of(extra, values, allowed)
    if found is not None:
        yield Fit("weight-decay", tensor.name, tensor.n_clear, 2.0, found)
    found = interval_of(extra, np.sign(values), allowed)
    if found is not None:
        yield Fit("l1-decay", tensor.name, tensor.n_clear, 2.5, found)
