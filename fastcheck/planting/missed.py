"""Why a mistake was not caught, in a sentence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.result.wording import count, quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.result import TensorResult

    Tensors = Mapping[str, TensorResult]
    Arrays = Mapping[str, NDArray[Any]]


def why_missed(wrong: Sequence[str], ideal: Tensors, tensors: Tensors, *, strict: bool) -> str:
    """Return why a plan does not see what a check of every entry would.

    Parameters
    ----------
    wrong : sequence of str
        The tensors in which that check would find something.
    ideal : mapping of str to TensorResult
        Its verdicts.
    tensors : mapping of str to TensorResult
        The verdicts of the plan.
    strict : bool
        Whether close entries count as wrong.
    """
    parts, unseen = [], 1.0
    for name in wrong:
        tensor = tensors[name]
        n_wrong = ideal[name].n_disagree + (ideal[name].n_close if strict else 0)
        n, n_checked = tensor.n_entries, tensor.n_checked
        if tensor.verdict == "inconclusive":
            parts.append(f"{name} is inconclusive: {tensor.reason}")
        elif tensor.visible < math.inf:
            parts.append(
                f"{name}: along directions an entry is seen that is off by {tensor.visible:.0e}"
            )
        elif n_checked < n:
            unseen *= escape(n, n_wrong, n_checked)
            parts.append(f"{_of(n_wrong, name, n)} wrong, {count(n_checked)} checked")
        else:
            parts.append(f"{_of(n_wrong, name, n)} wrong, at kinks or unresolved")
    text = "; ".join(parts)
    if unseen < 1.0:
        text += f"; found with probability {probability(1.0 - unseen)}"
    return text


def _of(n: int, name: str, total: int) -> str:
    entries = quantity(total, "entry", "entries")
    return f"{count(n)} of the {entries} of {name} {'is' if n == 1 else 'are'}"


def escape(n: int, n_wrong: int, n_checked: int) -> float:
    """Return the probability with which wrong entries at random places are not checked.

    ``C(n - n_wrong, n_checked) / C(n, n_checked)``.
    """
    if n_checked + n_wrong > n:
        return 0.0
    few, many = sorted((n_wrong, n_checked))
    return math.exp(sum(math.log1p(-many / (n - j)) for j in range(few)))


def probability(value: float) -> str:
    """Return a probability in percent, with two digits of what is small or of what is left.

    Examples
    --------
    >>> probability(10 / 39200), probability(0.5), probability(0.99987)
    ('0.026 %', '50 %', '99.987 %')
    """
    if value > 0.99:
        left = f"{100.0 * (1.0 - value):.2g}"
        return f"{100.0 - float(left):.{max(0, len(left) - 2)}f} %"
    return f"{100.0 * value:.2g} %"


def why_tolerated(right: Arrays, wrong: Arrays, changed: Sequence[str], rtol: float) -> str:
    """Return by how much a gradient is off that passes because of `rtol`."""
    most = 0.0
    for name in changed:
        given = wrong[name].astype(np.float64)
        size = np.maximum(np.abs(given), np.abs(right[name]))
        floor = 0.01 * float(np.sqrt(np.mean(right[name] ** 2)))
        scale = np.maximum(size, floor)
        off = np.abs(given - right[name])
        most = max(most, float((off[scale > 0] / scale[scale > 0]).max(initial=0.0)))
    return f"off by {most:.0e} at most, within rtol {rtol:.0e}; strict=True would fail it"


def why_unresolvable(ideal: Tensors) -> str:
    """Return that what was changed is within the error bounds."""
    unresolved = sum(t.n_unresolved + t.n_kink for t in ideal.values())
    if unresolved:
        where = quantity(unresolved, "entry", "entries")
        return f"within the error bounds, or in {where} that cannot be resolved here"
    return "everywhere within the error bounds"
