"""The verdict on a tensor of which directions were probed, and some entries or none."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.result import Region, find_places
from fastcheck.result.wording import count, listing, quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastcheck.directions.boxes import Box
    from fastcheck.directions.survey import Seen
    from fastcheck.result import TensorResult, Verdict

ENOUGH = (9, 10)
"""Share of the entries that must be resolved, as in judging."""
FEW = 8
"""Wrong entries from which it is worth saying what they have in common."""
CLASSICAL = ("max_relative_error", "norm_difference", "norm_analytic", "norm_numerical", "digits")


def joined(
    judged: TensorResult,
    seen: Seen,
    known: NDArray[np.bool_],
    *,
    is_sampled: bool,
    rtol: float,
    strict: bool,
) -> TensorResult:
    """Return a tensor judged by single entries and by directions.

    Parameters
    ----------
    judged : TensorResult
        The verdict on the entries that were probed on their own.
    seen : Seen
        What directions say about the others.
    known : ndarray of bool, shape of the tensor
        Which entries were probed on their own.
    is_sampled : bool
        Whether these are more than what directions led to; else they say nothing about norms.
    rtol : float
        Relative error up to which entries are close, not wrong.
    strict : bool
        Whether a close entry fails.

    Notes
    -----
    Entries outside of what is named agree if two independent directions were silent in which each
    of them moved, and a single wrong one would have been visible. Entries of a region of which
    examples disagree are not counted as checked, except the examples.
    """
    named = np.zeros(seen.shape, bool)
    for box in seen.regions:
        box.of(named)[...] = True
    inside = int(np.count_nonzero(named & ~known))
    outside = int(np.count_nonzero(~named & ~known))
    counts: dict[str, Any] = {
        key: getattr(judged, key) for key in ("n_agree", "n_close", "n_unresolved")
    }
    if seen.is_resolved:
        counts["n_agree"] += outside
    elif 0.0 < seen.off <= rtol and not seen.is_stopped:
        counts["n_close"] += outside
    elif judged.n_checked == 0 and not seen.is_stopped:
        counts["n_unresolved"] += outside
    if judged.n_disagree == 0:
        counts["n_close"] += inside
    total = sum(counts.values()) + judged.n_disagree + judged.n_kink
    verified: dict[str, Any] = {} if is_sampled else dict.fromkeys(CLASSICAL, math.nan)
    if seen.is_resolved and not (is_sampled and judged.digits >= 0.0):
        verified["digits"] = min(16.0, max(0.0, -math.log10(seen.visible / seen.typical)))
    found = replace(
        judged,
        **counts,
        n_checked=total,
        regions=tuple(_region(judged.name, box, seen) for box in seen.regions),
        visible=math.nan if named.all() else seen.visible,
        typical=seen.typical,
        **verified,
    )
    verdict, reason = _decided(found, judged, seen, rtol, strict)
    places = judged.places or (_places(named, known, seen) if verdict == "fail" else ())
    return replace(found, verdict=verdict, reason=reason, places=places)


def _places(named: NDArray[np.bool_], known: NDArray[np.bool_], seen: Seen) -> tuple[str, ...]:
    """Return where entries are wrong: regions as a whole, but for what was probed in them."""
    wrong = named.copy()
    for index, single in seen.singles.items():
        wrong[index] = single.is_wrong
    decided = np.ones_like(named) if seen.is_resolved else known | named
    return find_places(wrong, decided, np.zeros_like(named))


def _region(name: str, box: Box, seen: Seen) -> Region:
    examples = [single for index, single in seen.singles.items() if box.has(index)]
    wrong = sum(single.is_wrong for single in examples)
    return Region(name, box.bounds, box.text(seen.shape), wrong, len(examples))


def _decided(
    found: TensorResult, judged: TensorResult, seen: Seen, rtol: float, strict: bool
) -> tuple[Verdict, str]:
    """Return the verdict, and why if it is not a pass."""
    n_checked = quantity(found.n_checked, "checked entry", "checked entries")
    if judged.n_disagree:
        parts = [str(region) for region in found.regions]
        verb = "is wrong," if judged.n_disagree == 1 else "are wrong, such as"
        parts.append(f"{count(judged.n_disagree)} of {n_checked} {verb} {judged.worst}")
        if seen.is_stopped or seen.off > rtol:
            parts.append(f"more is wrong than was looked for{_pattern(seen)}")
        return "fail", "; ".join(parts)
    if strict and found.n_close:
        return "fail", f"{count(found.n_close)} of {n_checked} are close and not within the bound"
    if seen.off > rtol or seen.is_stopped:
        return "inconclusive", _unexplained(seen)
    if seen.is_resolved or seen.off:
        resolved = found.n_agree + found.n_close
        if ENOUGH[1] * resolved >= ENOUGH[0] * found.n_checked:
            return "pass", ""
        return judged.verdict, judged.reason
    if judged.n_checked:
        return judged.verdict, judged.reason
    return "inconclusive", _invisible(seen)


def _pattern(seen: Seen) -> str:
    """Say what the indices of many wrong entries have in common, if they do."""
    found = [index for index, single in seen.singles.items() if single.is_wrong]
    if len(seen.shape) < 2 or len(found) < FEW:
        return ""
    return ", all of it on the diagonal" if all(len(set(index)) == 1 for index in found) else ""


def _unexplained(seen: Seen) -> str:
    if seen.is_stopped:
        return "more entries are off than were looked at one by one"
    if math.isinf(seen.off):
        return (
            "it is zero in the gradient, and the loss changes along random directions, though no "
            "entry was found in which it does"
        )
    return (
        f"along random directions it is off by {seen.off:.1e} of its typical size, though no entry "
        'was found that is wrong; use plan="exhaustive" or more budget'
    )


def _invisible(seen: Seen) -> str:
    if seen.typical == 0.0:
        return (
            "exactly zero in the gradient, and the loss does not change along random directions, "
            "so that nothing was resolved"
        )
    if math.isinf(seen.visible):
        return (
            "the loss could not be evaluated along random directions; it is probably at the edge "
            'of its domain, where plan="sample" takes smaller steps'
        )
    return (
        f"along random directions a single wrong entry is seen only above {seen.visible:.0e}, "
        f'{seen.visible / seen.typical:.1g} of the typical gradient; use plan="sample"'
    )


def seen_statement(tensors: Sequence[TensorResult]) -> str:
    """Return how large a single wrong entry had to be to be seen, or nothing."""
    clear = [t for t in tensors if math.isfinite(t.visible) and t.typical > 0.0]
    if not clear:
        return ""
    clear.sort(key=lambda t: -t.visible / t.typical)
    parts = [
        f"{t.visible:.0e} in {t.name} ({t.visible / t.typical:.0e} of the typical gradient)"
        for t in clear
    ]
    where = "elsewhere a" if any(t.n_disagree or t.regions for t in tensors) else "a"
    return f"{where} single wrong entry above {listing(parts, 3)} would have been found"
