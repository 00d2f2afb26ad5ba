"""Parts of a gradient that belong together and were not added up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.diagnose.exchange import MOST_TENSORS, alike, said_cause
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastcheck.diagnose.choose import Cause
    from fastcheck.diagnose.evidence import Case, Evidence


def find_lost_ties(case: Case) -> Iterator[Cause]:
    """Yield tensors that are right with what was given under other names added.

    Notes
    -----
    Other names are those of tensors of the same shape, or of its transpose, and of gradients that
    belong to no parameter; each alone, and all of a shape together, as of the steps of a
    recurrence.
    """
    for tensor in case.failed[:MOST_TENSORS]:
        for names, part in _parts(tensor, case):
            if part.any() and tensor.explained_by(tensor.analytic + part):
                message = (
                    f"{tensor.name}: the numerical gradient is the sum of the gradients that were "
                    f"given for {listing([tensor.name, *names], 10)}: {tensor.name} is used in "
                    "several places, and what comes from each is to be added up"
                )
                yield said_cause("not-summed", (tensor,), 1.5, message)
                break


def _parts(tensor: Evidence, case: Case) -> Iterator[tuple[list[str], NDArray[Any]]]:
    """Yield what may have to be added."""
    same = [(t.name, t.analytic) for t in alike(case, tensor.shape, tensor)]
    same += [(name, g) for name, g in case.extra.items() if g.shape == tensor.shape]
    yield from (([name], part) for name, part in same)
    if tensor.analytic.ndim == 2:
        turned = tensor.shape[::-1]
        others = [(t.name, t.analytic) for t in alike(case, turned, tensor)]
        others += [(name, g) for name, g in case.extra.items() if g.shape == turned]
        yield from (([f"{name}.T"], part.T) for name, part in others)
    if len(same) > 1:
        yield [name for name, _ in same], np.sum([part for _, part in same], axis=0)
