"""Mistakes in one gradient alone, while the delta that it is made from is right."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.chain import ACTIVATIONS, find_chain
from fastcheck.diagnose.backward.constants import ARBITRARY, ONE
from fastcheck.diagnose.backward.proposals import along, sample_masks
from fastcheck.diagnose.choose import find_causes
from fastcheck.diagnose.evidence import Case, Evidence
from fastcheck.diagnose.messages import diagnosis_of, of_part
from fastcheck.diagnose.order import find_orders
from fastcheck.diagnose.parts import find_part
from fastcheck.diagnose.sums import find_sums
from fastcheck.diagnose.values import find_values
from fastcheck.graph.ops.arithmetic import Multiply, Scale
from fastcheck.graph.ops.contraction import Contraction
from fastcheck.graph.ops.move import Move
from fastcheck.units import pulled_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.constants import Constant
    from fastcheck.diagnose.backward.view import View
    from fastcheck.diagnose.fit import Fit
    from fastcheck.graph.node import Node
    from fastcheck.units import Site

    Floats = NDArray[np.float64]
    Finder = Callable[[Evidence], Iterator[Fit]]

MOST_INPUTS = 24
SLACK_OF_TENSOR = 4.0
FEWEST = 3
"""Entries from which on a constant that is no simple number means something."""
ALIKE = 1e-7
"""How near two fitted constants must be to be taken for one, relative."""
EASY = 2.0
"""Complexity up to which no other explanation is looked for."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one gradient, or the delta of a layer, is wrong.

    Attributes
    ----------
    kind, text : str
        What it is called, and what is said of it, after the names of tensors.
    complexity : float
        How far-fetched it is.
    tensors : tuple of str
        What it is about, the first is its address.
    constant : float or None
        The number found.
    is_shared : bool
        Whether the same in other tensors is the same mistake.
    passes_on : bool
        Whether layers before this one are wrong because of it.
    is_exact : bool
        Whether it explains every entry.
    other : str
        Another tensor that belongs to it.
    """

    kind: str
    text: str
    complexity: float
    tensors: tuple[str, ...]
    constant: float | None = None
    is_shared: bool = False
    passes_on: bool = False
    is_exact: bool = True
    other: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Other:
    """Another gradient through the layer, as a mistake makes it."""

    kind: str
    text: str
    complexity: float
    value: Floats
    constant: float | None = None
    name: str = ""


Reasons = tuple[Reason, ...]


def find_reasons(view: View) -> Reasons | None:
    """Return the simplest exact explanation of one gradient, None if there is none."""
    found = [*_of_factors(view)]
    for more in (_of_others, _of_tensor):
        if not found or min(map(cost_of, found)) > EASY:
            found += more(view)
    return min(found, key=cost_of, default=None)


def simple_reasons(view: View) -> Reasons | None:
    """Return the simplest exact explanation by constants alone."""
    return min(_of_factors(view), key=cost_of, default=None)


def cost_of(reasons: Reasons) -> float:
    """Return how far-fetched reasons are together."""
    return sum(reason.complexity for reason in reasons)


# ------------------------------------------------------------ constants


def _of_factors(view: View) -> Iterator[Reasons]:
    """Yield what constants explain: of the data term, of the regulariser, of biases."""
    direct, values = view.subject.direct, view.subject.evidence.values
    if direct is not None:
        for c, k in _fits(view, view.data, direct):
            if view.is_exact(view.data, c, (k.value, direct), own=False) and holds(view, c, k):
                yield _factor_reasons(view, c, k)
                return
        if values is not None:
            yield from _of_l1(view, values)
        return
    for (c,) in _fits(view, view.data):
        if view.is_exact(view.data, c) and holds(view, c):
            yield _factor_reasons(view, c, ONE)
            return
    if values is not None and values.any():
        yield from _of_decay(view, values)


def _fits(view: View, *columns: Floats) -> list[list[Constant]]:
    """Return the constants of a fit in a list, which is empty if there are none."""
    found = view.fit(*columns)
    return [] if found is None else [found]


def holds(view: View, *constants: Constant) -> bool:
    """Return whether there are enough entries for constants that are no simple numbers."""
    n_free = sum(c.complexity >= ARBITRARY for c in constants)
    return not n_free or view.given.size > n_free + 1


def _of_l1(view: View, values: Floats) -> Iterator[Reasons]:
    name, size = view.subject.name, view.anatomy.penalty.get(view.subject.name, 0.0)
    if size and view.is_exact(view.data, ONE, (size, np.sign(values)), own=False):
        yield (l1_reason((name,), size),)


def l1_reason(names: tuple[str, ...], size: float) -> Reason:
    """Return that the regulariser has the gradient of absolute values."""
    text = "the gradient of the regulariser is the sign of the weights (L1), not L2"
    return Reason("regulariser-l1", text, 1.6, names, size, is_shared=True)


def _of_decay(view: View, values: Floats) -> Iterator[Reasons]:
    """Yield regularisers that the loss has not."""
    name, rest = view.subject.name, view.given - view.data
    known = [
        size for size in view.anatomy.penalties if view.is_exact(view.data, ONE, (size, values))
    ]
    if known:
        yield (decay_reason(view, known[0], is_known=True),)
        return
    if values.size < FEWEST:
        return
    size = float(np.sum(rest * values)) / max(float(np.sum(values * values)), 1e-300)
    if size and view.is_exact(view.data, ONE, (size, values)):
        yield (decay_reason(view, size, is_known=False),)
        return
    signs = np.sign(values)
    size = float(np.sum(rest * signs)) / max(float(np.sum(signs * signs)), 1.0)
    if size and view.is_exact(view.data, ONE, (size, signs)):
        text = f"{size:.6g} times the sign of the parameter is added, which the loss has not"
        yield (Reason("l1-decay", text, 2.2, (name,), size, is_shared=True),)


def _factor_reasons(view: View, c: Constant, k: Constant) -> Reasons:
    """Return what it means that the data term is c, and the regulariser k times what it should be.

    If the regulariser is neither left alone nor multiplied by the same, it is a second mistake.
    """
    name = view.subject.name
    if c.is_one:
        return (regulariser_reason(name, k),)
    if c.value == 0.0:
        part = ", but for the regulariser," if k.is_one and view.subject.direct is not None else ""
        text = f"the gradient{part} is zero: it is never computed"
        first = Reason("zero", text, 1.3, (name,))
        return (first,) if k.is_one or k.value == 0.0 else (first, regulariser_reason(name, k))
    text = f"the gradient is {c.text} times the right one"
    is_alike = abs(k.value - c.value) <= ALIKE * abs(c.value)
    if view.subject.direct is not None and (k.is_one or is_alike):
        text = f"{text}, the regulariser {'included' if is_alike else 'aside'}"
    first = Reason("factor", text, 1.0 + c.complexity, (name,), c.value, is_shared=True)
    if k.is_one or is_alike:
        return (first,)
    relative = k.value / c.value if c.value else k.value
    return (first, regulariser_reason(name, view.constants.called(relative, 1e-9)))


def regulariser_reason(name: str, k: Constant) -> Reason:
    """Return that the term of the regulariser is k times what it should be."""
    text = {
        0.0: "the term of the regulariser is missing",
        -1.0: "the term of the regulariser has the wrong sign",
    }.get(k.value, f"the term of the regulariser is {k.text} times what it should be")
    return Reason("regulariser", text, 1.0 + 0.5 * k.complexity, (name,), k.value, is_shared=True)


def decay_reason(view: View, size: float, *, is_known: bool) -> Reason:
    """Return that a regulariser of strength `size` is added, known from other parameters or not."""
    name = view.subject.name
    if is_known:
        text = "the regulariser is applied here too, where the loss has none"
        return Reason("regulariser-on-biases", text, 1.5, (name,), size, is_shared=True)
    text = (
        f"{size:.6g} times the parameter is added, a regulariser that the loss has not"
        if size > 0
        else f"{-size:.6g} times the parameter is subtracted, which the loss has not"
    )
    return Reason("weight-decay", text, 2.0, (name,), size, is_shared=True)


# ------------------------------------------------------------ other gradients


def _of_others(view: View) -> Iterator[Reasons]:
    """Yield other gradients through the layer that are what was given, with a constant."""
    found = [reasons for other in _others(view) if (reasons := _reasons_of(view, other))]
    if found:
        yield min(found, key=cost_of)


def _reasons_of(view: View, other: Other) -> Reasons | None:
    direct = view.subject.direct
    columns = [other.value] if direct is None else [other.value, direct]
    if not other.value.any():
        return None
    found = view.fit(*columns)
    if found is None:
        return None
    c, *k = found
    extra = [(k[0].value, direct)] if k and direct is not None else []
    if c.value == 0.0 or not view.is_exact(other.value, c, *extra, own=False):
        return None
    if not holds(view, c, *k):
        return None
    text, cost = other.text, other.complexity + c.complexity
    if not c.is_one:
        text = f"{text}, and it is {c.text} times that"
    name = view.subject.name
    first = Reason(other.kind, text, cost, (name,), other.constant, other=other.name)
    if not k or k[0].is_one or k[0].value == c.value:
        return (first,)
    return (first, regulariser_reason(name, k[0]))


def _others(view: View) -> Iterator[Other]:
    yield from _of_tensors(view)
    if len(view.layer.sites) == 1:
        yield from _of_inputs(view)
        yield from _of_duplicates(view)
        yield from _of_sums(view)
    else:
        yield from _of_steps(view)
        yield from _of_next_inputs(view)
    yield from _of_samples(view)


def _of_tensors(view: View) -> Iterator[Other]:
    """Yield the right gradients of other parameters of the same shape."""
    for name, value in view.anatomy.right.items():
        if name != view.subject.name and value.shape == view.given.shape:
            text = f"this is the gradient of {name}"
            direct = view.subject.direct
            value = value if direct is None else value - direct
            yield Other("other-tensor", text, 1.5, value, name=name)


def _of_samples(view: View) -> Iterator[Other]:
    for kind, text, constant, keeps in sample_masks(view.anatomy.graph.n_batch or 0):
        masked = {}
        for site in view.layer.sites:
            axis, delta = site.node.batch_axis, view.deltas[site.node.index]
            masked[site.node.index] = delta if axis is None else along(delta, keeps, axis)
        other = replace(view, deltas=masked)
        if not other.is_hopeless():
            yield Other(kind, text, 1.4, other.data, constant)


def _of_steps(view: View) -> Iterator[Other]:
    """Yield the parts of single uses of a shared parameter."""
    sites = [s for s in view.layer.sites if view.subject.name in s.paths]
    n = len(sites)
    for k, site in enumerate(sites):
        delta = view.deltas[site.node.index]
        value = pulled_back(view.anatomy.state, site, view.subject.name, delta)
        text = (
            f"this is the part of use {k + 1} of {n} alone: the parameter is used {n} times, and "
            "the parts of all uses must be added up"
        )
        yield Other("not-summed", text, 1.4, value, float(k))
        if n > 2:
            text = f"the part of use {k + 1} of {n} is not added"
            yield Other("not-summed", text, 1.6, view.data - value, float(k))


def _of_next_inputs(view: View) -> Iterator[Other]:
    """Yield the gradient of a recurrence made with the states of the steps after or before."""
    sites = [s for s in view.layer.sites if view.subject.name in s.paths]
    sources = [_source(view, site) for site in sites]
    if None in sources or len({None if s is None else s.shape for s in sources}) > 1:
        return
    region = {node.index for node in view.layer.region}
    outputs = [find_chain(view.anatomy, site.node, region).end for site in sites]
    if outputs[0].shape != getattr(sources[0], "shape", None):
        return
    value = np.zeros(view.data.shape)
    for site, source, output in zip(sites, sources, outputs, strict=True):
        assert source is not None
        value += _with_input(view, site, source, view.anatomy.state.value(output))
    text = "the state of the same step stands where that of the step before is meant"
    yield Other("input-elsewhere", text, 1.5, value)


def _source(view: View, site: Site) -> Node | None:
    """Return what the parameter is multiplied by at a site."""
    path = site.paths[view.subject.name]
    product = next((n for n in path if isinstance(n.op, Contraction | Multiply)), None)
    if product is None:
        return None
    on_path = {n.index for n in path} | {view.anatomy.graph.params[view.subject.name].index}
    return next((i for i in product.inputs if i.index not in on_path), None)


def _with_input(view: View, site: Site, source: Node, value: Floats) -> Floats:
    """Return the gradient through a site with another value in place of `source`."""
    state = copy.copy(view.anatomy.state)
    state.values = list(state.values)
    state.values[source.index] = value
    with np.errstate(all="ignore"):
        return pulled_back(state, site, view.subject.name, view.deltas[site.node.index])


def _of_sums(view: View) -> Iterator[Other]:
    """Yield wrong sums of the delta over samples, as for a bias."""
    (site,) = view.layer.sites
    path = site.paths[view.subject.name]
    if any(isinstance(node.op, Contraction) for node in path):
        return
    delta, shape = view.deltas[site.node.index], view.data.shape
    text = "the delta is summed over everything, so that all entries are equal"
    yield Other("summed-over-all", text, 1.4, np.full(shape, delta.sum()))
    axis = site.node.batch_axis
    if delta.ndim == 2 and axis is not None and delta.shape[0] == delta.shape[1]:
        text = "the delta is summed over the units, where the samples are meant: another axis"
        yield Other("summed-over-units", text, 1.4, delta.sum(axis=1 - axis).reshape(shape))
    region = {node.index for node in view.layer.region} - view.layer.seeds
    chain = find_chain(view.anatomy, site.node, region)
    if chain.steps:
        value = pulled_back(view.anatomy.state, site, view.subject.name, delta * chain.slope)
        yield Other("slope-twice", "the derivative of the activation is applied twice", 1.5, value)


def _of_duplicates(view: View) -> Iterator[Other]:
    """Yield what is left where repeated indices are assigned to and not added up."""
    (site,) = view.layer.sites
    first = site.paths[view.subject.name][0]
    if not isinstance(first.op, Move) or len(first.inputs) > 1 or first.op.is_injective:
        return
    delta = view.deltas[site.node.index]
    if delta.shape != first.shape:
        return
    text = (
        "where an index is repeated only one of its parts is kept: G[i] += d adds one of them, "
        "np.add.at(G, i, d) adds all"
    )
    index = first.op.index.reshape(-1)
    for order in (slice(None), slice(None, None, -1)):
        value = np.zeros(view.data.size)
        kept = index[order] >= 0
        value[index[order][kept]] = delta.reshape(-1)[order][kept]
        yield Other("lost-duplicates", text, 1.3, value.reshape(view.data.shape))


def _of_inputs(view: View) -> Iterator[Other]:
    """Yield gradients made with another value than the input of the layer."""
    (site,) = view.layer.sites
    source = _source(view, site)
    if source is None:
        return
    for kind, text, cost, node in _alike(view, source):
        value = _with_input(view, site, source, view.anatomy.state.value(node))
        if np.isfinite(value).all():
            yield Other(kind, text, cost, value)


def _alike(view: View, source: Node) -> Iterator[tuple[str, str, float, Node]]:
    """Yield kind, text, complexity and node of what may be taken for the input of a layer."""
    seen = {source.index}
    node = source
    while node.op is not None:
        movers = [i for i in node.inputs if i.depends]
        is_mask = isinstance(node.op, Multiply | Scale) and len(movers) == 1
        if not (is_mask or isinstance(node.op, ACTIVATIONS)) or movers[0].shape != node.shape:
            break
        (node, *_) = movers
        seen.add(node.index)
        if is_mask and _is_mask(node):
            continue
        if is_mask:
            text = "the input of the layer is taken before dropout"
            yield "input-before-dropout", text, 1.4, node
        else:
            text = "z, the value before the activation, stands where the activation is meant"
            yield "input-before-activation", text, 1.4, node
    count = 0  # what follows is a guess at best
    for other in view.anatomy.graph.nodes:
        is_like = other.shape == source.shape and other.batch_axis == source.batch_axis
        if other.index in seen or not is_like or other.is_param or source.batch_axis is None:
            continue
        if other.op is not None and other.op.is_frozen:
            continue
        count += 1
        if count > MOST_INPUTS:
            return
        label = other.name or "another layer"
        text = f"the input is that of another place of the network ({label})"
        yield "input-elsewhere", text, 1.6, other


def _is_mask(node: Node) -> bool:
    """Return whether a value is itself a product with data: part of a mask, not before it."""
    return isinstance(node.op, Multiply | Scale) and sum(i.depends for i in node.inputs) == 1


# ------------------------------------------------------------ from the tensor alone


def _of_tensor(view: View) -> Sequence[Reasons]:
    """Return what explains a tensor with nothing but the right one."""
    evidence, direct = view.subject.evidence, view.subject.direct
    pairs = [(view.given, view.expected)]
    if direct is not None and direct.any():
        pairs.insert(0, (view.given - direct, view.data))
    allowance = SLACK_OF_TENSOR * view.subject.allowance
    tensors = [
        replace(
            evidence, analytic=given, numerical=right, allowance=allowance,
            known=np.ones(given.shape, bool), failed=True,
        )
        for given, right in pairs
    ]  # fmt: skip
    for tensor in tensors:
        finders: list[Finder] = [find_orders, find_sums]
        if tensor is tensors[-1]:  # what is limited or rounded is the whole
            finders.append(find_values)
        reasons = [(reason,) for reason in _of_evidence(tensor, view, finders)]
        if reasons:
            return reasons
    parts = [(reason,) for tensor in tensors if (reason := _of_part(tensor, view)) is not None]
    said = [reasons for reasons in parts if reasons[0].kind in SAYING]
    return said[:1] or parts[-1:]  # of what only has a place, the place in the whole gradient


ORDERS = ("rolled", "reversed", "reordered")
"""Mistakes that are made once for each tensor."""
SAYING = ("zero-part", "factor-part")
"""Parts of which it is known what happened to them."""


def _of_evidence(tensor: Evidence, view: View, finders: Sequence[Finder]) -> Iterator[Reason]:
    case = Case([tensor], {}, view.anatomy.graph.n_batch)
    fits = [fit for find in finders for fit in find(tensor)]
    causes = find_causes(case, fits)
    for cause in causes:
        found = diagnosis_of(cause, case)
        text = _without_name(found.message, tensor.name)
        cost = cause.complexity + 1.0
        name = (tensor.name,)
        is_shared = found.kind not in ORDERS
        yield Reason(found.kind, text, cost, name, found.constant, is_shared=is_shared)


def _of_part(tensor: Evidence, view: View) -> Reason | None:
    part = find_part(tensor, Case([tensor], {}, view.anatomy.graph.n_batch).lengths)
    if part is None:
        return None
    found = of_part(tensor, part)
    text = _without_name(found.message, tensor.name)
    return Reason(found.kind, text, 2.5, (tensor.name,), found.constant, is_exact=found.is_exact)


def _without_name(message: str, name: str) -> str:
    return message.removeprefix(f"{name}: ")
