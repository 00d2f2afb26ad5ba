"""Names, precision, tolerance and steps."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fastcheck as fc
from tests.check.common import (
    CASE,
    NAMES,
    PLANS,
    checked,
    small,
    with_one_off,
)

# ------------------------------------------------------------ names


@small
@PLANS
def test_only_and_skip_choose_tensors(plan: str) -> None:
    wrong = CASE.right | {"W2": -CASE.right["W2"]}
    assert list(checked(only="W*", plan=plan).tensors) == ["W1", "W2", "W3"]
    assert list(checked(only=["b1", "W[13]"], plan=plan).tensors) == ["W1", "b1", "W3"]
    assert list(checked(skip="b?", plan=plan).tensors) == ["W1", "W2", "W3"]
    assert list(checked(only="W*", skip=["W1", "b9*", "b*"][:1], plan=plan).tensors) == ["W2", "W3"]
    assert checked(wrong, skip="W2", plan=plan).passed
    assert checked(wrong, only="W2", plan=plan).verdict == "fail"
    statement = checked(only="W2", plan=plan).coverage.statement
    assert statement.startswith("all 25 entries checked, 25 resolved (100 %)")
    assert "5 tensors left out as asked" in statement


@small
def test_a_skipped_tensor_needs_no_gradient_and_is_not_called_unused() -> None:
    grads = {n: g for n, g in CASE.right.items() if n != "b2"}
    assert checked(grads, skip="b2").findings == ()
    assert checked(CASE.right, skip="b2").findings == ()


@small
def test_names_with_a_d_are_understood_and_others_noted() -> None:
    grads = {f"d{n}": g for n, g in CASE.right.items()} | {"da0": 1.0, "cache": None}
    result = checked(grads)
    assert result.passed
    (finding,) = result.findings
    assert (finding.kind, finding.severity) == ("unused-gradient", "note")
    assert "are ignored: da0, cache; named intermediate values are x, z1" in finding.message


@small
def test_the_order_of_names_changes_nothing() -> None:
    backwards = dict(reversed(CASE.params.items()))
    grads = dict(reversed(CASE.right.items()))
    one = checked()
    other = fc.check_gradients(CASE.objective, backwards, grads)
    assert list(other.tensors) == list(one.tensors) == NAMES
    for name in NAMES:
        assert np.array_equal(one.numerical[name], other.numerical[name])
        assert np.array_equal(one.bounds[name], other.bounds[name])


@small
@PLANS
def test_a_part_has_the_same_values_as_the_whole(plan: str) -> None:
    whole = checked(plan=plan)
    for name in NAMES:
        part = checked(only=name, plan=plan)
        assert np.array_equal(part.numerical[name], whole.numerical[name])


# ------------------------------------------------------------ precision and tolerance


@small
@PLANS
def test_a_float32_gradient_is_judged_at_its_precision(plan: str) -> None:
    single = {n: g.astype(np.float32) for n, g in CASE.right.items()}
    result = checked(single, plan=plan, strict=True)
    assert result.passed
    assert all(t.n_close == 0 for t in result.tensors.values())
    wrong = with_one_off(CASE.right, "W1", (2, 2), 1e-3)
    assert checked({n: g.astype(np.float32) for n, g in wrong.items()}, plan=plan).verdict == "fail"


@small
def test_what_float16_cannot_resolve_is_no_pass() -> None:
    assert checked({n: g.astype(np.float16) for n, g in CASE.right.items()}).verdict != "pass"
    wrong = {n: (1.5 * g).astype(np.float16) for n, g in CASE.right.items()}
    assert checked(wrong).verdict == "fail"


@small
def test_gradients_and_parameters_may_be_lists_and_integers() -> None:
    net = fc.Network([fc.Dense(2, 1)], loss=fc.SquaredError())
    objective = net.objective([[1, 2], [3, -1]], [[1], [0]])
    params = {"W1": [[1], [2]], "b1": [0]}  # outputs 5 and 1, residuals 4 and 1
    assert fc.check_gradients(objective, params, {"W1": [[7], [7]], "b1": [5]}).passed
    result = fc.check_gradients(objective, params, {"W1": [[7], [8]], "b1": [5]})
    assert [str(e.address) for e in result.tensors["W1"].mismatches] == ["W1[1, 0]"]


@small
@pytest.mark.parametrize(
    ("off", "rtol", "verdict"),
    [
        (1e-6, 1e-5, "close"),
        (1e-6, 1e-7, "disagree"),
        (1e-3, 1e-2, "close"),
        (1e-3, 1e-5, "disagree"),
        (1e-11, 0.0, "disagree"),
        (0.0, 0.0, "agree"),
    ],
)
def test_rtol_separates_close_from_wrong(off: float, rtol: float, verdict: str) -> None:
    result = checked(with_one_off(CASE.right, "W3", (2, 1), off), rtol=rtol)
    worst = result.tensors["W3"].worst
    assert worst is not None
    assert worst.verdict == verdict
    assert result.passed == (verdict != "disagree")
    if verdict != "agree":
        assert worst.index == (2, 1)


@small
def test_layouts_of_memory_do_not_matter() -> None:
    params = {n: np.asfortranarray(v) for n, v in CASE.params.items()}
    grads = {n: np.repeat(g, 2, axis=0)[::2] for n, g in CASE.right.items()}
    for array in (*params.values(), *grads.values()):
        array.flags.writeable = False
    one, other = checked(), fc.check_gradients(CASE.objective, params, grads)
    for name in NAMES:
        assert np.array_equal(one.numerical[name], other.numerical[name])
        assert one.tensors[name] == other.tensors[name]


# ------------------------------------------------------------ plain differences, steps, seeds


@small
def test_plain_arithmetic_agrees_and_is_much_less_accurate() -> None:
    exact, plain = checked(), checked(arithmetic="plain")
    assert plain.passed
    assert (plain.engine, plain.plan) == ("graph (plain subtraction)", "exhaustive")
    assert re.search(
        r"two losses are subtracted for every entry, step \d.\de-0\d$", plain.plan_reason
    )
    assert plain.audits == ()
    largest = max(np.abs(g).max() for g in CASE.right.values())
    gaps = {}
    for result in (exact, plain):
        gap = max(np.abs(result.numerical[n] - CASE.right[n]).max() for n in NAMES)
        within = all(
            (np.abs(result.numerical[n] - CASE.right[n]) <= result.bounds[n]).all() for n in NAMES
        )
        assert within
        gaps[result.engine] = gap / largest
    assert gaps["graph"] < 1e-14
    assert 1e-12 < gaps["graph (plain subtraction)"] < 1e-7
    assert (
        checked({n: 1.01 * g for n, g in CASE.right.items()}, arithmetic="plain").verdict == "fail"
    )


@small
def test_plain_arithmetic_refuses_a_plan_that_it_cannot_follow() -> None:
    with pytest.raises(fc.InputError, match="units"):
        checked(arithmetic="plain", plan="units")


@small
@PLANS
@pytest.mark.parametrize("step", [1e-3, 1e-6, 1e-12, 1e-100])
def test_the_users_step_is_used_and_its_error_is_bounded(step: float, plan: str) -> None:
    result = checked(step=step, plan=plan)
    assert result.passed
    assert not result.findings
    for name in NAMES:
        off = np.abs(result.numerical[name] - CASE.right[name])
        assert (off <= result.bounds[name]).all()
    widest = max(b.max() for b in result.bounds.values())
    assert (widest > 1e-8) == (step == 1e-3)


@small
@pytest.mark.parametrize("step", [1e-2, 1e-1])
def test_a_large_step_of_the_users_does_not_alarm_the_audit(step: float) -> None:
    result = checked(step=step)
    assert "audit-failed" not in [f.kind for f in result.findings]


@small
def test_a_seed_repeats_a_check_and_another_draws_anew() -> None:
    one, same, other = (checked(seed=seed, plan="units") for seed in (5, 5, 6))
    assert one.audits == same.audits
    assert one.spot_checks == same.spot_checks
    assert one.tensors == same.tensors == other.tensors
    assert all(a.predicted != b.predicted for a, b in zip(one.audits, other.audits, strict=True))
