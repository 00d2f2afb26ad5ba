"""Mistakes in the derivatives of the activations and masks that follow a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.chain import Step, find_chain
from fastcheck.diagnose.backward.layers import number_of
from fastcheck.diagnose.backward.proposal import Proposal, Surroundings
from fastcheck.diagnose.backward.slopes import Slope, elsewhere, find_masks, find_slopes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.layers import Deltas, Edit, Layer

    Floats = NDArray[np.float64]


def of_activations(around: Surroundings) -> Iterator[Proposal]:
    """Yield mistakes in the derivatives of the activations that follow the layer."""
    others = _other_activations(around)
    groups: dict[tuple[object, ...], list[tuple[int, list[tuple[str, str, float, Floats]]]]] = {}
    for k, chain in enumerate(around.chains):
        found = []
        for step in chain.steps:
            rest = chain.without(step)
            options = find_masks(step) if step.is_mask else _slopes(around, step, others)
            found += [(s.kind, s.text, s.complexity, rest * s.value) for s in options]
        if found:
            groups.setdefault((around.groups[k], *(f[1] for f in found)), []).append((k, found))
    for members in groups.values():  # sites with the same activations have the same mistake
        ends = {k: around.chains[k].end.index for k, _ in members}
        for i, (kind, text, complexity, _) in enumerate(members[0][1]):
            slopes = {k: found[i][3] for k, found in members}
            yield Proposal(kind, text, complexity, _times(ends, slopes))


def _slopes(
    around: Surroundings, step: Step, others: list[tuple[str, Floats, Floats]]
) -> Iterator[Slope]:
    yield from find_slopes(around.anatomy.state, step)
    alike = [o for o in others if o[1].shape == step.source.shape]
    if len(around.layer.sites) == 1:
        yield from elsewhere(step, alike)


def _times(ends: dict[int, int], slopes: dict[int, Floats]) -> Edit:
    def edit(_layer: Layer, k: int, delta: Floats, found: Deltas) -> Floats:
        if k not in ends or ends[k] not in found:
            return delta
        with np.errstate(all="ignore"):
            return found[ends[k]] * slopes[k]

    return edit


def _other_activations(around: Surroundings) -> list[tuple[str, Floats, Floats]]:
    """Return a title, z and slope of the activations of other layers with one site."""
    anatomy, found = around.anatomy, []
    for layer in anatomy.layers:
        if layer is around.layer or len(layer.sites) > 1:
            continue
        region = {node.index for node in layer.region} - layer.seeds
        chain = find_chain(anatomy, layer.node, region)
        slope = chain.slope
        found.append((_title(layer), anatomy.state.value(layer.node), slope))
    return found


def _title(layer: Layer) -> str:
    """Return what the values of a layer are called: z2, or by its parameter."""
    number = number_of(layer.names)
    called = layer.node.name or (f"z{number}" if number else "")
    return f"that of {layer.names[0]}" + (f" ({called})" if called else "")
