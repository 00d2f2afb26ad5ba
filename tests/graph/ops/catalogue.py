"""The catalogue of operations: the one place where a new one is entered to have its tests.

To add an operation, write an `Entry` (see ``entry.py``) into the list of its family, a module
``..._entries.py`` beside this one with a list ``ENTRIES``; a new family is one more line below.
``test_generated.py`` then tests of each entry

* the value against 50-digit arithmetic and against torch;
* differences of any size and both signs against 50-digit arithmetic;
* that pinned, columnwise and streamed differences are those of the general form;
* the vjp against torch's autograd, and that the absolute vjp bounds it;
* that a small network with it passes a check with its own reference gradient, audit included.
"""

from __future__ import annotations

from tests.graph.ops import (
    choice_entries,
    loss_entries,
    moving_entries,
    pointwise_entries,
    reduce_entries,
)
from tests.graph.ops.entry import Entry

CATALOGUE: dict[str, Entry] = {
    entry.name: entry
    for family in (
        choice_entries.ENTRIES,
        loss_entries.ENTRIES,
        moving_entries.ENTRIES,
        pointwise_entries.ENTRIES,
        reduce_entries.ENTRIES,
    )
    for entry in family
}  # fmt: skip
