"""Functions of one tensor, entry by entry."""

from __future__ import annotations

from typing import Any

from fastcheck.graph import ops
from tests.graph.ops.entry import Entry, around, each, mp, over

SATURATING = over(0.0, *(s * z for z in (1e-9, 0.1, 1.0, 9.0, 20.0, 40.0) for s in (1, -1)))
POSITIVE = over(*(10.0**k for k in (-100, -12, -3, -0.3, 0.7, 5, 100)), low=0.1, high=4.0)


def smooth(name: str, exact: Any, torch: Any, sample: Any, **more: Any) -> Entry:
    """Return the entry of a function of `ops` that has its own name and no settings."""
    return Entry(name, getattr(ops, name), sample, each(exact), torch, **{"slack": 0.0, **more})


ENTRIES = [
    smooth("tanh", mp.tanh, lambda t, x: t.tanh(x), SATURATING),
    smooth("sigmoid", lambda z: 1 / (1 + mp.exp(-z)), lambda t, x: t.sigmoid(x), SATURATING),
    smooth("softplus", lambda z: mp.log1p(mp.exp(z)),
           lambda t, x: t.nn.functional.softplus(x, threshold=50), SATURATING),
    smooth("exp", mp.exp, lambda t, x: t.exp(x), SATURATING),
    smooth("log", mp.log, lambda t, x: t.log(x), POSITIVE, relative=True),
    smooth("sqrt", mp.sqrt, lambda t, x: t.sqrt(x), POSITIVE, relative=True),
    smooth("reciprocal", lambda x: 1 / x, lambda t, x: 1 / x, POSITIVE, relative=True),
    smooth("square", lambda x: x * x, lambda t, x: x * x, SATURATING, floor=0.02),
    smooth("relu", lambda x: max(x, 0), lambda t, x: t.relu(x), over(*around(0.0), 30, -30)),
    Entry("leaky_relu", lambda a: ops.leaky_relu(a, 0.1), over(*around(0.0), 30.0, -30.0),
          each(lambda x: x if x > 0 else x * mp.mpf(0.1)),
          lambda t, x: t.nn.functional.leaky_relu(x, 0.1), slack=0.0),
]  # fmt: skip
