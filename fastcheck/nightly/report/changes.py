"""What reports read of a comparison of two runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from fastcheck.nightly.records import FAILED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Changed", "Compared", "Sorted", "sort_changes"]

NOT_RUN: Final = ("", "not run", "None")
"""What a case was before that did not run then either."""
LAST: Final = (
    "flaky", "diagnosis", "worst", "gone-finding", "coverage", "gained", "slower", "faster",
)  # fmt: skip
"""Kinds of change that are told last, in this order; one that is not known is told first."""


class Changed(Protocol):
    """One change of one case."""

    @property
    def name(self) -> str:
        """The case."""
        ...

    @property
    def kind(self) -> str:
        """What became of it: ``"regressed"``, ``"fixed"``, ``"not-run"``, or another word."""
        ...

    @property
    def before(self) -> Any:
        """What it was, such as a status; None where there is nothing."""
        ...

    @property
    def after(self) -> Any:
        """What it is."""
        ...

    @property
    def message(self) -> str:
        """The same as a sentence."""
        ...


class Compared(Protocol):
    """A comparison of a run with an older one."""

    @property
    def old(self) -> str:
        """The id of the older run."""
        ...

    @property
    def changes(self) -> Sequence[Changed]:
        """What changed."""
        ...

    @property
    def environment(self) -> Sequence[tuple[str, str, str]]:
        """What else is another: name, before and after, such as a version."""
        ...


@dataclass(frozen=True)
class Sorted:
    """Changes by what they mean to somebody who reads in the morning."""

    regressed: list[Changed]
    new: list[Changed]
    gone: list[Changed]
    found: list[Changed]
    fixed: list[Changed]
    others: list[Changed]

    def __iter__(self) -> Iterator[Changed]:
        yield from (*self.regressed, *self.new, *self.gone)
        yield from (*self.found, *self.fixed, *self.others)


def sort_changes(comparison: Compared | None) -> Sorted:
    """Return the changes by what they mean; a case that did not run before either is none."""
    kinds: dict[str, list[Changed]] = {}
    for change in () if comparison is None else comparison.changes:
        kinds.setdefault(change.kind, []).append(change)
    gained = kinds.pop("gained", [])
    new = [c for c in gained if str(c.after) in FAILED]
    kinds["gained"] = [c for c in gained if c not in new]
    stopped = [c for c in kinds.pop("not-run", []) if str(c.before) not in NOT_RUN]
    return Sorted(
        regressed=kinds.pop("regressed", []),
        new=new,
        gone=stopped + kinds.pop("lost", []),
        found=kinds.pop("new-finding", []),
        fixed=kinds.pop("fixed", []),
        others=[
            change
            for kind in sorted(kinds, key=lambda k: LAST.index(k) if k in LAST else -1)
            for change in kinds[kind]
        ],
    )
