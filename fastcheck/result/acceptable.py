"""The names of causes that a user can accept, and which of them a diagnosis is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastcheck.result.records import Diagnosis

__all__ = ["ACCEPTABLE", "BENIGN", "TIMES_THAT", "accept_name"]

ACCEPTABLE: Final[dict[str, tuple[str, ...]]] = {
    "guard": ("guard-ignored",),
    "clip": ("clipped",),
    "clip-norm": ("clipped-norm",),
    "float32": ("precision",),
    "float16": ("precision",),
    "regulariser": (
        "regulariser", "regulariser-l1", "regulariser-on-biases", "weight-decay", "l1-decay",
    ),
    "sum": ("sum-for-mean",),
    "mean": ("mean-for-sum",),
    "truncated": ("truncated",),
    "stop-gradient": ("branch-missing",),
}  # fmt: skip
"""The kinds of diagnosis that each name stands for: what people do on purpose."""
BENIGN: Final = ("guard", "clip", "clip-norm", "float32", "float16", "truncated")
"""Names of what is more often meant than not."""
FORMAT: Final = re.compile(r"\bin (float16|float32):")
"""Where the sentence of a diagnosis of precision says which."""
TIMES_THAT: Final = "; and the result is {} times that"
"""How a sentence goes on that tells of a factor beside its mistake, which is a second mistake."""


def accept_name(diagnosis: Diagnosis, names: Iterable[str] = ACCEPTABLE) -> str:
    """Return which of `names` stands for a diagnosis; nothing if none does, or it is not exact.

    Nothing stands for a mistake with a factor beside it.

    Parameters
    ----------
    diagnosis : Diagnosis
        What was found.
    names : iterable of str
        Some names of `ACCEPTABLE`.
    """
    if not diagnosis.is_exact or TIMES_THAT.partition("{")[0] in diagnosis.message:
        return ""
    fitting = [name for name in names if diagnosis.kind in ACCEPTABLE[name]]
    if diagnosis.kind == "precision":
        found = FORMAT.search(diagnosis.message)
        fitting = [name for name in fitting if found is not None and name == found[1]]
    return fitting[0] if fitting else ""
