"""Why a loss cannot be followed, and what can be done, as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastcheck.tracing.recording import Note

__all__ = ["REMEDY", "causes"]

REMEDY = 'use engine="black box"'
MOST = 5  # reasons that a message lists
BUFFER = "create it inside the loss with `np.zeros` or its like, or make it reachable from the loss"
REMEDIES = {
    "array": "call NumPy functions on the value itself, write `x @ w` for `x.dot(w)`, "
    "or make the other array reachable from the loss",
    "at": BUFFER,
    "attribute": "use the NumPy function of that name",
    "float": "leave out what needs a Python number there",
    "opaque": "write it with NumPy functions",
    "out": BUFFER,
    "rebound": "write `x = x + value`",
    "store": BUFFER,
    "text": "use the number itself",
}


def causes(notes: Iterable[Note]) -> str:
    """Return a line for each place where a dependence may have been lost, with its remedy."""
    lines = list(dict.fromkeys(f"\n  {note}; {REMEDIES[note.kind]}" for note in notes))
    more = f"\n  and {len(lines) - MOST} more" if len(lines) > MOST else ""
    return "".join(lines[:MOST]) + more
