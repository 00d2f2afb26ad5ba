"""Which axes of a graph count samples.

Axes that an operation keeps apart are one and the same in its inputs and its result. The classes of
axes found in this way are independent of each other unless an operation mixes along them or a
parameter lies along them; what is left over counts samples, or anything that may be treated so.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastcheck.graph.ops.base import EntryByEntry
from fastcheck.graph.ops.contraction import Contraction
from fastcheck.graph.ops.move import Move
from fastcheck.graph.route import find_route

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fastcheck.graph.graph import Graph
    from fastcheck.graph.node import Node

Axis = tuple[int, int]
"""Index of a node, and one of its axes."""

MOST_TRIED = 4
"""So many classes are tried out, those that span most of the graph first."""


@dataclass(frozen=True)
class _Seen:
    """What an operation is asked about: an input, as if its samples lay along one axis."""

    shape: tuple[int, ...]
    batch_axis: int | None

    @property
    def ndim(self) -> int:
        return len(self.shape)


@dataclass
class AxisClasses:
    """Axes that are one and the same, by union and find."""

    parent: dict[Axis, Axis] = field(default_factory=dict)
    mixed: set[Axis] = field(default_factory=set)
    doubtful: set[Axis] = field(default_factory=set)

    def find(self, axis: Axis) -> Axis:
        """Return the representative of the class of `axis`."""
        path = []
        while self.parent.setdefault(axis, axis) != axis:
            path.append(axis)
            axis = self.parent[axis]
        for one in path:
            self.parent[one] = axis
        return axis

    def join(self, one: Axis, other: Axis) -> None:
        """Put both into one class."""
        self.parent[self.find(one)] = self.find(other)

    def members(self) -> dict[Axis, list[Axis]]:
        """Return the classes along which nothing mixes, by representative."""
        bad = {self.find(axis) for axis in self.mixed}
        found: dict[Axis, list[Axis]] = {}
        for axis in list(self.parent):
            root = self.find(axis)
            if root not in bad:
                found.setdefault(root, []).append(axis)
        return {
            root: axes for root, axes in found.items() if len({n for n, _ in axes}) == len(axes)
        }


def label_samples(graph: Graph, wanted: int | None = None) -> bool:
    """Find the axes that count samples and declare them on `graph`; return whether there are any.

    Parameters
    ----------
    graph : Graph
        Its leaves have no sample axis yet.
    wanted : int, optional
        How many samples there are, where that is known.
    """
    classes = axis_classes(graph.nodes)
    candidates = [
        axes
        for axes in classes.members().values()
        if wanted in (None, _length(graph, axes)) and _length(graph, axes) > 1
    ]
    doubtful = {classes.find(axis) for axis in classes.doubtful}
    sure = [axes for axes in candidates if classes.find(axes[0]) not in doubtful]
    candidates = sorted(sure or candidates, key=lambda axes: (-len(axes), min(axes)))
    best, least = None, len(graph.params) + 1
    for axes in candidates[:MOST_TRIED]:
        _label(graph, axes)
        coupled = sum(find_route(node).coupled for node in graph.params.values())
        if coupled < least:
            best, least = axes, coupled
    if best is None:
        return False
    _label(graph, best)
    return True


def _length(graph: Graph, axes: list[Axis]) -> int:
    index, axis = axes[0]
    return graph.nodes[index].shape[axis]


def axis_classes(nodes: Iterable[Node]) -> AxisClasses:
    """Return which axes are one and the same, and along which an operation mixes."""
    classes = AxisClasses()
    for node in nodes:
        for axis in _long(node):
            classes.find((node.index, axis))
            if node.is_param:
                classes.mixed.add((node.index, axis))
        if node.op is not None:
            for one, other in _related(node, classes):
                classes.join(one, other)
            if isinstance(node.op, Move) and all(i.is_param for i in node.inputs):
                _doubt(node, node.op, classes)
    return classes


def _doubt(node: Node, op: Move, classes: AxisClasses) -> None:
    """Note axes that lie along a parameter which the code keeps in another shape."""
    if op.is_injective:
        classes.doubtful.update((node.index, axis) for axis in _long(node))


def _long(node: Node) -> list[int]:
    return [a for a, n in enumerate(node.shape) if n > 1]


def _related(node: Node, classes: AxisClasses) -> Iterator[tuple[Axis, Axis]]:
    """Yield pairs of axes that are one and the same; note the axes that mix."""
    op = node.op
    assert op is not None
    if isinstance(op, EntryByEntry):
        yield from _broadcast(node)
    elif isinstance(op, Contraction):
        yield from _letters(node, op)
    elif isinstance(op, Move) and node.size == 1:  # picks one sample; loops have thousands
        classes.mixed.update((s.index, axis) for s in node.inputs for axis in _long(s))
    else:
        for i, source in enumerate(node.inputs):
            for axis in _long(source):
                yield from _asked(node, i, axis, classes)


def _broadcast(node: Node) -> Iterator[tuple[Axis, Axis]]:
    for source in node.inputs:
        shift = node.ndim - source.ndim
        for axis in _long(source):
            yield (source.index, axis), (node.index, axis + shift)


def _letters(node: Node, op: Contraction) -> Iterator[tuple[Axis, Axis]]:
    first: dict[str, Axis] = {}
    operands = [(node, op.out), *zip(node.inputs, op.letters, strict=True)]
    for operand, letters in operands:
        for axis in _long(operand):
            here = (operand.index, axis)
            yield here, first.setdefault(letters[axis], here)


def _asked(node: Node, i: int, axis: int, classes: AxisClasses) -> Iterator[tuple[Axis, Axis]]:
    """Ask the operation what becomes of samples along `axis` of input `i`."""
    assert node.op is not None
    shape = node.inputs[i].shape
    alike = [source.shape == shape for source in node.inputs]
    seen = tuple(
        _Seen(source.shape, axis if same else None)
        for source, same in zip(node.inputs, alike, strict=True)
    )
    place, mixes = node.op.batch(seen, node.shape)  # type: ignore[arg-type]
    here = (node.inputs[i].index, axis)
    if mixes and place is None:
        classes.mixed.add(here)
    elif place is not None:
        yield here, (node.index, place)
        for source, same in zip(node.inputs, alike, strict=True):
            if same:
                yield here, (source.index, axis)


def _label(graph: Graph, axes: list[Axis]) -> None:
    """Declare that samples lie along `axes`, and along no others."""
    where = dict(axes)
    graph.n_batch = _length(graph, axes)
    for node in graph.nodes:
        if node.op is None:
            node.batch_axis = where.get(node.index)
            continue
        if isinstance(node.op, Move):
            node.op = copy(node.op)
            node.op.batch_axis = where.get(node.index)
        node.batch_axis, node.mixes = node.op.batch(node.inputs, node.shape)
