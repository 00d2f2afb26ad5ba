"""All entries of a traced array along one axis, which ``x.flat`` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.tracing.apply import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Flat"]


class Flat:
    """The entries of an array as one axis, which ``x.flat`` returns."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __getitem__(self, key: Any) -> Any:
        return self.array.reshape(-1)[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        size = self.array.size
        index = np.arange(size)[plain(key)]
        places = np.unravel_index(index, self.array.shape)
        self.array[places] = value

    def __iter__(self) -> Iterator[Any]:
        return iter(self.array.reshape(-1))

    def __len__(self) -> int:
        return int(self.array.size)
