"""What can be said of a tensor that nothing explains: how many entries, where, how far off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.order import axis_words
from fastcheck.diagnose.parts import MOST_ADDRESSES, MOST_RUNS, addresses, indices_text
from fastcheck.diagnose.values import format_of
from fastcheck.result import Diagnosis
from fastcheck.result.wording import count, listing, quantity, ratio_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcheck.diagnose.evidence import Evidence

MOST_NAMES = 10
MOST_CLAUSES = 3
"""Tensors of a group that are described one by one."""
NEAR = 1e-3
"""Below it, the distance of a cosine from one is given."""


def unexplained(tensors: Sequence[Evidence]) -> tuple[Diagnosis, ...]:
    """Return what is known of tensors that nothing explains.

    Those that are wrong in every entry are described together, because one mistake in a later layer
    does that to all layers before it; any other on its own.
    """
    everywhere = [t for t in tensors if t.is_wrong_everywhere]
    groups = [everywhere] if everywhere else []
    groups += [[t] for t in tensors if not t.is_wrong_everywhere]
    return tuple(_said(group) for group in groups)


def _said(group: Sequence[Evidence]) -> Diagnosis:
    names = [tensor.name for tensor in group]
    clauses = [
        f"{tensor.name}: {clause(tensor)}" if len(group) > 1 else clause(tensor)
        for tensor in group[:MOST_CLAUSES]
    ]
    rest = len(group) - len(clauses)
    if rest:
        measured = "" if all(t.is_complete for t in group) else " that was measured"
        clauses.append(f"{quantity(rest, 'more tensor')} likewise in every entry{measured}")
    message = (
        f"{listing(names, MOST_NAMES)}: no simple cause fits every entry; {'; '.join(clauses)}"
    )
    one = names[0] if len(names) == 1 else None
    return Diagnosis("unexplained", one, None, message, tuple(names), is_exact=False)


def clause(tensor: Evidence) -> str:
    """Return what is known of a wrong tensor, as a clause.

    Of a sample it says no more than of the sample.
    """
    n_known, n_wrong = (int(np.count_nonzero(flags)) for flags in (tensor.known, tensor.wrong))
    if not n_wrong:
        return "no single entry that was measured is outside its bound"
    measured = "" if tensor.is_complete else " that were measured"
    if n_wrong <= MOST_ADDRESSES and n_wrong < n_known:
        wrong = f"{addresses(tensor.name, tensor.wrong)} {'is' if n_wrong == 1 else 'are'} wrong"
        if tensor.is_cleared:
            return f"{wrong}, and random directions find nothing else"
        if tensor.is_complete:
            return f"only {wrong}"
        return f"{wrong}, of {quantity(n_known, 'entry', 'entries')}{measured}{_regions(tensor)}"
    if n_wrong == n_known == 1:
        text = "its entry is wrong" if tensor.is_complete else "the one entry measured is wrong"
    elif n_wrong == n_known:
        text = f"all {count(n_known)} entries{measured} are wrong"
    elif tensor.is_wrong_everywhere:
        text = f"all {count(n_wrong)} entries{measured} are wrong that are not zero on both sides"
    else:
        of = quantity(n_known, "entry", "entries")
        text = f"{count(n_wrong)} of {of}{measured} are wrong{_where(tensor)}"
    text += _regions(tensor)
    return ", ".join(filter(None, [text, _zeros(tensor), _sizes(tensor), _format(tensor)]))


def _regions(tensor: Evidence) -> str:
    """Return where random directions found a tensor wrong."""
    if not tensor.is_local:
        return ""
    return f", in {listing([region.text for region in tensor.regions])}"


def _where(tensor: Evidence) -> str:
    """Return in which rows and columns the wrong entries are, where that is not all of them."""
    ndim = tensor.analytic.ndim
    if ndim < 2 or not tensor.is_complete:
        return ""
    parts = []
    for axis in range(ndim):
        others = tuple(a for a in range(ndim) if a != axis)
        places = np.flatnonzero(tensor.wrong.any(axis=others))
        n = tensor.shape[axis]
        if n > 1 and places.size < n and np.count_nonzero(np.diff(places) > 1) >= MOST_RUNS:
            parts.append(f"{count(places.size)} of {count(n)} {axis_words(axis, ndim)[1]}")
        elif n > 1 and places.size < n:
            parts.append(indices_text(places, axis, tensor.shape))
        elif tensor.shape[axis] > 1:
            parts.append(f"every {axis_words(axis, ndim)[0]}")
    return f", in {' and '.join(parts)}" if parts else ""


def _zeros(tensor: Evidence) -> str:
    n = int(np.count_nonzero(tensor.wrong & (tensor.analytic == 0.0)))
    return f"{count(n)} of them zero" if n else ""


def _sizes(tensor: Evidence) -> str:
    """Return how the two gradients compare as vectors, over what was measured."""
    given, right = tensor.analytic.reshape(-1), tensor.numerical.reshape(-1)
    if not tensor.is_complete:
        given, right = given[tensor.known.reshape(-1)], right[tensor.known.reshape(-1)]
    with np.errstate(all="ignore"):
        sizes = float(np.linalg.norm(given)), float(np.linalg.norm(right))
        ratio = sizes[0] / sizes[1] if sizes[1] else np.nan
        off = given / sizes[0]
        off -= right / sizes[1]
        apart = 0.5 * float(off @ off)
    if not (np.isfinite(ratio) and np.isfinite(apart)) or given.size < 2:
        return ""
    cosine = f"1 - {apart:.0e}" if apart < NEAR else f"{1.0 - apart:.3f}"
    they = "as a vector" if tensor.is_complete else "together"
    unsure = float(np.linalg.norm(tensor.allowance[tensor.known])) / sizes[1]
    longer = "" if abs(ratio - 1.0) <= unsure else f"{ratio_text(ratio)} times "
    return f"{they} {longer}as long as the numerical one, cosine {cosine}"


def _format(tensor: Evidence) -> str:
    found = None if tensor.is_coarse else format_of(tensor.analytic)
    told = tensor.analytic[tensor.wrong]
    if found is None or np.array_equal(told, np.round(told)):
        return ""
    return f"every entry of it a {found[0]} number"
