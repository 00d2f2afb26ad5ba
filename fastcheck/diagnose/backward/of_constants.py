"""What constants explain of one gradient: of its data term, and of its regulariser."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.constants import ARBITRARY, ONE, Constant
from fastcheck.diagnose.backward.proof import digits_said, is_supported
from fastcheck.diagnose.backward.reason import (
    Reason,
    Reasons,
    beside_reason,
    decay_reason,
    l1_reason,
    regulariser_reason,
)
from fastcheck.diagnose.scales import has_both_signs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.view import View

    Floats = NDArray[np.float64]


SOME = 512
NEAR = 1e-3
"""Entries by which most tensors are known not to be off by a constant, and how nearly they are."""
FEWEST = 3
"""Entries from which on a constant that is no simple number means something."""
PARALLEL = 1e-12
"""Square of the sine of the angle below which two terms have one direction."""
ALIKE = 1e-7
"""How near two fitted constants must be to be taken for one, relative."""


def of_factors(view: View) -> Iterator[Reasons]:
    """Yield what constants explain: of the data term, of the regulariser, of biases."""
    direct, values = view.subject.direct, view.subject.evidence.values
    has_penalty = direct is not None and not view.subject.other_use
    if direct is not None:
        fits = _fits(view, view.data, direct)
        if _are_parallel(view.data, direct):  # as at a minimum, where they cancel: one is right
            fits = [[ONE, _multiple(view, view.data, direct)]]
            fits.append([_multiple(view, direct, view.data), ONE])
        for c, k in fits:
            if view.explains(view.data, c, (k, direct), own=False):
                yield _factor_reasons(view, c, k)
                return
        if values is not None and has_penalty:
            yield from _of_l1(view, values)
        return
    for (c,) in _fits(view, view.data):
        if view.explains(view.data, c):
            yield _factor_reasons(view, c, ONE)
            return
    if values is not None and values.any():
        yield from _of_decay(view, values)


def _are_parallel(one: Floats, other: Floats) -> bool:
    """Return whether no fit can tell one term from the other."""
    product = float(np.vdot(one, one)) * float(np.vdot(other, other))
    return product - float(np.vdot(one, other)) ** 2 <= PARALLEL * product


def _multiple(view: View, right: Floats, term: Floats) -> Constant:
    """Return how often `term` is in what was given beside `right`."""
    square = float(np.vdot(term, term))
    c = float(np.vdot(view.given - right, term)) / square if square else 0.0
    return view.constants.called(c, ALIKE)


def _fits(view: View, *columns: Floats) -> list[list[Constant]]:
    """Return the constants of a fit in a list, which is empty if there are none."""
    found = view.fit(*columns)
    return [] if found is None else [found]


def _of_l1(view: View, values: Floats) -> Iterator[Reasons]:
    name, size = view.subject.name, view.anatomy.penalty.get(view.subject.name, 0.0)
    if size and view.explains(view.data, ONE, (_known(size), np.sign(values)), own=False):
        yield (l1_reason((name,), size),)
        return
    if values.size < FEWEST or not _is_constant(view, values):
        return
    signs, rest = np.sign(values), view.given - view.expected
    size = float(np.sum(rest * signs)) / max(float(np.sum(signs * signs)), 1.0)
    if size and view.explains(view.data, ONE, (_fitted(size), signs)):
        yield (_l1_decay(name, size),)


def _known(size: float) -> Constant:
    """Return the strength of a regulariser that the loss has elsewhere."""
    return Constant(size, f"{size:.6g}", 1.0)


def _fitted(size: float) -> Constant:
    """Return the strength of a regulariser that is known from this gradient alone."""
    return Constant(size, f"{size:.6g}", ARBITRARY)


def _is_constant(view: View, values: Floats) -> bool:
    """Return whether some entries are off by one size, with the signs of the parameter.

    Signs that are all alike are those of a constant, not of the parameter.
    """
    if not has_both_signs(values):
        return False
    step = slice(None, None, max(1, values.size // SOME))
    off = view.given.reshape(-1)[step] - view.expected.reshape(-1)[step]
    size = off * np.sign(values.reshape(-1)[step])
    size = size[size != 0.0]
    return bool(size.size and np.ptp(size) <= NEAR * float(np.abs(size).max()))


def _l1_decay(name: str, size: float) -> Reason:
    """Return that the gradient of absolute values is added, which the loss has not."""
    text = f"{size:.6g} times the sign of the parameter is added, which the loss has not"
    return Reason("l1-decay", text, 2.2, (name,), size, is_shared=True)


def _of_decay(view: View, values: Floats) -> Iterator[Reasons]:
    """Yield regularisers that the loss has not."""
    name, rest = view.subject.name, view.given - view.data
    known = [
        size
        for size in view.anatomy.penalties
        if view.explains(view.data, ONE, (_known(size), values))
    ]
    if known:
        yield (decay_reason(name, known[0], is_known=True),)
        return
    if values.size < FEWEST or not is_supported(digits_said(view, ONE), [_fitted(1.0)]):
        return
    size = float(np.sum(rest * values)) / max(float(np.sum(values * values)), 1e-300)
    if size and view.is_exact(view.data, ONE, (size, values)):
        yield (decay_reason(name, size, is_known=False),)
        return
    signs = np.sign(values)
    size = float(np.sum(rest * signs)) / max(float(np.sum(signs * signs)), 1.0)
    if size and has_both_signs(values) and view.is_exact(view.data, ONE, (size, signs)):
        yield (_l1_decay(name, size),)


def _factor_reasons(view: View, c: Constant, k: Constant) -> Reasons:
    """Return what it means that the data term is c, and the regulariser k times what it should be.

    If the regulariser is neither left alone nor multiplied by the same, it is a second mistake.
    """
    name, other_use = view.subject.name, view.subject.other_use
    if c.is_one:
        return (beside_reason(name, other_use, k),)
    term = other_use.rstrip(",") or "the regulariser"
    if c.value == 0.0:
        part = f", but for {term}," if k.is_one and view.subject.direct is not None else ""
        text = f"the gradient{part} is zero: it is never computed"
        first = Reason("zero", text, 1.3, (name,))
        return (
            (first,) if k.is_one or k.value == 0.0 else (first, beside_reason(name, other_use, k))
        )
    text = f"the gradient is {c.text} times the right one"
    is_alike = abs(k.value - c.value) <= ALIKE * abs(c.value)
    if view.subject.direct is not None and (k.is_one or is_alike):
        text = f"{text}, {term} {'included' if is_alike else 'aside'}"
    first = Reason("factor", text, 1.0 + c.complexity, (name,), c.value, is_shared=True)
    if k.is_one or is_alike:
        return (first,)
    if other_use:  # two parts of one gradient
        second = beside_reason(name, other_use, k)
        text = f"{second.text}, and the rest is {c.text} times what it should be"
        return (replace(second, text=text, complexity=second.complexity + c.complexity),)
    relative = k.value / c.value if c.value else k.value
    return (first, regulariser_reason(name, view.constants.called(relative, 1e-9)))
