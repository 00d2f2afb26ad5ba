"""From a gradient that is wrong along a direction to the entries and boxes that are wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.directions.boxes import Box, next_axis
from fastcheck.directions.decode import find_index
from fastcheck.directions.edges import edge_of
from fastcheck.directions.known import Known
from fastcheck.directions.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from fastcheck.directions.reading import Move, Oracle, Single

    Floats = NDArray[np.float64]
    Index = tuple[int, ...]

N_SILENT = 2
"""Independent directions in a row that must be silent before nothing more is looked for."""
MOST_PROBES = 512
"""After so many probes the search ends, silent or not."""
MOST_LOCATED = 32
"""Single wrong entries of a tensor after which no more are looked for in it."""
MOST_FUTILE = 3
"""Loud directions in a row that lead to nothing, after which the search ends."""
DENSE = 4
"""Random entries of a box that must be wrong, before two are right, for the box to be named."""
CLEAR = 3.0
"""Signal over tolerance from which an inferred reading needs no probe of its own."""
GROWN = 4.0
"""How many times the tolerance of a probe an inferred one may have."""
FAINT = 0.05
"""Part of the errors of examples, and of the gradient there, that need not show."""


@dataclass(slots=True)
class Node:
    """Boxes with a loud reading.

    Attributes
    ----------
    boxes : list of Box
        Several of different tensors, or one.
    reading : Reading
        Of the direction within them.
    is_new : bool
        Whether its wrong entries were not looked at together before.
    axis : int
        Along which one box is split.
    """

    boxes: list[Box]
    reading: Reading
    is_new: bool = True
    axis: int = 0


class Search:
    """Adaptive group testing for wrong entries, structure first.

    Parameters
    ----------
    oracle : Oracle
        Gives directional derivatives of the error.
    shapes : mapping of str to tuple of int
        Of the tensors.
    seed : int
        Seed of the directions.
    analytic : mapping of str to ndarray, optional
        The gradient; entries that are zero are no examples of a box if there are others.
    is_late : callable, optional
        Whether time is up.
    keep : callable, optional
        Called with each wrong entry as it is found.

    Attributes
    ----------
    known : Known
        What was probed, and what is wrong.
    stopped : set of str
        Tensors in which more is wrong than was looked for.
    loud : dict of str to Reading
        Tensors that are wrong along a direction, without anything found that would explain it.
    tolerance : float
        Of the least certain of the last silent readings, in units of the loss; NaN if there is
        none.

    Notes
    -----
    A direction has weights ``±U[1/2, 3/2]``, with which no two errors cancel exactly. What is loud
    is split: tensors into halves, then boxes along one axis after the other, and one half of each
    pair is inferred from the whole. Wherever a box holds other wrong entries than before, it is
    first tried to read off indices by ratios (:func:`find_index`): if all axes give one, it is a
    single wrong entry; if some do, a row or another slice. If none does, a few random entries tell
    whether all of the box is wrong. Each entry is confirmed on its own. All ends when two fresh
    directions without what was found are silent.

    Cost in probes, for k single wrong entries among N: between 5 k and ``k log2(N/k) + 5 k``,
    depending on how far they stand out.

    References
    ----------
    Hwang, A method for detecting all defective members in a population by group testing, J. Am.
    Stat. Assoc. 67 (1972) 605-608. Aldridge, Johnson, Scarlett, Group testing: an information
    theory perspective, Found. Trends Commun. Inf. Theory 15 (2019) 196-392.
    """

    def __init__(
        self,
        oracle: Oracle,
        shapes: Mapping[str, tuple[int, ...]],
        seed: int = 0,
        *,
        analytic: Mapping[str, Floats] | None = None,
        is_late: Callable[[], bool] = lambda: False,
        keep: Callable[[str, Index, Single], None] = lambda *_: None,
    ) -> None:
        self.oracle = oracle
        self.shapes = dict(shapes)
        self.analytic = analytic
        self.is_late = is_late
        self.keep = keep
        self.rng = np.random.default_rng([seed, 17])
        self.known = Known()
        self.stopped: set[str] = set()
        self.loud: dict[str, Reading] = {}
        self.tolerance = np.nan
        self.direction: dict[str, Floats] = {}
        self.stack: list[Node] = []

    def exclude(self, name: str, index: Index) -> None:
        """Probe an entry on its own, and leave it out of all directions."""
        self.known.excluded.add((name, index))
        self._probed(name, index)

    # ------------------------------------------------------------ rounds

    def run(self, names: list[str]) -> None:
        """Find what is wrong in some tensors."""
        n_silent = n_futile = 0
        self.tolerance = 0.0
        while n_silent < N_SILENT and n_futile < MOST_FUTILE and self._may_go_on():
            active = [name for name in names if name not in self.stopped]
            if not active:
                return
            reading = self._drawn(active)
            if not reading.is_loud:
                n_silent += 1
                self.tolerance = max(self.tolerance, reading.tolerance)
                continue
            n_silent, self.tolerance, before = 0, 0.0, self.known.n_named
            self.stack = [Node([self._whole(name) for name in active], reading)]
            self._descend()
            n_futile = 0 if self.known.n_named > before else n_futile + 1
        if n_silent < N_SILENT:
            self._attribute([name for name in names if name not in self.stopped])

    def _may_go_on(self) -> bool:
        return self.oracle.n_probes < MOST_PROBES and not self.is_late()

    def _drawn(self, names: list[str]) -> Reading:
        """Draw a direction without what is known to be wrong, and read it."""
        self.direction = {}
        for name in names:
            shape = self.shapes[name]
            weights = self.rng.uniform(0.5, 1.5, shape) * self.oracle.step(name)
            signs = 2.0 * self.rng.integers(0, 2, shape) - 1.0
            self.direction[name] = np.asarray(weights * signs)  # also where it has no axes
        self.known.leave_out(self.direction)
        return self.oracle.careful(self._move([self._whole(name) for name in names]))

    def _attribute(self, names: list[str]) -> None:
        """Find which tensors are loud though nothing more was found in them."""
        self.tolerance = 0.0
        for name in names:
            reading = self._drawn([name])
            if reading.is_loud:
                self.loud[name] = reading
            else:
                self.tolerance = max(self.tolerance, reading.tolerance)

    def _whole(self, name: str) -> Box:
        return Box.whole(name, self.shapes[name])

    def _move(self, boxes: list[Box]) -> Move:
        return [(box, box.of(self.direction[box.name])) for box in boxes]

    # ------------------------------------------------------------ down the tree

    def _descend(self) -> None:
        while self.stack and self._may_go_on():
            node = self.stack.pop()
            if len(node.boxes) > 1:
                self._split(node, *_halved(node.boxes), node.axis)
                continue
            box = node.boxes[0]
            if box.size == 1:
                self._take_away(node, box.origin)
            elif not (node.is_new and self._explain(node, box)):
                axis = node.axis if box.shape[node.axis] > 1 else next_axis(box, node.axis)
                one, other = box.halves(axis)
                self._split(node, [one], [other], axis)

    def _split(self, node: Node, left: list[Box], right: list[Box], axis: int) -> None:
        """Push those halves that are loud; one is measured, the other inferred if that is clear."""
        one = self.oracle.quick(self._move(left))
        other = node.reading.less(one)
        if other.tolerance > GROWN * one.tolerance or 1.0 < other.ratio < CLEAR:
            other = self.oracle.quick(self._move(right))
        both = one.is_loud and other.is_loud
        for boxes, reading in ((right, other), (left, one)):
            if reading.is_loud:
                is_new = both or (len(node.boxes) > 1 and len(boxes) == 1)
                following = next_axis(boxes[0], axis) if both and len(node.boxes) == 1 else axis
                self.stack.append(Node(boxes, reading, is_new, following))

    def _take_away(self, node: Node, index: Index) -> Reading | None:
        """Return what is left of a reading without one entry; None if that is right."""
        name = node.boxes[0].name
        if self.direction[name][index] == 0.0 or not self._probed(name, index).is_wrong:
            return None
        return self._without(node.reading, name, index)

    def _without(self, reading: Reading, name: str, index: Index) -> Reading:
        single, moved = self.known.singles[name, index], float(self.direction[name][index])
        self.direction[name][index] = 0.0
        return reading.less(Reading(moved * single.error, abs(moved) * single.bound))

    def _probed(self, name: str, index: Index) -> Single:
        """Probe one entry, once, and keep what was found."""
        key = name, index
        if key not in self.known.singles:
            self.known.singles[key] = self.oracle.single(name, index)
            if self.known.singles[key].is_wrong or key in self.known.excluded:
                self.keep(name, index, self.known.singles[key])
            if self.known.n_scattered(name) >= MOST_LOCATED:
                self.stopped.add(name)
                self._drop(name)
        return self.known.singles[key]

    def _drop(self, name: str) -> None:
        """Forget what was to be done in a tensor."""
        self.stack = [n for n in self.stack if len(n.boxes) > 1 or n.boxes[0].name != name]

    # ------------------------------------------------------------ structure

    def _explain(self, node: Node, box: Box) -> bool:
        """Look for an entry, a slice or a box that makes a reading; push what is left of it."""
        move = box.of(self.direction[box.name])
        shared = {
            axis: index
            for axis in box.long_axes
            if (index := find_index(self.oracle, box, move, node.reading, axis)) is not None
        }
        inner = box
        for axis, index in shared.items():
            inner = inner.along(axis, index, index + 1)
        if inner.size == 1:
            left = self._take_away(node, inner.origin)
            if left is None:
                return False
            if left.is_loud:
                self.stack.append(Node([box], left, True, node.axis))
            return True
        if shared:
            node = Node([inner], self.oracle.quick(self._move([inner])), False, node.axis)
            if not node.reading.is_loud:
                return False
        examples = self._examples(node, inner)
        if examples:
            self._name_region(inner, examples, fixed=set(shared))
        elif shared and box.name not in self.stopped and node.reading.is_loud:
            self.stack.append(node)
        return bool(examples or shared or box.name in self.stopped)

    def _examples(self, node: Node, box: Box) -> list[Index]:
        """Return wrong entries of a box if most of it is wrong, else nothing.

        Wrong entries that were met are taken away from the reading of the node.
        """
        wrong: list[Index] = []
        n_right = 0
        for index in self._candidates(box):
            if self._probed(box.name, index).is_wrong:
                wrong.append(index)
            else:
                n_right += 1
            if n_right > bool(wrong) or len(wrong) == DENSE:
                break
        if len(wrong) == DENSE:
            return wrong
        for index in wrong:
            if self.direction[box.name][index] != 0.0:
                node.reading = self._without(node.reading, box.name, index)
        return []

    def _candidates(self, box: Box) -> list[Index]:
        """Return random entries of a box, those with a gradient first."""
        if box.size < DENSE:
            return []
        drawn = dict.fromkeys(box.drawn(self.rng) for _ in range(16 * DENSE))
        moved = [i for i in drawn if self.direction[box.name][i] != 0.0]
        if self.analytic is not None:
            gradient = self.analytic[box.name]
            moved.sort(key=lambda index: gradient[index] == 0.0)
        return moved[: 2 * DENSE]

    def _name_region(self, box: Box, examples: list[Index], fixed: set[int]) -> None:
        """Extend a box of wrong entries as far as they go, and leave it out from now on."""
        shape = self.shapes[box.name]

        def look(part: Box) -> bool | None:
            return self._looked(part, examples)

        for axis in range(len(box.shape)):
            if axis not in fixed:
                lo, hi = (edge_of(box, examples[0], shape, axis, sign, look) for sign in (-1, 1))
                box = box.along(axis, lo, hi + 1)
        self.known.regions.append(box)
        box.of(self.direction[box.name])[...] = 0.0
        if self.known.n_scattered(box.name) < MOST_LOCATED:
            self.stopped.discard(box.name)
        self._drop(box.name)
        whole = self._whole(box.name)
        if box != whole:
            rest = self.oracle.quick(self._move([whole]))
            if rest.is_loud:
                self.stack.append(Node([whole], rest))

    def _looked(self, box: Box, examples: list[Index]) -> bool | None:
        """Return whether something in a part is wrong; None if nothing shows, as may well be.

        Silence says something where an error a good deal smaller than in the examples would be
        loud, and the gradient is not much smaller than there.
        """
        known = (
            i for (name, i), s in self.known.singles.items() if s.is_wrong and name == box.name
        )
        if any(map(box.has, known)):
            return True
        reading = self.oracle.quick(self._move([box]))
        if reading.is_loud:
            return True
        smallest = min(abs(self.known.singles[box.name, i].error) for i in examples)
        if reading.tolerance > FAINT * smallest * self.oracle.step(box.name):
            return None
        if self.analytic is not None:
            gradient = np.abs(self.analytic[box.name])
            if box.of(gradient).max() < FAINT * np.mean([gradient[i] for i in examples]):
                return None
        return False


def _halved(boxes: list[Box]) -> tuple[list[Box], list[Box]]:
    middle = (len(boxes) + 1) // 2
    return boxes[:middle], boxes[middle:]
