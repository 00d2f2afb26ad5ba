"""What passes, what fails, and what is neither."""

from __future__ import annotations

import re
from decimal import Decimal

import numpy as np
import pytest

import fastcheck as fc
from tests.check.common import (
    CASE,
    PLANS,
    all_at_kinks,
    checked,
    overflowing,
    small,
    with_one_off,
)

# ------------------------------------------------------------ asserting


@small
def test_assert_on_a_wrong_gradient_raises() -> None:
    assert checked()
    with pytest.raises(AssertionError):
        assert checked({n: 2 * g for n, g in CASE.right.items()})


@small
def test_assert_gradients_raises_with_the_result() -> None:
    wrong = with_one_off(CASE.right, "W2", (1, 3), 0.5)
    with pytest.raises(fc.GradientMismatchError, match=r"W2\[1, 3\]: yours .* \(× ") as e:
        fc.assert_gradients(CASE.objective, CASE.params, wrong, plan="units")
    assert isinstance(e.value, AssertionError)
    assert e.value.result is not None
    assert (e.value.result.verdict, e.value.result.plan) == ("fail", "units")


@small
def test_assert_gradients_returns_what_passed() -> None:
    result = fc.assert_gradients(CASE.objective, CASE.params, CASE.right, seed=3)
    assert result.passed


@small
def test_assert_gradients_raises_where_nothing_is_resolved() -> None:
    net = fc.Network([fc.Dense(3, 2)], loss=fc.SquaredError())
    params = net.init_params(scale=0.0)
    objective = net.objective(np.ones((2, 3)), np.zeros((2, 2)))
    with pytest.raises(fc.GradientMismatchError, match="none of 8 checked entries"):
        fc.assert_gradients(objective, params, objective.gradient(params))


# ------------------------------------------------------------ the loss comes first


@small
def test_another_loss_is_the_first_finding_and_no_pass() -> None:
    result = checked(CASE.right | {"extra": 0.0}, loss_value=2 * CASE.loss)
    assert result.verdict == "inconclusive"
    kinds = [finding.kind for finding in result.findings]
    assert sorted(kinds) == ["forward-mismatch", "unused-gradient"]
    first = next(f for f in result.findings if f.severity == "error")
    assert first.kind == "forward-mismatch"
    assert f"your loss is {2 * CASE.loss!r}, that of the objective {CASE.loss!r}, 2 times" in (
        first.message
    )
    assert str(result).index("your loss is") < str(result).index("W1")


@small
def test_another_loss_does_not_hide_a_wrong_gradient() -> None:
    assert checked({n: -g for n, g in CASE.right.items()}, loss_value=0.0).verdict == "fail"


@small
@pytest.mark.parametrize("off", [1e-13, -1e-13])
def test_a_loss_that_differs_by_rounding_is_the_same(off: float) -> None:
    assert checked(loss_value=CASE.loss * (1 + off)).findings == ()


@small
@pytest.mark.parametrize(
    "given",
    [
        np.nan,
        0.0,
        -CASE.loss,
        CASE.loss * (1 + 1e-8),
        np.inf,
    ],
)
def test_a_loss_that_differs_by_more_is_another(given: float) -> None:
    result = checked(loss_value=given)
    assert [f.kind for f in result.findings] == ["forward-mismatch"]
    assert f"your loss is {given!r}" in result.findings[0].message
    assert not result


@small
def test_a_loss_of_float32_is_compared_at_its_own_precision() -> None:
    assert float(np.float32(CASE.loss)) != pytest.approx(CASE.loss, rel=1e-9)
    for given in (np.float32(CASE.loss), np.array([np.float32(CASE.loss)])):
        assert checked(loss_value=given).findings == ()
    rounded = {name: right.astype(np.float32) for name, right in CASE.right.items()}
    assert checked(rounded, loss_value=float(np.float32(CASE.loss))).findings == ()
    (found,) = checked(rounded, loss_value=np.float32(1.001 * CASE.loss)).findings
    assert ", 1.001 times: the forward pass differs" in found.message
    (found,) = checked(loss_value=float(np.float32(CASE.loss))).findings
    assert re.search(r"which is \d\.\de-08 of it off: the forward pass differs", found.message)


@small
@pytest.mark.parametrize("given", [Decimal(CASE.loss), np.array([[CASE.loss]])])
def test_a_loss_may_be_any_number(given: object) -> None:
    assert checked(loss_value=given).findings == ()


@small
@pytest.mark.parametrize("given", ["1.0", [1.0, 2.0], [[1.0], []], 1j, True])
def test_what_is_no_number_is_no_loss(given: object) -> None:
    with pytest.raises(fc.InputError, match="`loss_value` must be a number, got"):
        checked(loss_value=given)


@small
def test_a_loss_that_is_not_finite_has_no_gradient() -> None:
    objective, params = overflowing()
    result = fc.check_gradients(objective, params, {n: v * 0 for n, v in params.items()})
    assert result.verdict == "inconclusive"
    assert result.tensors == {}
    assert result.plan == "none"
    (finding,) = result.findings
    assert (finding.kind, finding.severity) == ("loss-not-finite", "error")
    assert finding.message.startswith("the loss is inf at this point")
    assert "the loss is inf" in str(result)
    assert fc.CheckResult.from_json(result.to_json()).loss == np.inf


@small
def test_coverage_of_an_infinite_loss_is_none_of_the_entries() -> None:
    objective, params = overflowing()
    result = fc.check_gradients(objective, params, {n: v * 0 for n, v in params.items()})
    assert (result.coverage.n_entries, result.coverage.n_checked) == (3, 0)
    assert "0 of 3 entries" in result.coverage.statement


def test_a_numerical_gradient_of_an_infinite_loss_is_nan() -> None:
    numerical = fc.numerical_gradient(*overflowing())
    assert all(np.isnan(value).all() for value in numerical.values.values())


# ------------------------------------------------------------ no pass with nothing resolved


@small
@PLANS
def test_zeros_on_both_sides_are_no_pass(plan: str) -> None:
    net = fc.Network([fc.Dense(3, 2), fc.Tanh(), fc.Dense(2, 2)], loss=fc.SquaredError())
    params = net.init_params(scale=0.0)
    objective = net.objective(np.ones((2, 3)), np.zeros((2, 2)))
    grads = {n: np.zeros_like(v) for n, v in params.items()}
    result = fc.check_gradients(objective, params, grads, plan=plan)
    assert result.verdict == "inconclusive"
    assert not result
    for tensor in result.tensors.values():
        assert (tensor.verdict, tensor.n_resolved) == ("inconclusive", 0)
        assert f"{tensor.n_entries} checked entries, exactly zero on both sides" in tensor.reason


@small
def test_coverage_counts_what_the_summary_counts() -> None:
    net = fc.Network([fc.Dense(3, 2)], loss=fc.SquaredError())
    params = net.init_params(scale=0.0)
    objective = net.objective(np.ones((2, 3)), np.zeros((2, 2)))
    result = fc.check_gradients(objective, params, objective.gradient(params))
    assert "none of 8 checked entries could be resolved" in result.summary()
    assert result.coverage.n_resolved == 0


@small
@PLANS
def test_a_tensor_with_every_entry_at_a_kink_is_no_pass(plan: str) -> None:
    objective, params = all_at_kinks()
    grads = objective.gradient(params)
    result = fc.check_gradients(objective, params, grads, plan=plan)
    assert result.verdict == "inconclusive"
    for name in ("W1", "b1"):
        tensor = result.tensors[name]
        assert tensor.n_kink == tensor.n_checked == tensor.n_entries
        assert tensor.n_resolved == 0
        assert f"{tensor.n_entries} are at a kink" in tensor.reason
    kinks = {f.tensor: f.message for f in result.findings if f.kind == "kink"}
    assert kinks["W1"].startswith("W1: 6 entries lie at a kink")
    only = fc.check_gradients(objective, params, grads, plan=plan, only="?1")
    assert only.verdict == "inconclusive"
    assert only.coverage.n_resolved == 0


@small
def test_the_note_about_kinks_counts_those_of_the_table() -> None:
    net = fc.Network([fc.Dense(3, 2), fc.ReLU(), fc.Dense(2, 2)], loss=fc.SquaredError())
    params = net.init_params(scale=0.0)  # behind weights of zero a kink has no effect
    objective = net.objective(np.ones((2, 3)), np.ones((2, 2)))
    result = fc.check_gradients(objective, params, objective.gradient(params))
    assert result.tensors["W1"].n_kink == 0
    assert "kink" not in [f.kind for f in result.findings]
