"""Whole checks of gradients that are wrong at random: nothing false is stated as exact."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import fastcheck as fc
from tests.literal import N_BATCH, Arrays, Case

CASE = Case.drawn(0)
RIGHT = CASE.right


def corrupted(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return a gradient with some tensors that are wrong in a way of its own."""
    given = dict(RIGHT)
    for name in rng.choice([*RIGHT], rng.integers(1, 4), replace=False):
        g = given[str(name)].copy()
        size = 10.0 ** rng.uniform(-3, 0)
        way = rng.integers(4)
        if way == 0:
            g += size * rng.standard_normal(g.shape)
        elif way == 1:
            g *= 1 + size * rng.standard_normal(g.shape)
        elif way == 2:
            g = np.where(rng.random(g.shape) < 0.4, g + size * rng.random(g.shape) + 1e-3, g)
        else:
            g = g + size * np.cos(5 * g)
        given[str(name)] = g
    return given


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["graph", "black box"])
def test_random_corruptions_are_described_truly(engine: str) -> None:
    rng = np.random.default_rng(3)
    loss = CASE.objective if engine == "graph" else CASE.objective.loss
    for _ in range(150):
        given = corrupted(rng)
        result = fc.check_gradients(loss, CASE.params, given, engine=engine)
        wrong = {name for name, tensor in result.tensors.items() if tensor.verdict == "fail"}
        assert wrong <= {name for name in RIGHT if not np.array_equal(given[name], RIGHT[name])}
        named = [name for d in result.diagnosis for name in d.tensors]
        assert len(named) == len(set(named))
        assert set(named) == wrong
        for diagnosis in result.diagnosis:
            assert diagnosis.kind in ("unexplained", "wrong-part", "one-entry"), str(diagnosis)
            assert not diagnosis.is_exact


@pytest.mark.parametrize("seed", range(20))
def test_a_right_gradient_of_another_network_has_no_diagnosis(seed: int) -> None:
    case = Case.drawn(seed)
    result = fc.check_gradients(case.objective, case.params, case.right)
    assert result.passed
    assert result.diagnosis == ()


def test_what_explains_close_entries_stands_in_the_place_of_a_guess() -> None:
    given = each(CASE, lambda g: g.astype(np.float32).astype(float))
    result = fc.check_gradients(CASE.objective, CASE.params, given)
    assert result.passed
    assert [d.kind for d in result.diagnosis] == ["precision"]
    assert "mostly-close" not in {f.kind for f in result.findings}
    given = CASE.passes(guard=0.0)[1]
    result = fc.check_gradients(CASE.objective, CASE.params, given)
    told = {f.tensor for f in result.findings if f.kind == "mostly-close"}
    assert told.isdisjoint(name for d in result.diagnosis for name in d.tensors)


def each(case: Case, change: Callable[[np.ndarray], np.ndarray], names: str = "Wb") -> Arrays:
    """Return the right gradient with `change` applied to the tensors of the letters in `names`."""
    return {n: change(g.copy()) if n[0] in names else g for n, g in case.right.items()}


def one(case: Case, name: str, change: Callable[[np.ndarray], np.ndarray]) -> Arrays:
    """Return the right gradient with `change` applied to one tensor."""
    return case.right | {name: change(case.right[name].copy())}


NAMED: dict[str, tuple[Callable[[Case], Arrays], str, float | None]] = {
    "mean twice": (lambda c: each(c, lambda g: g / N_BATCH), "mean-for-sum", 0.2),
    "no mean": (lambda c: c.passes(n=1)[1], "sum-for-mean", 5.0),
    "doubled": (lambda c: each(c, lambda g: 2 * g), "factor", 2.0),
    "negated": (lambda c: each(c, lambda g: -g), "sign", -1.0),
    "bias negated": (lambda c: one(c, "b2", lambda g: -g), "sign", -1.0),
    "transposed": (lambda c: one(c, "W2", lambda g: g.T), "transposed", None),
    "order of columns": (
        lambda c: one(c, "W1", lambda g: g.T.reshape(g.shape)), "memory-order", None,
    ),
    "means of biases": (lambda c: each(c, lambda g: g / N_BATCH, "b"), "mean-for-sum", 0.2),
    "rows rolled": (lambda c: one(c, "W1", lambda g: np.roll(g, 1, 0)), "rolled", 1.0),
    "columns rolled": (lambda c: one(c, "W3", lambda g: np.roll(g, 1, 1)), "rolled", 1.0),
    "exchanged": (
        lambda c: c.right | {"b1": c.right["b2"], "b2": c.right["b1"]}, "exchanged", None,
    ),
    "row zero": (
        lambda c: one(c, "W1", lambda g: g * (np.arange(6)[:, None] != 3)), "zero-part", None,
    ),
    "column zero": (lambda c: one(c, "W2", lambda g: g * (np.arange(5) != 4)), "zero-part", None),
    "bias forgotten": (lambda c: one(c, "b1", np.zeros_like), "zero", None),
    "float16": (lambda c: each(c, lambda g: g.astype("f2").astype(float)), "precision", None),
    "float32": (lambda c: each(c, lambda g: g.astype("f4").astype(float)), "precision", None),
}  # fmt: skip


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("fault", NAMED)
def test_faults_that_show_in_the_tensors_are_named_with_all_of_them(fault: str, seed: int) -> None:
    case = Case.drawn(seed)
    plant, kind, constant = NAMED[fault]
    given = plant(case)
    result = fc.check_gradients(case.objective, case.params, given)
    said = {
        (d.kind, None if d.constant is None else round(d.constant, 9)) for d in result.diagnosis
    }
    assert said == {(kind, constant)}, [str(d) for d in result.diagnosis]
    wrong = {name for name in given if not np.array_equal(given[name], case.right[name])}
    assert {name for d in result.diagnosis for name in d.tensors} == wrong
    assert all(d.is_exact for d in result.diagnosis)
