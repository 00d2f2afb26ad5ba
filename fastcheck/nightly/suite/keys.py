"""The keys of a case, and what their values must be."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fastcheck.blackbox.budget import PLANS as CALLED_PLANS
from fastcheck.check.accept import accepted_names
from fastcheck.check.engines import ARITHMETICS, ENGINES
from fastcheck.check.options import check_options, choose, is_positive
from fastcheck.errors import InputError
from fastcheck.nightly.units import DURATION, SIZE, bytes_in, seconds_in
from fastcheck.plan import PLANS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEMOS", "KEYS", "OPTIONS", "Key", "checked"]

DEMOS: Final = {"demo:mnist": "mnist", "demo:cat": "catvnoncat"}
"""The networks of the package, and the data that they are checked on."""
LONGEST = 200
"""Characters of a name."""
LEAST_MEMORY = 64_000_000
"""Bytes with which the networks of the package can be checked; less is no limit but an end."""


class Key(NamedTuple):
    """What a key means.

    Attributes
    ----------
    convert : callable
        Returns the value to use, and raises a ValueError if it is wrong.
    contract : str
        What the value must be, and after a semicolon the remedy.
    """

    convert: Callable[[Any], Any]
    contract: str


def checked(name: str, key: Key, value: Any) -> Any:
    """Return the value of a key as it is used.

    Raises
    ------
    InputError
        If it is wrong.
    """
    try:
        return key.convert(value)
    except InputError:
        raise
    except (ValueError, TypeError, OverflowError):
        must, _, remedy = key.contract.partition("; ")
        text = f"`{name}` must be {must}, got {value!r}"
        raise InputError(f"{text}; {remedy}" if remedy else text) from None


# ---------------------------------------------------------------- kinds of values


def _holds(condition: Callable[[Any], bool]) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if not condition(value):
            raise ValueError(value)
        return value

    return convert


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _name(value: Any) -> str:
    if not (_is_line(value) and len(value) <= LONGEST and value == value.strip()):
        raise ValueError(value)
    if "::" in value.partition("[")[0]:
        raise InputError(
            f"`name` must be without `::`, by which pytest tells a case from its suite, got "
            f"{value!r}; write {value.replace('::', ':')!r}"
        )
    return str(value)


def _is_target(value: Any) -> bool:
    return _is_line(value) and (
        value in DEMOS or bool(re.fullmatch(r"(?!demo:).*[^/\\]\.py:[A-Za-z_]\w*", value))
    )


def _patterns(value: Any) -> Any:
    given = [value] if isinstance(value, str) else value
    if not (isinstance(given, list) and given and all(map(_is_line, given))):
        raise ValueError(value)
    return value


def _accept(value: Any) -> list[str]:
    if not isinstance(value, str | list):
        raise ValueError(value)
    return list(accepted_names(value))


def _memory(value: Any) -> int:
    size = bytes_in(value)
    if size < LEAST_MEMORY:
        raise InputError(
            f"`memory` must be at least {LEAST_MEMORY / 1e6:.0f}MB, which a check of little takes, "
            f"got {value!r}; give it more"
        )
    return size


def _arguments(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(map(str.isidentifier, value)):
        raise ValueError(value)
    for name, item in value.items():
        if name in ("batch", "seed"):
            raise InputError(
                f"`arguments` must not hold `{name}`, which the case sets; leave it out"
            )
        if not _is_plain(item):
            raise InputError(
                f"`arguments.{name}` must be finite numbers, text, booleans, or lists and "
                f"tables of these, got {item!r}; write it as text"
            )
    return value


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, float):
        return math.isfinite(value)  # JSON has neither NaN nor infinity
    return isinstance(value, bool | int | str)


def _ruled(name: str) -> Callable[[Any], Any]:
    """Return the rule of an option of a check."""

    def convert(value: Any) -> Any:
        check_options(**{name: value})
        return value

    return convert


def _loss_value(value: Any) -> Any:
    check_options(loss_value=value)
    if not math.isfinite(value):
        raise ValueError(value)
    return value


def _one_of(name: str, choices: tuple[str, ...]) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        choose(name, value, choices)
        return value

    return convert


# ---------------------------------------------------------------- the keys

EVERY_PLAN = tuple(dict.fromkeys((*PLANS, *CALLED_PLANS)))

OPTIONS: Final[dict[str, Key]] = {
    "plan": Key(_one_of("plan", EVERY_PLAN), ""),
    "engine": Key(_one_of("engine", ENGINES), ""),
    "arithmetic": Key(_one_of("arithmetic", ARITHMETICS), ""),
    "step": Key(_holds(is_positive), "a positive number; leave it out to have one chosen"),
    "n_jobs": Key(_ruled("n_jobs"), ""),
    "budget": Key(seconds_in, f"{DURATION}; leave it out for that of the engine"),
    "entries": Key(_holds(lambda v: _is_whole(v, 1)), "a whole number from 1"),
    "rtol": Key(_ruled("rtol"), ""),
    "strict": Key(_holds(lambda v: isinstance(v, bool)), "true or false"),
    "loss_value": Key(_loss_value, "a finite number; leave it out to compare nothing"),
    "jitter": Key(_ruled("jitter"), ""),
    "accept": Key(_accept, 'a name or a list of names, such as "clip"'),
    "only": Key(_patterns, 'a pattern of names or a list of patterns, such as "W*"'),
    "skip": Key(_patterns, 'a pattern of names or a list of patterns, such as "W*"'),
}
"""The options of :func:`fastcheck.check_gradients` that can be written in TOML."""

KEYS: Final[dict[str, Key]] = {
    "name": Key(_name, f"one line of at most {LONGEST} characters"),
    "target": Key(_holds(_is_target), f"{', '.join(DEMOS)} or FILE.py:FUNCTION"),
    "dataset": Key(_holds(_is_line), '"mnist", "catvnoncat" or the path of a data file'),
    "split": Key(_holds(_is_line), 'the name of a part of the data, such as "train"'),
    "batch": Key(_holds(lambda v: _is_whole(v, 1)), "a whole number from 1"),
    "seed": Key(_holds(lambda v: _is_whole(v, 0)), "a whole number from 0"),
    "seeds": Key(
        _holds(lambda v: isinstance(v, list) and len(v) > 0 and all(_is_whole(s, 0) for s in v)),
        "a list of whole numbers from 0, such as [0, 1, 2]",
    ),
    "keep": Key(_holds(lambda v: v in ("summary", "arrays")), '"summary" or "arrays"'),
    "timeout": Key(seconds_in, DURATION),
    "memory": Key(_memory, SIZE),
    "fault": Key(
        _holds(_is_line), 'the title of a mistake, as `fastcheck selftest --list` shows them'
    ),
    "expect": Key(_one_of("expect", ("pass", "fail")), ""),
    "arguments": Key(_arguments, "a table of names and values, such as {width = 50}"),
    **OPTIONS,
}  # fmt: skip
"""All that a case may say beside its matrix."""
