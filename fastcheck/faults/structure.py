"""Mistakes with what stands beside the layers: recurrences, look-ups, branches."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.faults.fault import Fault
from fastcheck.graph.ops.move import Move

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastcheck.faults.fault import Point
    from fastcheck.faults.sites import Product, Sites
    from fastcheck.faults.sweep import Parts, Step
    from fastcheck.graph.node import Node

MOST_BRANCHES = 4


def structure_faults(point: Point, sites: Sites) -> Iterator[Fault]:
    """Yield the faults of recurrences, look-ups and branches."""
    yield from _recurrences(point, sites)
    yield from _look_ups(point, sites)
    yield from islice(_branches(point, sites), MOST_BRANCHES)


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
