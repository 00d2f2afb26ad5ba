"""What reports read of a comparison of two runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ALSO", "GONE", "Changed", "Compared", "changes_of"]

GONE: Final = ("not-run", "lost")
"""Kinds of change of a case that ran before and does not any more."""
ALSO: Final = (
    "diagnosis", "worst", "gone-finding", "flaky", "gained", "slower", "faster",
)  # fmt: skip
"""Kinds of change that are told last, in this order."""


class Changed(Protocol):
    """One change of one case."""

    @property
    def name(self) -> str:
        """The case."""
        ...

    @property
    def kind(self) -> str:
        """``"regressed"``, ``"fixed"``, ``"new-finding"``, or one of `GONE` and `ALSO`."""
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
    def changes(self) -> Sequence[Changed]:
        """What changed."""
        ...


def changes_of(comparison: Compared | None, *kinds: str) -> list[Changed]:
    """Return the changes of some kinds, in the order of these; none without a comparison."""
    found = [] if comparison is None else [c for c in comparison.changes if c.kind in kinds]
    return sorted(found, key=lambda change: kinds.index(change.kind))
