"""Causes that the user accepts: named beforehand, and fitted exactly, or they excuse nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from fastcheck.errors import InputError
from fastcheck.result import ACCEPTABLE, Finding, accept_name
from fastcheck.result.wording import count, listing, quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastcheck.result import Diagnosis, TensorResult

__all__ = ["about_unused", "accepted_names", "with_accepted"]

WHOLE: Final = ("sum", "mean")
"""Names that hold of the whole gradient or not at all; in one tensor it is a mistake."""
ENOUGH: Final = (9, 10)
"""Share of the checked entries that must be resolved for a pass, as in judging."""


@dataclass(frozen=True, slots=True)
class Excuse:
    """What is accepted of one check.

    Attributes
    ----------
    name : str
        The name under which it is accepted.
    diagnosis : Diagnosis
        What was found.
    """

    name: str
    diagnosis: Diagnosis


def accepted_names(accept: Any) -> tuple[str, ...]:
    """Return the names of accepted causes, each once.

    Parameters
    ----------
    accept : str or iterable of str
        One name, or several; none, or None, accepts nothing.

    Raises
    ------
    InputError
        If it is something else, or one of the names is unknown.

    Examples
    --------
    >>> accepted_names("clip"), accepted_names(["guard", "clip", "guard"])
    (('clip',), ('guard', 'clip'))
    """
    given = (accept,) if isinstance(accept, str) else () if accept is None else accept
    choices = ", ".join(ACCEPTABLE)
    if not isinstance(given, Iterable):
        raise InputError(f"`accept` must hold some of {choices}, got {accept!r}; leave it out")
    names = tuple(dict.fromkeys(given))
    for name in names:
        if name not in ACCEPTABLE:
            near = get_close_matches(str(name), ACCEPTABLE, 1)
            remedy = f"did you mean {near[0]}?" if near else "leave it out"
            raise InputError(f"`accept` must hold some of {choices}, got {name!r}; {remedy}")
    return names


def with_accepted(
    diagnosis: Sequence[Diagnosis], tensors: Mapping[str, TensorResult], names: Sequence[str]
) -> tuple[tuple[Diagnosis, ...], dict[str, TensorResult]]:
    """Return diagnoses and tensors, with what is accepted excused.

    Parameters
    ----------
    diagnosis : sequence of Diagnosis
        Why tensors fail.
    tensors : mapping of str to TensorResult
        The verdicts.
    names : sequence of str
        What is accepted, of `ACCEPTABLE`.

    Notes
    -----
    A tensor that fails is excused if everything that is said of it is accepted and explains every
    entry within its bound. It keeps its counts; its reason says what was accepted. It does not pass
    if too few of its entries were resolved, nor is it excused if entries were compared along random
    directions, of which an explanation knows only some.
    """
    excuses = {
        id(d): Excuse(name, d)
        for d in diagnosis
        if (name := accept_name(d, names)) and not _objection(d, name, tensors)
    }
    outcome = dict(tensors)
    for name, tensor in tensors.items():
        said = [d for d in diagnosis if name in _explained(d)]
        if tensor.verdict == "fail" and said and all(id(d) in excuses for d in said):
            outcome[name] = _excused(tensor, [excuses[id(d)] for d in said])
    return tuple(replace(d, accepted=id(d) in excuses) for d in diagnosis), outcome


def about_unused(
    diagnosis: Sequence[Diagnosis], tensors: Mapping[str, TensorResult], names: Sequence[str]
) -> list[Finding]:
    """Return a note on what is accepted and excuses nothing, where something fails."""
    if all(tensor.verdict != "fail" for tensor in tensors.values()):
        return []
    found = [(name, d) for d in diagnosis if (name := accept_name(d, names))]
    used = {name for name, d in found if d.accepted}
    parts = [
        f"{name} is accepted, but {objection}"
        for name, d in found
        if name not in used and (objection := _objection(d, name, tensors))
    ]
    unused = [name for name in names if name not in {name for name, _ in found}]
    if unused:
        verb = "is" if len(unused) == 1 else "are"
        parts.append(
            f"{listing(unused, 10)} {verb} accepted, and nothing that fails is explained by that "
            "exactly"
        )
    return [Finding("accept-unused", "note", None, "; ".join(parts))] if parts else []


def _objection(diagnosis: Diagnosis, name: str, tensors: Mapping[str, TensorResult]) -> str:
    """Return why a diagnosis of an accepted kind excuses nothing, or nothing."""
    explained = [tensors[key] for key in _explained(diagnosis) if key in tensors]
    if name in WHOLE and not _is_whole(diagnosis, tensors):
        return f"it holds of {listing([t.name for t in explained])} and not of the whole gradient"
    if explained and all(_is_probed_along_directions(t) for t in explained):
        return (
            "entries were compared along random directions, and the explanation knows only those "
            'that were probed one by one; use plan="exhaustive"'
        )
    return ""


def _is_probed_along_directions(tensor: TensorResult) -> bool:
    return not math.isnan(tensor.typical)


def _explained(diagnosis: Diagnosis) -> tuple[str, ...]:
    """Return the tensors that a diagnosis is about."""
    return diagnosis.tensors or (() if diagnosis.tensor is None else (diagnosis.tensor,))


def _is_whole(diagnosis: Diagnosis, tensors: Mapping[str, TensorResult]) -> bool:
    """Return whether a diagnosis explains every tensor of which something is known."""
    known = {name for name, tensor in tensors.items() if tensor.n_resolved}
    return known <= set(_explained(diagnosis))


def _excused(tensor: TensorResult, excuses: Sequence[Excuse]) -> TensorResult:
    """Return a tensor that is wrong in an accepted way only."""
    if _is_probed_along_directions(tensor):
        return tensor
    if ENOUGH[1] * tensor.n_resolved < ENOUGH[0] * tensor.n_checked or not tensor.n_resolved:
        checked = quantity(tensor.n_checked, "checked entry", "checked entries")
        few = f"only {count(tensor.n_resolved)} of {checked} resolved"
        return replace(tensor, verdict="inconclusive", reason=few)
    names = listing(list(dict.fromkeys(excuse.name for excuse in excuses)), 10)
    n = tensor.n_disagree or tensor.n_close
    off = quantity(n, "entry differs", "entries differ")
    return replace(tensor, verdict="pass", reason=f"accepted: {names}, by which {off}")
