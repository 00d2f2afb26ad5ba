"""Mistakes in all tensors at once, which hide what else is wrong in one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.hypothesis import Hypothesis
    from fastcheck.diagnose.backward.reason import Reason
    from fastcheck.diagnose.backward.setting import Setting

    Floats = NDArray[np.float64]

REGULARISERS = (
    "regulariser", "regulariser-l1", "regulariser-on-biases", "weight-decay", "l1-decay",
)  # fmt: skip
SIMPLE = 1.6
"""Complexity of a constant up to which it may be that of the whole gradient."""


def find_alternatives(setting: Setting, first: Hypothesis) -> Iterator[tuple[Reason, Setting]]:
    """Yield mistakes in all tensors, and what is then left to explain.

    They are those that explain one of the tensors in `first`, where something is left unexplained.
    """
    subjects = setting.subjects
    for reason, direct in _regularisers(setting, first):
        others = {
            name: s if s.other_use else replace(s, direct=direct.get(name))
            for name, s in subjects.items()
        }
        yield reason, setting.explaining(others)
    factors = {r.constant: r for r in first.reasons if r.kind == "factor"}
    for c, reason in factors.items():
        if c and reason.complexity <= 1.0 + SIMPLE:
            whole = replace(reason, tensors=tuple(subjects), passes_on=True)
            yield whole, setting.explaining({n: s.divided(c) for n, s in subjects.items()})


def _regularisers(
    setting: Setting, first: Hypothesis
) -> Iterator[tuple[Reason, dict[str, Floats]]]:
    """Yield mistakes in the regulariser, and what they make of its part in each tensor."""
    right = {
        n: s.direct for n, s in setting.subjects.items() if s.direct is not None and not s.other_use
    }
    values = {n: s.evidence.values for n, s in setting.subjects.items()}
    known = {n: v for n, v in values.items() if v is not None}
    for reason in {r.kind: r for r in first.reasons if r.kind in REGULARISERS}.values():
        size = reason.constant or 0.0
        if reason.kind == "regulariser":
            parts = {n: size * d for n, d in right.items()}
            yield replace(reason, tensors=tuple(right)), parts if size else {}
        elif reason.kind == "regulariser-l1":
            signs = {n: size * np.sign(known[n]) for n in right if n in known}
            yield replace(reason, tensors=tuple(right)), signs
        elif reason.kind == "regulariser-on-biases":
            rest = {n: size * v for n, v in known.items() if n not in right}
            yield replace(reason, tensors=tuple(rest)), {**right, **rest}
        elif not right:
            form = np.sign if reason.kind == "l1-decay" else np.positive
            added = {n: size * form(v) for n, v in known.items() if v.ndim > 1}
            yield replace(reason, tensors=tuple(added)), added
