"""Wrong gradients checked along directions: what is wrong is named, nothing else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import fastcheck as fc
from tests.check.dense import N, accused, checked, network, typical

Fault = Callable[[np.ndarray, float], object]


def scale(part: object, factor: float) -> Fault:
    def apply(g: np.ndarray, size: float) -> None:
        g[part] *= factor

    return apply


def shift(part: object) -> Fault:
    def apply(g: np.ndarray, size: float) -> None:
        g[part] += size * np.where(np.indices(g[part].shape).sum(axis=0) % 3, 1.0, -0.7)

    return apply


REGIONS: dict[str, tuple[str, Fault, str]] = {
    "row": ("W1", shift(np.s_[3:4]), "W1, row 3"),
    "first row": ("W2", shift(np.s_[:1]), "W2, row 0"),
    "last row zeroed": ("W3", scale(np.s_[-1], 0.0), "W3, row 22"),
    "row by a factor": ("W2", scale(np.s_[17], 1.5), "W2, row 17"),
    "column": ("W1", shift(np.s_[:, 44:45]), "W1, column 44"),
    "last column": ("W2", shift(np.s_[:, -1:]), "W2, column 22"),
    "rows": ("W1", shift(np.s_[20:31]), "W1, rows 20 to 30"),
    "columns": ("W2", shift(np.s_[:, 4:8]), "W2, columns 4 to 7"),
    "block": ("W1", shift(np.s_[10:30, 15:41]), "W1, the block [10:30, 15:41]"),
    "last tile": ("W2", shift(np.s_[-8:, -8:]), "W2, the block [42:50, 15:23]"),
    "whole by a factor": ("W2", scale(..., 2.0), "W2, the whole tensor"),
    "whole by little": ("W1", scale(..., 1.001), "W1, the whole tensor"),
    "sign": ("W1", scale(..., -1.0), "W1, the whole tensor"),
    "zero": ("W3", scale(..., 0.0), "W3, the whole tensor"),
    "bias": ("b1", scale(..., 9.0), "b1, the whole tensor"),
    "bias forgotten": ("b2", scale(..., 0.0), "b2, the whole tensor"),
}


@pytest.mark.parametrize("kind", REGIONS)
@pytest.mark.parametrize("activation", ["tanh", "softplus"])
def test_a_part_that_is_wrong_is_named_as_such(kind: str, activation: str) -> None:
    name, fault, text = REGIONS[kind]
    for seed in range(3):
        net = network(activation, seed=seed)
        right = net.grads
        wrong = {n: g.copy() for n, g in right.items()}
        fault(wrong[name], typical(right))
        result = checked(net, wrong, seed=seed)
        assert not result.passed
        assert [t.name for t in result.tensors.values() if t.verdict == "fail"] == [name]
        assert [f"{r.tensor}, {r.text}" for r in result.tensors[name].regions] == [text]
        assert text in str(result)
        assert not accused(result, wrong, right)


@pytest.mark.parametrize("n", [1, 3, 10])
@pytest.mark.parametrize("size", [1.0, 1e-4])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_single_entries_are_located_exactly(n: int, size: float, activation: str) -> None:
    for seed in range(4):
        net = network(activation, seed=seed)
        right = net.grads
        wrong = {name: g.copy() for name, g in right.items()}
        rng = np.random.default_rng([seed, n])
        planted = set()
        while len(planted) < n:
            name = str(rng.choice(["W1", "W2", "W3", "b1"]))
            index = tuple(int(i) for i in rng.integers(right[name].shape))
            wrong[name][index] = right[name][index] + size * typical(right)
            planted.add((name, index))
        result = checked(net, wrong, seed=seed)
        found = {(e.tensor, e.index) for t in result.tensors.values() for e in t.mismatches
                 if e.verdict == "disagree"}  # fmt: skip
        assert found == planted
        assert all(not t.regions for t in result.tensors.values())
        assert result.coverage.n_checked == N


@pytest.mark.parametrize("seed", range(6))
def test_a_transposed_gradient_fails(seed: int) -> None:
    net = network(seed=seed)
    right = net.grads
    wrong = right | {"W2": right["W2"].copy()}
    wrong["W2"][:23] = right["W2"][:23].T
    result = checked(net, wrong, seed=seed)
    assert result.tensors["W2"].verdict == "fail"
    assert result.tensors["W2"].regions[0].text == "rows 0 to 22"
    assert not accused(result, wrong, right)


def test_the_diagonal_is_named_where_all_that_is_wrong_lies_on_it() -> None:
    net = network()
    wrong = {name: g.copy() for name, g in net.grads.items()}
    np.fill_diagonal(wrong["W1"], 7.0)
    result = checked(net, wrong)
    assert "more is wrong than was looked for, all of it on the diagonal" in (
        result.tensors["W1"].reason
    )


def test_everything_wrong_costs_little_more_than_something() -> None:
    net = network()
    wrong = {name: 9.0 * g for name, g in net.grads.items()}
    result = checked(net, wrong)
    assert all(t.verdict == "fail" for t in result.tensors.values())
    assert all(t.regions[0].text == "the whole tensor" for t in result.tensors.values())


def test_what_passes_is_wrong_by_less_than_is_said_to_be_visible() -> None:
    n_passed = 0
    for seed in range(40):
        net = network(seed=seed % 4)
        wrong = {name: g.copy() for name, g in net.grads.items()}
        rng = np.random.default_rng(seed)
        index = tuple(int(i) for i in rng.integers(wrong["W2"].shape))
        error = 10.0 ** rng.uniform(-9.0, -6.0)
        wrong["W2"][index] += error
        result = checked(net, wrong, seed=seed)
        n_passed += result.passed
        found = result.tensors["W2"].n_disagree + result.tensors["W2"].n_close
        assert found or error <= result.tensors["W2"].visible
    assert 5 <= n_passed <= 35


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_entries_that_are_not_finite_fail_at_their_address(bad: float) -> None:
    net = network()
    wrong = {name: g.copy() for name, g in net.grads.items()}
    wrong["W2"][3, 4] = bad
    result = checked(net, wrong)
    assert result.verdict == "fail"
    assert "W2[3, 4]" in str(result)
    assert result.numerical["W2"][3, 4] == pytest.approx(net.grads["W2"][3, 4], rel=1e-5)
    assert [t.name for t in result.tensors.values() if t.verdict != "pass"] == ["W2"]


def test_a_parameter_without_axes_is_found_to_be_wrong() -> None:
    s, w = np.array(0.7), np.linspace(0.1, 1.0, 40)

    def loss() -> float:
        return float(np.sin(w * s).sum())

    right = {"s": np.array((w * np.cos(w * s)).sum()), "w": s * np.cos(w * s)}
    options = {"plan": "directions", "engine": "black box"}
    assert fc.check_gradients(loss, {"s": s, "w": w}, right, **options).passed
    result = fc.check_gradients(loss, {"s": s, "w": w}, right | {"s": 2.0 * right["s"]}, **options)
    assert result.tensors["s"].verdict == "fail"
    assert result.tensors["w"].verdict == "pass"
