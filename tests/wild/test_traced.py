"""Networks as people write them, unmodified, on the white box."""

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.traced import trace_closure
from tests.wild.cases import CASES, name_of


def by_name(given):
    """Return arrays by name, from whatever structure the author keeps them in."""
    if isinstance(given, np.ndarray):
        return {"theta": given}
    if isinstance(given, dict):
        return given
    return {str(i): array for i, array in enumerate(given)}


@pytest.fixture(params=CASES, ids=name_of)
def case(request):
    return request.param(0)


def test_an_unmodified_network_is_traced_and_passes(case):
    params, loss = by_name(case.params), float(case.loss())
    before = {name: value.copy() for name, value in params.items()}
    grads = {name: np.array(g) for name, g in by_name(case.grads()).items()}
    result = fc.check_gradients(case.loss, params, grads, engine="trace", plan="exhaustive")
    assert result.passed, str(result)
    assert result.loss == pytest.approx(loss, rel=1e-11)
    assert all(np.array_equal(params[name], before[name]) for name in params)


def test_a_planted_fault_is_found_at_its_address(case):
    params = by_name(case.params)
    grads = {name: np.array(g) for name, g in by_name(case.grads()).items()}
    name = max(grads, key=lambda n: np.abs(grads[n]).max())
    place = np.unravel_index(np.argmax(np.abs(grads[name])), grads[name].shape)
    grads[name][place] *= 1.001
    result = fc.check_gradients(case.loss, params, grads, engine="trace", only=name)
    assert result.verdict == "fail"
    assert result.tensors[name].worst.index == tuple(int(i) for i in place)


def test_the_reference_gradient_is_that_of_torch(case):
    torch_replay = pytest.importorskip("tests.torch_replay", reason="torch is not installed")
    if case.name == "layernorm_mlp":  # else with slopes of an unknown function
        pytest.importorskip("scipy", reason="scipy is not installed")
    params = {name: np.array(value) for name, value in by_name(case.params).items()}
    objective = trace_closure(case.loss, by_name(case.params))
    ours = objective.gradient(params)
    theirs, loss = torch_replay.gradient(objective.recording, params)
    assert loss == pytest.approx(objective.loss(params), rel=1e-12)
    for name, expected in theirs.items():
        scale = max(float(np.abs(expected).max()), 1e-3)
        np.testing.assert_allclose(ours[name], expected, rtol=1e-12, atol=1e-12 * scale)
