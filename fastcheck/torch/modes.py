"""How torch runs when only values are wanted."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def values_only() -> Iterator[None]:
    """Record nothing for a backward pass, and compute as where it is recorded.

    Without a backward pass torch takes another way through attention in eval(), which is one
    operation and leaves out what a mask hides.
    """
    import torch
    from torch.backends import mha

    was_fast = mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            yield
    finally:
        mha.set_fastpath_enabled(was_fast)
