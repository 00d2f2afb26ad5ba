"""Every planted mistake is found where it was planted, and nowhere else."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fastcheck as fc
from tests.faults.planted import CASE, FAULTS, SLIGHT
from tests.literal import Arrays, Case

pytestmark = pytest.mark.interpreted

PLANS = pytest.mark.parametrize("plan", ["exhaustive", "units"])
RTOL = 1e-5


def checked(grads: Arrays, plan: str, **options: object) -> fc.CheckResult:
    return fc.check_gradients(CASE.objective, CASE.params, grads, plan=plan, **options)


def off(grads: Arrays) -> dict[str, np.ndarray]:
    """Return how far each entry is from the right one, as `rtol` counts."""
    found = {}
    for name, right in CASE.right.items():
        size = np.maximum(np.abs(right), np.abs(grads[name]))
        floor = 0.01 * np.sqrt((right**2).mean())
        found[name] = np.abs(grads[name] - right) / np.maximum(size, floor)
    return found


@PLANS
@pytest.mark.parametrize("seed", range(3))
def test_the_right_gradient_passes_in_every_entry(plan: str, seed: int) -> None:
    case = Case.drawn(seed)
    result = fc.check_gradients(
        case.objective, case.params, case.right, plan=plan, loss_value=case.loss, strict=True
    )
    assert result.passed
    assert sum(t.n_agree for t in result.tensors.values()) == 89
    assert result.findings == ()


@PLANS
@pytest.mark.parametrize("grads", FAULTS.values(), ids=FAULTS)
def test_a_fault_fails_in_exactly_the_entries_that_are_wrong(grads: Arrays, plan: str) -> None:
    result = checked(grads, plan)
    assert result.verdict == "fail"
    for name, far in off(grads).items():
        wrong = {tuple(map(int, place)) for place in np.argwhere(far > 1.01 * RTOL)}
        perhaps = {tuple(map(int, place)) for place in np.argwhere(far > 0.99 * RTOL)}
        tensor = result.tensors[name]
        assert tensor.verdict == ("fail" if wrong else "pass")
        assert len(wrong) <= tensor.n_disagree <= len(perhaps)
        told = {e.index for e in tensor.mismatches if e.verdict == "disagree"}
        assert told <= perhaps
        if wrong:
            assert tensor.worst is not None
            assert tensor.worst.index in perhaps
            assert tensor.worst.analytic == grads[name][tensor.worst.index]
            assert tensor.worst.address in tensor.reason


@PLANS
@pytest.mark.parametrize("grads", SLIGHT.values(), ids=SLIGHT)
def test_a_slight_fault_is_close_at_its_address_and_fails_when_strict(
    grads: Arrays, plan: str
) -> None:
    lenient, strict = checked(grads, plan), checked(grads, plan, strict=True)
    assert lenient.passed
    assert strict.verdict == "fail"
    for name, far in off(grads).items():
        tensor = lenient.tensors[name]
        assert tensor.n_disagree == 0
        assert tensor.n_close >= (far > 1e-9).sum()
        assert tensor.n_agree >= (far < 1e-15).sum()
        assert {e.verdict for e in tensor.mismatches} <= {"close"}
        assert all(far[e.index] > 0 for e in tensor.mismatches)
        assert strict.tensors[name].verdict == ("fail" if tensor.n_close else "pass")
        if tensor.n_close:
            assert tensor.worst is not None
            address = re.escape(tensor.worst.address)
            pattern = rf"{tensor.n_close} of \d+ checked entr.* close .* {address}: yours"
            assert re.search(pattern, strict.tensors[name].reason)


@PLANS
@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2", "W3", "b3"])
def test_a_value_that_is_not_finite_never_agrees(name: str, plan: str) -> None:
    last = CASE.right[name].size - 1
    for flat, value in [
        (0, np.nan),
        (last // 2, np.nan),
        (last, np.nan),
        (1, np.inf),
        (2, -np.inf),
    ]:
        gradient = CASE.right[name].copy()
        gradient.reshape(-1)[flat] = value
        result = checked(CASE.right | {name: gradient}, plan)
        assert result.verdict == "fail"
        assert [n for n, t in result.tensors.items() if not t.passed] == [name]
        (entry,) = result.tensors[name].mismatches
        assert entry.index == np.unravel_index(flat, gradient.shape)
        assert f"{entry.address}: yours {value}" in str(result)
        assert "not finite" in result.tensors[name].reason
