"""Two mistakes in one backward pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.faulty.faults import Mistake, Spoilt, is_same
from benchmarks.faulty.passes import Backward

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.faulty.passes import Arrays

NUMBERS = frozenset(
    ("factor", "sum-for-mean", "mean-for-sum", "sign", "delta-factor", "accumulated")
)
"""Two of these in one tensor are one number, which nobody can take apart."""
SAMPLES = frozenset(("only-sample", "sample-dropped"))
"""Of two of these nothing may be left."""
PENALTY = frozenset(("regulariser",))
"""One of these in one layer, with a factor in all, is also a factor of the data alone."""
NOTHING, STALE = frozenset(("zero", "only-sample")), frozenset(("stale-weights",))
"""An update by nothing is none, or the decay of a penalty, which is a factor; and other weights can
be anything where one sample is left."""
WHOLE = frozenset(
    (
        "all doubled by two backward passes", "all halved", "all negated",
        "all over the batch once more", "all times the batch", "regulariser missing",
        "regulariser doubled", "regulariser subtracted", "regulariser over the batch",
        "regulariser not over the batch", "regulariser on biases too", "regulariser of L1",
        "weight decay that the loss has not",
    )
)  # fmt: skip
"""The mistakes in the whole gradient that leave others to be seen."""


@dataclass(eq=False)
class Pair:
    """Two mistakes and the gradient that has both."""

    one: Mistake
    other: Mistake
    gradient: Arrays

    @property
    def name(self) -> str:
        """What was done."""
        return f"{self.one.name} & {self.other.name}"


def pairs(spoilt: Spoilt, seed: int) -> Iterator[Pair]:
    """Yield pairs in different layers, and of one in a layer and one in all, without end.

    Left out are pairs of which one hides the other.
    """
    rng = np.random.default_rng(seed)
    local = [m for m in spoilt.mistakes if m.scope in ("delta", "tensor")]
    local = [m for m in local if ("gradient", 0) not in m.changes]
    common = [m for m in spoilt.mistakes if m.scope == "loss" or m.name in WHOLE]
    for _ in range(10_000):
        partners = local if rng.random() < 0.5 else common
        one, other = (some[rng.integers(len(some))] for some in (local, partners))
        if one.layer == other.layer or one.changes.keys() & other.changes.keys():
            continue
        if any(_is_any(one, kinds) and _is_any(other, kinds) for kinds in (NUMBERS, SAMPLES)):
            continue
        if other.name.startswith("all ") and _is_any(one, PENALTY):
            continue
        if any(_is_any(a, NOTHING) and _is_any(b, STALE) for a, b in ((one, other), (other, one))):
            continue
        gradient = Backward(spoilt.net, one.changes | other.changes).gradient()
        if any(is_same(gradient, g, spoilt.right) for g in (spoilt.right, one.gradient,
                                                            other.gradient)):  # fmt: skip
            continue
        yield Pair(one, other, gradient)


def _is_any(mistake: Mistake, kinds: frozenset[str]) -> bool:
    """Return whether some word for a mistake is among `kinds`."""
    return any(answer.kinds & kinds for answer in mistake.expected)
