"""A function that can only be called, and works entry by entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.ops.base import EntryByEntry
from fastcheck.graph.ops.grouped import mark_rows
from fastcheck.graph.ops.pointwise import through
from fastcheck.graph.ops.slopes import Slopes, find_noise, find_slopes

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Shape
    from fastcheck.graph.state import State

FAR, NEAR = 0.37, 2.0**-7
"""How far entries are moved to see whether others change, relative to their size."""
SAME = 2.0**-50


class Entrywise(EntryByEntry):
    """A function of one array, entry by entry, of which nothing else is known.

    Its slopes are found as those of :class:`~fastcheck.graph.ops.opaque.Opaque`, for all entries at
    once. That takes some dozens of evaluations, of which most see whether it does work so.

    Parameters
    ----------
    function : callable
        ``function(x)`` returns an array of the shape of `x`. It gets copies.
    name : str
        For messages.
    """

    kernel = None
    is_numerical = True

    def __init__(self, function: Callable[..., Any], name: str = "") -> None:
        self.function = function
        self.name = name or getattr(function, "__name__", "function")
        self._found: tuple[bytes, Slopes, Floats] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_found": None}

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def value(self, *values: Floats) -> Floats:
        return np.asarray(self.function(values[0].copy()), dtype=np.float64)

    def _known(self, x: Floats) -> tuple[Slopes, Floats]:
        """Return slopes, in the shape of `x`, and the noise of the result; once for a point."""
        key = x.tobytes()
        if self._found is None or self._found[0] != key:
            if not is_entrywise(self.value, x):
                raise InputError(
                    f"`{self.name}` must work entry by entry here as where it was traced, got a "
                    "result that depends on other entries; trace the loss at these parameters"
                )
            with np.errstate(all="ignore"):  # far from the point, or at the edge of the domain
                noise = find_noise(self.value, (x,))
                found = find_slopes(
                    lambda column: self.value(column.reshape(x.shape)).reshape(-1, 1),
                    x.reshape(-1, 1), noise.reshape(-1, 1),
                )  # fmt: skip
            jump = None if found.jump is None else found.jump.reshape(x.shape)
            slopes = Slopes(found.value.reshape(x.shape), found.error.reshape(x.shape), jump)
            self._found = key, slopes, noise
        return self._found[1:]

    # ------------------------------------------------------------ rules

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        slopes = self._known(state.inputs(node)[0])[0]
        return (slopes.value,) if slopes.jump is None else (slopes.value, slopes.jump)

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        (d,) = diffs
        assert d is not None
        if len(block.state.prepared(node)) > 1:  # a kink
            d = d.expanded()
        tables, which = block.tables(node, d)
        places = d.per_column(which)
        with np.errstate(all="ignore"):  # what is not finite is reported as such
            data = through(d.flat, tables[0][places].T)
        if len(tables) > 1:
            half = tables[1][places].T * np.abs(d.flat)
            mark_rows(half != 0.0, d, block)
            data = data + half
        return d.replaced(np.ascontiguousarray(data).reshape(d.data.shape))

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        return [through(cotangent, self._known(values[0])[0].value)]

    def vjp_error(self, cotangent: Floats, values: tuple[Floats, ...]) -> list[Floats] | None:
        return [through(cotangent, self._known(values[0])[0].error)]

    def value_error(self, values: tuple[Floats, ...]) -> Floats | None:
        return self._known(values[0])[1]

    def gain(self, node: Node, i: int, state: State, single: bool) -> float | None:
        slopes = np.abs(self._known(state.inputs(node)[0])[0].value)
        return float(slopes[np.isfinite(slopes)].max(initial=0.0)) or 1.0


def is_entrywise(function: Callable[[Floats], Floats], x: Floats) -> bool:
    """Return whether each entry of the result depends on the same entry of `x` only.

    Some entries are moved, near and far, by random amounts: no other entry of the result may change
    by more than the roundings in which loops over other memory differ. Moved are those whose
    position has a certain bit set, for each bit, then those whose has not, so that of any two
    entries each is moved without the other. A dependence that is lost in rounding is none.
    """
    rng = np.random.default_rng(0)
    places = np.arange(x.size).reshape(x.shape)
    size = np.where(x == 0.0, 1.0, np.abs(x))
    with np.errstate(all="ignore"):
        base = function(x)
        if base.shape != x.shape:
            return False
        for bit in range(max(x.size - 1, 0).bit_length()):
            for value in (0, 1):
                moves = (places >> bit) & 1 == value
                for step in (NEAR, FAR):
                    amount = step * size * rng.uniform(-1.0, 1.0, x.shape)
                    found = function(np.where(moves, x + amount, x))
                    stays = np.isclose(found, base, rtol=SAME, atol=0.0, equal_nan=True)
                    if not np.all(stays | moves):
                        return False
    return True
