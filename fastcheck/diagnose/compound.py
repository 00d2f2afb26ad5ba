"""Two mistakes in one tensor, of which one is in others too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.evidence import ROUNDING
from fastcheck.result.wording import listing, short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fastcheck.diagnose.choose import Cause
    from fastcheck.diagnose.evidence import Evidence
    from fastcheck.result import Diagnosis

    Undone = tuple[str, Evidence]

MOST_NAMES = 4


def find_compounds(
    tensors: Sequence[Evidence],
    causes: Sequence[Cause],
    explained: Callable[[Evidence], Diagnosis | None],
) -> Iterator[Diagnosis]:
    """Yield explanations of tensors in which what explains others is undone first.

    Parameters
    ----------
    tensors : sequence of Evidence
        What nothing explains alone.
    causes : sequence of Cause
        What explains others: factors and regularisers are undone.
    explained : callable
        Returns the explanation of one tensor, None if there is none.

    Notes
    -----
    Only what other tensors show is undone, so that no constant is fitted here, and what is left
    must fit in every entry like any other explanation.
    """
    for tensor in tensors:
        for cause in causes:
            undone = _undone(tensor, cause)
            found = None if undone is None else explained(undone[1])
            if undone is None or found is None or not found.is_exact:
                continue
            text = found.message.removeprefix(f"{tensor.name}: ")
            like = listing(list(cause.tensors), MOST_NAMES)
            yield replace(found, message=f"{tensor.name}: {undone[0]}, as in {like}, {text}")
            break


def _undone(tensor: Evidence, cause: Cause) -> Undone | None:
    """Return a tensor without what explains others, and how that is said."""
    c = cause.constant
    if c is None or c == 0.0 or tensor.is_local or tensor.is_cleared:
        return None
    if cause.kind == "factor":
        text, given = f"divided by {short(c)}", tensor.analytic / c
        if abs(c) < 1.0:
            text = f"multiplied by {short(1.0 / c)}"
    elif cause.kind in ("weight-decay", "l1-decay") and tensor.values is not None:
        term = tensor.values if cause.kind == "weight-decay" else np.sign(tensor.values)
        what = "the parameter" if cause.kind == "weight-decay" else "its sign"
        text, given = f"without {short(c)} times {what}", tensor.analytic - c * term
        text = text if c > 0 else f"with {short(-c)} times {what} added"
    else:
        return None
    rounding = ROUNDING * (np.abs(tensor.analytic) + np.abs(given))
    return text, replace(tensor, analytic=given, allowance=tensor.allowance + rounding)
