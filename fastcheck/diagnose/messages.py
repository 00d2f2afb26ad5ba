"""What a cause is called, and the sentence that says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.constants import round_number
from fastcheck.diagnose.factors import kind_of, times
from fastcheck.result import Diagnosis
from fastcheck.result.wording import count, listing, pair, quantity, short

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastcheck.diagnose.choose import Cause
    from fastcheck.diagnose.evidence import Case, Evidence
    from fastcheck.diagnose.parts import Part

MOST_NAMES = 10
MOST_DIGITS = 4
"""Decimal digits of the strength of a regulariser."""
SPARE = 4
"""Decimal digits that a constant must be known beyond those, not to have them by chance."""


def diagnosis_of(cause: Cause, case: Case) -> Diagnosis:
    """Return a cause as a record."""
    names = list(cause.tensors)
    one = names[0] if len(names) == 1 else None
    if cause.message:
        return Diagnosis(cause.kind, one, None, cause.message, cause.tensors)
    kind, text = _SAID[cause.kind](cause, case)
    constant = float(cause.detail) if cause.kind == "beside-decay" else cause.constant
    return Diagnosis(kind, one, constant, f"{listing(names, MOST_NAMES)}: {text}", cause.tensors)


def signs_told(causes: Sequence[Cause], case: Case) -> list[Diagnosis]:
    """Return causes as records; a factor that others have without its minus is a matter of sign."""
    factors = {cause.constant: cause for cause in causes if cause.kind == "factor"}
    found = []
    for cause in causes:
        c = cause.constant or 0.0
        other = factors.get(-c) if cause.kind == "factor" and c != -1.0 and c < 0.0 else None
        if other is None:
            found.append(diagnosis_of(cause, case))
            continue
        names = listing(list(cause.tensors), MOST_NAMES)
        message = (
            f"{names}: {_every(cause, case)} is {times(c)} the numerical gradient, where that of "
            f"{listing(list(other.tensors), MOST_NAMES)} is {times(-c)} it; look for a sign"
        )
        one = cause.tensors[0] if len(cause.tensors) == 1 else None
        found.append(Diagnosis("sign", one, -1.0, message, cause.tensors))
    return found


def of_part(tensor: Evidence, part: Part) -> Diagnosis:
    """Return a part of a tensor that is wrong as a record.

    It is exact if what happened to the part is said, and not only where it is.
    """
    is_are = "is" if part.is_one else "are"
    rest = _rest(tensor)
    is_exact = part.kind in ("zero-part", "factor-part")
    if part.kind == "zero-part":
        text = f"{part.text} of the gradient {is_are} zero and should not be; {rest}"
    elif part.kind == "factor-part":
        text = f"{part.text} of the gradient {is_are} {times(part.factor or 1.0)} the numerical one"
        text += f"; {rest}"
    elif part.kind == "one-entry":
        return _of_entry(tensor, part)
    else:
        text = f"only {part.text} of the gradient {is_are} wrong; {rest}"
    message = f"{tensor.name}: {text}"
    return Diagnosis(
        part.kind, tensor.name, part.factor, message, (tensor.name,), is_exact=is_exact
    )


def _of_entry(tensor: Evidence, part: Part) -> Diagnosis:
    place = np.nonzero(tensor.wrong)
    given, right = float(tensor.analytic[place][0]), float(tensor.numerical[place][0])
    what, true = ("zero", short(right)) if given == 0.0 else pair(given, right)
    ratio = f", {times(part.factor)} it" if part.factor else ""
    message = (
        f"{tensor.name}: only {tensor.name}{part.text} is wrong: it is {what} where {true} "
        f"is right{ratio}; {_rest(tensor)}"
    )
    return Diagnosis(
        "one-entry", tensor.name, part.factor, message, (tensor.name,), is_exact=given == 0.0
    )


def _rest(tensor: Evidence) -> str:
    """Return what is known of the entries that are not wrong."""
    return (
        "random directions find nothing else"
        if tensor.is_cleared
        else "all other entries are right"
    )


def _every(cause: Cause, case: Case) -> str:
    """Return of how many entries something is said."""
    if all(case.by_name[name].is_complete for name in cause.tensors):
        return "every entry"
    known = sum(int(np.count_nonzero(case.by_name[name].known)) for name in cause.tensors)
    if known == 1:
        return "the one entry that was measured"
    return f"each of the {count(known)} entries that were measured"


# ------------------------------------------------------------ one constant


def _factor(cause: Cause, case: Case) -> tuple[str, str]:
    kind, why = kind_of(cause, case)
    return (
        kind,
        f"{_every(cause, case)} is {times(cause.constant or 1.0)} the numerical gradient{why}",
    )


def _decay(cause: Cause, case: Case) -> tuple[str, str]:
    c = cause.constant or 0.0
    is_l1 = cause.kind == "l1-decay"
    term = "the sign of the parameter" if is_l1 else "the parameter"
    name = "an L1" if is_l1 else "an L2"
    what = f"{short(abs(c))} times {term}"
    if not _is_strength(cause, case):
        norm = "the sum of absolute values" if is_l1 else "the norm"
        return "along-parameter", (
            f"analytic minus numerical is {'-' if c < 0.0 else ''}{what} in {_every(cause, case)}: "
            f"as where {norm} that it is divided by is taken for a constant, or of {name} "
            "regulariser"
        )
    if c < 0.0:
        return cause.kind, (
            f"analytic minus numerical is -{what} in {_every(cause, case)}: the term of {name} "
            "regulariser is missing, is too small, or has the other sign; add it"
        )
    matrices = {t.name for t in case.tensors if sum(n > 1 for n in t.shape) > 1}
    biases = matrices and not matrices.intersection(cause.tensors)
    where = ", as of biases that it leaves out" if biases else ""
    return cause.kind, (
        f"analytic minus numerical is {what} in {_every(cause, case)}: the term of {name} "
        f"regulariser is too large, added twice, or not part of the loss{where}"
    )


def _is_strength(cause: Cause, case: Case) -> bool:
    """Return whether a constant is what people make a regulariser of.

    A number of few digits, times a length or divided by it; or any that several tensors share, and
    others have not. What a norm leaves behind is no such number, and in all that it is made of.
    """
    if cause.named is not None or 1 < len(cause.fits) < len(case.tensors):
        return True
    ends = [fit.interval for fit in cause.fits if fit.interval is not None]
    low, high = max(low for low, _ in ends), min(high for _, high in ends)
    digits = min(MOST_DIGITS, int(-np.log10(max((high - low) / abs(low), 1e-15))) - SPARE)
    lengths = [length.n for length in case.lengths if length.is_data]
    scales = [1.0, *map(float, lengths), *(1.0 / n for n in lengths)]
    ways = [sorted((low * scale, high * scale)) for scale in scales]
    return any(round_number((way[0], way[1]), digits) is not None for way in ways)


def _offset(cause: Cause, case: Case) -> tuple[str, str]:
    return cause.kind, (
        f"analytic minus numerical is the constant {short(cause.constant or 0.0)} in "
        f"{_every(cause, case)}: look for a term that is added, left out, or has the wrong sign"
    )


def _only_decay(cause: Cause, case: Case) -> tuple[str, str]:
    return "only-decay", (
        f"{_every(cause, case)} is {short(cause.constant or 0.0)} times the parameter, as of an L2 "
        "regulariser alone: perhaps what comes from the data is missing; look for = where += is "
        "meant"
    )


def _beside_decay(cause: Cause, case: Case) -> tuple[str, str]:
    factor, decay = float(cause.detail), cause.constant or 0.0
    kind = "sign" if factor == -1.0 else "factor"
    for length in case.lengths:
        kind = "sum-for-mean" if factor == length.n and length.is_data else kind
        kind = "mean-for-sum" if factor == 1.0 / length.n and length.is_data else kind
    return kind, (
        f"{_every(cause, case)} is {times(factor)} the numerical gradient, but for a part that is "
        f"{short(decay)} times the parameter, as of an L2 regulariser that is right"
    )


def _updated(cause: Cause, _: Case) -> tuple[str, str]:
    rate = cause.constant or 0.0
    towards = "against" if rate > 0.0 else "along"
    return "updated", (
        f"what was given is the parameter after a step of {short(abs(rate))} {towards} the "
        "gradient, not the gradient; compare the gradient itself, or use fc.grads_from_update"
    )


# ------------------------------------------------------------ places


def _order(cause: Cause, case: Case) -> tuple[str, str]:
    it = "the gradient" if len(cause.fits) == 1 else "each gradient"
    every = _every(cause, case)
    it = it if every == "every entry" else f"in {every}, {it}"  # of a sample no more
    if cause.kind == "rolled":
        return cause.kind, f"{it} is right, but {_moved(cause, case)}"
    text = {
        "transposed": f"{it} is the transpose of the right one",
        "memory-order": f"{it} has the right entries in the order of a transposed array: a reshape "
        "stands where a transpose is meant, or rows and columns are stored in the other order",
        "reversed": f"{it} is right, but for {cause.detail}, which is reversed",
        "reordered": f"{it} is right, but {cause.detail} stand in another order",
    }[cause.kind]
    if cause.kind == "transposed" and cause.detail:
        text = f"{it} is right with {cause.detail}"
    return cause.kind, text


def _moved(cause: Cause, case: Case) -> str:
    words, shift = cause.detail, round(cause.constant or 0.0)
    if {n for name in cause.tensors for n in case.by_name[name].shape if n > 1} == {2}:
        return f"its two {words} are exchanged"
    by = "one place" if abs(shift) == 1 else f"{abs(shift)} places"
    return f"the {words} are moved by {by} towards the {'end' if shift > 0 else 'beginning'}"


def _summed(cause: Cause, _: Case) -> tuple[str, str]:
    what, over = cause.detail.split(" ", 1)
    every = "every entry" if over == "all entries" else f"along {over.removeprefix('all ')} it"
    return cause.kind, (
        f"{every} is the {what} of the right gradient over {over}, the same everywhere: look for "
        f"a {what} without an axis, or over one axis too many"
    )


# ------------------------------------------------------------ values


def _zero(cause: Cause, _: Case) -> tuple[str, str]:
    is_are = "gradient is" if len(cause.fits) == 1 else "gradients are"
    return "zero", (
        f"the {is_are} zero in every entry, and the numerical one is not: the backward pass does "
        "not reach it, or does not store what it finds"
    )


def _no_effect(cause: Cause, case: Case) -> tuple[str, str]:
    it = "it" if len(cause.fits) == 1 else "them"
    return "no-effect", (
        f"{_every(cause, case)} should be zero: at this point the loss does not change with {it}, "
        "as it does not with a bias before a normalisation; look for what cancels "
        f"{it} on the way forward"
    )


def _clipped(cause: Cause, case: Case) -> tuple[str, str]:
    limit = short(cause.constant or 0.0)
    n = sum(case.by_name[name].n_clear for name in cause.tensors)
    return cause.kind, (
        f"clipped: {quantity(n, 'entry is', 'entries are')} exactly ±{limit} where the numerical "
        "gradient is larger, all others are right; compare the gradient before it is clipped"
    )


def _without_sign(cause: Cause, case: Case) -> tuple[str, str]:
    return cause.kind, (
        f"{_every(cause, case)} has the right size, and none is negative: look for abs"
    )


def _precision(cause: Cause, case: Case) -> tuple[str, str]:
    how, name = cause.detail.split()
    far = "its rounding" if how == "stored" else "64 of its roundings"
    return cause.kind, (
        f"right, but {how} in {name}: {_every(cause, case)} is a {name} number, and off by no more "
        f"than {far}"
    )


_SAID: dict[str, Callable[[Cause, Case], tuple[str, str]]] = {
    "factor": _factor,
    "weight-decay": _decay,
    "l1-decay": _decay,
    "offset": _offset,
    "only-decay": _only_decay,
    "beside-decay": _beside_decay,
    "updated": _updated,
    "transposed": _order,
    "memory-order": _order,
    "rolled": _order,
    "reversed": _order,
    "reordered": _order,
    "summed-over-all": _summed,
    "zero": _zero,
    "no-effect": _no_effect,
    "clipped": _clipped,
    "without-sign": _without_sign,
    "precision": _precision,
}
