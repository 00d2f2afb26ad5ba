"""Looking at the options of a check before anything is computed."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

from fastcheck.check.loss_value import number_of
from fastcheck.errors import InputError


def is_positive(value: object) -> bool:
    """Return whether `value` is a positive, finite number."""
    return _is_number(value) and 0.0 < float(value) < math.inf  # type: ignore[arg-type]


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


RULES: dict[str, tuple[Any, str]] = {
    "seed": (lambda v: _is_whole(v) and v >= 0, "a whole number from 0; the default is 0"),
    "n_jobs": (
        lambda v: _is_whole(v) and (v > 0 or v == -1),
        "a number of threads, or -1; -1 takes one per core",
    ),
    "budget": (
        lambda v: v is None or (_is_number(v) and v >= 0.0),
        "a number of seconds; None leaves it to the engine",
    ),
    "rtol": (lambda v: _is_number(v) and 0.0 <= v < 1.0, "in [0, 1); the default is 1e-5"),
    "loss_value": (
        lambda v: v is None or number_of(v) is not None,
        "a number; None compares nothing",
    ),
    "jitter": (
        lambda v: v is None or (_is_number(v) and 0.0 < v < 1.0),
        "between 0 and 1, such as 1e-3; None moves nothing",
    ),
    "before_each": (
        lambda v: v is None or callable(v),
        "callable without arguments; None calls nothing",
    ),
    "progress": (
        lambda v: v is None or callable(v),
        "callable as progress(done, total); None shows nothing",
    ),
}
"""For each option, what holds of a right value, and how to say it, with the remedy."""


def check_options(**options: object) -> None:
    """Refuse an option of a wrong type or value.

    Raises
    ------
    InputError
        Naming the first.
    """
    for name, value in options.items():
        holds, contract = RULES[name]
        if not holds(value):
            must, _, remedy = contract.partition("; ")
            raise InputError(f"`{name}` must be {must}, got {value!r}; {remedy}")


def check_entries(entries: object, plan: str) -> None:
    """Refuse a number of entries that is none, or that another plan than a sample is given.

    Raises
    ------
    InputError
        Saying what to do.
    """
    if entries is None:
        return
    if not _is_whole(entries) or entries < 1:  # type: ignore[operator]
        raise InputError(
            f"`entries` must be a whole number from 1, got {entries!r}; None takes what the budget "
            "allows"
        )
    if plan != "sample":
        raise InputError(
            f'`entries` must be None unless plan="sample", got {entries!r} with plan={plan!r}; '
            'add plan="sample", or leave it out'
        )


def choose(argument: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a value that is not one of the choices.

    Raises
    ------
    InputError
        Listing them.
    """
    if value not in choices:
        raise InputError(
            f"`{argument}` must be one of {', '.join(choices)}, got {value!r}; choose one"
        )
