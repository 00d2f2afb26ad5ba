"""The usual losses as fused operations: one value per sample, or per output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.ops.base import EntryByEntry
from fastcheck.graph.ops.grouped import by_group
from fastcheck.graph.ops.normalise import softmax
from fastcheck.graph.ops.pointwise import Sigmoid, logistic, softplus_change
from fastcheck.kernels import losses as kernels

if TYPE_CHECKING:
    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Ints, Shape
    from fastcheck.graph.state import State


class _Loss(EntryByEntry):
    """A loss of (predictions, targets); targets do not depend on parameters."""

    def shape(self, *shapes: Shape) -> Shape:
        if shapes[0] != shapes[1]:
            raise InputError(
                f"targets must have the shape of the predictions, {shapes[0]}, got {shapes[1]}; "
                "one-hot encode or reshape them"
            )
        return shapes[0]

    @staticmethod
    def moved(diffs: Diffs) -> Difference:
        """Return the change of the predictions; targets do not change."""
        d = diffs[0]
        assert d is not None
        return d


class SoftmaxCrossEntropy(_Loss):
    """``-sum_k y_k log(softmax(z)_k + guard)`` over one axis of the logits z.

    Parameters
    ----------
    axis : int
        The axis of the classes, not negative.
    guard : float
        Added to the probability inside the logarithm.
    """

    def __init__(self, axis: int, guard: float = 0.0) -> None:
        self.axis = axis
        self.guard = float(guard)

    def shape(self, *shapes: Shape) -> Shape:
        shape = super().shape(*shapes)
        return shape[: self.axis] + shape[self.axis + 1 :]

    def value(self, *values: Floats) -> Floats:
        z, y = values
        shifted = z - z.max(axis=self.axis, keepdims=True)
        if self.guard:
            log_p = np.log(softmax(z, self.axis) + self.guard)
        else:
            log_p = shifted - np.log(np.exp(shifted).sum(axis=self.axis, keepdims=True))
        return -np.asarray((y * log_p).sum(axis=self.axis))

    def _pull(self, z: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
        """Return p, the weights ``w = y p / (p + guard)`` and their sum over the classes."""
        p = softmax(z, self.axis)
        w = y * p / (p + self.guard) if self.guard else y
        return p, w, w.sum(axis=self.axis, keepdims=True)

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        p, w, total = self._pull(*values)
        c = np.expand_dims(cotangent, self.axis)
        return [c * (p * total - w), np.zeros_like(p)]

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        z, y = values
        p, w, total = self._pull(z, np.abs(y))
        c = np.expand_dims(cotangent, self.axis)
        return [c * (p * total + w), np.zeros_like(p)]

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        axis, mixes = super().batch(inputs, inputs[0].shape)
        if axis is None or axis == self.axis:
            return None, mixes or axis is not None
        return axis - (self.axis < axis), False

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        z, y = state.inputs(node)
        return softmax(z, self.axis), y

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        d = self.moved(diffs)
        source = node.inputs[0]
        d = d.unpinned(source.shape) if d.pins else d.expanded()
        data = np.moveaxis(d.data, self.axis, -2)
        outer, n_rows = data.shape[:-2], d.rows.size
        data = np.ascontiguousarray(data).reshape(-1, *data.shape[-2:])
        p, y, which = self._classes(node, d, block)
        out, scratch = np.empty((len(data), n_rows)), np.empty(n_rows)
        for i in range(len(data)):  # one at a time: samples, where the whole batch is carried
            if self.guard:
                bad = kernels.guarded_cross_entropy(
                    p[i], y[i], which, data[i], d.offsets, self.guard, scratch, out[i]
                )
            else:
                bad = kernels.softmax_cross_entropy(
                    p[i], y[i], which, data[i], d.offsets, scratch, out[i]
                )
            if bad:
                return d.replaced(self._whole(d, node, block), {})
        return d.replaced(out.reshape(*outer, n_rows), {})

    def _classes(self, node: Node, d: Difference, block: Block) -> tuple[Floats, Floats, Ints]:
        """Return tables of p and y with a row per group and the classes last."""
        tables, which = block.tables(node, d, node.inputs[0])
        key = ("classes", node.index, d.samples is not None)
        if key not in block.state.memo:
            n = d.data.shape[self.axis]
            arrays = (t.reshape(-1, *d.data.shape[:-1]) for t in tables)
            moved = (np.moveaxis(a, self.axis + 1, -1) for a in arrays)
            block.state.memo[key] = tuple(
                np.ascontiguousarray(np.moveaxis(a.reshape(len(a), -1, n), 1, 0)) for a in moved
            )
        p, y = block.state.memo[key]
        return p, y, which

    def _whole(self, d: Difference, node: Node, block: Block) -> Floats:
        """Return the rule in NumPy, for changes of any size."""
        p, y = block.base(node, d, node.inputs[0])
        loss = np.zeros(d.data.shape[: self.axis] + d.data.shape[self.axis + 1 :])
        for k in range(d.data.shape[self.axis]):
            pk, yk = (np.take(t, k, axis=self.axis) for t in (p, y))
            moved = d.data - np.take(d.data, [k], axis=self.axis)
            loss -= np.where(yk == 0.0, 0.0, yk * self._log_change(p, pk, moved))
        return loss

    def _log_change(self, p: Floats, pk: Floats, moved: Floats) -> Floats:
        """Return the change of ``log(p_k + guard)`` when the other logits move by `moved`."""
        total = (p * np.expm1(np.minimum(moved, 1.0))).sum(axis=self.axis)
        near = (total > -0.5) & (moved.max(axis=self.axis) < 1.0)
        top = moved.max(axis=self.axis, keepdims=True)
        grown = (p * np.exp(moved - top)).sum(axis=self.axis, keepdims=True)
        far = (top + np.log(grown)).take(0, axis=self.axis)
        log_sum = np.where(near, np.log1p(np.where(near, total, 0.0)), far)
        if not self.guard:
            return -log_sum
        change = pk / (pk + self.guard) * np.expm1(-log_sum)
        direct = np.log((pk * np.exp(-log_sum) + self.guard) / (pk + self.guard))
        return np.where(change > -0.5, np.log1p(np.maximum(change, -0.5)), direct)


class _Elementwise(_Loss):
    """A loss per output, from tables (base, ..., targets)."""

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        d = self.moved(diffs).expanded()
        tables, which = block.tables(node, d)
        new = d.replaced(np.empty_like(d.data))
        if self.kernel(tables, which, d, new):
            return d.replaced(by_group(self.rule, d, tables, which))
        return new

    def kernel(
        self, tables: tuple[Floats, ...], which: Ints, d: Difference, new: Difference
    ) -> int:
        """Write the change for small `d`; return how many were too large. Default: none is."""
        return 1

    def rule(self, d: Floats, *tables: Floats) -> Floats:
        """Return the change for `d` of any size."""
        raise NotImplementedError


class LogitCrossEntropy(_Elementwise):
    """Binary cross-entropy from logits, ``softplus(z) - y z``."""

    def value(self, *values: Floats) -> Floats:
        z, y = values
        small = np.log1p(np.exp(-np.abs(z)))
        return np.asarray(
            y * (np.maximum(-z, 0.0) + small) + (1.0 - y) * (np.maximum(z, 0.0) + small)
        )

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        z, y = values
        pull = (1.0 - y) * logistic(z) - y * logistic(-z)
        return [cotangent * pull, np.zeros_like(y)]

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        z, y = values
        return [cotangent * (logistic(z) + np.abs(y)), np.zeros_like(y)]

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        z, y = state.inputs(node)
        return logistic(z), logistic(-z), y

    def kernel(
        self, tables: tuple[Floats, ...], which: Ints, d: Difference, new: Difference
    ) -> int:
        s, c, y = tables
        return kernels.logit_cross_entropy(s, c, y, which, d.flat, d.offsets, new.flat)

    def rule(self, d: Floats, *tables: Floats) -> Floats:
        s, c, y = tables
        return y * softplus_change(-d, c, s) + (1.0 - y) * softplus_change(d, s, c)


class BinaryCrossEntropy(_Elementwise):
    """``-y log(a + guard) - (1 - y) log(1 - a + guard)`` from probabilities a."""

    def __init__(self, guard: float = 0.0) -> None:
        self.guard = float(guard)

    def value(self, *values: Floats) -> Floats:
        a, y = values
        with np.errstate(divide="ignore"):
            yes, no = np.log(a + self.guard), np.log(1.0 - a + self.guard)
        return -np.where(y == 0.0, 0.0, y * yes) - np.where(y == 1.0, 0.0, (1.0 - y) * no)

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        up, down = self._slopes(*values)
        return [cotangent * (down - up), np.zeros_like(up)]

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        up, down = self._slopes(*values)
        return [cotangent * (np.abs(up) + np.abs(down)), np.zeros_like(up)]

    def _slopes(self, a: Floats, y: Floats) -> tuple[Floats, Floats]:
        with np.errstate(divide="ignore", invalid="ignore"):
            up = np.where(y == 0.0, 0.0, y / (a + self.guard))
            down = np.where(y == 1.0, 0.0, (1.0 - y) / (1.0 - a + self.guard))
        return up, down

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        a, y = state.inputs(node)
        source = node.inputs[0]
        if isinstance(source.op, Sigmoid):  # 1 - a has lost its digits where a is near 1
            return a, logistic(-state.inputs(source)[0]), y
        return a, 1.0 - a, y

    def kernel(
        self, tables: tuple[Floats, ...], which: Ints, d: Difference, new: Difference
    ) -> int:
        a, c, y = tables
        return kernels.binary_cross_entropy(a, c, y, which, d.flat, d.offsets, self.guard, new.flat)

    def rule(self, d: Floats, *tables: Floats) -> Floats:
        a, c, y = tables
        with np.errstate(divide="ignore", invalid="ignore"):
            up = np.log1p(d / (a + self.guard))
            down = np.log1p(-d / (c + self.guard))
        return -np.where(y == 0.0, 0.0, y * up) - np.where(y == 1.0, 0.0, (1.0 - y) * down)


class CrossEntropy(_Elementwise):
    """``-y log(p + guard)`` from probabilities p, per class."""

    def __init__(self, guard: float = 0.0) -> None:
        self.guard = float(guard)

    def value(self, *values: Floats) -> Floats:
        p, y = values
        with np.errstate(divide="ignore"):
            return -np.where(y == 0.0, 0.0, y * np.log(p + self.guard))

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        p, y = values
        with np.errstate(divide="ignore", invalid="ignore"):
            pull = np.where(y == 0.0, 0.0, y / (p + self.guard))
        return [-cotangent * pull, np.zeros_like(p)]

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        return state.inputs(node)

    def rule(self, d: Floats, *tables: Floats) -> Floats:
        p, y = tables
        with np.errstate(divide="ignore", invalid="ignore"):
            return -np.where(y == 0.0, 0.0, y * np.log1p(d / (p + self.guard)))


class KLDivergence(CrossEntropy):
    """``y log(y / q)`` from probabilities q, per class; its changes are those of cross-entropy."""

    def __init__(self) -> None:
        super().__init__()

    def value(self, *values: Floats) -> Floats:
        q, y = values
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(y == 0.0, 0.0, y * np.log(y / q))
