"""A mistake that changes the delta of a layer, and what is known where it is tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.chain import Chain, find_chain
from fastcheck.graph.ops.move import Move

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.layers import Anatomy, Deltas, Edit, Layer
    from fastcheck.graph.node import Node
    from fastcheck.units import Site

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Proposal:
    """A mistake that changes the delta of a layer.

    Attributes
    ----------
    kind, text : str
        What it is called, and what is said of it.
    complexity : float
        How far-fetched it is.
    edit : callable
        What it makes of the delta of each site.
    constant : float or None
        A number that belongs to it.
    """

    kind: str
    text: str
    complexity: float
    edit: Edit
    constant: float | None = None


@dataclass(eq=False)
class Surroundings:
    """What is known of a layer before mistakes are tried.

    Attributes
    ----------
    anatomy : Anatomy
        The graph.
    layer : Layer
        The layer.
    found : dict of int to ndarray
        The cotangents of its region without a mistake here.
    chains : list of Chain
        What follows each site, entry by entry.
    tried : list of (Proposal, dict), or None
        The mistakes that were tried, with the deltas that they give.
    """

    anatomy: Anatomy
    layer: Layer
    found: Deltas
    chains: list[Chain] = field(init=False)
    tried: list[tuple[Proposal, Deltas]] | None = None

    def __post_init__(self) -> None:
        region = {node.index for node in self.layer.region} - (
            self.layer.seeds if len(self.layer.sites) == 1 else set()
        )
        self.chains = [find_chain(self.anatomy, s.node, region) for s in self.layer.sites]

    @cached_property
    def groups(self) -> dict[int, int]:
        """The group of each site: those alike take the same parts of the same parameters.

        So do the steps of a recurrence, but not layers that are parts of one array.
        """
        found: dict[tuple[object, ...], int] = {}
        sites = enumerate(self.layer.sites)
        return {k: found.setdefault(_parts_of(site), len(found)) for k, site in sites}

    @property
    def is_last(self) -> bool:
        """Whether the loss follows without another layer between."""
        loss = self.anatomy.graph.loss
        return loss is not None and loss.index in self.layer.seeds

    def readers(self, k: int) -> list[Node]:
        """Return what reads the end of the chain of a site, within the region."""
        region = {node.index for node in self.layer.region}
        end = self.chains[k].end
        return [u for u in self.anatomy.users[end.index] if u.index in region]


def _parts_of(site: Site) -> tuple[object, ...]:
    """Return which parts of which parameters enter at a site."""
    return tuple(
        (name, type(node.op).__name__, node.shape, node.op.index.tobytes())
        if isinstance(node.op, Move)
        else (name, type(node.op).__name__, node.shape)
        for name, path in site.paths.items()
        for node in path
        if node.batch_axis is None and len(node.inputs) == 1
    )


def constantly(values: Mapping[int, Floats]) -> Edit:
    """Return the edit that gives each site its value, and leaves those without one."""
    return lambda _layer, k, delta, _found: values.get(k, delta)


def sample_masks(m: int) -> Iterator[tuple[str, str, float, Floats]]:
    """Yield kind, text, number of a sample, and which samples count."""
    if m < 2:
        return
    places = np.arange(m)
    for i, word in ((0, "first"), (m - 1, "last")):
        yield "only-sample", f"only the {word} of {m} samples counts", float(i), (places == i) * 1.0
    for i, word in ((m - 1, "last"), (0, "first")):
        if m > 2:
            yield (
                "sample-dropped", f"the {word} of {m} samples is left out", float(i),
                (places != i) * 1.0,
            )  # fmt: skip


def along(delta: Floats, keeps: Floats, axis: int) -> Floats:
    """Return `delta` multiplied by one number per sample."""
    shape = [1] * delta.ndim
    shape[axis] = keeps.size
    return delta * keeps.reshape(shape)
