"""Which cases are meant by patterns of names."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from fastcheck.errors import InputError
from fastcheck.params import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fastcheck.nightly.records import Case

__all__ = ["chosen", "fits"]


def fits(name: str, pattern: str) -> bool:
    """Return whether a case is meant by a pattern with ``*`` and ``?``.

    The pattern is that of a whole name, or of what stands before its brackets.

    Examples
    --------
    >>> fits("mnist[seed=1]", "mnist"), fits("mnist[seed=1]", "mnist[seed=1]")
    (True, True)
    >>> fits("mnist[seed=1]", "*seed=1*"), fits("mnist[seed=1]", "mni")
    (True, False)
    """
    literal = pattern.replace("[", "[[]")
    return fnmatchcase(name, literal) or fnmatchcase(name.partition("[")[0], literal)


def chosen(cases: Sequence[Case], patterns: Iterable[str]) -> list[Case]:
    """Return the cases that a pattern means, all without patterns.

    Raises
    ------
    InputError
        If a pattern means none.
    """
    wanted = list(patterns)
    for pattern in wanted:
        if not any(fits(case.name, pattern) for case in cases):
            names = [*dict.fromkeys(case.name.partition("[")[0] or case.name for case in cases)]
            near = did_you_mean([pattern.strip("*")], names)
            shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" * (len(names) > 10))
            raise InputError(
                f"`only` must be patterns of names, got {pattern!r}, which fits no case{near}; "
                f"there are {shown}"
            )
    return [c for c in cases if not wanted or any(fits(c.name, p) for p in wanted)]
