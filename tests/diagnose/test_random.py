"""Whole checks of gradients that are wrong at random: nothing false is stated as exact."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from tests.faults import FAULTS, SLIGHT, Case

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
    given = SLIGHT["rounded_to_float32"](CASE)
    result = fc.check_gradients(CASE.objective, CASE.params, given)
    assert result.passed
    assert [d.kind for d in result.diagnosis] == ["precision"]
    assert "mostly-close" not in {f.kind for f in result.findings}
    given = SLIGHT["guard_is_ignored"](CASE)
    result = fc.check_gradients(CASE.objective, CASE.params, given)
    told = {f.tensor for f in result.findings if f.kind == "mostly-close"}
    assert told.isdisjoint(name for d in result.diagnosis for name in d.tensors)


NAMED = {
    "divided_by_the_batch_twice": {("mean-for-sum", 0.2)},
    "not_divided_by_the_batch": {("sum-for-mean", 5.0)},
    "doubled": {("factor", 2.0)},
    "negated": {("sign", -1.0)},
    "negated_bias": {("sign", -1.0)},
    "transposed": {("transposed", None)},
    "in_the_order_of_columns": {("memory-order", None)},
    "bias_is_a_mean": {("mean-for-sum", 0.2)},
    "rolled_rows": {("rolled", 1.0)},
    "rolled_columns": {("rolled", 1.0)},
    "two_biases_swapped": {("exchanged", None)},
    "one_row_is_zero": {("zero-part", None)},
    "one_column_is_zero": {("zero-part", None)},
    "a_bias_is_forgotten": {("zero", None)},
    "rounded_to_float16": {("precision", None)},
    "rounded_to_float32": {("precision", None)},
}


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("fault", NAMED)
def test_faults_that_show_in_the_tensors_are_named_with_all_of_them(fault: str, seed: int) -> None:
    case = Case.drawn(seed)
    given = (FAULTS | SLIGHT)[fault](case)
    result = fc.check_gradients(case.objective, case.params, given)
    said = {
        (d.kind, None if d.constant is None else round(d.constant, 9)) for d in result.diagnosis
    }
    assert said == NAMED[fault], [str(d) for d in result.diagnosis]
    wrong = {name for name in given if not np.array_equal(given[name], case.right[name])}
    assert {name for d in result.diagnosis for name in d.tensors} == wrong
    assert all(d.is_exact for d in result.diagnosis)
