"""Why a gradient is wrong: what explains it, what is known where nothing does, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastcheck.result import BENIGN, accept_name
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from fastcheck.result import CheckResult

__all__ = ["ACCEPTED", "diagnoses"]

ACCEPTED: Final = "accepted"
MOST_NAMES: Final = 6
UNKNOWN: Final = "cause not identified"
LOCATED: Final = ("unexplained", "wrong-part", "one-entry", "stale-weights")
"""Kinds that, where they are not exact, say where something is wrong, and not what."""


def diagnoses(result: CheckResult) -> list[tuple[str, list[str]]]:
    """Return what explains all, what is known beside it, and what was accepted, with labels.

    Where the cause is not identified, that is said before what is known.
    """
    groups: dict[str, list[str]] = {"what is wrong": [], "what is known": [], ACCEPTED: []}
    for d in result.diagnosis:
        label = "what is wrong" if d.is_exact else "what is known"
        groups[ACCEPTED if d.accepted else label].append(d.located)
    left = [accept_name(d, BENIGN) for d in result.diagnosis if not d.accepted]
    names = [f'"{name}"' for name in dict.fromkeys(filter(None, left))]
    if names:
        given = names[0] if len(names) == 1 else f"({', '.join(names)})"
        groups["what is wrong"].append(f"(if that is meant, pass accept={given})")
    unknown = _unidentified(result)
    if unknown:
        groups["what is wrong"].append(f"{UNKNOWN}, in {listing(unknown, MOST_NAMES)}")
    return list(groups.items())


def _unidentified(result: CheckResult) -> list[str]:
    """Return the tensors of which only is known where they are wrong, if no message says so."""
    vague = [d for d in result.diagnosis if d.kind in LOCATED and not d.is_exact]
    known = {name for d in result.diagnosis if d not in vague for name in d.tensors}
    silent = [d for d in vague if UNKNOWN not in d.message]
    return [n for n in dict.fromkeys(n for d in silent for n in d.tensors) if n not in known]
