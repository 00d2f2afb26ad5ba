"""What explains a gradient with nothing but the right one: order, limits, places."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.reason import Reason, Reasons
from fastcheck.diagnose.backward.view import SLACK
from fastcheck.diagnose.choose import find_causes
from fastcheck.diagnose.evidence import Case, Evidence
from fastcheck.diagnose.messages import diagnosis_of, of_part
from fastcheck.diagnose.order import find_orders
from fastcheck.diagnose.parts import find_part
from fastcheck.diagnose.sums import find_sums
from fastcheck.diagnose.values import find_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fastcheck.diagnose.backward.view import View
    from fastcheck.diagnose.fit import Fit

    Finder = Callable[[Evidence], Iterator[Fit]]


def of_tensor(view: View) -> Sequence[Reasons]:
    """Return what explains a tensor with nothing but the right one."""
    evidence, direct = view.subject.evidence, view.subject.direct
    pairs = [(view.given, view.expected)]
    if direct is not None and direct.any():
        pairs.insert(0, (view.given - direct, view.data))
    allowance = SLACK * view.subject.allowance
    counts = view.subject.counts
    known = np.ones(view.given.shape, bool) if counts is None else counts
    tensors = [
        replace(
            evidence, analytic=given, numerical=right, allowance=allowance,
            known=known, failed=True,
        )
        for given, right in pairs
    ]  # fmt: skip
    for tensor in tensors:
        finders: list[Finder] = [] if view.is_nearly_right else [find_orders, find_sums]
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
