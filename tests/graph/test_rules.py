"""Difference rules and their compiled forms against 50-digit arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import mpmath
import numpy as np
import pytest

from fastcheck.graph import Graph, ops
from fastcheck.graph.ops import pointwise as classes
from fastcheck.kernels import losses as loss_kernels
from fastcheck.kernels import pointwise as kernels
from tests.graph.drive import UNIT, interpreted, plain, probe, sent

pytestmark = pytest.mark.interpreted

mp = mpmath.mp.clone()
mp.dps = 50

SIZES = (0.3, 1e-1, 1e-2, 9e-3, 1e-4, 1e-8, 1e-12, 1e-100)
CHANGES = np.array([0.0, *(sign * d for d in SIZES for sign in (1.0, -1.0))])
SATURATING = np.array([0.0, *(s * z for z in (1e-9, 0.1, 1, 3, 9, 20, 40) for s in (1, -1))])
POSITIVE = 10.0 ** np.array([-100, -12, -3, -0.3, 0, 0.7, 5, 100])
BOTH = np.concatenate([POSITIVE, -POSITIVE])


def mp_sigmoid(z: Any) -> Any:
    return 1 / (1 + mp.exp(-z))


def mp_softplus(z: Any) -> Any:
    return mp.log1p(mp.exp(z))


# operation, truth, base points, whether changes are relative to the base, allowed units
SMOOTH = {
    "tanh": (classes.Tanh(), mp.tanh, SATURATING, False, 12),
    "sigmoid": (classes.Sigmoid(), mp_sigmoid, SATURATING, False, 12),
    "softplus": (classes.Softplus(), mp_softplus, SATURATING, False, 8),
    "exp": (classes.Exp(), mp.exp, SATURATING, False, 6),
    "log": (classes.Log(), mp.log, POSITIVE, True, 4),
    "sqrt": (classes.Sqrt(), mp.sqrt, POSITIVE, True, 6),
    "reciprocal": (classes.Reciprocal(), lambda x: 1 / x, BOTH, True, 6),
    "square": (classes.Square(), lambda x: x * x, BOTH, True, 4),
}


def changed(f: Callable[[Any], Any], x: float, d: float) -> float:
    """Return ``f(x + d) - f(x)``, correctly rounded for all that is tested here."""
    with mp.workdps(400 if 0 < abs(d) < 1e-40 * max(abs(x), 1.0) else 90):
        return float(f(mp.mpf(x) + mp.mpf(d)) - f(mp.mpf(x)))


def units(found: np.ndarray, truth: np.ndarray) -> float:
    """Return the worst relative error in units of rounding; zeros must be zeros."""
    zero = truth == 0.0
    assert np.all(found[zero] == 0.0)
    return float((np.abs(found - truth)[~zero] / np.abs(truth[~zero])).max(initial=0.0)) / UNIT


def table_of(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return base points, their changes and the true answers, each of shape (points, changes)."""
    _, f, points, relative, _ = SMOOTH[name]
    x, d = np.meshgrid(points, CHANGES, indexing="ij")
    d = d * np.abs(x) if relative else d
    truth = [changed(f, *pair) for pair in zip(x.ravel(), d.ravel(), strict=True)]
    return x, d, np.array(truth).reshape(x.shape)


@pytest.fixture(params=["as decorated", "as plain Python"])
def form(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "as plain Python":
        with interpreted():
            yield request.param
    else:
        yield request.param


# ------------------------------------------------------------ pointwise


@pytest.mark.parametrize("name", SMOOTH)
def test_a_rule_has_an_error_of_a_few_units(name: str) -> None:
    op, *_, allowed = SMOOTH[name]
    x, d, truth = table_of(name)
    found = op.rule(d, *op.stencil(x, op.value(x)))
    assert units(found, truth) < allowed


@pytest.mark.parametrize("name", SMOOTH)
def test_an_operation_has_the_error_of_its_rule_whatever_the_change(name: str, form: str) -> None:
    _, _, points, _, allowed = SMOOTH[name]
    _, d, truth = table_of(name)
    graph = Graph()
    node = getattr(ops, name)(graph.param("x", points.shape))
    for columns in (slice(None), slice(1, 7), np.flatnonzero(np.abs(CHANGES) < 9.5e-3)):
        found = sent(node, {"x": points}, d[:, columns])
        assert units(found, truth[:, columns]) < allowed


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus"])
@pytest.mark.parametrize("of", [lambda k: k, plain], ids=["as decorated", "as plain Python"])
def test_a_kernel_is_accurate_for_small_changes_and_counts_the_others(
    name: str, of: Callable[[Any], Any]
) -> None:
    op, *_, allowed = SMOOTH[name]
    x, d, truth = table_of(name)
    n_points, n_changes = x.shape
    tables = [np.ascontiguousarray(a[:, :1]) for a in op.stencil(x, op.value(x))]
    which, offsets = np.arange(n_points), np.arange(n_points + 1) * n_changes
    data = d.reshape(1, -1).copy()
    n_large = of(getattr(kernels, name))(*tables, which, data, offsets)
    edge = (0.9 if name == "softplus" else 1.0) * kernels.SMALL
    assert n_large == np.count_nonzero(np.abs(d) > edge)
    small = np.abs(d) <= edge
    assert units(data.reshape(d.shape)[small], truth[small]) < allowed


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("place", [0, 4, 8])
def test_a_nan_stays_a_nan_and_spoils_nothing_else(name: str, place: int, form: str) -> None:
    graph = Graph()
    node = getattr(ops, name)(graph.param("x", (2,)))
    d = np.full((2, 9), 1e-5)
    d[1, place] = np.nan
    assert np.array_equal(np.isnan(sent(node, {"x": np.array([0.5, 1.5])}, d)), np.isnan(d))


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.01, 1.0), (0.3, 2.0), (-0.5, 1.0)])
def test_a_bend_is_exact_to_a_few_units_on_both_sides_and_across(
    low: float, high: float, form: str
) -> None:
    points = np.array([0.0, -0.0, *(s * z for z in (1e-100, 1e-9, 0.1, 0.25, 3) for s in (1, -1))])
    changes = np.concatenate([CHANGES, [0.25, -0.25, 3.0, -3.0, 5.0, -5.0]])
    graph = Graph()
    node = graph.apply(classes.Bend(low, high), graph.param("x", points.shape))
    found = sent(node, {"x": points}, np.tile(changes, (points.size, 1)))

    def bend(z: Any) -> Any:
        return mp.mpf(high) * z if z > 0 else mp.mpf(low) * z

    truth = np.array([[changed(bend, z, d) for d in changes] for z in points])
    # with slopes of one sign nothing cancels; else the two parts of a crossing may
    scale = truth if low >= 0 else np.maximum(np.abs(truth), 0.3 * np.abs(changes))
    assert np.all(np.abs(found - truth) <= 4 * UNIT * np.abs(scale))


@pytest.mark.parametrize(
    ("name", "z", "d"),
    [("sigmoid", -40.0, 35.0), ("sigmoid", 40.0, -40.0), ("tanh", 20.0, -40.0),
     ("softplus", 45.0, -40.0)],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_rule_holds_for_changes_that_leave_saturation(name: str, z: float, d: float) -> None:
    op, f, *_ = SMOOTH[name]
    x = np.array([z])
    found = op.rule(np.array([d]), *op.stencil(x, op.value(x)))
    assert found[0] == pytest.approx(changed(f, z, d), rel=1e-6, abs=0)


@pytest.mark.parametrize("x", [1e200, 1e-200])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_reciprocal_of_extreme_numbers_changes_by_a_finite_amount(x: float) -> None:
    found = classes.Reciprocal().rule(np.array([x * 1e-8]), np.array([x]))
    assert found[0] == pytest.approx(-1e-8 / x, rel=1e-7, abs=0)


# ------------------------------------------------------------ losses


@pytest.mark.parametrize("name", ["binary_cross_entropy_with_logits", "softmax_cross_entropy"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_from_logits_holds_for_changes_that_leave_saturation(name: str) -> None:
    graph = Graph()
    z, d = np.array([45.0, 0.0]), np.array([[-40.0], [0.0]])
    y = np.array([0.0, 1.0])
    node = getattr(ops, name)(graph.param("z", (2,)), y)
    found = sent(node, {"z": z}, d, None).ravel()[0]  # both losses are softplus of the first logit
    assert found == pytest.approx(changed(mp_softplus, 45.0, -40.0), rel=1e-12)


def logits(spread: float, seed: int) -> np.ndarray:
    """Return logits on a grid, so that their largest can be subtracted without rounding."""
    rng = np.random.default_rng(seed)
    return np.round(rng.uniform(-spread, spread, 5) * 64) / 64


def mixed_changes(size: float, seed: int, n: int = 5) -> np.ndarray:
    return size * np.random.default_rng(seed).uniform(-1, 1, (n, 6))


def mp_softmax(z: list[Any]) -> list[Any]:
    e = [mp.exp(v) for v in z]
    return [v / mp.fsum(e) for v in e]


def mp_softmax_loss(z: np.ndarray, d: np.ndarray, y: np.ndarray, guard: float) -> Any:
    p = mp_softmax([mp.mpf(a) + mp.mpf(b) for a, b in zip(z, d, strict=True)])
    return -mp.fsum(w * mp.log(q + mp.mpf(guard)) for w, q in zip(y, p, strict=True) if w)


def truth_and_scale(
    z: np.ndarray, d: np.ndarray, y: np.ndarray, guard: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the true changes, and the sums that rounding errors must be small against."""
    none = np.zeros(z.size)
    with mp.workdps(160):
        start = mp_softmax_loss(z, none, y, guard)
        truth = [float(mp_softmax_loss(z, column, y, guard) - start) for column in d.T]
        p = np.array([float(v) for v in mp_softmax([mp.mpf(v) for v in z])])
    scale = np.zeros(d.shape[1])
    for k in np.flatnonzero(y):
        others = np.delete(np.arange(z.size), k)
        rest = (p[others, None] * (np.abs(d[others]) + np.abs(d[k]))).sum(axis=0)
        scale += abs(y[k]) * p[k] / (p[k] + guard) * rest
    return np.array(truth), scale


LABELS = {
    "one-hot": np.array([0.0, 0, 1, 0, 0]),
    "soft": np.array([0.1, 0.2, 0.4, 0.2, 0.1]),
    "soft and not normalised": np.array([0.0, 3.0, 0.5, 0.0, 1.0]),
    "none": np.zeros(5),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("guard", [0.0, 1e-7])
@pytest.mark.parametrize("labels", LABELS)
def test_softmax_cross_entropy_keeps_its_digits(
    labels: str, guard: float, size: float, form: str
) -> None:
    y = LABELS[labels]
    for seed, (spread, at_label) in enumerate(product((1, 15), (None, 30.0, -30.0))):
        z = logits(spread, seed)
        z[2] = z[2] if at_label is None else at_label
        graph = Graph()
        node = ops.softmax_cross_entropy(graph.param("z", z.shape), y, guard)
        d = mixed_changes(size, seed)
        truth, scale = truth_and_scale(z, d, y, guard)
        error = np.abs(sent(node, {"z": z}, d, None) - truth)
        assert np.all(error <= 12 * UNIT * scale), (spread, at_label)


@pytest.mark.parametrize("y", [[1.0, -1.0, 0.0], [1.0, 0.5, -0.5]])
def test_softmax_cross_entropy_allows_labels_of_both_signs(y: list[float], form: str) -> None:
    z, d = np.array([0.5, -0.25, 1.0]), mixed_changes(1e-4, 3, 3)
    graph = Graph()
    node = ops.softmax_cross_entropy(graph.param("z", z.shape), np.array(y))
    truth, scale = truth_and_scale(z, d, np.array(y), 0.0)
    assert np.all(np.abs(sent(node, {"z": z}, d, None) - truth) <= 12 * UNIT * scale)


@pytest.mark.parametrize("guard", [0.0, 1e-7])
def test_softmax_cross_entropy_counts_changes_that_are_too_large(guard: float, form: str) -> None:
    p, y = np.full((1, 3), 1 / 3), np.array([[1.0, 0.0, 0.0]])
    which, ends = np.zeros(1, np.int64), np.array([0, 4])
    scratch, out = np.empty(4), np.empty(4)

    def n_large(d: np.ndarray) -> int:
        args = (p, y, which, d, ends)
        if guard:
            return loss_kernels.guarded_cross_entropy(*args, guard, scratch, out)
        return loss_kernels.softmax_cross_entropy(*args, scratch, out)

    d = np.full((3, 4), 1e-3)
    assert n_large(d) == 0
    d[1, 2] = 0.5
    assert n_large(d) > 0


@pytest.mark.parametrize("guard", [0.0, 1e-7])
@pytest.mark.parametrize("place", [0, 2, 3])
def test_a_nan_logit_makes_the_loss_nan_in_its_row_only(
    guard: float, place: int, form: str
) -> None:
    graph = Graph()
    node = ops.softmax_cross_entropy(graph.param("z", (3,)), np.array([0.0, 1.0, 0.0]), guard)
    for k in range(3):
        d = np.full((3, 4), 1e-4)
        d[k, place] = np.nan
        found = sent(node, {"z": np.array([0.5, -1.0, 2.0])}, d, None)
        assert np.array_equal(np.isnan(found), np.arange(4) == place)


@pytest.mark.parametrize("size", SIZES)
def test_softmax_keeps_its_digits(size: float) -> None:
    for seed, spread in enumerate((1, 15, 40)):
        z, d = logits(spread, seed), mixed_changes(size, seed)
        graph = Graph()
        found = sent(ops.softmax(graph.param("z", z.shape)), {"z": z}, d)
        with mp.workdps(160):
            start = mp_softmax([mp.mpf(v) for v in z])
            p = np.array([float(v) for v in start])
            moved = [mp_softmax([mp.mpf(a) + mp.mpf(b) for a, b in zip(z, c, strict=True)])
                     for c in d.T]  # fmt: skip
            truth = np.array(
                [[float(a - b) for a, b in zip(m, start, strict=True)] for m in moved]
            ).T
        gap = np.abs(d[:, None, :]) + np.abs(d[None, :, :])
        gap[np.arange(z.size), np.arange(z.size)] = 0.0
        scale = p[:, None] * np.einsum("j,kjr->kr", p, gap)
        top = np.argmax(p)
        scale += p[:, None] * np.where(np.arange(z.size)[:, None] == top, 0.0, gap[:, top])
        assert np.all(np.abs(found - truth) <= 12 * UNIT * scale)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("y", [0.0, 1.0, 0.3])
def test_binary_cross_entropy_from_logits_keeps_its_digits(
    y: float, size: float, form: str
) -> None:
    z, d = SATURATING, size * np.array([[1.0, -1.0, 0.4, 0.0]])
    graph = Graph()
    node = ops.binary_cross_entropy_with_logits(graph.param("z", z.shape), np.full(z.shape, y))
    found = sent(node, {"z": z}, np.tile(d, (z.size, 1)), None)

    def scaled(part: float, sign: int, a: float, b: float) -> float:
        return part * changed(lambda v: mp_softplus(sign * v), a, b) if part else 0.0

    yes = np.array([[scaled(y, -1, a, b) for b in d[0]] for a in z])
    no = np.array([[scaled(1.0 - y, 1, a, b) for b in d[0]] for a in z])
    # the two parts cancel where the loss has its minimum
    assert np.all(np.abs(found - (yes + no)) <= 12 * UNIT * (np.abs(yes) + np.abs(no)))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("guard", [0.0, 1e-7])
@pytest.mark.parametrize("y", [0.0, 1.0, 0.3])
def test_binary_cross_entropy_keeps_its_digits_where_the_sigmoid_saturates(
    y: float, guard: float, size: float, form: str
) -> None:
    z = np.array([0.0, 1.0, -1.0, 9.0, -9.0, 25.0, -25.0])
    graph = Graph()
    node = ops.binary_cross_entropy(ops.sigmoid(graph.param("z", z.shape)), np.full(7, y), guard)
    a, c = (np.array([float(mp_sigmoid(mp.mpf(s * v))) for v in z]) for s in (1, -1))
    relative = size * np.array([1.0, -1.0, 0.4, 0.0])
    d = np.minimum(a, c)[:, None] * relative
    found = sent(node, {"z": z}, d, None)

    def part(weight: float, v: float, sign: int, change: float) -> float:
        if not weight:
            return 0.0
        with mp.workdps(160):
            base = mp_sigmoid(mp.mpf(sign * v)) + mp.mpf(guard)
            return float(-mp.mpf(weight) * mp.log1p(sign * mp.mpf(change) / base))

    yes = np.array([[part(y, v, 1, b) for b in row] for v, row in zip(z, d, strict=True)])
    no = np.array([[part(1.0 - y, v, -1, b) for b in row] for v, row in zip(z, d, strict=True)])
    assert np.all(np.abs(found - (yes + no)) <= 12 * UNIT * (np.abs(yes) + np.abs(no)))


@pytest.mark.parametrize("guard", [0.0, 1e-7])
def test_cross_entropy_from_probabilities_keeps_its_digits(guard: float) -> None:
    p = np.array([1e-12, 1e-3, 0.2, 0.75, 1.0 - 1e-9])
    y = np.array([1.0, 0.4, 0.0, 1.0, 2.0])
    d = p[:, None] * CHANGES
    graph = Graph()
    found = sent(ops.cross_entropy(graph.param("p", p.shape), y, guard), {"p": p}, d, None)
    truth = np.array([
        [-w * changed(lambda v: mp.log(v + mp.mpf(guard)), q, c) if w else 0.0 for c in row]
        for q, w, row in zip(p, y, d, strict=True)
    ])  # fmt: skip
    assert units(found, truth) < 8


@pytest.mark.parametrize("name", ["binary_cross_entropy", "binary_cross_entropy_with_logits"])
def test_binary_losses_count_changes_that_are_too_large(name: str, form: str) -> None:
    ends, out = np.array([0, 3]), np.empty((1, 3))
    which, y, half = np.zeros(1, np.int64), np.ones((1, 1)), np.full((1, 1), 0.5)

    def n_large(largest: float) -> int:
        d = np.array([[1e-3, largest, 0.0]])
        if name == "binary_cross_entropy":
            return loss_kernels.binary_cross_entropy(half, half, y, which, d, ends, 0.0, out)
        return loss_kernels.logit_cross_entropy(half, half, y, which, d, ends, out)

    assert [n_large(d) for d in (4e-3, -4e-3, 2e-2, -2e-2)] == [0, 0, 1, 1]


@pytest.mark.parametrize("act", ["tanh", "sigmoid", "softplus"])
def test_one_large_change_among_small_ones_leaves_all_of_them_right(act: str, form: str) -> None:
    graph = Graph()
    w = graph.param("w", (3,))
    graph.set_loss(ops.sum(getattr(ops, act)(w * np.array([1.0, 1e-3, 40.0]))))
    params = {"w": np.array([0.3, -2.0, 0.01])}
    found = probe(graph, params, w, step=0.01)
    f = SMOOTH[act][1]
    for k, factor in enumerate((1.0, 1e-3, 40.0)):
        z = params["w"][k] * factor
        for change, sign in ((found.plus, 1), (found.minus, -1)):
            truth = changed(f, z, sign * 0.01 * factor)
            assert change[k] == pytest.approx(truth, rel=20 * UNIT, abs=0)
