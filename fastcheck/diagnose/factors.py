"""What a factor may come from, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastcheck.diagnose.constants import MOST_WHOLE, round_number
from fastcheck.result.wording import short

if TYPE_CHECKING:
    from fastcheck.diagnose.choose import Cause
    from fastcheck.diagnose.constants import Named
    from fastcheck.diagnose.evidence import Case, Length

CLOSE = 1e-9
"""How close a constant must be to a number to be called it, relative."""


def times(factor: float) -> str:
    """Return a factor in words that end before ``the numerical gradient``.

    Examples
    --------
    >>> times(100.0), times(-1 / 3), times(0.75)
    ('100 times', '-1/3 of', '0.75 times')
    """
    inverse = 1.0 / factor
    if abs(inverse) > 1.5 and is_near(inverse, round(inverse)):
        return f"{'-' if inverse < 0 else ''}1/{abs(round(inverse))} of"
    whole = is_near(factor, round(factor))
    return f"{round(factor) if whole else _decimal(factor)} times"


def _decimal(factor: float) -> str:
    """Return a factor with enough digits to see that it is not one."""
    return short(factor) if abs(factor - 1.0) > 1e-4 else f"(1 {factor - 1.0:+.3g})"


def is_near(value: float, other: float) -> bool:
    """Return whether two numbers agree but for rounding."""
    return abs(value - other) <= CLOSE * abs(other)


def kind_of(cause: Cause, case: Case) -> tuple[str, str]:
    """Return the kind of a factor and a clause that says what it may come from."""
    c = cause.constant or 0.0
    if c == -1.0:
        return "sign", "; look for a sign"
    limit = _limit(c, cause, case)
    if limit:
        return "clipped-norm", limit
    named = cause.named
    if named is not None and named.length is not None:
        return _of_length(cause, case, named, named.length)
    if c == 2.0:
        text = "it was added twice, as by two backward passes without a reset between them, or"
        text = f"; perhaps {text} a factor such as the 1/2 of a square is left out"
        return "factor", f"{text}{_also(2, case)}"
    if c == 0.5:
        text = "a factor such as the 2 of a square is left out, or a 1/2 is applied that forward"
        return "factor", f"; perhaps {text} lacks{_also(2, case)}"
    if named is not None and c > 2.0 and c == round(c):
        return "accumulated", (
            f", as if {round(c)} calls had been added up without a reset between them"
        )
    return "factor", ""


def _limit(c: float, cause: Cause, case: Case) -> str:
    """Return that a norm was limited, if the norm of all or of this tensor is a round number."""
    if not 0.0 < c < 1.0:
        return ""
    whole = {t.name for t in case.tensors if t.analytic.any()} <= set(cause.tensors)
    if not whole and len(cause.fits) > 1:
        return ""
    given = case.by_name[cause.fits[0].tensor].analytic
    norm = case.norm if whole else float((given**2).sum()) ** 0.5
    limit = round_number((norm * (1 - CLOSE), norm * (1 + CLOSE)))
    if limit is None:
        return ""
    of = "your whole gradient" if whole else "what you gave"
    return (
        f", and the norm of {of} is {short(limit.value)}: it was clipped to that norm; compare it "
        "before it is clipped"
    )


def _of_length(cause: Cause, case: Case, named: Named, length: Length) -> tuple[str, str]:
    c, m, what = cause.constant or 0.0, length.n, length.text
    if c < 0.0:
        return "factor", f", and {m} is {what}; look for a sign and for a mean"
    if named.form == "m":
        if length.is_samples:
            return (
                "sum-for-mean",
                f", and {m} is {what}: the mean over the batch is missing; divide by n (here {m})"
                + (_AT_THE_BEGINNING if _is_whole(cause, case) else ""),
            )
        if length.is_data:
            return "sum-for-mean", f", and {m} is {what}: a mean over it is missing; divide by {m}"
        return "factor", (
            f", and {m} is {what}: look for a sum over it where a mean is meant"
            + (f", or for {m} calls that were added up" if m <= MOST_WHOLE else "")
        )
    if named.form == "1/m":
        over = "the batch" if length.is_samples else "it"
        return "mean-for-sum", (
            f", and {m} is {what}: the mean over {over} is taken once too often; "
            + _without_mean(cause, case, length)
        )
    shown = {"2/m": f"2/{m}", "m/2": f"{m}/2", "(m-1)/m": f"{m - 1}/{m}", "m/(m-1)": f"{m}/{m - 1}"}
    text = f", which is {shown[named.form]}, and {m} is {what}"
    more = {
        "m/2": f": divide by {m}, not by 2",
        "(m-1)/m": f": one mean divides by {m}, the other by {m - 1}",
        "m/(m-1)": f": one mean divides by {m - 1}, the other by {m}",
    }
    return "factor", text + more.get(named.form, "")


_AT_THE_BEGINNING = (
    " once, where the backward pass begins with the derivative of the loss; every entry is then "
    "right"
)


def _is_whole(cause: Cause, case: Case) -> bool:
    """Return whether a cause explains several tensors, and no other is right and not zero."""
    named = set(cause.tensors)
    return len(named) > 1 and all(t.name in named or not t.analytic.any() for t in case.tensors)


def _without_mean(cause: Cause, case: Case, length: Length) -> str:
    """Return how to leave out a mean: where a bias alone has it, it is in the bias's own line."""
    if len(cause.tensors) == 1 and length.is_samples:
        (name,) = cause.tensors
        if sum(n > 1 for n in case.by_name[name].shape) == 1:
            return "sum over the batch instead, as in dz.sum(axis=0)"
    if length.is_samples:
        where = ", where the backward pass begins" if _is_whole(cause, case) else ""
        return f"leave out one division by n (here {length.n}){where}"
    return f"leave out one division by {length.n}"


def _also(n: int, case: Case) -> str:
    """Return that a small number is the number of samples as well."""
    is_it = any(length.n == n and length.is_samples for length in case.lengths)
    return f"; {n} is the number of samples, too" if is_it else ""
