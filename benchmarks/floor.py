"""The least time that the probes of a case can take with the arithmetic that they need.

Counted for every probed tensor from its route (:mod:`fastcheck.graph.extent` says how many rows
its entries give rise to, and how many rows share a group):

* *elements*: results of a nonlinear function per row, by kind of function; one more per input of
  the first of them, where columns become rows (``expand``). Before that point the rows of a group
  differ only in size, and each piecewise linear function and each product that starts at one unit
  costs one element per group (``bend``, ``outer``). A softmax cross-entropy counts its classes.
* *flops* of the matrix products of rows, or of columns, each at its own shape; in a units plan
  also of the outer products that end it.
* *rows*: each enters the samples once and is added to its probe once.

The price of an element and of a row is measured in the same run with the loops of
:mod:`benchmarks.elements` on arrays that stay in the cache. That of a flop is the best
of three ways on one thread at the shape of a block: ``numpy.matmul`` with either operand first,
and the package's own product for narrow results. Not counted: forward passes, the choice of the
step, Python.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from time import thread_time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import elements
from benchmarks.timing import seconds_of
from fastcheck.graph.ops import pointwise as ops
from fastcheck.graph.ops.contraction import Contraction
from fastcheck.graph.ops.losses import BinaryCrossEntropy, SoftmaxCrossEntropy
from fastcheck.graph.repeats import find_codes
from fastcheck.kernels import products
from fastcheck.numdiff import Prober
from fastcheck.units import find_sites

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.cases import Case
    from fastcheck.graph.node import Node

CACHED = 1 << 14
"""Numbers of an array on which the price of an element is measured."""
MOST_LOCAL = 64
"""Local size above which the price of an element does not change any more."""
SHORT = 5e-3
"""Seconds that one price is measured for."""

Shape = tuple[int, int, int]


@dataclass
class Work:
    """What a case needs at least.

    Attributes
    ----------
    elements : Counter of (str, int)
        Number of elements by kind of function and local size.
    products : Counter of (int, int, int)
        Columns in all, by ``(m, k, n)``: results, summed entries and columns per product.
    rows : float
        Rows that enter samples and are added to their probes.
    """

    elements: Counter[tuple[str, int]] = field(default_factory=Counter)
    products: Counter[Shape] = field(default_factory=Counter)
    rows: float = 0.0

    @property
    def n_elements(self) -> float:
        """Elements of all kinds."""
        return float(sum(self.elements.values()))

    @property
    def flops(self) -> float:
        """Multiplications and additions of all matrix products."""
        return float(sum(2 * m * k * columns for (m, k, _), columns in self.products.items()))


def needed(case: Case) -> Work:
    """Return what `case` needs at least."""
    state = case.objective.state(case.params)
    work = Work()
    if case.plan == "exhaustive":
        for node in state.graph.params.values():
            _add_probes(work, Prober(state, node))
        return work
    for site in find_sites(state, tuple(state.graph.params)).sites:
        _add_probes(work, Prober(state, site.node))
        for name in site.paths:
            value = case.params[name]
            if value.ndim == 2:
                work.products[value.shape[0], case.n_batch, value.shape[1]] += value.shape[1]
    return work


def _add_probes(work: Work, prober: Prober) -> None:
    """Add what probing all entries of one node needs."""
    extent, route = prober.extent, prober.route
    n_rows = prober.entries().size * extent.rows_per_entry
    columns = {True: n_rows, False: n_rows / extent.group}
    single = {route.origin.index: True}  # whether a row changes one entry per sample
    by_row = {route.origin.index: False}
    work.rows += _scattered(prober, n_rows)
    for node in route.nodes:
        moved = [i for i in node.inputs if i.index in by_row]
        (source,) = moved  # dense networks: one input of each operation moves
        own = by_row[source.index]
        single[node.index] = single[source.index] and _stays_single(node, source)
        size = _local(source, single, prober)
        kind = _kind(node)
        if isinstance(node.op, Contraction):
            own = _add_product(work, prober, node, source, own, columns, single)
        elif kind == "bend":
            work.elements[kind, size] += round(columns[own] * size)
        elif kind:
            if not own:
                work.elements["expand", size] += round(n_rows * size)
            work.elements[kind, size] += round(n_rows * size)
            own = True
        by_row[node.index] = own


def _scattered(prober: Prober, n_rows: float) -> float:
    """Return how many numbers are added to probes: a row may serve several of them."""
    for node in prober.route.streamed:
        for base in node.inputs:
            if base.op is None and find_codes(prober.state, base) is not None:
                per_unit = 2 * prober.extent.samples * prober.state.share_nonzero(base)
                return (
                    max(n_rows, prober.entries().size * per_unit)
                    if prober.route.drops_rows
                    else n_rows
                )
    return n_rows


def _add_product(
    work: Work, prober: Prober, node: Node, source: Node, own: bool,
    columns: dict[bool, float], single: dict[int, bool],
) -> bool:  # fmt: skip
    """Add a matrix product; return whether its result has a column per row."""
    m, k = _local(node, single, prober), _local(source, single, prober)
    if single[source.index]:
        if source.batch_axis is not None:  # a row of the next weights for each group
            work.elements["outer", m] += round(columns[False] * m)
        return False
    n_columns = max(1, int(prober.extent.n_rows / (1.0 if own else prober.extent.group)))
    work.products[m, k, n_columns] += round(columns[own])
    return own


def _stays_single(node: Node, source: Node) -> bool:
    """Return whether one changed entry of `source` changes one entry of `node` per sample."""
    if isinstance(node.op, Contraction):
        return node.op.stays_single(node, node.inputs.index(source))
    n_batch = node.graph.n_batch or 1
    sizes = [n.size // (n_batch if n.batch_axis is not None else 1) for n in (node, source)]
    return sizes[0] <= sizes[1]


def _local(node: Node, single: dict[int, bool], prober: Prober) -> int:
    """Return how many entries of `node` one row changes in one sample."""
    if single[node.index]:
        return 1
    n_batch = prober.state.graph.n_batch or 1
    return node.size // n_batch if node.batch_axis is not None else node.size


def _kind(node: Node) -> str:
    """Return the name of a price, empty for operations that need not cost anything."""
    kinds: dict[type, str] = {
        ops.Bend: "bend", ops.Tanh: "tanh", ops.Sigmoid: "sigmoid", ops.Softplus: "softplus",
        BinaryCrossEntropy: "binary_cross_entropy",
    }  # fmt: skip
    if isinstance(node.op, SoftmaxCrossEntropy):
        return "guarded_cross_entropy" if node.op.guard else "softmax_cross_entropy"
    return kinds.get(type(node.op), "")


# ------------------------------------------------------------ prices


def least_seconds(work: Work) -> float:
    """Return the least time of `work`, from prices that are measured now."""
    total = work.rows * row_price()
    total += sum(n * element_price(*key) for key, n in work.elements.items())
    return total + sum(n * column_price(shape) for shape, n in work.products.items())


def element_price(kind: str, size: int) -> float:
    """Return the seconds of one element of a function."""
    size = min(size, MOST_LOCAL)
    changes, base, out = elements.sample(size, CACHED // size)
    return _timed(partial(elements.KINDS[kind], changes, base, out)) / changes.size


def column_price(shape: Shape) -> float:
    """Return the seconds of one column of a matrix product, one thread."""
    m, k, n = shape
    n = min(n, 4096)
    rng = np.random.default_rng(0)
    left, right, out, turned = rng.random((m, k)), rng.random((k, n)), *np.empty((2, m * n))
    out, turned = out.reshape(m, n), turned.reshape(n, m)
    ways: list[Callable[[], object]] = [
        lambda: np.matmul(left, right, out=out),
        lambda: np.matmul(right.T, left.T, out=turned),
    ]
    if m <= products.NARROW:
        ways.append(lambda: products.narrow_product(left, right, out))
    return min(_timed(way) for way in ways) / n


def row_price(n_samples: int = 8) -> float:
    """Return the seconds of one row: entering a sample, and being added to its probe."""
    rng = np.random.default_rng(0)
    n = CACHED // n_samples
    x, keys, probes = rng.random((n_samples, n)), np.arange(n), 2 * np.arange(n, dtype=np.uint32)
    return _timed(partial(elements.scatter, x, keys, probes, np.zeros(2 * n))) / x.size


def _timed(call: Callable[[], object]) -> float:
    """Return the seconds of one call, the best of three measurements."""
    call()  # compiles
    return min(seconds_of(call, SHORT, thread_time) for _ in range(3))
