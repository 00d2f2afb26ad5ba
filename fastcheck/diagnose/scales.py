"""One constant: times the gradient, times the parameters, times their signs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.constants import FORMS, round_number
from fastcheck.diagnose.evidence import ROUNDING
from fastcheck.diagnose.fit import Fit, interval_of, inverse, is_excluded, middle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from fastcheck.diagnose.evidence import Case, Evidence, Measured
    from fastcheck.diagnose.fit import Interval

    Floats = NDArray[np.float64]
    Line = Callable[[Measured, Floats], tuple[Floats, Floats, Floats]]


def find_scales(tensor: Evidence) -> Iterator[Fit]:
    """Yield what one constant explains of a tensor.

    Notes
    -----
    ``numerical = k analytic`` gives the factor ``1 / k``; ``analytic - numerical = c W`` an L2
    regulariser, ``c sign(W)`` an L1 regulariser, ``c`` alone an offset; ``analytic = c W`` a
    regulariser without data, and ``W - analytic = c numerical`` the parameter after a step.
    """
    for kind, complexity, is_inverse, line in _LINES:
        found = _fitted(tensor, line)
        if found is not None:
            interval = inverse(found) if is_inverse else found
            if _means_something(kind, interval, tensor):
                yield Fit(kind, tensor.name, tensor.digits, complexity, interval)


def _means_something(kind: str, interval: Interval, tensor: Evidence) -> bool:
    """Return whether what fits is told from what else is the same number.

    Signs of parameters that are all alike are a constant, which one entry always is, and which must
    be a round number. A gradient to which the parameter is added, or that is subtracted from it, is
    no step: those are shorter, and downwards.
    """
    if kind == "l1-decay" and tensor.values is not None:
        return has_both_signs(tensor.values[tensor.known])
    if kind == "offset":
        return int(np.count_nonzero(tensor.known)) > 1 and round_number(interval) is not None
    return kind != "updated" or (interval[0] > 0.0 and not interval[0] <= 1.0 <= interval[1])


def has_both_signs(values: Floats) -> bool:
    """Return whether some of the values are positive and some negative."""
    return bool((values > 0.0).any() and (values < 0.0).any())


def find_factor(tensor: Evidence) -> Iterator[Fit]:
    """Yield the factor alone: ``numerical = k analytic``."""
    found = _fitted(tensor, _factor)
    if found is not None:
        yield Fit("factor", tensor.name, tensor.digits, 1.0, inverse(found))


def find_scaled_beside_decay(
    tensor: Evidence, case: Case, others: Iterable[Interval]
) -> Iterator[Fit]:
    """Yield factors of all but a regulariser: ``analytic = a numerical + b W``.

    Notes
    -----
    The factor `a` is one of a few, such as the number of samples, or one that explains others, so
    that `b` is all that is fitted. With ``numerical = data + c W`` it is
    ``analytic = a data + c W`` for ``c = b/(1 - a)``.
    """
    tried = {-1.0: 0.0, 2.0: 0.0, 0.5: 0.0}
    for length in case.lengths:
        if length.is_data:
            tried |= {float(FORMS[form](length.n)): 0.0 for form in ("m", "1/m")}
    for low, high in others:
        if not any(low <= factor <= high for factor in tried):
            tried[middle((low, high))] = high - low
    for factor, width in tried.items():

        def line(
            m: Measured, values: Floats, a: float = factor, unsure: float = width
        ) -> tuple[Floats, Floats, Floats]:
            size = np.abs(m.right)
            rounding = ROUNDING * (np.abs(m.given) + abs(a) * size)
            return m.given - a * m.right, values, abs(a) * m.allowed + rounding + unsure * size

        found = _fitted(tensor, line)
        if found is not None:
            ends = found[0] / (1.0 - factor), found[1] / (1.0 - factor)
            decay = min(ends), max(ends)
            if decay[0] < 0.0:  # no regulariser draws parameters away from zero
                continue
            yield Fit("beside-decay", tensor.name, tensor.digits, 3.0, decay, repr(factor), 1.5)


def _fitted(tensor: Evidence, line: Line) -> Interval | None:
    """Return where the constant of an explanation lies; None if it does not fit.

    Without the parameters only the explanations that do not need them can fit.
    """
    if tensor.values is None and line not in (_factor, _offset):
        return None
    some, everything = ((m, m.values) for m in (tensor.few, tensor.measured))
    nothing = np.empty(0)
    if is_excluded(*line(some[0], nothing if some[1] is None else some[1])):
        return None
    return interval_of(*line(everything[0], nothing if everything[1] is None else everything[1]))


# Target, direction and allowance: |target - k direction| <= allowance.


def _factor(m: Measured, _: Floats) -> tuple[Floats, Floats, Floats]:
    return m.right, m.given, m.allowed


def _weight_decay(m: Measured, values: Floats) -> tuple[Floats, Floats, Floats]:
    return m.given - m.right, values, m.allowed + _rounding(m)


def _l1_decay(m: Measured, values: Floats) -> tuple[Floats, Floats, Floats]:
    return m.given - m.right, np.sign(values), m.allowed + _rounding(m)


def _offset(m: Measured, _: Floats) -> tuple[Floats, Floats, Floats]:
    return m.given - m.right, np.ones(m.given.shape), m.allowed + _rounding(m)


def _only_decay(m: Measured, values: Floats) -> tuple[Floats, Floats, Floats]:
    return m.given, values, _rounding(m)


def _updated(m: Measured, values: Floats) -> tuple[Floats, Floats, Floats]:
    step = values - m.given
    square = float(np.vdot(step, step))
    k = abs(float(np.vdot(step, m.right))) / square if square else 0.0  # of what a step is rounded
    return m.right, step, m.allowed + k * ROUNDING * np.abs(values)


def _rounding(m: Measured) -> Floats:
    return ROUNDING * np.maximum(np.abs(m.given), np.abs(m.right))


_LINES: tuple[tuple[str, float, bool, Line], ...] = (
    ("factor", 1.0, True, _factor),
    ("weight-decay", 2.0, False, _weight_decay),
    ("l1-decay", 2.5, False, _l1_decay),
    ("offset", 2.4, False, _offset),
    ("only-decay", 1.7, False, _only_decay),
    ("updated", 1.8, True, _updated),
)
