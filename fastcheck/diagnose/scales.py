"""One constant: times the gradient, times the parameters, times their signs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.constants import FORMS
from fastcheck.diagnose.evidence import ROUNDING
from fastcheck.diagnose.fit import Fit, interval_of, inverse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastcheck.diagnose.evidence import Case, Evidence


def find_scales(tensor: Evidence) -> Iterator[Fit]:
    """Yield what one constant explains of a tensor.

    Notes
    -----
    ``numerical = k analytic`` gives the factor ``1 / k``; ``analytic - numerical = c W`` an L2
    regulariser, ``c sign(W)`` an L1 regulariser; ``analytic = c W`` a regulariser without data, and
    ``W - analytic = c numerical`` the parameter after a step.
    """
    known, name, digits = tensor.known, tensor.name, tensor.digits
    given, right, allowed = (
        array[known] for array in (tensor.analytic, tensor.numerical, tensor.allowance)
    )
    found = interval_of(right, given, allowed)
    if found is not None:
        yield Fit("factor", name, digits, 1.0, inverse(found))
    if tensor.values is None:
        return
    values, extra = tensor.values[known], given - right
    rounding = ROUNDING * np.maximum(np.abs(given), np.abs(right))
    for kind, complexity, direction in (
        ("weight-decay", 2.0, values),
        ("l1-decay", 2.5, np.sign(values)),
    ):
        found = interval_of(extra, direction, allowed + rounding)
        if found is not None:
            yield Fit(kind, name, digits, complexity, found)
    found = interval_of(given, values, rounding)
    if found is not None:
        yield Fit("only-decay", name, digits, 1.7, found)
    found = interval_of(right, values - given, allowed + ROUNDING * np.abs(values))
    if found is not None:
        yield Fit("updated", name, digits, 1.8, inverse(found))


def find_scaled_beside_decay(tensor: Evidence, case: Case) -> Iterator[Fit]:
    """Yield factors of all but a regulariser: ``analytic = a numerical + b W``.

    Notes
    -----
    The factor `a` is one of a few, such as the number of samples, so that `b` is all that is
    fitted. With ``numerical = data + c W`` it is ``analytic = a data + c W`` for ``c = b/(1 - a)``.
    """
    if tensor.values is None:
        return
    known = tensor.known
    given, right, allowed, values = (
        array[known]
        for array in (tensor.analytic, tensor.numerical, tensor.allowance, tensor.values)
    )
    tried = [-1.0, 2.0, 0.5]
    for length in case.lengths:
        if length.is_data:
            tried += [FORMS[form](length.n) for form in ("m", "1/m")]
    for factor in tried:
        size = np.abs(given) + abs(factor) * np.abs(right)
        tolerance = abs(factor) * allowed + ROUNDING * size
        found = interval_of(given - factor * right, values, tolerance)
        if found is not None:
            ends = (found[0] / (1.0 - factor), found[1] / (1.0 - factor))
            decay = (min(ends), max(ends))
            yield Fit("beside-decay", tensor.name, tensor.digits, 3.0, decay, repr(factor), 1.5)
