"""The one product of arrays: any matmul, dot, tensordot or einsum of two operands.

Axes are letters, as in einsum: those in both operands and the result run along (*batch*), those
in both operands only are summed (*contracted*), the others are *free*.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.difference import aligned
from fastcheck.graph.ops.base import Op
from fastcheck.graph.ops.entrance import can_enter, enter
from fastcheck.graph.ops.product import changed_twice, changed_whole, multiplied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Shape
    from fastcheck.graph.state import State


class Contraction(Op):
    """``einsum(f"{left},{right}->{out}", a, b)``.

    Parameters
    ----------
    left, right, out : str
        A letter for each axis; none twice in one operand, and each letter of one operand alone
        appears in the result.
    """

    def __init__(self, left: str, right: str, out: str) -> None:
        self.letters = (left, right)
        self.out = out
        for own, other in ((left, right), (right, left)):
            lost = set(own) - set(other) - set(out)
            if len(set(own)) != len(own) or lost or set(out) - set(left) - set(right):
                raise InputError(
                    f"`spec` must use each letter once per operand and keep the letters of one "
                    f"operand alone, got '{left},{right}->{out}'; sum or take diagonals first"
                )

    def shape(self, *shapes: Shape) -> Shape:
        sizes: dict[str, int] = {}
        for letters, shape in zip(self.letters, shapes, strict=True):
            if len(letters) != len(shape):
                raise InputError(
                    f"operand '{letters}' must have {len(letters)} axes, got shape {shape}"
                )
            for letter, n in zip(letters, shape, strict=True):
                if sizes.setdefault(letter, n) != n:
                    raise InputError(
                        f"the operands of a product must agree, got shapes {shapes[0]} and "
                        f"{shapes[1]} for '{self.letters[0]},{self.letters[1]}->{self.out}' "
                        f"({sizes[letter]} against {n}); transpose or reshape one of them"
                    )
        return tuple(sizes[letter] for letter in self.out)

    def value(self, *values: Floats) -> Floats:
        return contract(values[0], self.letters[0], values[1], self.letters[1], self.out)

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        return [self._vjp_of(i, cotangent, values) for i in (0, 1)]

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        return [self._vjp_of(i, cotangent, values, absolute=True) for i in (0, 1)]

    def pull(
        self,
        cotangent: Floats,
        values: tuple[Floats, ...],
        output: Floats,
        wanted: Sequence[bool],
        *,
        absolute: bool = False,
    ) -> list[Floats | None]:
        return [
            self._vjp_of(i, cotangent, values, absolute=absolute) if wanted[i] else None
            for i in (0, 1)
        ]

    def _vjp_of(
        self, i: int, cotangent: Floats, values: tuple[Floats, ...], *, absolute: bool = False
    ) -> Floats:
        own, other = self.letters[i], self.letters[1 - i]
        base = np.abs(values[1 - i]) if absolute else values[1 - i]
        if i == 0:
            return contract(cotangent, self.out, base, other, own)
        return contract(base, other, cotangent, self.out, own)

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        found = {
            letters[n.batch_axis]
            for n, letters in zip(inputs, self.letters, strict=True)
            if n.batch_axis is not None
        }
        if not found:
            return None, False
        letter = min(found)
        for n, letters in zip(inputs, self.letters, strict=True):
            if len(found) > 1 or (n.batch_axis is None and letter in letters):
                return None, True
        return (self.out.index(letter) if letter in self.out else None), False

    def gain(self, node: Node, i: int, state: State, single: bool) -> float | None:
        base = node.inputs[1 - i]
        other = self.letters[1 - i]
        summed = [a for a, k in enumerate(other) if k not in self.out]
        if single:  # one entry of each sample, hence all samples where they are summed
            summed = [a for a in summed if a == base.batch_axis]
        if not summed:
            return state.largest(base)
        size = np.abs(state.value(base)).sum(axis=tuple(summed))
        return float(size.max(initial=0.0))

    def stays_single(self, node: Node, i: int) -> bool:
        base = node.inputs[1 - i]
        free = set(self.letters[1 - i]) - set(self.letters[i])
        samples = set() if base.batch_axis is None else {self.letters[1 - i][base.batch_axis]}
        return free <= samples

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        a, b = diffs
        if a is None or b is None:
            d, i = (b, 1) if a is None else (a, 0)
            assert d is not None
            return self._one_moved(node, i, d, block)
        a, b = (block.spread(d) if block.enters(node, d) else d for d in (a, b))
        whole = changed_whole(self, node, a, b, block)
        if whole is not None:
            return whole
        left = multiplied(self, node, 0, a, block)
        right = multiplied(self, node, 1, b, block)
        both = changed_twice(self, node, a, b)
        if both.pins:  # one operand touches one entry: keep it so as long as possible
            if both.pins.keys() != right.pins.keys():
                left, right = right, left
            right, both = aligned([right, both], node.shape)
            right = right.replaced(right.data + both.data)
            left, right = aligned([left, right], node.shape)
            return left.replaced(left.data + right.data)
        left, right, both = aligned([left, right, both], node.shape)
        return left.replaced(left.data + right.data + both.data)

    def _one_moved(self, node: Node, i: int, d: Difference, block: Block) -> Difference | None:
        if block.enters(node, d):
            if can_enter(self, node, i, d, block):
                return enter(self, node, i, d, block)
            d = block.spread(d)
        return multiplied(self, node, i, d, block)


def contract(a: Floats, left: str, b: Floats, right: str, out: str) -> Floats:
    """Return ``einsum(f"{left},{right}->{out}", a, b)`` by matrix products."""
    both = [k for k in left if k in right and k in out]
    own = [k for k in left if k not in right]
    free = [k for k in right if k not in left]
    summed = [k for k in left if k in right and k not in out]
    sizes = dict(zip(left, a.shape, strict=True)) | dict(zip(right, b.shape, strict=True))

    def joined(array: Floats, letters: str, *groups: list[str]) -> Floats:
        order = [letters.index(k) for group in groups for k in group]
        dims = [math.prod(sizes[k] for k in group) for group in groups]
        return array.transpose(order).reshape(dims)

    product = np.matmul(joined(a, left, both, own, summed), joined(b, right, both, summed, free))
    letters = both + own + free
    full = product.reshape([sizes[k] for k in letters])
    return np.asarray(full.transpose([letters.index(k) for k in out]))
