"""What the probes of a case compute, counted while some of them run."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.timing import seconds_of
from fastcheck.graph.ops.contraction import Contraction
from fastcheck.graph.ops.shape import Reshape
from fastcheck.numdiff import Prober, settle_step
from fastcheck.units import find_sites

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Case
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.graph import Graph
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Op

N_CHUNKS = 3
"""Chunks per probed tensor that are counted."""


@dataclass
class Tally:
    """Multiplications and additions of products, and elements of all other results."""

    flops: float = 0.0
    elements: float = 0.0

    def note(self, node: Node, inputs: tuple[Difference | None, ...], change: Difference) -> None:
        """Count one operation; what only looks at data that exist counts nothing."""
        if isinstance(node.op, Contraction):
            self.flops += 2.0 * change.data.size * _summed(node, inputs)
        elif not isinstance(node.op, Reshape) and not any(d is change for d in inputs):
            self.elements += change.data.size

    def add(self, other: Tally, times: float) -> None:
        """Add `other` so many times."""
        self.flops += times * other.flops
        self.elements += times * other.elements


def counted(case: Case) -> Tally:
    """Return what the plan of `case` computes, from some chunks of each probed tensor."""
    state = case.objective.state(case.params)
    params = state.graph.params
    if case.plan == "exhaustive":
        probers = [Prober(state, node) for node in params.values()]
    else:
        plan = find_sites(state, params)
        probers = [Prober(state, site.node) for site in plan.sites]
        probers += [Prober(state, params[k], None, blocked) for k, blocked in plan.direct.items()]
    total = Tally()
    for prober in probers:
        settle_step(prober)
        chunks = prober.chunks(prober.entries())
        if not chunks:
            continue
        some = sorted({int(k) for k in np.linspace(0, len(chunks) - 1, N_CHUNKS)})
        with _counting(state.graph) as tally:
            for k in some:
                prober.probe(chunks[k][1])
        n_counted = sum(chunks[k][1].size for k in some)
        total.add(tally, sum(chunk.size for _, chunk in chunks) / n_counted)
    return total


@contextmanager
def _counting(graph: Graph) -> Iterator[Tally]:
    """Count what every operation of `graph` computes."""
    tally = Tally()
    kinds = {type(node.op) for node in graph.nodes if node.op is not None}
    originals = {kind: kind.difference for kind in kinds}

    def wrapped(kind: type[Op]) -> Any:
        def difference(op: Op, node: Node, inputs: Any, block: Any) -> Difference | None:
            change = originals[kind](op, node, inputs, block)
            if change is not None:
                tally.note(node, inputs, change)
            return change

        return difference

    try:
        for kind in kinds:
            kind.difference = wrapped(kind)
        yield tally
    finally:
        for kind, original in originals.items():
            kind.difference = original


def _summed(node: Node, inputs: tuple[Difference | None, ...]) -> int:
    """Return over how many entries a product sums, where the changing operand is not pinned."""
    found = 1
    assert isinstance(node.op, Contraction)
    for letters, source, d in zip(node.op.letters, node.inputs, inputs, strict=True):
        if d is not None:
            free = [
                n for a, (k, n) in enumerate(zip(letters, source.shape, strict=True))
                if k not in node.op.out and a not in d.pins
                and not (d.samples is not None and a == source.batch_axis)
            ]  # fmt: skip
            found = max(found, math.prod(free))
    return found


def speeds() -> tuple[float, float]:
    """Return the seconds of a flop in a large product, and of an element in the cache."""
    a, b = np.ones((512, 512)), np.ones((512, 512))
    out = np.empty((512, 512))
    product = seconds_of(lambda: np.matmul(a, b, out=out), 0.3) / (2 * 512**3)
    x, y, z = (np.ones(1 << 12) for _ in range(3))
    element: Any = seconds_of(lambda: [np.multiply(x, y, out=z) for _ in range(50)], 0.1)
    return product, element / (50 * (1 << 12))
