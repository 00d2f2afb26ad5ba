"""Right gradients pass, written as textbooks do, also where networks are saturated."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.datasets import Dataset, embedded, open_dataset
from fastcheck.datasets.find import find_data

GUARD = 1e-7
ACTIVATIONS = {"relu": fc.ReLU(), "tanh": fc.Tanh(), "sigmoid": fc.Sigmoid()}
SETTINGS = list(product((0.01, "fan_in"), (0.0, "random"), (True, False)))
Arrays = dict[str, np.ndarray]


def network(act: str) -> fc.Network:
    """Return 784-50-10 with ReLU twice, or a twin with another activation once."""
    layers = [fc.Dense(784, 50), ACTIVATIONS[act], fc.Dense(50, 10)]
    return fc.Network(
        [*layers, fc.ReLU()] if act == "relu" else layers, loss=fc.SoftmaxCrossEntropy(guard=GUARD)
    )


def activate(act: str, z: np.ndarray) -> np.ndarray:
    if act == "relu":
        return np.maximum(z, 0)
    return np.tanh(z) if act == "tanh" else 1 / (1 + np.exp(-z))


def slope(act: str, a: np.ndarray) -> np.ndarray:
    if act == "relu":
        return (a > 0).astype(float)
    return 1 - a * a if act == "tanh" else a * (1 - a)


def textbook(act: str, p: Arrays, x: np.ndarray, y: np.ndarray) -> tuple[float, Arrays]:
    """Return loss and gradient by the formulas that everyone writes."""
    n = len(x)
    with np.errstate(over="ignore"):  # exp of a raw pixel sum, on the way to a sigmoid of zero
        a1 = activate(act, x @ p["W1"] + p["b1"])
    z2 = a1 @ p["W2"] + p["b2"]
    a2 = np.maximum(z2, 0) if act == "relu" else z2
    e = np.exp(a2 - a2.max(axis=1, keepdims=True))
    prob = e / e.sum(axis=1, keepdims=True)
    picked = prob[np.arange(n), y]
    loss = -np.log(picked + GUARD).mean()
    dz2 = prob.copy()
    dz2[np.arange(n), y] -= 1
    dz2 *= (picked / (picked + GUARD))[:, None] / n
    if act == "relu":
        dz2 = dz2 * (z2 > 0)
    dz1 = dz2 @ p["W2"].T * slope(act, a1)
    grads = {"W1": x.T @ dz1, "b1": dz1.sum(axis=0), "W2": a1.T @ dz2, "b2": dz2.sum(axis=0)}
    return float(loss), grads


def check(
    data: Dataset, act: str, seed: int, setting: tuple[float | str, float | str, bool], plan: str
) -> fc.CheckResult:
    scale, biases, scaled = setting
    net = network(act)
    batch = data.sample(100, seed=seed, scaled=scaled)
    params = net.init_params(seed=seed, scale=scale, biases=biases)
    loss, grads = textbook(act, params, batch.x, batch.y)
    return fc.check_gradients(
        net.objective(batch), params, grads, loss_value=loss, plan=plan, seed=seed
    )


def assert_no_alarm(result: fc.CheckResult) -> None:
    """Assert a pass without doubts, in which every entry that is left out is at a kink."""
    assert result.passed, str(result)
    assert {f.kind for f in result.findings} <= {"kink", "uninformative-point"}, str(result)
    for tensor in result.tensors.values():
        left_out = tensor.n_checked - tensor.n_agree - tensor.n_close - tensor.n_unresolved
        assert left_out == tensor.n_kink
        assert tensor.n_disagree == 0
        assert tensor.n_agree + tensor.n_close >= 0.9 * tensor.n_checked
    assert sum(t.n_close for t in result.tensors.values()) <= 40  # one in a thousand


def runs(n_seeds: int) -> Iterator[tuple[str, int, tuple[float | str, float | str, bool]]]:
    """Yield activation, seed and setting, each setting with other seeds."""
    for k, (act, setting) in enumerate(product(ACTIVATIONS, SETTINGS)):
        for seed in range(n_seeds):
            yield act, 100 * k + seed, setting


@pytest.mark.parametrize("act", ACTIVATIONS)
@pytest.mark.parametrize("plan", ["exhaustive", "units"])
def test_textbook_gradients_on_synthetic_digits_pass(act: str, plan: str) -> None:
    data = open_dataset(embedded("mnist"))
    for seed, setting in product((0, 1), SETTINGS):
        assert_no_alarm(check(data, act, seed, setting, plan))


@pytest.mark.slow
@pytest.mark.parametrize("act", ACTIVATIONS)
def test_textbook_gradients_on_real_digits_pass_at_a_hundred_seeds(
    act: str, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTCHECK_DATA", str(data_folder))
    data = find_data("mnist")
    assert not data.synthetic
    n_runs = 0
    for name, seed, setting in runs(13):
        if name == act:
            assert_no_alarm(check(data, act, seed, setting, "exhaustive"))
            n_runs += 1
    assert n_runs == 104


@pytest.mark.slow
@pytest.mark.parametrize("act", ACTIVATIONS)
def test_textbook_gradients_on_synthetic_digits_pass_at_a_hundred_seeds(act: str) -> None:
    data = open_dataset(embedded("mnist"))
    for name, seed, setting in runs(13):
        if name == act:
            assert_no_alarm(check(data, act, seed, setting, "units"))


def test_a_unit_that_is_never_open_is_no_kink_and_no_alarm() -> None:
    data = open_dataset(embedded("mnist"))
    net, batch = network("relu"), data.sample(50, seed=3)
    params = net.init_params(seed=3)
    params["b1"][7] = -1e3
    loss, grads = textbook("relu", params, batch.x, batch.y)
    result = fc.check_gradients(net.objective(batch), params, grads, loss_value=loss)
    assert_no_alarm(result)
    assert result.tensors["W1"].n_zero >= 784
    assert result.tensors["b1"].n_kink == 0


@pytest.mark.parametrize("plan", ["exhaustive", "units"])
def test_kinks_are_counted_and_not_blamed(plan: str) -> None:
    """Biases of zero and one black image: its first ReLU is at the kink in every unit."""
    data = open_dataset(embedded("mnist"))
    net, batch = network("relu"), data.sample(100, seed=0)
    x = batch.x.copy()
    x[17] = 0.0
    params = net.init_params(seed=0, scale="fan_in")
    params["b2"] += 0.1  # else the second is there too
    _, grads = textbook("relu", params, x, batch.y)
    result = fc.check_gradients(net.objective(x, batch.y), params, grads, plan=plan)
    tensors = result.tensors
    assert tensors["b1"].n_kink == 50
    assert tensors["W1"].n_kink == tensors["W2"].n_kink == tensors["b2"].n_kink == 0
    assert [tensors[n].verdict for n in tensors] == ["pass", "inconclusive", "pass", "pass"]
    assert "only 0 of 50 checked entries resolved: 50 are at a kink" in tensors["b1"].reason
    assert "b1: 50 entries lie at a kink" in str(result)


@pytest.mark.slow
@pytest.mark.parametrize("act", ["tanh", "sigmoid"])
def test_a_wrong_gradient_of_a_saturated_network_is_still_found(act: str) -> None:
    data = open_dataset(embedded("mnist"))
    for seed in range(10):
        net, batch = network(act), data.sample(100, seed=seed, scaled=False)
        params = net.init_params(seed=seed, scale=0.01)
        _, grads = textbook(act, params, batch.x, batch.y)
        for name in grads:
            wrong = grads | {name: 1.01 * grads[name]}
            result = fc.check_gradients(net.objective(batch), params, wrong)
            assert [n for n, t in result.tensors.items() if t.verdict == "fail"] == [name]
