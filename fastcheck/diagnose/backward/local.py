"""The simplest explanation of one gradient, while the delta that it is made from is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastcheck.diagnose.backward.of_constants import of_factors
from fastcheck.diagnose.backward.of_tensor import of_tensor
from fastcheck.diagnose.backward.others import find_others
from fastcheck.diagnose.backward.reason import Reason, Reasons, beside_reason, cost_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastcheck.diagnose.backward.of_inputs import Other
    from fastcheck.diagnose.backward.view import View


EASY = 2.0
"""Complexity up to which no other explanation is looked for."""


def find_reasons(view: View) -> Reasons | None:
    """Return the simplest exact explanation of one gradient, None if there is none."""
    if view.is_nearly_right:
        return min(of_tensor(view), key=cost_of, default=None)
    found = [*of_factors(view)]
    for more in (_of_others, of_tensor):
        if not found or min(map(cost_of, found)) > EASY:
            found += more(view)
    return min(found, key=cost_of, default=None)


def simple_reasons(view: View) -> Reasons | None:
    """Return the simplest exact explanation by constants alone."""
    return min(of_factors(view), key=cost_of, default=None)


def _of_others(view: View) -> Iterator[Reasons]:
    """Yield other gradients through the layer that are what was given, with a constant."""
    found = [reasons for other in find_others(view) if (reasons := _reasons_of(view, other))]
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
    extra = [(k[0], direct)] if k and direct is not None else []
    if c.value == 0.0 or not view.explains(other.value, c, *extra, own=False):
        return None
    text, cost = other.text, other.complexity + c.complexity
    if not c.is_one:
        text = f"{text}, and it is {c.text} times that"
    name = view.subject.name
    first = Reason(other.kind, text, cost, (name,), other.constant, other=other.name)
    if not k or k[0].is_one or k[0].value == c.value:
        return (first,)
    return (first, beside_reason(name, view.subject.other_use, k[0]))
