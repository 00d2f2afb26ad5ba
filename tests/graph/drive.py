"""Drives the engine without what stands above it, and sends any change through one operation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from fastcheck.graph import Graph, Node
from fastcheck.graph.block import Block
from fastcheck.graph.difference import Difference, Rows
from fastcheck.graph.ops import pointwise as pointwise_ops
from fastcheck.graph.route import find_alive, find_route, step_for
from fastcheck.graph.run import run_chunk
from fastcheck.graph.state import State
from fastcheck.kernels import (
    extremes,
    losses,
    moments,
    moves,
    pointwise,
    products,
    rows,
    softmax,
)

UNIT = 2.0**-53
CHANGE = 2.0**-24
KERNEL_MODULES = (rows, pointwise, losses, products, moves, softmax, moments, extremes)


@dataclass
class Found:
    """What the probes of all entries of a node gave, in the shape of the node."""

    values: np.ndarray
    plus: np.ndarray
    minus: np.ndarray
    kink: np.ndarray
    step: float
    coupled: bool


def probe(
    graph: Graph,
    params: Mapping[str, np.ndarray],
    node: Node,
    *,
    step: float | None = None,
    change: float = CHANGE,
    chunk: int = 1 << 30,
    n_rows: int = 4096,
    prune: bool = True,
) -> Found:
    """Probe every entry of `node`; ``prune=False`` leaves nothing out that cannot matter."""
    state = State(graph, params)
    route = find_route(node)
    chosen, reach = step_for(route, state, change)
    step = chosen if step is None else step
    alive = find_alive(route, state, 2 * step * reach) if prune and route.streamed else {}
    entries = np.arange(node.size)
    if node.batch_axis is not None:
        moved = np.moveaxis(entries.reshape(node.shape), node.batch_axis, 0)
        entries = np.ascontiguousarray(moved).reshape(-1)
    plus, minus = np.empty(node.size), np.empty(node.size)
    kink = np.empty(node.size, bool)
    for lo in range(0, node.size, chunk):
        some = entries[lo : lo + chunk]
        outcome = run_chunk(state, route, some, step, n_rows, alive)
        plus[some], minus[some] = outcome.change[0::2], outcome.change[1::2]
        kink[some] = outcome.kink
    plus, minus, kink = (a.reshape(node.shape) for a in (plus, minus, kink))
    return Found((plus - minus) / (2 * step), plus, minus, kink, step, route.coupled)


def derivatives(
    graph: Graph, params: Mapping[str, np.ndarray], **settings: Any
) -> dict[str, np.ndarray]:
    """Return the central differences with respect to all parameters."""
    return {
        name: probe(graph, params, node, **settings).values for name, node in graph.params.items()
    }


def worst(found: np.ndarray, truth: np.ndarray, above: float = 1e-4) -> float:
    """Return the worst relative error over entries above `above` of the largest."""
    found, truth = np.asarray(found), np.asarray(truth)
    size = np.abs(truth)
    matters = size > above * size.max()
    assert matters.any()
    return float((np.abs(found - truth)[matters] / size[matters]).max())


def worst_of(found: Mapping[str, Any], truth: Mapping[str, Any], above: float = 1e-4) -> float:
    """Return the worst of :func:`worst` over tensors."""
    assert found.keys() == truth.keys()
    return max(worst(found[name], truth[name], above) for name in truth)


def distance(found: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Return the largest difference, relative to the largest entry of all."""
    scale = max(float(np.abs(a).max(initial=0.0)) for a in other.values())
    gap = max(float(np.abs(found[k] - other[k]).max(initial=0.0)) for k in other)
    return gap / scale if scale else gap


def sent(node: Node, params: Mapping[str, np.ndarray], *changes: np.ndarray | None) -> np.ndarray:
    """Return the change of `node` when its inputs change by `changes`, one row per column.

    Each change has the shape of the input and one last axis; None where an input stays.
    """
    state = State(node.graph, params)
    n = next(c.shape[-1] for c in changes if c is not None)
    ends = np.array([0, n])
    table = Rows(np.arange(n, dtype=np.int32), n, None, ends)
    diffs = tuple(
        None if c is None else Difference(np.ascontiguousarray(c), table, ends, {}) for c in changes
    )
    assert node.op is not None
    out = node.op.difference(node, diffs, Block(state, np.zeros(n, np.uint8)))
    assert out is not None
    return out.unpinned(node.shape).data


def plain(kernel: Any) -> Any:
    """Return a kernel as plain Python."""
    return getattr(kernel, "py_func", kernel)


@contextmanager
def interpreted() -> Iterator[None]:
    """Let operations use all kernels as plain Python."""
    with pytest.MonkeyPatch.context() as patch:
        for module in KERNEL_MODULES:
            for name, kernel in vars(module).items():
                if hasattr(kernel, "py_func"):
                    patch.setattr(module, name, plain(kernel))
        for op in (pointwise_ops.Tanh, pointwise_ops.Sigmoid, pointwise_ops.Softplus):
            patch.setattr(op, "kernel", staticmethod(plain(op.kernel)))
        yield
