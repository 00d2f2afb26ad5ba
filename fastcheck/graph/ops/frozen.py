"""Piecewise constant functions: comparisons, signs, rounding. They never change but at kinks."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.difference import aligned
from fastcheck.graph.ops.arithmetic import broadcast_shape, full_terms
from fastcheck.graph.ops.base import EntryByEntry
from fastcheck.graph.ops.grouped import mark_rows, row_bases
from fastcheck.graph.ops.pointwise import bent

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Shape
    from fastcheck.graph.state import State


class Frozen(EntryByEntry):
    """A piecewise constant function of tensors that broadcast against each other.

    Its difference is None: whoever reads it sees a constant. A probe that would change its value
    in any entry is marked as crossing a kink.
    """

    is_frozen = True

    def shape(self, *shapes: Shape) -> Shape:
        return broadcast_shape(type(self).__name__.lower(), *shapes)

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        return [np.zeros_like(value) for value in values]

    def gain(self, node: Node, i: int, state: State, single: bool) -> float | None:
        return 0.0

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        return tuple(np.broadcast_to(value, node.shape) for value in state.inputs(node))

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        full = [d.expanded() for d in full_terms(node, diffs, block) if d is not None]
        moving = iter(aligned(full, node.shape))
        terms = [None if d is None else next(moving) for d in diffs]
        like = next(d for d in terms if d is not None)
        tables, which = block.tables(node, like)
        bases = row_bases(like, tables, which)
        ends = [x if d is None else x + d.flat for x, d in zip(bases, terms, strict=True)]
        crossed = self.value(*ends) != self.value(*bases)
        for end in ends:
            crossed &= ~np.isnan(end)
        mark_rows(crossed, like, block)
        return None


class Compare(Frozen):
    """A comparison of two tensors: 1 where it holds, else 0.

    Crossings are found from ``a - b`` and its change, ``da - db``, not from the moved values.

    Parameters
    ----------
    kind : str
        One of ``> >= < <= == !=``.
    """

    kinds: ClassVar[dict[str, Callable[[Floats, Floats], NDArray[np.bool_]]]] = {
        ">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal,
        "==": np.equal, "!=": np.not_equal,
    }  # fmt: skip

    def __init__(self, kind: str) -> None:
        if kind not in self.kinds:
            raise InputError(f"`kind` must be one of {' '.join(self.kinds)}, got {kind!r}")
        self.kind = kind

    def value(self, *values: Floats) -> Floats:
        return self.kinds[self.kind](*values).astype(np.float64)

    def flat(self, i: int, values: tuple[Floats, ...], margin: float) -> NDArray[np.bool_] | None:
        return np.asarray(np.abs(values[0] - values[1]) > 2.0 * margin)

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        a, b = state.inputs(node)
        gap = np.broadcast_to(a - b, node.shape)
        return gap, -gap

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        d = self._of_gap(node, diffs, block)
        if self.kind in (">", "<="):  # where a > b changes
            bent(node, d, block, 0.0, 1.0)
        elif self.kind in (">=", "<"):  # where b > a changes
            bent(node, d.replaced(-d.data), block, 0.0, 1.0, slot=1)
        else:
            d = d.expanded()
            tables, which = block.tables(node, d)
            (gap,) = row_bases(d, tables[:1], which)
            mark_rows((gap == 0.0) != (gap + d.flat == 0.0), d, block)
        return None

    @staticmethod
    def _of_gap(node: Node, diffs: Diffs, block: Block) -> Difference:
        """Return the change of ``a - b``; columns are kept where one of them moves."""
        a, b = full_terms(node, diffs, block)
        if b is None:
            assert a is not None
            return a
        if a is None:
            return b.replaced(-b.data)
        a, b = aligned([a, b], node.shape)
        return a.replaced(a.data - b.data)


class Logical(Frozen):
    """``and``, ``or`` of two truth values, or ``not`` of one; what is not zero is true.

    Parameters
    ----------
    kind : str
        One of ``and or not``.
    """

    kinds: ClassVar[dict[str, Callable[..., NDArray[np.bool_]]]] = {
        "and": np.logical_and, "or": np.logical_or, "not": np.logical_not,
    }  # fmt: skip

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def value(self, *values: Floats) -> Floats:
        return self.kinds[self.kind](*values).astype(np.float64)


class Stepwise(Frozen):
    """A piecewise constant function of NumPy: sign, or one that rounds.

    Parameters
    ----------
    name : str
        One of ``sign floor ceil round trunc``.
    """

    functions: ClassVar[dict[str, Callable[[Floats], Floats]]] = {
        "sign": np.sign, "floor": np.floor, "ceil": np.ceil, "round": np.rint, "trunc": np.trunc,
    }  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name

    def value(self, *values: Floats) -> Floats:
        return self.functions[self.name](values[0])
