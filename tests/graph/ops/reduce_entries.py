"""Operations over axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastcheck.graph import ops
from tests.graph.ops.entry import Array, Entry, mp

LOGITS = (3, 2, 5)


def drawn(rng: np.random.Generator) -> list[Array]:
    """Return logits, some of which are nearly decided."""
    x = 2.0 * rng.standard_normal(LOGITS)
    x[0, 0, 1] += 30.0
    x[1, 1, 3] -= 40.0
    return [x]


def apart(rng: np.random.Generator) -> list[Array]:
    """Return numbers without near ties."""
    return [rng.permutation(24).reshape(4, 2, 3) * 0.37 - 3.0]


def spread(rng: np.random.Generator) -> list[Array]:
    x = rng.standard_normal((4, 3, 2))
    x[:, 0] += 50.0  # a large mean
    return [x]


def along(axis: Any, function: Any) -> Any:
    """Return a function of one line of numbers as one of arrays, which keeps its shape."""
    return lambda x: np.apply_along_axis(lambda line: np.array(function(line)), axis, x)


def mp_softmax(line: Array) -> list[Any]:
    e = [mp.exp(v - max(line)) for v in line]
    return [v / sum(e) for v in e]


def mp_log_softmax(line: Array) -> list[Any]:
    total = mp.log(sum(mp.exp(v - max(line)) for v in line))
    return [v - max(line) - total for v in line]


def mp_standardised(x: Array, axes: tuple[int, ...], eps: float, n: int) -> Array:
    mean = x.sum(axis=axes, keepdims=True) / n
    c = x - mean
    v = (c * c).sum(axis=axes, keepdims=True) / n + mp.mpf(eps)
    return c / np.frompyfunc(mp.sqrt, 1, 1)(v)


def mp_var(x: Array, axis: int, n: int, ddof: int) -> Array:
    c = x - x.sum(axis=axis, keepdims=True) / n
    return (c * c).sum(axis=axis) / (n - ddof)


def torch_standardised(t: Any, x: Any, axes: tuple[int, ...], eps: float) -> Any:
    c = x - x.mean(axes, keepdim=True)
    return c / t.sqrt((c * c).mean(axes, keepdim=True) + eps)


ENTRIES = [
    Entry("softmax", lambda a: ops.softmax(a, 2), drawn, along(2, mp_softmax),
          lambda t, a: t.softmax(a, 2)),
    Entry("softmax along a middle axis", lambda a: ops.softmax(a, 1), drawn,
          along(1, mp_softmax), lambda t, a: t.softmax(a, 1)),
    Entry("softmax along samples", lambda a: ops.softmax(a, 0), drawn, along(0, mp_softmax),
          lambda t, a: t.softmax(a, 0)),
    Entry("log_softmax", lambda a: ops.log_softmax(a, 2), drawn, along(2, mp_log_softmax),
          lambda t, a: t.log_softmax(a, 2)),
    Entry("standardise by sample", lambda a: ops.standardise(a, (1, 2), 1e-5), spread,
          lambda x: mp_standardised(x, (1, 2), 1e-5, 6),
          lambda t, a: torch_standardised(t, a, (1, 2), 1e-5), floor=0.05),
    Entry("standardise by batch", lambda a: ops.standardise(a, 0, 1e-3), spread,
          lambda x: mp_standardised(x, (0,), 1e-3, 4),
          lambda t, a: torch_standardised(t, a, (0,), 1e-3), floor=0.05),
    Entry("var", lambda a: ops.var(a, 1), spread, lambda x: mp_var(x, 1, 3, 0),
          lambda t, a: a.var(1, correction=0)),
    Entry("var of a sample", lambda a: ops.var(a, 1, ddof=1), spread,
          lambda x: mp_var(x, 1, 3, 1), lambda t, a: a.var(1)),
    Entry("std", lambda a: ops.std(a, 1), spread,
          lambda x: np.frompyfunc(mp.sqrt, 1, 1)(mp_var(x, 1, 3, 0)),
          lambda t, a: a.std(1, correction=0)),
    Entry("max", lambda a: ops.max(a, 1), apart, lambda x: x.max(axis=1),
          lambda t, a: a.amax(1), slack=0.0),
    Entry("max over several axes", lambda a: ops.max(a, (1, 2), keepdims=True), apart,
          lambda x: x.max(axis=(1, 2), keepdims=True), lambda t, a: a.amax((1, 2), keepdim=True),
          slack=0.0),
    Entry("max over samples", lambda a: ops.max(a, 0), apart, lambda x: x.max(axis=0),
          lambda t, a: a.amax(0), slack=0.0),
    Entry("min", lambda a: ops.min(a, 2), apart, lambda x: x.min(axis=2),
          lambda t, a: a.amin(2), slack=0.0),
    Entry("cumsum", lambda a: ops.cumsum(a, 1), spread, lambda x: np.cumsum(x, axis=1),
          lambda t, a: t.cumsum(a, 1)),
    Entry("cumsum over samples", lambda a: ops.cumsum(a, 0), spread,
          lambda x: np.cumsum(x, axis=0), lambda t, a: t.cumsum(a, 0)),
]  # fmt: skip
