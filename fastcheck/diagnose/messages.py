"""What a cause is called, and the sentence that says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.fit import round_number
from fastcheck.result import Diagnosis
from fastcheck.result.wording import count, listing, short

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcheck.diagnose.choose import Cause
    from fastcheck.diagnose.evidence import Case
    from fastcheck.diagnose.parts import Part

CLOSE = 1e-9
"""How close a constant must be to a number to be called it, relative."""
MOST_NAMES = 10


def diagnosis_of(cause: Cause, case: Case) -> Diagnosis:
    """Return a cause as a record."""
    names = list(cause.tensors)
    one = names[0] if len(names) == 1 else None
    if cause.message:
        return Diagnosis(cause.kind, one, None, cause.message, cause.tensors)
    kind, text = _SAID[cause.kind](cause, case)
    return Diagnosis(
        kind, one, cause.constant, f"{listing(names, MOST_NAMES)}: {text}", cause.tensors
    )


def of_part(name: str, part: Part) -> Diagnosis:
    """Return a part of a tensor that is wrong as a record."""
    is_are = "is" if part.is_one else "are"
    rest = "all other entries are right"
    if part.kind == "zero-part":
        text = f"{part.text} of the gradient {is_are} zero and should not be; {rest}"
    elif part.kind == "factor-part" and part.factor is not None:
        text = (
            f"{part.text} of the gradient {is_are} {times(part.factor)} the numerical one; {rest}"
        )
    else:
        text = f"only {part.text} of the gradient {is_are} wrong; {rest}"
    return Diagnosis(part.kind, name, part.factor, f"{name}: {text}", (name,))


def times(factor: float) -> str:
    """Return a factor in words that end before ``the numerical gradient``.

    Examples
    --------
    >>> times(100.0), times(-1 / 3), times(0.75)
    ('100 times', '-1/3 of', '0.75 times')
    """
    inverse = 1.0 / factor
    if abs(inverse) > 1.5 and _is(inverse, round(inverse)):
        return f"{'-' if inverse < 0 else ''}1/{abs(round(inverse))} of"
    whole = _is(factor, round(factor))
    return f"{round(factor) if whole else short(factor)} times"


def _is(value: float, other: float) -> bool:
    return abs(value - other) <= CLOSE * abs(other)


def _every(cause: Cause, case: Case) -> str:
    """Return of how many entries something is said."""
    if all(case.by_name[name].is_complete for name in cause.tensors):
        return "every entry"
    known = sum(int(np.count_nonzero(case.by_name[name].known)) for name in cause.tensors)
    return f"each of the {count(known)} entries that were measured"


# ------------------------------------------------------------ one factor


def _factor(cause: Cause, case: Case) -> tuple[str, str]:
    c = cause.constant or 0.0
    text = f"{_every(cause, case)} is {times(c)} the numerical gradient"
    kind, why = why_factor(c, case)
    if _is(c, -1.0):
        return "sign", f"{text}; look for a sign"
    if 0.0 < c < 1.0 and len(cause.fits) == len(case.tensors):
        limit = round_number((case.norm * (1 - CLOSE), case.norm * (1 + CLOSE)))
        if limit is not None:
            return "clipped-norm", (
                f"{text}, and the norm of your whole gradient is {short(limit)}: it was clipped "
                "to that norm; compare it before it is clipped"
            )
    return kind, text + why


def why_factor(c: float, case: Case) -> tuple[str, str]:
    if _is(c, 2.0):
        return "factor", (
            "; it was added twice, as by two backward passes without a reset between them, or the "
            "1/2 of the loss is left out"
        )
    if _is(c, 0.5):
        return "factor", "; the 2 of a square is left out, or a 1/2 is applied that forward lacks"
    for m, what in case.lengths.items():
        if _is(c, m):
            mean = "the mean over it" if what != _SAMPLES else "the mean over the batch"
            text = f", and {m} is {what}: {mean} is missing; divide by {m}"
            return "sum-for-mean", text
        if _is(c, 1 / m):
            mean = "it" if what != _SAMPLES else "the batch"
            return "mean-for-sum", (
                f", and {m} is {what}: the backward pass averages over {mean} where the loss adds "
                f"up, or does so twice; multiply by {m}"
            )
        if _is(c, -m) or _is(c, -1 / m):
            return "factor", f", and {m} is {what}; look for a sign and for a mean"
        if _is(c, 2 / m):
            return "factor", f", which is 2/{m}, and {m} is {what}"
        if _is(c, m / 2):
            return "factor", f", which is {m}/2, and {m} is {what}: divide by {m}, not by 2"
        if _is(c, (m - 1) / m):
            return "factor", (
                f", which is {m - 1}/{m}, and {m} is {what}: one mean divides by {m}, the other by "
                f"{m - 1}"
            )
        if _is(c, m / (m - 1)):
            return "factor", (
                f", which is {m}/{m - 1}, and {m} is {what}: one mean divides by {m - 1}, the "
                f"other by {m}"
            )
    return "factor", ""


_SAMPLES = "the number of samples"


# ------------------------------------------------------------ the parameters in the gradient


def _decay(cause: Cause, case: Case) -> tuple[str, str]:
    c = cause.constant or 0.0
    is_l1 = cause.kind == "l1-decay"
    term = "the sign of the parameter" if is_l1 else "the parameter"
    name = "an L1" if is_l1 else "an L2"
    what = f"{short(abs(c))} times {term}"
    if c < 0.0:
        return cause.kind, (
            f"analytic minus numerical is -{what} in {_every(cause, case)}: the term of {name} "
            "regulariser is missing, is too small, or has the other sign; add it"
        )
    biases = all(case.by_name[name].analytic.ndim == 1 for name in cause.tensors)
    matrices = any(t.analytic.ndim > 1 for t in case.tensors if t.name not in cause.tensors)
    where = ": the loss has no such term for biases" if biases and matrices else ""
    return cause.kind, (
        f"analytic minus numerical is {what} in {_every(cause, case)}: the term of {name} "
        f"regulariser is too large, added twice, or not part of the loss{where}"
    )


# ------------------------------------------------------------ the rest


def _order(cause: Cause, case: Case) -> tuple[str, str]:
    it = "the gradient" if len(cause.fits) == 1 else "each gradient"
    text = {
        "transposed": f"{it} is the transpose of the right one",
        "memory-order": f"{it} has the right entries in the order of a transposed array: a reshape "
        "stands where a transpose is meant, or rows and columns are stored in the other order",
        "rolled": f"{it} is right, but {cause.detail}",
        "reversed": f"{it} is right, but for {cause.detail}, which is reversed",
        "reordered": f"{it} is right, but {cause.detail} stand in another order",
    }[cause.kind]
    if cause.kind == "transposed" and cause.detail:
        text = f"{it} is right with {cause.detail}"
    return cause.kind, text


def _clipped(cause: Cause, case: Case) -> tuple[str, str]:
    limit = short(cause.constant or 0.0)
    n = sum(fit.n for fit in cause.fits)
    return cause.kind, (
        f"clipped: {count(n)} entries are exactly ±{limit} where the numerical ones are larger, "
        "all others are right; compare the gradient before it is clipped"
    )


def _without_sign(cause: Cause, case: Case) -> tuple[str, str]:
    return (
        cause.kind,
        f"{_every(cause, case)} has the right size, and none is negative: look for abs",
    )


def _precision(cause: Cause, case: Case) -> tuple[str, str]:
    return cause.kind, (
        f"right, but computed or stored in {cause.detail}: {_every(cause, case)} is a "
        f"{cause.detail} number, and no further off than its rounding"
    )


_SAID: dict[str, Callable[[Cause, Case], tuple[str, str]]] = {
    "factor": _factor,
    "weight-decay": _decay,
    "l1-decay": _decay,
    "transposed": _order,
    "memory-order": _order,
    "rolled": _order,
    "reversed": _order,
    "reordered": _order,
    "clipped": _clipped,
    "without-sign": _without_sign,
    "precision": _precision,
}
