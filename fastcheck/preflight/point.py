"""Whether the point of a check shows mistakes, or hides them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.result import Finding
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastcheck.blackbox import BlackBox

MOST_NAMES = 5


def about_point(params: Mapping[str, NDArray[Any]]) -> list[Finding]:
    """Return a note if tensors have the same value everywhere, as at an initialisation.

    A factor that is exactly one and a term that is exactly zero may be left out of a backward pass
    without a trace, and equal weights of a matrix make equal gradients. A single number is looked
    at only for zero.
    """
    constant = {
        name: float(array.flat[0])
        for name, array in params.items()
        if array.size and array.dtype.kind == "f" and (array == array.flat[0]).all()
    }
    constant = {
        n: v
        for n, v in constant.items()
        if v == 0.0 or params[n].size > max(1 if v == 1.0 else max(params[n].shape, default=1), 1)
    }
    groups = {
        "zero": [n for n, value in constant.items() if value == 0.0],
        "one": [n for n, value in constant.items() if value == 1.0],
        "one and the same number": [n for n, v in constant.items() if v not in (0.0, 1.0)],
    }
    told = [
        f"every entry of {listing(names, MOST_NAMES)} is {what}" for what, names in groups.items()
        if names
    ]  # fmt: skip
    if not told:
        return []
    message = (
        f"{', '.join(told)}, which hides mistakes such as a forgotten term or factor; check "
        "with jitter=1e-3, too, which takes the backward pass as a function"
    )
    return [Finding("uninformative-point", "note", None, message)]


def about_integers(box: BlackBox) -> list[Finding]:
    """Return a note on the parameters that consist of integers."""
    names = [f"{name} ({np.asarray(v).dtype})" for name, v in box.held.fixed.items()]
    if not names:
        return []
    message = (
        f"{listing(names, MOST_NAMES)}: integers cannot be moved a little, so that this was not "
        "checked; convert it to float64 if it is trained"
    )
    only = next(iter(box.held.fixed)) if len(names) == 1 else None
    return [Finding("integer-parameter", "note", only, message)]
