"""Losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastcheck.graph import ops
from tests.graph.ops.entry import Entry, each, exact_array, mp

LABELS = np.array([2, 0, 1, 1])
ONE_HOT = np.eye(3)[LABELS]
RAW = np.random.default_rng(11)
SOFT = RAW.dirichlet(np.ones(3), 4)
COUNTS = RAW.poisson(2.0, (4, 3)).astype(float)
log, exp, absolute, root = (each(f) for f in (mp.log, mp.exp, abs, mp.sqrt))


def scores(rng: np.random.Generator) -> list[np.ndarray]:
    return [np.round(rng.uniform(-3.0, 3.0, (4, 3)) * 64) / 64 + 1.0 / 256]


def far_scores(rng: np.random.Generator) -> list[np.ndarray]:
    """Return logits of which some saturate."""
    return [np.round(rng.uniform(-40.0, 40.0, (4, 3)) * 64) / 64]


def chances(rng: np.random.Generator) -> list[np.ndarray]:
    return [rng.uniform(0.01, 0.99, (4, 3))]


def residuals(rng: np.random.Generator) -> list[np.ndarray]:
    """Return predictions and targets whose distance is near 0, 1 and 1.5, and far from them."""
    y = np.round(rng.uniform(-2.0, 2.0, (4, 6)) * 8) / 8
    near = 2.0 ** -np.array([[4.0, 10.0, 13.0, 4.0, 10.0, 1.0]])
    at = np.array([[0.0], [1.0], [-1.0], [1.5]])
    return [y + at + near * rng.choice([-1.0, 1.0], (4, 6)), y]


def signs(rng: np.random.Generator) -> list[np.ndarray]:
    """Return scores near the margin of labels -1 and 1, and far from it."""
    y = rng.choice([-1.0, 1.0], (4, 6))
    near = 2.0 ** -np.array([[4.0, 10.0, 13.0, 1.0, -1.0, -2.0]])
    return [y * (1.0 + near * rng.choice([-1.0, 1.0], (4, 6))), y]


def vectors(rng: np.random.Generator) -> list[np.ndarray]:
    return [rng.standard_normal((4, 3)), rng.standard_normal((4, 3))]


def mp_huber(delta: float) -> Any:
    def f(a: Any, y: Any) -> Any:
        size, k = abs(a - y), mp.mpf(delta)
        return size * size / 2 if size <= k else k * (size - k / 2)

    return each(f, 2)


def log_softmax(z: Any) -> Any:
    return z - log(exp(z).sum(axis=-1, keepdims=True))


def mp_svm(s: Any) -> Any:
    own = (s * ONE_HOT).sum(axis=1, keepdims=True)
    return (np.maximum(s - own + 1, mp.mpf(0)) * (1 - ONE_HOT)).sum(axis=1)


def mp_bce(a: Any, y: Any) -> Any:
    return -(y * log(a)) - (1 - exact_array(y)) * log(1 - a)


def functional(name: str, **settings: Any) -> Any:
    return lambda t, a, y: getattr(t.nn.functional, name)(a, y, reduction="none", **settings)


ENTRIES = [
    Entry("l1", ops.l1, residuals, each(lambda a, y: abs(a - y), 2), functional("l1_loss"),
          n_params=1, slack=0.0),
    Entry("huber", ops.huber, residuals, mp_huber(1.0), functional("huber_loss"), n_params=1,
          slack=0.0, floor=0.02),
    Entry("huber with delta", lambda a, y: ops.huber(a, y, 1.5), residuals, mp_huber(1.5),
          functional("huber_loss", delta=1.5), n_params=1, slack=0.0, floor=0.02),
    Entry("smooth_l1", lambda a, y: ops.smooth_l1(a, y, 1.5), residuals,
          lambda a, y: mp_huber(1.5)(a, y) / mp.mpf(1.5), functional("smooth_l1_loss", beta=1.5),
          n_params=1, slack=0.0, floor=0.02),
    Entry("hinge", ops.hinge, signs, each(lambda a, y: max(0, 1 - a * y), 2),
          lambda t, a, y: t.relu(1 - a * y), n_params=1, slack=0.0),
    Entry("squared_hinge", ops.squared_hinge, signs, each(lambda a, y: max(0, 1 - a * y) ** 2, 2),
          lambda t, a, y: t.relu(1 - a * y) ** 2, n_params=1, slack=0.0),
    Entry("multiclass_hinge", lambda s: ops.multiclass_hinge(s, LABELS), scores, mp_svm,
          lambda t, s: 3 * t.nn.functional.multi_margin_loss(
              s, t.tensor(LABELS), reduction="none")),
    Entry("nll", lambda s: ops.nll(s, LABELS), scores, lambda s: -(s * ONE_HOT).sum(axis=1),
          lambda t, s: t.nn.functional.nll_loss(s, t.tensor(LABELS), reduction="none")),
    Entry("nll of soft labels", lambda s: ops.nll(s, SOFT), scores,
          lambda s: -(s * SOFT).sum(axis=1), lambda t, s: -(s * t.tensor(SOFT)).sum(1)),
    Entry("kl_divergence", lambda q: ops.kl_divergence(q, SOFT), chances,
          lambda q: SOFT * log(SOFT / q),
          lambda t, q: t.nn.functional.kl_div(q.log(), t.tensor(SOFT), reduction="none"),
          relative=True),
    Entry("poisson_nll", lambda a: ops.poisson_nll(a, COUNTS), scores,
          lambda a: exp(a) - COUNTS * a,
          lambda t, a: t.nn.functional.poisson_nll_loss(a, t.tensor(COUNTS), reduction="none"),
          slack=1.0, floor=2.0),
    Entry("poisson_nll of rates", lambda a: ops.poisson_nll(a, COUNTS, log_input=False), chances,
          lambda a: a - COUNTS * log(a + mp.mpf(1e-8)),
          lambda t, a: t.nn.functional.poisson_nll_loss(
              a, t.tensor(COUNTS), log_input=False, reduction="none"), relative=True, floor=8.0),
    Entry("cosine_similarity", ops.cosine_similarity, vectors,
          lambda a, b: (a * b).sum(axis=1) / root((a * a).sum(axis=1) * (b * b).sum(axis=1)),
          lambda t, a, b: t.nn.functional.cosine_similarity(a, b), floor=1.0),
    Entry("softmax_cross_entropy", lambda z: ops.softmax_cross_entropy(z, ONE_HOT), far_scores,
          lambda z: -(ONE_HOT * log_softmax(z)).sum(axis=1),
          lambda t, z: t.nn.functional.cross_entropy(z, t.tensor(LABELS), reduction="none")),
    Entry("cross_entropy", lambda p: ops.cross_entropy(p, SOFT), chances,
          lambda p: -SOFT * log(p), lambda t, p: -t.tensor(SOFT) * p.log(), relative=True),
    Entry("binary_cross_entropy", lambda a: ops.binary_cross_entropy(a, SOFT), chances,
          lambda a: mp_bce(a, SOFT),
          lambda t, a: t.nn.functional.binary_cross_entropy(a, t.tensor(SOFT), reduction="none"),
          largest=1e-4, floor=1.0),
    Entry("binary_cross_entropy_with_logits",
          lambda z: ops.binary_cross_entropy_with_logits(z, SOFT), far_scores,
          lambda z: log(1 + exp(z)) - SOFT * z,
          lambda t, z: t.nn.functional.binary_cross_entropy_with_logits(
              z, t.tensor(SOFT), reduction="none"), floor=0.02),
]  # fmt: skip
