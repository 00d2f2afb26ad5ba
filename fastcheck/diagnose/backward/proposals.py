"""Mistakes in the delta of a layer: what may arrive in place of the right cotangent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.chain import Chain, Step, find_chain
from fastcheck.diagnose.backward.outputs import Role, find_outputs, find_role
from fastcheck.diagnose.backward.slopes import Slope, elsewhere, find_masks, find_slopes
from fastcheck.graph.ops.arithmetic import Add
from fastcheck.graph.ops.contraction import Contraction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.layers import Anatomy, Deltas, Edit, Layer
    from fastcheck.graph.node import Node

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
    """

    anatomy: Anatomy
    layer: Layer
    found: Deltas
    chains: list[Chain] = field(init=False)
    _tried: list[tuple[Proposal, Deltas]] | None = None

    def __post_init__(self) -> None:
        region = {node.index for node in self.layer.region} - (
            self.layer.seeds if len(self.layer.sites) == 1 else set()
        )
        self.chains = [find_chain(self.anatomy, s.node, region) for s in self.layer.sites]

    def tried(
        self, edited: Callable[[Surroundings, Proposal], Deltas]
    ) -> list[tuple[Proposal, Deltas]]:
        """Return each proposal with the deltas that it gives, computed once."""
        if self._tried is None:
            self._tried = [(p, edited(self, p)) for p in find_proposals(self)]
        return self._tried

    @property
    def is_last(self) -> bool:
        """Whether the loss follows without another layer between."""
        loss = self.anatomy.graph.loss
        return loss is not None and loss.index in self.layer.seeds


def find_proposals(around: Surroundings) -> Iterator[Proposal]:
    """Yield the mistakes that can be in the delta of a layer."""
    yield Proposal("delta-factor", "the delta", 0.8, lambda _l, _k, d, _f: d)
    if around.is_last:
        yield from _of_outputs(around)
    yield from _of_slopes(around)
    yield from _of_weights(around)
    yield from _of_branches(around)
    yield from _of_samples(around)


def _of_outputs(around: Surroundings) -> Iterator[Proposal]:
    """Yield mistakes in the derivative of the loss, for each step of the chain to begin at."""
    per_site, roles = [], []
    for site, chain in zip(around.layer.sites, around.chains, strict=True):
        found, role = [], None
        before = np.ones(site.node.shape)
        nodes: list[tuple[Node, Floats]] = [(n, before) for n in _less_targets(site.node)]
        for step in chain.steps:
            before = before * step.slope
            nodes.append((step.node, before))
        for node, slope in nodes:
            delta = around.found.get(node.index, around.found[site.node.index])
            role = None if delta is None else find_role(around.anatomy, around.layer, node, delta)
            if role is not None and delta is not None:
                found = [
                    (o.kind, o.text, o.complexity, o.constant, o.value * slope)
                    for o in find_outputs(role, delta)
                ]
                break
        per_site.append(found)
        roles.append(role)
    yield from _of_steps(around, roles)
    for alike in zip(*per_site, strict=False):
        kind, text, complexity, constant, _ = alike[0]
        if all(a[0] == kind for a in alike):
            values = [a[4] for a in alike]
            yield Proposal(kind, text, complexity, _constantly(values), constant)


def _of_steps(around: Surroundings, roles: list[Role | None]) -> Iterator[Proposal]:
    """Yield the targets of the next or the last step of a sequence."""
    known = [role for role in roles if role is not None]
    if len(known) < 2 or len(known) < len(roles) or any(c.steps for c in around.chains):
        return
    for shift in (1, -1):
        values = [
            role.delta(role.p, known[(k + shift) % len(known)].y) for k, role in enumerate(known)
        ]
        word = "next" if shift > 0 else "last"
        text = f"the targets are those of the {word} step"
        yield Proposal("labels-reordered", text, 1.7, _constantly(values), float(shift))


def _less_targets(node: Node) -> list[Node]:
    """Return a node, and what it was before data were added, as targets are in ``z - y``."""
    found = [node]
    while isinstance(node.op, Add):
        moved = [i for i in node.inputs if i.depends]
        if len(moved) != 1 or moved[0].shape != node.shape:
            break
        (node,) = moved
        found.append(node)
    return found[::-1]


def _constantly(values: list[Floats]) -> Edit:
    return lambda _layer, k, _delta, _found: values[k]


def _of_slopes(around: Surroundings) -> Iterator[Proposal]:
    """Yield mistakes in the derivatives of the activations that follow the layer."""
    others = _other_activations(around)
    groups: dict[tuple[str, ...], list[tuple[int, list[tuple[str, str, float, Floats]]]]] = {}
    for k, chain in enumerate(around.chains):
        found = []
        for step in chain.steps:
            rest = chain.without(step)
            options = find_masks(step) if step.is_mask else _slopes(around, step, others)
            found += [(s.kind, s.text, s.complexity, rest * s.value) for s in options]
        if found:
            groups.setdefault(tuple(f[1] for f in found), []).append((k, found))
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
    """Return name, z and slope of the activations of other layers with one site."""
    anatomy, found = around.anatomy, []
    for layer in anatomy.layers:
        if layer is around.layer or len(layer.sites) > 1:
            continue
        region = {node.index for node in layer.region} - layer.seeds
        chain = find_chain(anatomy, layer.node, region)
        slope = chain.slope
        found.append((layer.names[0], anatomy.state.value(layer.node), slope))
    return found


# ------------------------------------------------------------ the weights on the way back


def _consumers(around: Surroundings, k: int) -> list[Node]:
    """Return what reads the end of the chain of a site, within its region."""
    region = {node.index for node in around.layer.region}
    end = around.chains[k].end
    return [u for u in around.anatomy.users[end.index] if u.index in region]


def _of_weights(around: Surroundings) -> Iterator[Proposal]:
    """Yield other weights on the way back: not transposed, or those of another layer."""
    anatomy = around.anatomy
    if len(around.layer.sites) > 1:
        options = [("not-transposed", "", None)]
    else:
        readers = [u for u in _consumers(around, 0) if isinstance(u.op, Contraction)]
        if not readers:
            return
        shape = _weight(readers[0], around.chains[0].end).shape
        options = [("not-transposed", "", None)]
        for name, node in anatomy.graph.params.items():
            if len(node.shape) == 2 and shape in (node.shape, node.shape[::-1]):
                options.append(("other-weights", name, anatomy.state.value(node)))
    for kind, name, value in options:
        edit = _with_weights(around, value)
        if edit is not None:
            text = (
                "the weights of the next layer are not transposed"
                if kind == "not-transposed"
                else f"{name} is used in place of the weights of the next layer"
            )
            yield Proposal(kind, text, 1.5 if kind == "not-transposed" else 1.7, edit)


def _weight(reader: Node, end: Node) -> Node:
    return next((i for i in reader.inputs if i is not end), reader.inputs[0])


def _with_weights(around: Surroundings, other: Floats | None) -> Edit | None:
    """Return the edit that uses `other` weights, None for the own ones transposed."""
    anatomy = around.anatomy
    changed = False
    plans: list[list[tuple[Node, int, Floats, Floats]]] = []
    for k, chain in enumerate(around.chains):
        plan = []
        for reader in _consumers(around, k):
            if not isinstance(reader.op, Contraction) or reader.inputs[0] is reader.inputs[1]:
                continue
            place = reader.inputs.index(chain.end)
            own = anatomy.state.value(reader.inputs[1 - place])
            weight = reader.inputs[1 - place]
            if own.ndim != 2 or weight.batch_axis is not None or not weight.depends:
                continue
            new = own.T if other is None else other
            if new.shape != own.shape:
                new = new.T
            if new.shape != own.shape or np.array_equal(new, own):
                continue
            plan.append((reader, place, own, np.ascontiguousarray(new)))
            changed = True
        plans.append(plan)
    if not changed:
        return None
    slopes = [chain.slope for chain in around.chains]

    def edit(_layer: Layer, k: int, _delta: Floats, found: Deltas) -> Floats:
        end = around.chains[k].end
        total = found.get(end.index)
        if total is None:
            return _delta
        for reader, place, own, new in plans[k]:
            cotangent = found.get(reader.index)
            if cotangent is None or reader.op is None:
                continue
            values = list(anatomy.state.inputs(reader))
            wanted = [i == place for i in range(2)]
            for sign, weight in ((-1.0, own), (1.0, new)):
                values[1 - place] = weight
                part = reader.op.pull(
                    cotangent, tuple(values), anatomy.state.value(reader), wanted
                )[place]
                assert part is not None
                total = total + sign * part
        return total * slopes[k]

    return edit


# ------------------------------------------------------------ branches


def _of_branches(around: Surroundings) -> Iterator[Proposal]:
    """Yield ways back that are left out: one of several uses, or steps of a recurrence."""
    if len(around.layer.sites) > 1:
        yield from _truncated(around)
        return
    (chain,) = around.chains
    readers = _consumers(around, 0)
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
            f"the part that comes back through {_called(around.anatomy, reader)} is not added: the "
            f"value is used {len(readers)} times"
        )
        yield Proposal("branch-missing", text, 1.4, _constantly([rest * chain.slope]))


def _called(anatomy: Anatomy, node: Node) -> str:
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
        yield Proposal("truncated", text, 1.45, _constantly(values), float(kept))
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
    for reader in _consumers(around, k):
        reached = {reader.index}
        for node in reversed(around.layer.region):
            if node.index > reader.index and any(i.index in reached for i in node.inputs):
                if not any(i.index in around.layer.seeds for i in node.inputs):
                    reached.add(node.index)
        if reached & places:
            found.append(reader)
    return found


# ------------------------------------------------------------ samples


def _of_samples(around: Surroundings) -> Iterator[Proposal]:
    for kind, text, constant, keeps in sample_masks(around.anatomy.graph.n_batch or 0):

        def edit(
            layer: Layer, k: int, delta: Floats, _found: Deltas, keeps: Floats = keeps
        ) -> Floats:
            axis = layer.sites[k].node.batch_axis
            return delta if axis is None else along(delta, keeps, axis)

        yield Proposal(kind, text, 1.4, edit, constant)


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
