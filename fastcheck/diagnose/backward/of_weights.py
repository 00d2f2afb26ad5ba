"""Other weights on the way back: not transposed, or those of another layer."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from fastcheck.diagnose.backward.proposal import Proposal, Surroundings
from fastcheck.graph.ops.contraction import Contraction
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.layers import Deltas, Edit, Layer
    from fastcheck.graph.node import Node

    Floats = NDArray[np.float64]

NEXT: Final = "the weights of the next layer"


def of_weights(around: Surroundings) -> Iterator[Proposal]:
    """Yield other weights on the way back: not transposed, or those of another layer."""
    anatomy = around.anatomy
    if len(around.layer.sites) > 1:
        options: list[tuple[str, str, Floats | None]] = [("not-transposed", "", None)]
    else:
        readers = [u for u in around.readers(0) if isinstance(u.op, Contraction)]
        if not readers:
            return
        shape = _weight(readers[0], around.chains[0].end).shape
        options = [("not-transposed", "", None)]
        for name, node in anatomy.graph.params.items():
            if len(node.shape) == 2 and shape in (node.shape, node.shape[::-1]):
                options.append(("other-weights", name, anatomy.state.value(node)))
    groups = sorted(set(around.groups.values()))
    for (kind, name, value), group in product(options, groups):
        edit, own = _with_weights(around, value, group)
        if edit is not None and kind == "not-transposed":
            yield Proposal(kind, _not_transposed(own), 1.5, edit)
        elif edit is not None:
            text = f"{name} is used in place of {listing(own) or NEXT}"
            yield Proposal(kind, text, 1.7, edit)
    names = _read_by(around)
    for name, group in product(names if len(names) > 1 else (), groups):
        edit, own = _with_weights(around, None, group, name)
        if edit is not None:
            yield Proposal("not-transposed", _not_transposed(own), 1.55, edit)


def _not_transposed(names: list[str]) -> str:
    """Return the mistake, with the parameters where these have names."""
    verb = "is" if len(names) == 1 else "are"
    return f"{listing(names) or NEXT} {verb} not transposed on the way back"


def _read_by(around: Surroundings) -> list[str]:
    """Return the parameters that values of the layer are multiplied by."""
    found = [
        _origin(_weight(reader, chain.end))
        for k, chain in enumerate(around.chains)
        for reader in around.readers(k)
        if isinstance(reader.op, Contraction)
    ]
    return [name for name in dict.fromkeys(found) if name]


def _origin(weight: Node) -> str:
    """Return the parameter of which a value is a part or another order; empty if of none."""
    while not weight.is_param and len(weight.inputs) == 1 and weight.batch_axis is None:
        (weight,) = weight.inputs
    return weight.name if weight.is_param else ""


def _weight(reader: Node, end: Node) -> Node:
    return next((i for i in reader.inputs if i is not end), reader.inputs[0])


@dataclass(frozen=True, eq=False)
class _Exchange:
    """A product that reads the end of a chain, and other weights for it."""

    reader: Node
    place: int
    name: str
    own: Floats
    other: Floats

    def change(self, around: Surroundings, cotangent: Floats) -> Floats:
        """Return what the other weights send back, less what the own ones do."""
        state, op = around.anatomy.state, self.reader.op
        assert op is not None
        values = list(state.inputs(self.reader))
        wanted = [i == self.place for i in range(2)]
        found = []
        for weights in (self.other, self.own):
            values[1 - self.place] = weights
            part = op.pull(cotangent, tuple(values), state.value(self.reader), wanted)[self.place]
            assert part is not None
            found.append(part)
        return found[0] - found[1]


def _exchanges(around: Surroundings, k: int, other: Floats | None, of: str = "") -> list[_Exchange]:
    """Return the products after site `k` with `other` weights, None for the own ones transposed.

    Only those with the parameter `of`, if it has a name.
    """
    found = []
    end = around.chains[k].end
    for reader in around.readers(k):
        if not isinstance(reader.op, Contraction) or reader.inputs[0] is reader.inputs[1]:
            continue
        place = reader.inputs.index(end)
        weight = reader.inputs[1 - place]
        own = around.anatomy.state.value(weight)
        if of and _origin(weight) != of:
            continue
        if own.ndim != 2 or weight.batch_axis is not None or not weight.depends:
            continue
        new = own.T if other is None else other
        new = new if new.shape == own.shape else new.T
        if new.shape == own.shape and not np.array_equal(new, own):
            exchanged = np.ascontiguousarray(new)
            found.append(_Exchange(reader, place, _origin(weight), own, exchanged))
    return found


def _with_weights(
    around: Surroundings, other: Floats | None, group: int, of: str = ""
) -> tuple[Edit | None, list[str]]:
    """Return the edit that uses `other` weights, None for the own ones transposed; and their names.

    No edit if nothing would be another, no names if not all have one.
    """
    exchanges = [
        _exchanges(around, k, other, of) if around.groups[k] == group else []
        for k in range(len(around.chains))
    ]
    if not any(exchanges):
        return None, []
    names = list(dict.fromkeys(exchange.name for made in exchanges for exchange in made))
    slopes = [chain.slope for chain in around.chains]

    def edit(_layer: Layer, k: int, delta: Floats, found: Deltas) -> Floats:
        total = found.get(around.chains[k].end.index)
        if total is None or not exchanges[k]:
            return delta
        for exchange in exchanges[k]:
            if exchange.reader.index in found:
                total = total + exchange.change(around, found[exchange.reader.index])
        return total * slopes[k]

    return edit, names if all(names) else []
