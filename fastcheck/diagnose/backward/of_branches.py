"""Ways back that are left out: one of several uses of a value, steps of a recurrence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.proposal import Proposal, Surroundings, constantly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.layers import Deltas, Edit, Layer
    from fastcheck.graph.node import Node

    Floats = NDArray[np.float64]


def of_branches(around: Surroundings) -> Iterator[Proposal]:
    """Yield ways back that are left out: one of several uses, or steps of a recurrence."""
    if len(around.layer.sites) > 1:
        yield from _truncated(around)
        return
    (chain,) = around.chains
    readers = around.readers(0)
    if len(readers) < 2 or chain.end.index not in around.found:
        return
    for reader in readers:
        if reader.index not in around.found:
            continue
        parts = around.anatomy.parts(reader, around.found[reader.index], {chain.end.index})
        if not parts or not any(p.any() for _, p in parts):
            continue
        rest = around.found[chain.end.index] - sum(p for _, p in parts)
        text = (
            f"the part that comes back through {_called(reader)} is not added: the "
            f"value is used {len(readers)} times"
        )
        yield Proposal("branch-missing", text, 1.4, constantly({0: rest * chain.slope}))


def _called(node: Node) -> str:
    weights = [i.name for i in node.inputs if i.is_param]
    return weights[0] if weights else node.label()


def _truncated(around: Surroundings) -> Iterator[Proposal]:
    """Yield recurrences that go back fewer steps than there are."""
    n = len(around.layer.sites)
    links = [_links(around, k) for k in range(n)]
    if not any(links):
        return
    for kept in range(1, n):
        steps = "step" if kept == 1 else "steps"
        text = f"the recurrence is followed back for the last {kept} {steps} of {n} only"
        yield Proposal("truncated", text, 1.4, _last(n - kept), float(kept))
        text = f"each loss is followed back for {kept} {steps} only, itself included"
        values = _window(around, links, kept)
        yield Proposal("truncated", text, 1.45, constantly(dict(enumerate(values))), float(kept))
        text = f"the recurrence is cut: nothing comes back from step {kept} to step {kept - 1}"
        yield Proposal("truncated", text, 1.5, _cut(around, links, kept - 1), float(kept))


def _last(first: int) -> Edit:
    return lambda _layer, k, delta, _found: np.zeros_like(delta) if k < first else delta


def _cut(around: Surroundings, links: list[list[Node]], place: int) -> Edit:
    def edit(_layer: Layer, k: int, delta: Floats, found: Deltas) -> Floats:
        return _relinked(around, links[k], k, found, {}) if k == place else delta

    return edit


def _window(around: Surroundings, links: list[list[Node]], kept: int) -> list[Floats]:
    """Return the deltas if each loss is followed back for so many steps.

    Those of one step more take what comes back from those of one step less.
    """
    before: Deltas = {}
    for _ in range(kept):

        def edit(_layer: Layer, k: int, _delta: Floats, found: Deltas) -> Floats:
            return _relinked(around, links[k], k, found, before)  # noqa: B023

        known = {i: d for i, d in around.found.items() if i in around.layer.seeds}
        before = around.anatomy.arrive(around.layer, known, edit)
    return [before[site.node.index] for site in around.layer.sites]


def _relinked(
    around: Surroundings, links: list[Node], k: int, found: Deltas, other: Deltas
) -> Floats:
    """Return the delta of a site with what comes back through `links` taken from `other`."""
    chain = around.chains[k]
    total = found.get(chain.end.index)
    if total is None:
        return np.zeros(chain.origin.shape)
    for reader in links:
        for sign, cotangents in ((-1.0, found), (1.0, other)):
            if reader.index in cotangents:
                for _, part in around.anatomy.parts(
                    reader, cotangents[reader.index], {chain.end.index}
                ):
                    total = total + sign * part
    return total * chain.slope


def _links(around: Surroundings, k: int) -> list[Node]:
    """Return what reads the end of the chain of a site and leads to another site of the layer."""
    found = []
    places = set(around.layer.places)
    for reader in around.readers(k):
        reached = {reader.index}
        for node in reversed(around.layer.region):
            sources = {i.index for i in node.inputs}
            if node.index > reader.index and sources & reached:
                reached |= set() if sources & around.layer.seeds else {node.index}
        if reached & places:
            found.append(reader)
    return found
