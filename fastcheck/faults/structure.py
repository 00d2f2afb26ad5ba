"""Mistakes with what stands beside the layers: penalties, recurrences, look-ups, branches."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.faults.fault import Fault
from fastcheck.graph.ops.move import Move

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fastcheck.faults.fault import Point
    from fastcheck.faults.sites import Product, Sites
    from fastcheck.faults.sweep import Parts, Step
    from fastcheck.graph.node import Node

    Floats = NDArray[np.float64]
    Arrays = dict[str, Floats]

SAME = 1e-9
"""How well penalty and parameter must be proportional, relative."""
MOST_BRANCHES = 4


def structure_faults(point: Point, sites: Sites) -> Iterator[Fault]:
    """Yield the faults of penalties, recurrences, look-ups and branches."""
    yield from _penalties(point, sites)
    yield from _recurrences(point, sites)
    yield from _look_ups(point, sites)
    yield from islice(_branches(point, sites), MOST_BRANCHES)


# ------------------------------------------------------------ penalties


def _penalties(point: Point, sites: Sites) -> Iterator[Fault]:
    places: dict[int, list[int]] = {}
    for node, i in sites.penalties:
        places.setdefault(node.index, []).append(i)
    if not places:
        return
    without = point.swept(_scaled(places, 0.0))
    penalised = point.changed(without)
    rate = _rate(point, sites, places, without)
    m = point.n_samples
    scales = [("missing", 0.0), ("doubled", 2.0), ("negated", -1.0)]
    if m is not None and m > 2:
        scales.append(("divided by the batch", 1.0 / m))
    for name, scale in scales:
        constants = (scale,) if rate is None else (scale, (scale - 1.0) * rate)
        text = f"the penalty times {scale:.3g} on the way back"
        yield Fault(
            f"penalty {name}", "", text, ("regulariser", "weight-decay"),
            point.planted(_scaled(places, scale)), constants,
        )  # fmt: skip
    if rate is None:
        return
    free = [n for n in sites.graph.params if n in point.right and n not in penalised]
    vectors = [n for n in free if point.right[n].ndim == 1]
    values = {n: sites.values[sites.graph.params[n].index] for n in sites.graph.params}

    def on_biases() -> Arrays:
        return {n: g + rate * values[n].reshape(g.shape) if n in vectors else g
                for n, g in point.right.items()}  # fmt: skip

    def absolute() -> Arrays:
        return {n: g + rate * (np.sign(values[n]) - values[n]).reshape(g.shape)
                if n in penalised else g for n, g in point.right.items()}  # fmt: skip

    if vectors:
        yield Fault(
            "penalty on biases", "", f"{rate:.3g} b is added to each b",
            ("regulariser-on-biases", "weight-decay"), on_biases, (rate, 1.0),
        )  # fmt: skip
    yield Fault(
        "penalty absolute", "", "sign(W) in place of W", ("regulariser-l1",), absolute,
        (rate, 1.0),
    )  # fmt: skip


def _scaled(places: dict[int, list[int]], scale: float) -> dict[int, Callable[[Step], Parts]]:
    def edit(step: Step) -> Parts:
        parts = step.parts()
        for i in places[step.node.index]:
            part = parts[i]
            parts[i] = None if part is None else scale * part
        return parts

    return dict.fromkeys(places, edit)


def _rate(
    point: Point, sites: Sites, places: dict[int, list[int]], without: Arrays
) -> float | None:
    """Return c if the gradient of the penalty is ``c W`` for every tensor that it concerns."""
    twice = point.swept(_scaled(places, 2.0))
    rates = []
    for name in point.changed(without):
        part = 0.5 * (twice[name] - without[name])
        value = sites.values[sites.graph.tensor(name).index].reshape(part.shape)
        square = float(np.sum(value * value))
        rate = float(np.sum(part * value)) / square if square else 0.0
        if np.abs(part - rate * value).max(initial=0.0) > SAME * np.abs(part).max(initial=0.0):
            return None
        rates.append(rate)
    if not rates or max(rates) - min(rates) > SAME * abs(rates[0]):
        return None
    return float(f"{rates[0]:.9g}")


# ------------------------------------------------------------ recurrences


def _recurrences(point: Point, sites: Sites) -> Iterator[Fault]:
    uses: dict[str, list[Product]] = {}
    for product in sites.products:
        uses.setdefault(product.name, []).append(product)
    for name, products in uses.items():
        if len(products) < 2:
            continue

        def last_only(step: Step, products: list[Product] = products) -> Parts:
            weight = next(p.weight for p in products if p.node is step.node)
            parts = step.parts()
            parts[weight] = None
            return parts

        edits = {p.node.index: last_only for p in products[:-1]}
        yield Fault(
            "only last use", name, f"of {len(products)} uses only the last is added up",
            ("not-summed", "truncated"), point.planted(edits), tensor=name,
        )  # fmt: skip
        before = sites.before(p.node for p in products)
        again = [p for p in products if p.source.depends and p.source.index in before
                 and _follows(sites, p, products)]  # fmt: skip
        if again:

            def cut(step: Step, again: list[Product] = again) -> Parts:
                other = next(p.other for p in again if p.node is step.node)
                parts = step.parts()
                parts[other] = None
                return parts

            cuts = {p.node.index: cut for p in again}
            yield Fault(
                "truncated", name, "nothing is sent back to earlier steps", ("truncated",),
                point.planted(cuts), is_delta=True,
            )  # fmt: skip


def _follows(sites: Sites, product: Product, products: list[Product]) -> bool:
    """Return whether the input of a product depends on another of `products`."""
    before = sites.before([product.node])
    return any(p is not product and p.node.index in before for p in products)


# ------------------------------------------------------------ look-ups


def _look_ups(point: Point, sites: Sites) -> Iterator[Fault]:
    """Yield look-ups in a table in which only the last of equal indices counts."""
    for node in sites.graph.nodes:
        if not isinstance(node.op, Move) or len(node.inputs) != 1 or node.op.is_injective:
            continue
        (source,) = node.inputs
        if source.index not in sites.images or not node.depends:
            continue
        name = sites.images[source.index]

        def edit(step: Step) -> Parts:
            op = step.node.op
            assert isinstance(op, Move)
            part = np.zeros(step.node.inputs[0].size)
            index, kept = op.index.reshape(-1), op.index.reshape(-1) >= 0
            part[index[kept]] = step.cotangent.reshape(-1)[kept]
            return [part.reshape(step.node.inputs[0].shape)]

        yield Fault(
            "duplicates lost", name, "g[index] += ... counts equal indices once",
            ("lost-duplicates",), point.planted({node.index: edit}),
            tensor=name,
        )  # fmt: skip


# ------------------------------------------------------------ branches


def _branches(point: Point, sites: Sites) -> Iterator[Fault]:
    """Yield values that are used twice, with what comes back from one use forgotten."""
    for node in sites.graph.nodes:
        if node.op is None or not node.depends or node.index in sites.images:
            continue
        users = [n for n in sites.consumers[node.index] if n.depends]
        if len(users) != 2 or node.index not in sites.before_products:
            continue
        for user in users:

            def edit(step: Step, node: Node = node) -> Parts:
                pairs = zip(step.node.inputs, step.parts(), strict=True)
                return [None if source is node else part for source, part in pairs]

            yield Fault(
                "branch missing", sites.title(node), "one of two uses is not added up",
                ("branch-missing",),
                point.planted({user.index: edit}), is_delta=True,
            )  # fmt: skip
