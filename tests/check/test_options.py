"""Wrong arguments are refused by name, and results tell all."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.check.common import (
    CASE,
    NAMES,
    PLANS,
    all_at_kinks,
    checked,
    interrupt,
    small,
)
from tests.literal import L2

# ------------------------------------------------------------ wrong arguments


@small
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"plan": "quick"}, "`plan` must be one of auto, exhaustive, units, sample, got 'quick'"),
        (
            {"engine": "gpu"},
            "`engine` must be one of auto, graph, trace, compiled, black box, got 'gpu'",
        ),
        ({"arithmetic": "exact"}, "`arithmetic` must be one of difference, plain, got 'exact'"),
        ({"step": 0.0}, "`step` must be a positive number, got 0.0"),
        ({"step": -1e-5}, "`step` must be a positive number, got -1e-05"),
        ({"step": np.inf}, "`step` must be a positive number, got inf"),
        ({"step": np.nan}, "`step` must be a positive number, got nan"),
        ({"step": "x"}, "`step` must be a positive number, got 'x'"),
        ({"rtol": -1e-5}, r"`rtol` must be in \[0, 1\), got -1e-05"),
        ({"rtol": 1.0}, r"`rtol` must be in \[0, 1\), got 1.0"),
        ({"rtol": np.nan}, r"`rtol` must be in \[0, 1\), got nan"),
        ({"only": "w*"}, r"`only` must match names of parameters, got 'w\*'; they are W1, b1"),
        ({"only": "W*", "skip": "W?"}, "`only` and `skip` must leave a parameter to check"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(fc.InputError, match=message):
        checked(**options)


@small
@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"n_jobs": "two"}, "n_jobs"),
        ({"budget": "x"}, "budget"),
        ({"budget": np.nan}, "budget"),
        ({"rtol": "x"}, "rtol"),
        ({"only": 5}, "only"),
        ({"loss_value": "x"}, "loss_value"),
        ({"loss_value": np.ones(2)}, "loss_value"),
        ({"progress": 5}, "progress"),
    ],
)
def test_an_option_of_a_wrong_type_is_refused_by_name(options: dict[str, Any], name: str) -> None:
    with pytest.raises(fc.InputError, match=f"`{name}`"):
        checked(**options)


@small
@pytest.mark.parametrize("name", ["params", "grads"])
def test_something_else_than_named_arrays_is_refused(name: str) -> None:
    for value, shown in (
        (None, "NoneType"),
        ([1.0], "list"),
        (np.ones(3), r"ndarray of shape \(3"),
    ):
        arguments: Any = {"params": CASE.params, "grads": CASE.right} | {name: value}
        wanted = f"`{name}` must map names to arrays, got {shown}"
        if name == "grads":
            wanted = {
                "NoneType": "`grads` must be the gradient, got None, and not all parameters are",
                "list": "`grads` must have one gradient for each of 6 parameters, got 1",
            }.get(shown, r"for each of 6 parameters, got one array of shape \(3")
        with pytest.raises(fc.InputError, match=wanted):
            fc.check_gradients(CASE.objective, **arguments)


@small
def test_a_ragged_array_is_refused_by_name() -> None:
    ragged: Any = {"W1": [[1.0], []]}
    with pytest.raises(fc.InputError, match=r"`params\['W1'\]`"):
        fc.check_gradients(CASE.objective, CASE.params | ragged, CASE.right)
    result = fc.check_gradients(CASE.objective, CASE.params, CASE.right | ragged)
    assert result.tensors["W1"].reason.startswith("its gradient is not one array (setting an")


@small
@pytest.mark.parametrize(
    "step",
    [
        1,
        np.float64(1e-3),
        np.float32(1e-3),
    ],
)
def test_a_step_may_be_any_number(step: Any) -> None:
    found = fc.numerical_gradient(CASE.objective, CASE.params, step=step, only="b3")
    assert not np.isnan(found.values["b3"]).any()


@small
def test_a_loss_that_is_no_objective_is_refused() -> None:
    with pytest.raises(fc.InputError, match="`loss` must be an objective or a function, got float"):
        fc.check_gradients(0.5, CASE.params, CASE.right)  # type: ignore[arg-type]


# ------------------------------------------------------------ the result


@small
@pytest.mark.parametrize("arrays", [False, True])
def test_every_kind_of_result_is_strict_json(arrays: bool) -> None:
    nan = CASE.right | {"b2": np.full(5, np.nan)}
    results = [
        checked(), checked(nan), checked(plan="units"), checked(progress=interrupt),
        checked(loss_value=np.nan), checked(arithmetic="plain"),
    ]  # fmt: skip
    objective, params = all_at_kinks()
    results.append(fc.check_gradients(objective, params, objective.gradient(params)))
    for result in results:
        text = json.dumps(result.to_dict(arrays=arrays), allow_nan=False)
        again = fc.CheckResult.from_dict(json.loads(text))
        assert again.verdict == result.verdict
        assert again.to_json(arrays=arrays) == result.to_json(arrays=arrays)


@small
@PLANS
def test_the_numerical_gradient_has_bounds_and_kinks(plan: str) -> None:
    numerical = fc.numerical_gradient(CASE.objective, CASE.params, plan=plan)
    assert (numerical.plan, numerical.complete) == (plan, True)
    assert "asked for; predicted" in numerical.plan_reason
    assert list(numerical.values) == list(numerical.bounds) == list(numerical.kinks) == NAMES
    for name, right in CASE.right.items():
        value, bound = numerical.values[name], numerical.bounds[name]
        assert value.shape == bound.shape == numerical.kinks[name].shape == right.shape
        assert (np.abs(value - right) <= bound).all()
        assert (bound <= 1e-10 * np.abs(right).max()).all()
        assert not numerical.kinks[name].any()


@small
def test_the_result_tells_time_versions_and_loss() -> None:
    result = checked(loss_value=CASE.loss)
    assert {"forward", "numerical", "bounds", "judging", "audit", "total"} <= set(result.timings)
    assert all(seconds >= 0 for seconds in result.timings.values())
    assert result.timings["numerical"] <= result.timings["total"]
    assert result.versions["fastcheck"] == fc.__version__
    assert result.versions["numpy"] == np.__version__
    assert result.loss == pytest.approx(CASE.loss, rel=1e-15)
    assert result.batch is None


@small
@PLANS
def test_l2_has_its_share_in_the_gradient(plan: str) -> None:
    result = checked(plan=plan)
    without = CASE.passes(l2=0.0)[1]
    for name in ("W1", "W2", "W3"):
        share = result.numerical[name] - without[name]
        np.testing.assert_allclose(share, L2 * CASE.params[name], rtol=1e-11, atol=1e-13)
