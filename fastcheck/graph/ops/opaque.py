"""Any function of arrays as an operation: by its values alone, or with rules of the user's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.ops.base import Op

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Shape

LARGEST = 4096
"""Entries of the inputs of a function whose slopes are found by evaluating it."""
STEP = 2.0**-10
"""Relative size of the steps by which slopes are found."""
UNIT = 2.0**-53


class Opaque(Op):
    """A function that can only be called.

    Where no difference rule is given, changes are its slopes times the changes of the inputs, and
    the slopes are differences of fourth order: good to about 1e-12, which the bound accounts for.

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
    ) -> None:
        self.function = function
        self.n_inputs = n_inputs
        self.result_shape = tuple(shape)
        self.rule = difference
        self.backward = vjp
        self.independent = independent
        self.name = name or getattr(function, "__name__", "function")
        self._found: tuple[bytes, list[Floats], float] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_found": None}

    def shape(self, *shapes: Shape) -> Shape:
        size = sum(math.prod(shape) for shape in shapes)
        if size > LARGEST and (self.rule is None or self.backward is None):
            raise InputError(
                f"`{self.name}` must have difference= and vjp=, as its inputs have {size} entries, "
                f"more than the {LARGEST} whose slopes can be found by calling it"
            )
        return self.result_shape

    def value(self, *values: Floats) -> Floats:
        result = np.asarray(self.function(*values), dtype=np.float64)
        if result.shape != self.result_shape:
            raise InputError(
                f"`{self.name}` must return shape {self.result_shape} as before, got {result.shape}"
            )
        return result

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        axes = {node.batch_axis for node in inputs if node.batch_axis is not None}
        if self.independent and len(axes) == 1:
            return axes.pop(), False
        return super().batch(inputs, shape)

    # ------------------------------------------------------------ slopes

    def slopes(self, values: tuple[Floats, ...]) -> list[Floats]:
        """Return the derivative of each entry of the result, shape (n_out, n_in) for each input."""
        return self._slopes(values)[1]

    def coarseness(self, values: tuple[Floats, ...]) -> float:
        if self.rule is not None:
            return 1.0
        return max(self._slopes(values)[2] / UNIT, 1.0)

    def _slopes(self, values: tuple[Floats, ...]) -> tuple[bytes, list[Floats], float]:
        key = b"".join(value.tobytes() for value in values)
        if self._found is None or self._found[0] != key:
            found, error = [], 0.0
            for i, value in enumerate(values):
                slope, relative = self._slope_of(i, value, values)
                found.append(slope)
                error = max(error, relative)
            self._found = key, found, error
        return self._found

    def _slope_of(self, i: int, value: Floats, values: tuple[Floats, ...]) -> tuple[Floats, float]:
        """Return the slopes with respect to input `i`, and their relative error."""
        moved = value.copy()
        flat = moved.reshape(-1)
        inputs = [moved if k == i else v for k, v in enumerate(values)]
        fourth = np.empty((math.prod(self.result_shape), value.size))
        second = np.empty_like(fourth)
        typical = float(np.sqrt(np.mean(value * value))) if value.size else 0.0
        largest, least = 0.0, np.inf
        for j in range(flat.size):
            kept = flat[j]
            h = 2.0 ** np.floor(np.log2(STEP * max(abs(kept), typical, 1e-3)))
            results = []
            for k in (-2.0, -1.0, 1.0, 2.0):
                flat[j] = kept + k * h
                results.append(self.value(*inputs).reshape(-1))
            flat[j] = kept
            near, far = results[2] - results[1], results[3] - results[0]
            second[:, j] = near / (2.0 * h)
            fourth[:, j] = (8.0 * near - far) / (12.0 * h)
            largest = max(largest, float(np.abs(results[1]).max(initial=0.0)))
            least = min(least, h)
        scale = float(np.abs(fourth).max(initial=0.0)) or 1.0
        truncation = float(np.abs(fourth - second).max(initial=0.0)) / scale
        noise = 4.0 * UNIT * largest / (least * scale) if flat.size else 0.0
        return fourth, truncation**2 + noise

    # ------------------------------------------------------------ rules

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        if self.backward is not None:
            parts = self.backward(cotangent, *values)
            parts = parts if isinstance(parts, tuple | list) else [parts]
            return [np.asarray(part, dtype=np.float64) for part in parts]
        g = cotangent.reshape(-1)
        return [
            (g @ slope).reshape(value.shape)
            for slope, value in zip(self.slopes(values), values, strict=True)
        ]

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        if self.backward is not None:
            return super().vjp_abs(cotangent, values, output)
        g = cotangent.reshape(-1)
        return [
            (g @ np.abs(slope)).reshape(value.shape)
            for slope, value in zip(self.slopes(values), values, strict=True)
        ]

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        full = [
            None if d is None else d.unpinned(source.shape)
            for d, source in zip(diffs, node.inputs, strict=True)
        ]
        first = next(d for d in full if d is not None)
        if self.rule is not None:
            return first.replaced(self._by_rule(node, full, first, block))
        values = block.state.inputs(node)
        total = np.zeros((math.prod(self.result_shape), first.rows.size))
        for d, slope, source in zip(full, self.slopes(values), node.inputs, strict=True):
            if d is not None:
                total += slope @ _whole_batch(d, source)
        return first.replaced(self._local(node, first, total))

    def _local(self, node: Node, d: Difference, total: Floats) -> Floats:
        """Return the change with the local axes of the result."""
        data = total.reshape(*node.shape, -1)
        if d.samples is None or node.batch_axis is None:
            return data
        sample = d.per_column(d.samples)
        moved = np.moveaxis(data, node.batch_axis, 0)[sample, ..., np.arange(sample.size)]
        return np.ascontiguousarray(np.expand_dims(np.moveaxis(moved, 0, -1), node.batch_axis))

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
        found = np.asarray(self.rule(*changes, *bases), dtype=np.float64)
        return np.ascontiguousarray(np.broadcast_to(found, (*local, first.rows.size)))


def _whole_batch(d: Difference, source: Node) -> Floats:
    """Return the changes of all entries of `source`, shape (entries, rows)."""
    axis = source.batch_axis
    if d.samples is None or axis is None:
        return d.flat
    whole = np.zeros((*source.shape, d.rows.size))
    taken = np.take(d.data, 0, axis=axis)
    rows = np.arange(d.rows.size)
    np.moveaxis(whole, axis, 0)[d.per_column(d.samples), ..., rows] = np.moveaxis(taken, -1, 0)
    return whole.reshape(-1, d.rows.size)
