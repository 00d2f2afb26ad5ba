"""Textbook differences: their step, their error, and that they touch nothing."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import parallel, plain
from fastcheck.bounds import find_rounding
from fastcheck.derivatives import Derivatives
from fastcheck.plain import plain_bound, plain_differences, plain_step
from tests.objectives import KINDS

small = pytest.mark.interpreted


@small
@pytest.mark.parametrize(
    ("noise", "step"), [(3e-16, 1.392476650083834e-05), (9.0**-1 * 1e-9, 1e-3), (0.0, 0.0)]
)
def test_the_step_balances_rounding_and_truncation(noise: float, step: float) -> None:
    assert plain_step(noise) == pytest.approx(step, rel=1e-12)
    if noise:  # with a third derivative of 1: noise / h = h**2 / 9, as the formula was derived
        assert plain_step(noise) ** 3 == pytest.approx(9 * noise)


@small
def test_the_bound_is_noise_over_step_and_the_bend() -> None:
    found = Derivatives.zero(3)
    found.plus[:], found.minus[:] = [1.0, 2.0, -1.0], [1.0, 1.5, 1.0]
    bound = plain_bound(found, noise=1e-16, step=1e-5)
    assert bound == pytest.approx(np.array([4.5e-11, 0.5 + 4.5e-11, 2 + 4.5e-11]), rel=1e-12)


@small
def test_a_quadratic_is_differentiated_as_by_hand() -> None:
    graph = fc.Graph()
    graph.set_loss(fc.ops.sum(fc.ops.square(graph.param("w", (3,)))))
    state = fc.GraphObjective(graph).state({"w": [1.0, -2.0, 0.5]})
    step = 2.0**-10  # all sums are exact
    found = plain_differences(state, ["w"], 0.0, step=step).tensors["w"]
    assert found.values.tolist() == [2.0, -4.0, 1.0]
    assert found.plus.tolist() == [2.0 + step, -4.0 + step, 1.0 + step]
    assert found.minus.tolist() == [2.0 - step, -4.0 - step, 1.0 - step]
    assert found.known.all()


@small
@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_plain_differences_agree_within_their_bound(make: object) -> None:
    objective, params = make(0)  # type: ignore[operator]
    found = fc.numerical_gradient(objective, params, arithmetic="plain")
    assert found.plan == "exhaustive"
    for name, right in objective.gradient(params).items():
        assert (np.abs(found.values[name] - right) <= found.bounds[name]).all()
    result = fc.check_gradients(
        objective, params, objective.gradient(params), arithmetic="plain", rtol=1e-3
    )
    assert result.verdict != "fail"


@small
def test_the_step_that_was_moved_is_the_one_that_is_divided_by() -> None:
    graph = fc.Graph()
    graph.set_loss(fc.ops.sum(graph.param("w", (1,))))
    state = fc.GraphObjective(graph).state({"w": [1e6]})
    found = plain_differences(state, ["w"], 0.0, step=1e-9)
    assert found.tensors["w"].values.item() == 1.0  # not 0.93, which 1e6 + 1e-9 would give
    assert found.reason == "two losses are subtracted for every entry, step 1.0e-09"


@small
def test_the_base_point_is_left_alone() -> None:
    objective, params = KINDS["recurrence"](0)
    state = objective.state(params)
    before = [v.tobytes() for v in state.values]
    plain_differences(state, list(params), 1e-16)
    assert [v.tobytes() for v in state.values] == before


def test_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "SMALL", 0.0)
    monkeypatch.setattr(plain, "CHUNK", 3)
    objective, params = KINDS["recurrence"](1)
    one, two = (
        fc.numerical_gradient(objective, params, arithmetic="plain", n_jobs=n) for n in (1, 2)
    )
    assert all(np.array_equal(one.values[n], two.values[n]) for n in params)


@small
def test_ctrl_c_keeps_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "CHUNK", 4)
    objective, params = KINDS["tanh_network"](0)
    seen = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        if done >= 20:
            raise KeyboardInterrupt

    state = objective.state(params)
    found = plain_differences(state, list(params), 1e-16, progress=progress)
    assert not found.complete
    assert seen == [(k, 74) for k in (4, 8, 12, 16, 20)]
    assert sum(int(t.known.sum()) for t in found.tensors.values()) == 20
    assert np.isnan(found.tensors["b3"].values).all()


@small
def test_an_entry_at_a_kink_has_a_wide_bound() -> None:
    graph = fc.Graph()
    graph.set_loss(fc.ops.sum(fc.ops.relu(graph.param("w", (2,)))))
    objective, params = fc.GraphObjective(graph), {"w": [0.0, 1.0]}
    found = fc.numerical_gradient(objective, params, arithmetic="plain")
    assert found.bounds["w"][0] >= 1.0
    assert found.bounds["w"][1] < 1e-8
    for slope in (0.0, 0.5, 1.0):  # any subgradient
        result = fc.check_gradients(objective, params, {"w": [slope, 1.0]}, arithmetic="plain")
        assert result.tensors["w"].n_disagree == 0


@small
def test_noise_is_that_of_the_loss() -> None:
    objective, params = KINDS["tanh_network"](0)
    noise = find_rounding(objective.state(params)).loss
    found = fc.numerical_gradient(objective, params, arithmetic="plain")
    assert found.plan_reason.endswith(f"step {plain_step(noise):.1e}")
