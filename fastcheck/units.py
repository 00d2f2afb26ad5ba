"""The units plan: probe each pre-activation in each sample, then one exact outer product.

Where a parameter enters linearly, ``z = x W + b``, the derivative with respect to it is an exact
linear function of the derivatives with respect to ``z``: ``x^T dz``. Those of ``z`` are finite
differences; there are as many as units times samples, not as many as weights. Each pair of a
sample and a unit is a probe of its own, so that the plan is right on any graph, also where samples
are coupled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.derivatives import Derivatives
from fastcheck.graph.ops.arithmetic import Add, Multiply
from fastcheck.graph.ops.contraction import Contraction
from fastcheck.graph.route import find_route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from fastcheck.graph.node import Node
    from fastcheck.graph.state import State

    Floats = NDArray[np.float64]
    IsSample = Callable[[Node], bool]


@dataclass(eq=False)
class Site:
    """Where parameters enter the samples linearly.

    Attributes
    ----------
    node : Node
        The value that is probed.
    paths : dict of str to list of Node
        For each parameter that enters here, the nodes from it to `node`, `node` included.
    """

    node: Node
    paths: dict[str, list[Node]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class UnitPlan:
    """What is probed in place of the entries of the parameters.

    Attributes
    ----------
    sites : list of Site
        Where parameters enter samples.
    direct : dict of str to frozenset of int
        Parameters that also act otherwise (L2 regularisation), with the nodes at which changes
        stop because the sites account for them.
    """

    sites: list[Site]
    direct: dict[str, frozenset[int]]


def has_samples(node: Node) -> bool:
    """Return whether one axis of a value is that of the samples."""
    return node.batch_axis is not None


def find_sites(state: State, names: Iterable[str], is_sample: IsSample = has_samples) -> UnitPlan:
    """Return the sites of the parameters `names`; `is_sample` says which values are of samples."""
    sites: dict[int, Site] = {}
    direct: dict[str, frozenset[int]] = {}
    for name in names:
        origin = state.graph.tensor(name)
        if not origin.is_param:  # an intermediate value is probed itself
            direct[name] = frozenset()
            continue
        reached = find_route(origin).nodes
        entries, rest = _separated(origin, reached, is_sample)
        for path in entries:
            whole = path + _continued(path[-1], reached, is_sample)
            site = sites.setdefault(whole[-1].index, Site(whole[-1]))
            site.paths[name] = _merged(site.paths.get(name, []), whole)
        if rest:
            direct[name] = frozenset(path[-1].index for path in entries)
    return UnitPlan(sorted(sites.values(), key=lambda s: s.node.index), direct)


def _separated(
    origin: Node, reached: tuple[Node, ...], is_sample: IsSample
) -> tuple[list[list[Node]], tuple[Node, ...]]:
    """Return the paths on which `origin` enters, and what it moves without passing their ends.

    A weight of a recurrence enters at every step, and moves the other factor too. By the product
    rule its derivative is the sum over the steps, of which each takes the other factor as it is:
    what moves that factor came through the end of an earlier path and is part of the derivative
    with respect to that end. If it came another way, the path is not used.
    """
    paths = _entering(origin, reached, is_sample)
    while True:
        rest = find_route(origin, frozenset(path[-1].index for path in paths)).nodes
        free = {node.index for node in rest}
        kept = [path for path in paths if not _is_moved_otherwise(origin, path, free)]
        if len(kept) == len(paths):
            return paths, rest
        paths = kept


def _is_moved_otherwise(origin: Node, path: list[Node], free: set[int]) -> bool:
    """Return whether a node of `free` that is not on `path` is an input of a node of `path`."""
    on_path = {origin.index, *(node.index for node in path)}
    return any(i.index in free - on_path for node in path for i in node.inputs)


def _entering(origin: Node, reached: tuple[Node, ...], is_sample: IsSample) -> list[list[Node]]:
    """Return the paths on which `origin` meets samples through linear operations."""
    paths: list[list[Node]] = []
    linear: dict[int, list[Node]] = {origin.index: []}
    for node in reached:
        moved = [i for i in node.inputs if i.index in linear]
        if len(moved) != 1 or not _is_linear_in(node, moved[0]):
            continue
        path = [*linear[moved[0].index], node]
        if is_sample(node):
            paths.append(path)
        else:
            linear[node.index] = path
    return paths


def _is_linear_in(node: Node, source: Node) -> bool:
    """Return whether the result is linear in `source` while the other inputs stay."""
    op = node.op
    assert op is not None
    if sum(i is source for i in node.inputs) != 1:
        return False
    return op.is_linear or isinstance(op, Contraction | Multiply)


def _continued(node: Node, reached: tuple[Node, ...], is_sample: IsSample) -> list[Node]:
    """Return the additions that follow `node` as its only use: probing after them is enough."""
    path: list[Node] = []
    while True:
        users = [user for user in reached if node in user.inputs]
        if len(users) != 1 or not isinstance(users[0].op, Add) or users[0].shape != node.shape:
            return path
        if sum(i is node for i in users[0].inputs) != 1 or not is_sample(users[0]):
            return path
        node = users[0]
        path.append(node)


def _merged(one: list[Node], other: list[Node]) -> list[Node]:
    return sorted({n.index: n for n in (*one, *other)}.values(), key=lambda n: n.index)


def pulled(state: State, site: Site, name: str, found: Derivatives) -> Derivatives:
    """Return the derivatives with respect to parameter `name` from those of `site`; exact.

    Parameters
    ----------
    state : State
        The base point.
    site : Site
        Where the parameter enters.
    name : str
        The parameter.
    found : Derivatives
        With respect to the value of the site, in its shape.
    """
    pull = partial(pulled_back, state, site, name)
    shape = state.graph.params[name].shape
    total = Derivatives.zero(shape)
    total.values = pull(found.values)
    total.minus, total.plus = total.values.copy(), total.values.copy()
    if found.kink.any():  # slopes of both sides change places where an input is negative
        total.kink = pull(found.kink.astype(np.float64), absolute=True) > 0.0
        jump = pull(np.where(found.kink, np.abs(found.plus - found.minus), 0.0), absolute=True)
        total.minus -= jump / 2.0
        total.plus += jump / 2.0
    if not found.known.all():
        total.known = pull((~found.known).astype(np.float64), absolute=True) == 0.0
    growth = pull(np.ones(found.values.shape), absolute=True)
    total.truncation = found.truncation * float(growth.max(initial=0.0))
    total.n_crossed = found.n_crossed
    return total


def pulled_back(
    state: State, site: Site, name: str, cotangent: Floats, *, absolute: bool = False
) -> Floats:
    """Return the vjp along the paths from `site` back to parameter `name`, in its shape.

    With `absolute`, every term is taken by absolute value; `cotangent` is then not negative.
    """
    origin = state.graph.params[name]
    found: dict[int, Floats] = {site.node.index: cotangent}
    on_path = {origin.index, *(n.index for n in site.paths[name])}
    for node in reversed(site.paths[name]):
        arrived = found.get(node.index)
        if arrived is None:
            continue
        assert node.op is not None
        wanted = [source.index in on_path for source in node.inputs]
        values, output = state.inputs(node), state.value(node)
        parts = node.op.pull(arrived, values, output, wanted, absolute=absolute)
        for source, part in zip(node.inputs, parts, strict=True):
            if part is not None:
                old = found.get(source.index)
                found[source.index] = part if old is None else old + part
    return np.array(found.get(origin.index, np.zeros(origin.shape)), order="C")
