"""The layers of a graph: where parameters enter, and what lies between them and the loss."""

from __future__ import annotations

import re
from collections import defaultdict
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.beside import other_use
from fastcheck.diagnose.backward.samples import MOST_NODES, one_by_one
from fastcheck.graph.ops.contraction import Contraction
from fastcheck.graph.route import find_route
from fastcheck.units import Site, find_sites, pulled_back

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.graph.node import Node
    from fastcheck.graph.state import State

    Floats = NDArray[np.float64]
    Deltas = dict[int, Floats]
    Edit = Callable[["Layer", int, Floats, "Deltas"], Floats]


LARGE = 8192
"""Entries from which on some rows of a matrix are looked at before all."""
N_ROWS = 8
N_COMPARED = 4096
"""Entries by which a penalty is known."""
ALIKE = 1e-9
"""How near, relative, two penalties must be to be one."""


@dataclass(eq=False)
class Layer:
    """Sites that share parameters: one of a dense layer, one per step of a recurrence.

    Attributes
    ----------
    sites : list of Site
        In evaluation order.
    names : list of str
        The parameters that enter here.
    region : list of Node
        What lies between the sites and the layers after them, those included, the last first.
    seeds : set of int
        The nodes of `region` whose cotangents are known before: sites of later layers, the loss.
    """

    sites: list[Site]
    names: list[str]
    region: list[Node] = field(default_factory=list)
    seeds: set[int] = field(default_factory=set)

    @property
    def node(self) -> Node:
        """Where it is probed, of the last site."""
        return self.sites[-1].node

    @cached_property
    def places(self) -> dict[int, int]:
        """The place of each site among all, by the index of its node."""
        return {site.node.index: k for k, site in enumerate(self.sites)}


def number_of(names: Sequence[str]) -> str:
    """Return the number in which all names end, empty if there is none.

    Examples
    --------
    >>> number_of(["W2", "b2"]), number_of(["W1", "b2"]), number_of(["W"])
    ('2', '', '')
    """
    numbers = {match.group() for name in names if (match := re.search(r"\d+$", name))}
    return numbers.pop() if len(numbers) == 1 else ""


class Anatomy:
    """The layers of a graph at one point, those nearest to the loss first.

    Parameters
    ----------
    state : State
        The base point.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.graph = state.graph
        self.users = _users(state)
        plan = find_sites(state, list(self.graph.params))
        if not plan.sites and len(self.graph.nodes) <= MOST_NODES:
            plan = find_sites(state, list(self.graph.params), one_by_one(self.graph))
        self.layers = self._ordered(_grouped(plan.sites))
        self.home = {name: layer for layer in self.layers for name in layer.names}
        last = self.layers[0].node if self.layers else None
        self.n_outputs: int | None = None
        if last is not None and last.ndim == 2 and last.batch_axis is not None:
            self.n_outputs = last.shape[1 - last.batch_axis]
        self._direct = {name: plan.direct[name] for name in plan.direct}
        self.given: Mapping[str, Floats] = {}
        self.right: Mapping[str, Floats] = {}
        self._rows: dict[str, tuple[State, int, NDArray[np.int64]] | None] = {}

    def _ordered(self, layers: list[Layer]) -> list[Layer]:
        """Return layers, each after all that its sites reach; what reaches each other is joined."""
        reach = {id(layer): self._reached(layer, frozenset()) for layer in layers}
        ordered: list[Layer] = []
        left = list(layers)
        while left:
            last = [
                layer
                for layer in left
                if not any(
                    site.node.index in reach[id(layer)]
                    for other in left
                    if other is not layer
                    for site in other.sites
                )
            ]
            if not last:
                sites = sorted((s for layer in left for s in layer.sites), key=_index_of)
                last = [Layer(sites, list(dict.fromkeys(n for g in left for n in g.names)))]
                left = []
            for layer in sorted(last, key=lambda g: -g.node.index):
                self._surround(layer, ordered)
                ordered.append(layer)
            left = [layer for layer in left if layer not in last]
        return ordered

    def _surround(self, layer: Layer, later: list[Layer]) -> None:
        assert self.graph.loss is not None
        known = {site.node.index for other in later for site in other.sites}
        found = self._reached(layer, frozenset(known))
        layer.region = [self.graph.nodes[i] for i in sorted(found, reverse=True)]
        layer.seeds = (known | {self.graph.loss.index}) & found

    def _reached(self, layer: Layer, stops: frozenset[int]) -> set[int]:
        """Return the indices of what the sites reach, `stops` included and not passed."""
        found = {site.node.index for site in layer.sites}
        for node in self.graph.nodes[min(found) :]:
            if any(i.index in found and i.index not in stops for i in node.inputs):
                found.add(node.index)
        return found

    def arrive(self, layer: Layer, known: Mapping[int, Floats], edit: Edit | None = None) -> Deltas:
        """Return the cotangents of all nodes of the region of a layer, its sites included.

        Parameters
        ----------
        layer : Layer
            The layer.
        known : mapping of int to ndarray
            The cotangents of the sites of later layers.
        edit : callable, optional
            What a mistake makes of the cotangent of each site:
            ``edit(layer, k, cotangent, found)``.
        """
        assert self.graph.loss is not None
        wanted_ones = {node.index for node in layer.region}
        found: Deltas = {i: known[i] for i in layer.seeds if i in known}
        found[self.graph.loss.index] = np.ones(self.graph.loss.shape)
        for node in layer.region:
            cotangent = found.get(node.index)
            if cotangent is None:
                if node.index not in layer.places:
                    continue
                cotangent = np.zeros(node.shape)
            k = layer.places.get(node.index)
            if k is not None and edit is not None:
                cotangent = edit(layer, k, cotangent, found)
            if k is not None:
                found[node.index] = cotangent
            for source, part in self.parts(node, cotangent, wanted_ones - layer.seeds):
                old = found.get(source.index)
                found[source.index] = part if old is None else old + part
        return found

    def parts(self, node: Node, cotangent: Floats, wanted: set[int]) -> list[tuple[Node, Floats]]:
        """Return the cotangents of the inputs of `node` whose indices are in `wanted`."""
        if node.op is None:
            return []
        asked = [i.index in wanted for i in node.inputs]
        if not any(asked):
            return []
        with np.errstate(all="ignore"):
            parts = node.op.pull(cotangent, self.state.inputs(node), self.state.value(node), asked)
        return [(i, p) for i, p in zip(node.inputs, parts, strict=True) if p is not None]

    def predicted(
        self, layer: Layer, name: str, deltas: Mapping[int, Floats], *, absolute: bool = False
    ) -> Floats:
        """Return the gradient of a parameter through its sites, from their cotangents."""
        total = np.zeros(self.graph.params[name].shape)
        for site in layer.sites:
            if name in site.paths:
                delta = deltas[site.node.index]
                delta = np.abs(delta) if absolute else delta
                total += pulled_back(self.state, site, name, delta, absolute=absolute)
        return total

    @cached_property
    def direct(self) -> dict[str, Floats]:
        """The part of each gradient that does not pass a site, such as that of a penalty."""
        return {name: self._through(name, blocked) for name, blocked in self._direct.items()}

    @cached_property
    def other_uses(self) -> dict[str, str]:
        """What that part is called; empty where it is that of a penalty."""
        params = self.graph.params
        return {name: other_use(params[name], nodes) for name, nodes in self._direct.items()}

    @cached_property
    def penalty(self) -> dict[str, float]:
        """The lambda of each parameter that has a term of lambda / 2 times its sum of squares."""
        values = {name: self.state.value(self.graph.params[name]) for name in self.direct}
        found = {
            name: penalty_of(self.direct[name], value)
            for name, value in values.items()
            if not self.other_uses[name]
        }
        return {name: size for name, size in found.items() if size}

    @cached_property
    def penalties(self) -> list[float]:
        """The same numbers, each once but for rounding."""
        found: list[float] = []
        for size in self.penalty.values():
            if not any(abs(size - other) <= ALIKE * abs(other) for other in found):
                found.append(size)
        return found

    def few(self, layer: Layer, name: str, deltas: Mapping[int, Floats]) -> Floats | None:
        """Return some rows of what :meth:`predicted` gives, for far less work; None if it cannot.

        They are those of :meth:`rows`.
        """
        found = self.rows(layer, name)
        if found is None:
            return None
        (site,) = layer.sites
        thin, _, _ = found
        return pulled_back(thin, site, name, deltas[site.node.index])

    def rows(self, layer: Layer, name: str) -> tuple[State, int, NDArray[np.int64]] | None:
        """Return which rows of a matrix stand for all: a state with few inputs, axis and places.

        Each row of the gradient of a matrix comes from one input feature alone.
        """
        if name not in self._rows:
            self._rows[name] = self._find_rows(layer, name)
        return self._rows[name]

    def _find_rows(self, layer: Layer, name: str) -> tuple[State, int, NDArray[np.int64]] | None:
        origin = self.graph.params[name]
        if len(layer.sites) > 1 or origin.size < LARGE:
            return None
        first = layer.sites[0].paths[name][0]
        if not isinstance(first.op, Contraction) or origin not in first.inputs:
            return None
        place = first.inputs.index(origin)
        source = first.inputs[1 - place]
        own, other = first.op.letters[place], first.op.letters[1 - place]
        shared = [k for k in own if k in other and k not in first.op.out]
        if len(shared) != 1 or source is origin or (source.depends and source.is_param):
            return None
        axis, along = own.index(shared[0]), other.index(shared[0])
        x = self.state.value(source)
        size = np.abs(x).sum(axis=tuple(a for a in range(x.ndim) if a != along))
        places = np.flatnonzero(size)
        places = places[:: max(1, places.size // N_ROWS)][:N_ROWS]
        if places.size < 2:
            return None
        thin = copy(self.state)
        thin.values = list(thin.values)
        thin.values[source.index] = np.take(x, places, axis=along)
        return thin, axis, places

    def _through(self, name: str, blocked: frozenset[int]) -> Floats:
        assert self.graph.loss is not None
        origin = self.graph.params[name]
        route = find_route(origin, blocked).nodes
        wanted = {origin.index, *(node.index for node in route)}
        found: Deltas = {self.graph.loss.index: np.ones(self.graph.loss.shape)}
        for node in reversed(route):
            if node.index in found:
                for source, part in self.parts(node, found[node.index], wanted):
                    old = found.get(source.index)
                    found[source.index] = part if old is None else old + part
        return found.get(origin.index, np.zeros(origin.shape))


def _users(state: State) -> dict[int, list[Node]]:
    found: dict[int, list[Node]] = defaultdict(list)
    for node in state.graph.nodes:
        for source in dict.fromkeys(node.inputs):
            found[source.index].append(node)
    return found


def _grouped(sites: list[Site]) -> list[Layer]:
    """Return sites that share parameters as one layer."""
    layers: list[Layer] = []
    for site in sites:
        names = list(site.paths)
        joined = [layer for layer in layers if set(layer.names) & set(names)]
        layers = [layer for layer in layers if layer not in joined]
        members = [s for layer in joined for s in layer.sites] + [site]
        named = [n for layer in joined for n in layer.names] + names
        layers.append(Layer(sorted(members, key=_index_of), list(dict.fromkeys(named))))
    return layers


def _index_of(site: Site) -> int:
    return site.node.index


def penalty_of(direct: Floats, values: Floats) -> float:
    """Return lambda where the direct part of a gradient is lambda times the parameter, else 0."""
    step = slice(None, None, max(1, values.size // N_COMPARED))
    direct, values = direct.reshape(-1)[step], values.reshape(-1)[step]
    square = float(np.sum(values * values))
    size = float(np.sum(direct * values)) / square if square else 0.0
    is_one = np.allclose(direct, size * values, rtol=1e-9, atol=1e-12 * np.abs(direct).max())
    return size if is_one else 0.0
