"""Functions that join the entries along axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastcheck.graph import ops
from tests.graph.ops.entry import Array, Entry, Sampler, each, exact_array, mp

exp, log, root = each(mp.exp), each(mp.log), each(mp.sqrt)
Axes = int | Sequence[int] | None


def normal(*shape: int, scale: float = 1.0, offset: float = 0.0) -> Sampler:
    return lambda rng: [offset + scale * rng.standard_normal(shape)]


def spaced(*shape: int) -> Sampler:
    """Return a sampler of numbers that are 1/8 apart at least, so that extremes are kept."""
    n = int(np.prod(shape))
    return lambda rng: [rng.permutation(np.arange(n) / 8.0).reshape(shape)]


def nearly_tied(rng: np.random.Generator) -> list[Array]:
    """Return rows in which the two largest entries are 1e-3 or 1e-2 apart."""
    x = rng.uniform(-2.0, 0.0, (4, 6))
    x[:, 4] = 1.0
    x[:, 1] = 1.0 - np.array([1e-3, 1e-2, 1e-3, 1e-2])
    return [x]


def certain(rng: np.random.Generator) -> list[Array]:
    """Return logits of which one is much larger than the others, or two are."""
    x = rng.standard_normal((4, 6))
    x[np.arange(4), [0, 2, 5, 3]] += [20.0, 35.0, 8.0, 60.0]
    x[2, 1] = x[2, 5]
    return [x]


def narrow(rng: np.random.Generator) -> list[Array]:
    """Return features with means that are large beside their distances from it."""
    return [rng.uniform(1.0, 3.0, 6) * (1.0 + 0.05 * rng.standard_normal((7, 6)))]


def shift(x: Any, axis: Axes) -> Any:
    return x - np.sum(x, axis=axis, keepdims=True) / count(x, axis)


def count(x: Any, axis: Axes) -> int:
    axes = range(x.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    return int(np.prod([x.shape[a] for a in axes]))


def mp_softmax(axis: Axes) -> Callable[..., Any]:
    return lambda x: exp(x) / np.sum(exp(x), axis=axis, keepdims=True)


def mp_log_sum_exp(axis: Axes, keepdims: bool = False) -> Callable[..., Any]:
    return lambda x: np.asarray(log(np.sum(exp(x), axis=axis, keepdims=keepdims)))


def mp_normalise(axis: Axes, eps: float, ddof: int = 0, centred: bool = True) -> Any:
    def f(x: Any) -> Any:
        c = shift(x, axis) if centred else x
        v = np.sum(c * c, axis=axis, keepdims=True) / (count(x, axis) - ddof)
        return c / root(v + exact_array(eps))

    return f


def mp_var(axis: Axes, ddof: int = 0) -> Callable[..., Any]:
    return lambda x: np.asarray(np.sum(shift(x, axis) ** 2, axis=axis) / (count(x, axis) - ddof))


def torch_normalise(axis: tuple[int, ...], eps: float, ddof: int = 0) -> Any:
    def f(t: Any, x: Any) -> Any:
        v = x.var(dim=axis, keepdim=True, correction=ddof)
        return (x - x.mean(dim=axis, keepdim=True)) / t.sqrt(v + eps)

    return f


def torch_rms(t: Any, x: Any) -> Any:
    return x / t.sqrt((x * x).mean(dim=-1, keepdim=True) + 1e-6)


def normalised(name: str, axis: tuple[int, ...], eps: float, sample: Sampler, ddof: int = 0,
               **more: Any) -> Entry:  # fmt: skip
    return Entry(
        name, lambda a: ops.normalise(a, axis, eps, ddof), sample, mp_normalise(axis, eps, ddof),
        torch_normalise(axis, eps, ddof), slack=1.0, **more,
    )  # fmt: skip


def products(rng: np.random.Generator) -> list[Array]:
    return [rng.uniform(0.5, 1.5, (4, 5)) * rng.choice([-1.0, 1.0], (4, 5))]


def of_norm(t: Any, x: Any, order: float) -> Any:
    return t.linalg.vector_norm(x, ord=order, dim=1)


def scaled(t: Any, z: Any, gamma: Any, beta: Any) -> Any:
    return t.nn.functional.layer_norm(z, z.shape[1:], gamma, beta, eps=1e-5)


def batched(t: Any, z: Any, gamma: Any, beta: Any) -> Any:
    return t.nn.functional.batch_norm(z, None, None, gamma, beta, training=True, eps=1e-5)


def with_scale(*shape: int) -> Sampler:
    n = shape[1:]
    return lambda rng: [
        rng.standard_normal(shape), rng.uniform(0.5, 1.5, n), rng.standard_normal(n)
    ]  # fmt: skip


ENTRIES = [
    Entry("softmax", ops.softmax, normal(4, 6), mp_softmax(-1), lambda t, x: t.softmax(x, -1)),
    Entry("softmax certain", ops.softmax, certain, mp_softmax(-1), lambda t, x: t.softmax(x, -1)),
    Entry("softmax of axis 1", lambda a: ops.softmax(a, 1), normal(3, 4, 5), mp_softmax(1),
          lambda t, x: t.softmax(x, 1)),
    Entry("softmax of samples", lambda a: ops.softmax(a, 0), normal(4, 3), mp_softmax(0),
          lambda t, x: t.softmax(x, 0)),
    Entry("softmax of two axes", lambda a: ops.softmax(a, (1, 3)), normal(2, 3, 2, 3),
          mp_softmax((1, 3))),
    Entry("log_softmax", ops.log_softmax, normal(4, 6),
          lambda x: x - mp_log_sum_exp(-1, True)(x), lambda t, x: t.log_softmax(x, -1)),
    Entry("log_softmax certain", ops.log_softmax, certain,
          lambda x: x - mp_log_sum_exp(-1, True)(x), lambda t, x: t.log_softmax(x, -1)),
    Entry("logsumexp", lambda a: ops.logsumexp(a, 1), normal(4, 6, scale=3.0), mp_log_sum_exp(1),
          lambda t, x: t.logsumexp(x, 1)),
    Entry("logsumexp of all", lambda a: ops.logsumexp(a, keepdims=True), certain,
          mp_log_sum_exp(None, True), lambda t, x: t.logsumexp(x, (0, 1), keepdim=True)),
    normalised("layer normalisation", (-1,), 1e-5, normal(4, 9)),
    normalised("layer normalisation of two axes", (1, 3), 0.0, normal(3, 4, 2, 5), ddof=1),
    normalised("batch normalisation", (0,), 1e-5, normal(8, 3)),
    normalised("batch normalisation of pictures", (0, 2, 3), 1e-3, normal(3, 2, 4, 3)),
    normalised("batch normalisation around large means", (0,), 1e-8, narrow, largest=2e-2),
    normalised("normalisation of all", (0, 1), 1e-5, normal(5, 2)),
    Entry("root mean square normalisation",
          lambda a: ops.normalise(a, -1, 1e-6, centred=False), normal(4, 7),
          mp_normalise(-1, 1e-6, centred=False), torch_rms),
    Entry("layer_norm", ops.layer_norm, with_scale(4, 6),
          lambda x, g, b: mp_normalise(-1, 1e-5)(x) * g + b, scaled),
    Entry("batch_norm", ops.batch_norm, with_scale(6, 4),
          lambda x, g, b: mp_normalise(0, 1e-5)(x) * g + b, batched),
    Entry("var", lambda a: ops.var(a, 1), normal(4, 6), mp_var(1),
          lambda t, x: x.var(dim=1, correction=0)),
    Entry("var over samples", lambda a: ops.var(a, 0, keepdims=True, ddof=1), narrow,
          lambda x: mp_var(0, 1)(x)[None], lambda t, x: x.var(dim=0, keepdim=True)),
    Entry("std", lambda a: ops.std(a, (0, 2), ddof=1), normal(3, 2, 4),
          lambda x: root(mp_var((0, 2), 1)(x)), lambda t, x: x.std(dim=(0, 2))),
    Entry("norm", lambda a: ops.norm(a, 1), normal(4, 6),
          lambda x: root(np.sum(x * x, axis=1)), lambda t, x: of_norm(t, x, 2)),
    Entry("norm of order 1", lambda a: ops.norm(a, 1, order=1), spaced(4, 6),
          lambda x: np.sum(abs(x), axis=1), lambda t, x: of_norm(t, x, 1)),
    Entry("largest absolute value", lambda a: ops.norm(a, 1, order=np.inf), spaced(4, 6),
          lambda x: np.max(abs(x), axis=1), lambda t, x: of_norm(t, x, float("inf"))),
    Entry("max", lambda a: ops.max(a, 1), spaced(4, 6), lambda x: np.max(x, axis=1),
          lambda t, x: x.amax(dim=1), slack=0.0),
    Entry("max nearly tied", lambda a: ops.max(a, 1), nearly_tied, lambda x: np.max(x, axis=1),
          lambda t, x: x.amax(dim=1), slack=0.0, floor=1.0),
    Entry("max pooling", lambda a: ops.max(a, (2, 4)), spaced(2, 3, 2, 2, 2, 2),
          lambda x: np.max(x, axis=(2, 4)), lambda t, x: x.amax(dim=(2, 4)), slack=0.0),
    Entry("min over samples", lambda a: ops.min(a, 0, keepdims=True), spaced(4, 6),
          lambda x: np.min(x, axis=0, keepdims=True), lambda t, x: x.amin(dim=0, keepdim=True),
          slack=0.0),
    Entry("max of all", ops.max, spaced(3, 4), lambda x: np.asarray(np.max(x)),
          lambda t, x: x.max(), slack=0.0),
    Entry("prod", lambda a: ops.prod(a, 1), products, lambda x: np.prod(x, axis=1),
          lambda t, x: x.prod(dim=1)),
    Entry("prod over samples", lambda a: ops.prod(a, 0, keepdims=True), products,
          lambda x: np.prod(x, axis=0, keepdims=True), lambda t, x: x.prod(dim=0, keepdim=True)),
    Entry("cumsum", lambda a: ops.cumsum(a, 1), normal(4, 6), lambda x: np.cumsum(x, axis=1),
          lambda t, x: x.cumsum(1)),
    Entry("cumsum over samples", lambda a: ops.cumsum(a, 0), normal(4, 6),
          lambda x: np.cumsum(x, axis=0), lambda t, x: x.cumsum(0)),
    Entry("sum", lambda a: ops.sum(a, 1), normal(4, 6), lambda x: np.sum(x, axis=1),
          lambda t, x: x.sum(1)),
    Entry("mean over two axes", lambda a: ops.mean(a, (0, 2), keepdims=True), normal(3, 2, 4),
          lambda x: np.sum(x, axis=(0, 2), keepdims=True) / 12,
          lambda t, x: x.mean((0, 2), keepdim=True)),
]  # fmt: skip
