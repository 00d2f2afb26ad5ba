"""What an operation is: a value, a difference rule and a vjp, side by side."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.state import State

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Shape = tuple[int, ...]
    Diffs = tuple["Difference | None", ...]


class Op(ABC):
    """One operation on tensors.

    A subclass has no state but its settings (axes, slopes, a guard), so that it can be sent to
    another process, and defines the methods below. ``values`` and ``output`` are always the full
    base values of the inputs and of the result.

    Attributes
    ----------
    is_linear : bool
        Whether the result is linear in all inputs together (sums, reshapes, scaling).
    keeps_place : bool
        Whether an entry of an input moves the entry of the result at its place only, linearly.
    is_frozen : bool
        Whether the result is piecewise constant: it never changes but at kinks.
    is_exact : bool
        Whether the result has no rounding errors of its own (entries are only moved or selected).
    is_numerical : bool
        Whether the vjp is found by evaluating the operation many times.
    """

    is_linear: ClassVar[bool] = False
    keeps_place: ClassVar[bool] = False
    is_frozen: ClassVar[bool] = False
    is_exact: ClassVar[bool] = False
    is_numerical: bool = False

    @abstractmethod
    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the result.

        Raises
        ------
        InputError
            If the shapes of the inputs do not fit.
        """

    @abstractmethod
    def value(self, *values: Floats) -> Floats:
        """Return the result."""

    @abstractmethod
    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        """Return by how much the result changes when the inputs change by `diffs`.

        An entry of `diffs` is None where that input does not change. The result must keep small
        *relative* errors: never subtract two values that nearly agree.
        """

    @abstractmethod
    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        """Return the cotangent of each input from that of the result."""

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        """Return a bound on the vjp with every term taken by absolute value.

        `cotangent` is not negative. The default suits vjps in which each entry is one product.
        """
        return [np.abs(c) for c in self.vjp(cotangent, values, output)]

    def pull(
        self,
        cotangent: Floats,
        values: tuple[Floats, ...],
        output: Floats,
        wanted: Sequence[bool],
        *,
        absolute: bool = False,
    ) -> list[Floats | None]:
        """Return the (absolute) vjp for the `wanted` inputs, None for the others."""
        parts = (self.vjp_abs if absolute else self.vjp)(cotangent, values, output)
        return [part if want else None for part, want in zip(parts, wanted, strict=True)]

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        """Return the sample axis of the result, and whether samples meet other than by a sum.

        The default is safe for any operation: samples meet. It costs time, never correctness.
        """
        return None, any(node.batch_axis is not None for node in inputs)

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        """Return arrays of the base point that the difference rule needs, computed once."""
        return ()

    def gain(self, node: Node, i: int, state: State, single: bool) -> float | None:
        """Return how much a change of input `i` can grow here, None if not linear in it.

        `single` says that at most one entry of the input changes per sample.
        """
        return 1.0 if self.is_linear else None

    def stays_single(self, node: Node, i: int) -> bool:
        """Return whether one changed entry of input `i` changes at most one of the result.

        The default, False, is safe for any operation.
        """
        return False

    def vjp_error(self, cotangent: Floats, values: tuple[Floats, ...]) -> list[Floats] | None:
        """Return how wrong the rules can be beyond rounding, as errors of the vjp; None if not.

        `cotangent` is not negative.
        """
        return None

    def value_error(self, values: tuple[Floats, ...]) -> Floats | None:
        """Return how wrong each entry of the result can be, None for a few roundings of it."""
        return None

    def length(self, i: int, values: tuple[Floats, ...]) -> float:
        """Return the size of a change of input `i` at which the op bends noticeably."""
        return 1.0

    def flat(self, i: int, values: tuple[Floats, ...], margin: float) -> NDArray[np.bool_] | None:
        """Return where the result stays exactly the same when input `i` changes up to `margin`.

        Other inputs may change as much. An array that has not the shape of input `i` is not used.
        """
        return None


class EntryByEntry(Op):
    """An operation whose entries depend on the entries of its inputs at the same place only.

    Inputs broadcast against each other as in NumPy.
    """

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        return broadcast_batch(inputs, shape)

    def stays_single(self, node: Node, i: int) -> bool:
        return node.size <= node.inputs[i].size


def broadcast_batch(inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
    """Return the sample axis of an entry-by-entry operation, and whether it mixes samples."""
    ndim = len(shape)
    axes = {n.batch_axis + ndim - n.ndim for n in inputs if n.batch_axis is not None}
    if not axes:
        return None, False
    if len(axes) > 1:
        return None, True
    (axis,) = axes
    for node in inputs:
        own = axis - (ndim - node.ndim)
        if node.batch_axis is None and own >= 0 and node.shape[own] != 1:
            return None, True
    return axis, False


def unbroadcast(cotangent: Floats, shape: Shape) -> Floats:
    """Sum a cotangent over the axes along which an input of `shape` was broadcast."""
    extra = cotangent.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        a + extra for a, n in enumerate(shape) if n == 1 and cotangent.shape[a + extra] != 1
    )
    summed = cotangent.sum(axis=axes) if axes else cotangent
    return summed.reshape(shape)
