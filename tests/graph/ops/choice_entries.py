"""Choices, comparisons and piecewise linear functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastcheck.graph import ops
from tests.graph.ops.entry import Entry, around, each, mp, over

CORNERED = over(*around(0.0), 9.0, -9.0)
EXACT = (2.0**-4, 2.0**-10, 2.0**-14)  # what is added to them is not rounded
SIX = np.array([[1.0, -1.0, 0.5, 0.0, 2.0, -0.25]])


def pair(rng: np.random.Generator) -> list[np.ndarray]:
    """Return two matrices whose entries are near each other, on both sides and apart."""
    a = rng.uniform(-2.0, 2.0, (4, 6))
    apart = np.tile([0.05, -0.05, 1e-3, -1e-4, 1.5, -1.5], (4, 1))
    return [a, a + apart]


def row_pair(rng: np.random.Generator) -> list[np.ndarray]:
    """Return a matrix and a row."""
    return [rng.uniform(-2.0, 2.0, (4, 6)), rng.uniform(-1.0, 1.0, 6)]


def three(rng: np.random.Generator) -> list[np.ndarray]:
    """Return two matrices and a mask."""
    return [*pair(rng), (rng.random((4, 6)) < 0.5).astype(float)]


def steps(rng: np.random.Generator) -> list[np.ndarray]:
    """Return numbers that stay half a unit away from whole numbers, or at 0.2 from them."""
    return [np.round(rng.uniform(-3.0, 3.0, (4, 6))) + rng.choice([0.2, -0.2], (4, 6))]


def far(rng: np.random.Generator) -> list[np.ndarray]:
    """Return two matrices that nowhere come nearer to each other than 0.3."""
    a = rng.uniform(-2.0, 2.0, (4, 6))
    return [a, a + rng.choice([0.3, 1.0, -0.3, -1.0], (4, 6))]


def choice(name: str, build: Any, sample: Any, exact: Any, torch: Any, **more: Any) -> Entry:
    """Return the entry of a function of one or two numbers."""
    n = more.pop("n", 1)
    return Entry(name, build, sample, each(exact, n), torch, **{"slack": 0.0, **more})


def compared(name: str, build: Any, exact: Any, torch: Any) -> Entry:
    """Return the entry of ``a`` times a comparison of ``a`` with ``b``, plus ``b``."""
    return Entry(
        name,
        lambda a, b: build(a, b) * a + b,
        far,
        each(lambda a, b: a + b if exact(a, b) else b, 2),
        lambda t, a, b: torch(a, b) * a + b,
        largest=0.1,
    )


def mp_clip(low: float, high: float) -> Any:
    return lambda x: min(max(x, mp.mpf(low)), mp.mpf(high))


def frozen(name: str, build: Any, exact: Any, torch: Any) -> Entry:
    """Return the entry of a piecewise constant function, times its argument."""
    return choice(name, lambda a: build(a) * a, steps, exact, torch, largest=0.1)


ENTRIES = [
    choice("abs", abs, CORNERED, abs, lambda t, x: abs(x)),
    choice("maximum", ops.maximum, pair, max, lambda t, a, b: t.maximum(a, b), n=2, slack=1.0),
    choice("minimum", ops.minimum, pair, min, lambda t, a, b: t.minimum(a, b), n=2, slack=1.0),
    choice("maximum with data", lambda a, b: ops.maximum(b, a), pair, max,
           lambda t, a, b: t.maximum(a, b), n=2, n_params=1),
    choice("minimum with data", ops.minimum, pair, min, lambda t, a, b: t.minimum(a, b), n=2,
           n_params=1),
    Entry("maximum with a row", ops.maximum, row_pair, np.maximum,
          lambda t, a, b: t.maximum(a, b)),
    Entry("minimum with a row", lambda a, b: ops.minimum(b, a), row_pair, np.minimum,
          lambda t, a, b: t.minimum(a, b)),
    choice("maximum with zero", lambda a: ops.maximum(0, a), CORNERED, lambda x: max(x, 0),
           lambda t, x: t.relu(x)),
    choice("maximum with a number", lambda a: ops.maximum(a, 0.5), over(*around(0.5)),
           lambda x: max(x, mp.mpf(0.5)), lambda t, x: t.clamp(x, min=0.5)),
    choice("minimum with a number", lambda a: ops.minimum(0.5, a), over(*around(0.5)),
           lambda x: min(x, mp.mpf(0.5)), lambda t, x: t.clamp(x, max=0.5)),
    choice("clip", lambda a: ops.clip(a, -1.0, 0.5), over(*around(-1.0, 0.5), 9.0, -9.0),
           mp_clip(-1.0, 0.5), lambda t, x: t.clamp(x, -1.0, 0.5)),
    choice("clip from above", lambda a: ops.clip(a, -np.inf, 0.5), over(*around(0.5)),
           lambda x: min(x, mp.mpf(0.5)), lambda t, x: t.clamp(x, max=0.5)),
    Entry("clip by arrays", lambda a: ops.clip(a, SIX - 0.5, SIX + 0.5), lambda rng: pair(rng)[:1],
          lambda a: np.minimum(np.maximum(a, SIX - 0.5), SIX + 0.5),
          lambda t, a: t.clamp(a, t.tensor(SIX - 0.5), t.tensor(SIX + 0.5))),
    choice("relu6", ops.relu6, over(*around(0.0, 6.0), 20.0, -20.0), mp_clip(0, 6),
           lambda t, x: t.nn.functional.relu6(x)),
    choice("hard_tanh", ops.hard_tanh, over(*around(-1.0, 1.0)), mp_clip(-1, 1),
           lambda t, x: t.nn.functional.hardtanh(x)),
    choice("hard_sigmoid", ops.hard_sigmoid, over(*around(-3.0, 3.0, by=EXACT), low=-5.0, high=5.0),
           lambda x: mp_clip(0, 6)(x + 3) / 6, lambda t, x: t.clamp(x + 3, 0, 6) / 6),
    choice("hard_swish", ops.hard_swish, over(*around(-3.0, 3.0, by=EXACT), low=-5.0, high=5.0),
           lambda x: x * mp_clip(0, 6)(x + 3) / 6, lambda t, x: t.nn.functional.hardswish(x),
           slack=1.0, floor=0.5),
    choice("threshold", lambda a: ops.threshold(a, 0.5, 3.0), over(0.4, 0.6, low=0.7),
           lambda x: x if x > 0.5 else mp.mpf(3),
           lambda t, x: t.nn.functional.threshold(x, 0.5, 3.0),
           largest=0.05),
    Entry("where with data", lambda a, b, m: ops.where(m, a, b), three,
          lambda a, b, m: np.where(m == 1, a, b), lambda t, a, b, m: t.where(m > 0, a, b),
          n_params=2),
    Entry("where with one side", lambda a, b, m: ops.where(m, a, b), three,
          lambda a, b, m: np.where(m == 1, a, b), lambda t, a, b, m: t.where(m > 0, a, b),
          n_params=1),
    Entry("where with a row", lambda a, b: ops.where(SIX > 0, a, b), row_pair,
          lambda a, b: np.where(SIX > 0, a, b), lambda t, a, b: t.where(t.tensor(SIX > 0), a, b)),
    Entry("where by a comparison", lambda a, b: ops.where(a > b, a, ops.square(b)), far,
          lambda a, b: np.where(a > b, a, b * b), lambda t, a, b: t.where(a > b, a, b * b),
          largest=0.1),
    Entry("where of a bad branch", lambda a: ops.where(a > 0.5, ops.log(a), a), steps,
          each(lambda x: mp.log(x) if x > 0.5 else x),
          lambda t, x: t.where(x > 0.5, t.log(t.clamp(x, min=0.1)), x), largest=0.1),
    Entry("where by numbers", lambda a, b, m: ops.where(m * a, a, b), three,
          lambda a, b, m: np.where(m == 1, a, b), lambda t, a, b, m: t.where(m > 0, a, b),
          n_params=2, largest=1e-8),
    compared("greater", ops.greater, lambda a, b: a > b, lambda a, b: a > b),
    compared("greater_equal", ops.greater_equal, lambda a, b: a >= b, lambda a, b: a >= b),
    compared("less", lambda a, b: a < b, lambda a, b: a < b, lambda a, b: a < b),
    compared("less_equal", lambda a, b: a <= b, lambda a, b: a <= b, lambda a, b: a <= b),
    compared("not_equal", ops.not_equal, lambda a, b: a != b, lambda a, b: a != b),
    compared("not equal", lambda a, b: ops.logical_not(ops.equal(a, b)), lambda a, b: a != b,
             lambda a, b: a != b),
    compared("logical_and", lambda a, b: ops.logical_and(a > b, a > 0.0 * b - 5.0),
             lambda a, b: a > b, lambda a, b: a > b),
    compared("logical_or", lambda a, b: ops.logical_or(a > b, a < 0.0 * b - 5.0),
             lambda a, b: a > b, lambda a, b: a > b),
    frozen("sign", ops.sign, abs, lambda t, x: abs(x)),
    frozen("floor", ops.floor, lambda x: mp.floor(x) * x, lambda t, x: t.floor(x) * x),
    frozen("ceil", ops.ceil, lambda x: mp.ceil(x) * x, lambda t, x: t.ceil(x) * x),
    frozen("round", ops.round, lambda x: mp.nint(x) * x, lambda t, x: t.round(x) * x),
    frozen("trunc", ops.trunc, lambda x: (mp.floor(x) if x > 0 else mp.ceil(x)) * x,
           lambda t, x: t.trunc(x) * x),
]  # fmt: skip
