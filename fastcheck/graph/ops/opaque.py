"""Any function of arrays as an operation: by its values alone, or with rules of the user's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph import memory
from fastcheck.graph.ops.base import Op
from fastcheck.graph.ops.slopes import Slopes, find_noise, find_slopes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Shape
    from fastcheck.graph.state import State

LARGEST = 4096
"""Entries of the inputs of a function (of one sample) whose slopes are found by evaluating it."""


class Opaque(Op):
    """A function that can only be called.

    Where no difference rule is given, changes are its slopes times the changes of the inputs. The
    slopes are differences of fourth order, each with a bound on its error: near 1e-12 for a smooth
    function (:mod:`fastcheck.graph.ops.slopes`).

    Parameters
    ----------
    function : callable
        ``function(*arrays)`` returns an array of float64.
    n_inputs : int
        How many arrays it takes.
    shape : tuple of int
        Shape of the result.
    difference : callable, optional
        ``difference(*changes, *arrays)`` returns the change of the result. All have one more axis,
        the last: one column per probe for the changes and the result, of length 1 for the arrays.
    vjp : callable, optional
        ``vjp(cotangent, *arrays)`` returns the cotangents of all inputs.
    independent : bool
        Whether each sample of the result depends on the same sample of the inputs only, along one
        axis of all of them.
    name : str
        For messages.
    sample_axes : sequence of (int or None), optional
        Where the samples of each input of an independent function lie. Slopes are then found for
        all samples at once.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        n_inputs: int,
        shape: Shape,
        *,
        difference: Callable[..., Any] | None = None,
        vjp: Callable[..., Any] | None = None,
        independent: bool = False,
        name: str = "",
        sample_axes: Sequence[int | None] | None = None,
    ) -> None:
        self.function = function
        self.n_inputs = n_inputs
        self.result_shape = tuple(shape)
        self.rule = difference
        self.backward = vjp
        self.independent = independent
        self.name = name or getattr(function, "__name__", "function")
        self.sample_axes = sample_axes
        self.is_numerical = vjp is None
        self._found: tuple[bytes, list[Slopes], Floats] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_found": None}

    def shape(self, *shapes: Shape) -> Shape:
        if not self.independent:
            self._check_size(sum(math.prod(shape) for shape in shapes))
        return self.result_shape

    def _check_size(self, size: int, of: str = "") -> None:
        if size > LARGEST and (self.rule is None or self.backward is None):
            raise InputError(
                f"`{self.name}` must have difference= and vjp=, as its inputs have {size} entries"
                f"{of}, more than the {LARGEST} whose slopes can be found by calling it; "
                "independent=True, if samples stay apart, counts those of one sample"
            )

    def value(self, *values: Floats) -> Floats:
        result = np.asarray(self.function(*(v.copy() for v in values)), dtype=np.float64)
        if result.shape != self.result_shape:
            raise InputError(
                f"`{self.name}` must return shape {self.result_shape} as before, got {result.shape}"
            )
        return result

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        axis = self._sample_axis([node.batch_axis for node in inputs])
        return super().batch(inputs, shape) if axis is None else (axis, False)

    def _sample_axis(self, axes: Sequence[int | None] | None) -> int | None:
        """Return the axis of samples in the result and in all inputs that have one, or None."""
        found = {a for a in axes or () if a is not None}
        if not self.independent or len(found) != 1:
            return None
        (axis,) = found
        return axis if axis < len(self.result_shape) else None

    # ------------------------------------------------------------ slopes

    def slopes(self, values: tuple[Floats, ...]) -> list[Slopes]:
        """Return the derivatives with respect to each input, computed once for a point."""
        return self._known(values)[0]

    def _known(self, values: tuple[Floats, ...]) -> tuple[list[Slopes], Floats]:
        """Return the slopes, and the noise of the result."""
        key = b"".join(value.tobytes() for value in values)
        if self._found is None or self._found[0] != key:
            out = self._sample_axis(self.sample_axes)
            axes = self.sample_axes if out is not None else None
            with np.errstate(all="ignore"):  # far from the point, or at the edge of the domain
                error = find_noise(self.value, values)
                noise = by_sample(error, out)
                of_one = sum(by_sample(v, a).shape[1] for v, a in self._placed(values, axes))
                self._check_size(of_one, "" if out is None else " for each sample")
                found = [
                    find_slopes(self._seen_from(i, a, out, values), by_sample(v, a), noise)
                    for i, (v, a) in enumerate(self._placed(values, axes))
                ]
            self._found = key, found, error
        return self._found[1:]

    def _placed(
        self, values: tuple[Floats, ...], axes: Sequence[int | None] | None
    ) -> list[tuple[Floats, int | None]]:
        return list(zip(values, axes or [None] * len(values), strict=True))

    def _seen_from(
        self, i: int, axis: int | None, out: int | None, values: tuple[Floats, ...]
    ) -> Callable[[Floats], Floats]:
        """Return the function of input `i` alone, its argument and result by sample."""

        def function(x: Floats) -> Floats:
            inputs = list(values)
            inputs[i] = whole(x, values[i].shape, axis)
            return by_sample(self.value(*inputs), out)

        return function

    def _slopes_at(self, node: Node, state: State) -> list[Slopes]:
        """Return the slopes, of each sample where `node` has samples."""
        key = ("slopes", node.index)
        if key not in state.memo:
            found = self.slopes(state.inputs(node))
            axis = node.batch_axis
            if axis is not None and self._sample_axis(self.sample_axes) is None:
                found = [
                    s.taken_apart(node.shape, axis, source.shape, source.batch_axis)
                    for s, source in zip(found, node.inputs, strict=True)
                ]
            state.memo[key] = found
        slopes: list[Slopes] = state.memo[key]
        return slopes

    def gain(self, node: Node, i: int, state: State, single: bool) -> float | None:
        if self.rule is not None:
            return None
        size = np.abs(self._slopes_at(node, state)[i].value)
        largest = float((size if single else size.sum(axis=2)).max(initial=0.0))
        return largest if math.isfinite(largest) else 1.0

    # ------------------------------------------------------------ rules

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        if self.backward is not None:
            parts = self.backward(*map(_unwritable, (cotangent, *values)))
            parts = parts if isinstance(parts, tuple | list) else [parts]
            return [np.asarray(part, dtype=np.float64) for part in parts]
        return self._pulled(cotangent, values, [s.value for s in self.slopes(values)])

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        if self.backward is not None:
            return super().vjp_abs(cotangent, values, output)
        return self._pulled(cotangent, values, [np.abs(s.value) for s in self.slopes(values)])

    def vjp_error(self, cotangent: Floats, values: tuple[Floats, ...]) -> list[Floats] | None:
        if self.rule is not None:
            return None
        return self._pulled(cotangent, values, [s.error for s in self.slopes(values)])

    def value_error(self, values: tuple[Floats, ...]) -> Floats | None:
        return None if self.rule is not None else self._known(values)[1]

    def _pulled(
        self, cotangent: Floats, values: tuple[Floats, ...], tables: Sequence[Floats]
    ) -> list[Floats]:
        out = self._sample_axis(self.sample_axes)
        axes = self.sample_axes if out is not None else None
        g = by_sample(cotangent, out)
        found = []
        for (value, axis), table in zip(self._placed(values, axes), tables, strict=True):
            part = np.einsum("bo,boi->bi", g, table)
            if out is not None and axis is None:
                part = part.sum(axis=0, keepdims=True)
            found.append(whole(part, value.shape, axis))
        return found

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        full = [
            None if d is None else self._entered(node, d.unpinned(source.shape), block)
            for d, source in zip(diffs, node.inputs, strict=True)
        ]
        first = next(d for d in full if d is not None)
        if self.rule is not None:
            return first.replaced(self._by_rule(node, full, first, block))
        slopes = self._slopes_at(node, block.state)
        apply = self._in_samples if first.samples is not None else self._in_batch
        total: Floats | None = None
        flags = np.zeros(first.rows.size, np.uint8)
        for d, s, source in zip(full, slopes, node.inputs, strict=True):
            if d is not None:
                change = apply(node, d, s, source, flags)
                total = change if total is None else total + change
        if flags.any():
            first.rows.mark(flags, block.kink)
        assert total is not None
        return first.replaced(total)

    def _entered(self, node: Node, d: Difference, block: Block) -> Difference:
        return block.spread(d).coarse() if block.enters(node, d) else d

    def _in_samples(
        self, node: Node, d: Difference, s: Slopes, source: Node, flags: NDArray[np.uint8]
    ) -> Floats:
        """Return the change of the sample that each row belongs to; flag rows at a kink."""
        assert d.samples is not None
        out = memory.empty((s.value.shape[1], d.rows.size))
        for b, lo, hi in zip(d.samples, d.offsets[:-1], d.offsets[1:], strict=True):
            moved = d.flat[:, lo:hi]
            out[:, lo:hi] = s.change(moved, b)
            if s.jump is not None:
                flags[lo:hi] |= moved[s.kinked(b)].any(axis=0)
        local = tuple(1 if a == node.batch_axis else n for a, n in enumerate(node.shape))
        return out.reshape(*local, d.rows.size)

    def _in_batch(
        self, node: Node, d: Difference, s: Slopes, source: Node, flags: NDArray[np.uint8]
    ) -> Floats:
        """Return the change of the whole batch; flag rows at a kink."""
        apart = s.value.shape[0] > 1
        axis = source.batch_axis if apart else None
        moved = d.flat[None] if axis is None else np.moveaxis(d.data, axis, 0)
        moved = moved.reshape(moved.shape[0], -1, d.rows.size)
        parts = []
        for b in range(s.value.shape[0]):
            here = moved[b if axis is not None else 0]
            parts.append(s.change(here, b))
            if s.jump is not None:
                flags |= here[s.kinked(b)].any(axis=0)
        shape = (*node.shape, d.rows.size)
        return whole(np.stack(parts), shape, node.batch_axis if apart else None)

    def _by_rule(
        self, node: Node, full: list[Difference | None], first: Difference, block: Block
    ) -> Floats:
        assert self.rule is not None
        values = block.state.inputs(node)
        changes, bases = [], []
        for d, source, value in zip(full, node.inputs, values, strict=True):
            base = value[..., None]
            if first.samples is not None and source.batch_axis is not None:
                sample = first.per_column(first.samples)
                base = np.moveaxis(np.take(value, sample, axis=source.batch_axis),
                                   source.batch_axis, -1)  # fmt: skip
                base = np.expand_dims(base, source.batch_axis)
            bases.append(base)
            shape = (*base.shape[:-1], first.rows.size)
            changes.append(np.zeros(shape) if d is None else d.data)
        local = tuple(
            1 if first.samples is not None and a == node.batch_axis else n
            for a, n in enumerate(node.shape)
        )
        found = np.asarray(self.rule(*map(_unwritable, (*changes, *bases))), dtype=np.float64)
        return np.ascontiguousarray(np.broadcast_to(found, (*local, first.rows.size)))


def _unwritable(array: Floats) -> Floats:
    view = array.view()
    view.flags.writeable = False
    return view


def by_sample(value: Floats, axis: int | None) -> Floats:
    """Return `value` with samples first and all else joined; one sample where `axis` is None."""
    if axis is None:
        return value.reshape(1, -1)
    return np.moveaxis(value, axis, 0).reshape(value.shape[axis], -1)


def whole(parts: Floats, shape: Shape, axis: int | None) -> Floats:
    """Return `parts`, which has samples first, as an array of `shape`."""
    if axis is None:
        return parts.reshape(shape)
    rest = shape[:axis] + shape[axis + 1 :]
    return np.ascontiguousarray(np.moveaxis(parts.reshape(shape[axis], *rest), 0, axis))
