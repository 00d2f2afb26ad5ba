"""Lists that end with the number of what they leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastcheck.result.wording import count

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MOST_LINES", "limited"]

MOST_LINES: Final = 10
"""How many entries, findings or audits are listed; the rest is counted."""


def limited(lines: Sequence[str], total: int, most: int = MOST_LINES) -> list[str]:
    """Return the first lines, and how many there are beside them."""
    shown = list(lines[:most])
    return [*shown, f"and {count(total - len(shown))} more"] if total > len(shown) else shown
