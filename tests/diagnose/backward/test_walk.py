"""Several mistakes are all named, none where there is none; what nothing explains is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.diagnose.backward.common import SLOPES, Mlp, claims, named, wrong_names

PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any], set[tuple[str, str | None]]]] = {
    "slopes of two layers": (
        {}, {"slope1": np.ones_like, "slope2": np.square},
        {("slope-missing", "W1"), ("slope-squared", "W2")},
    ),
    "loss and slope": (
        {}, {"delta3": lambda d: 2 * d, "slope1": np.ones_like},
        {("factor", None), ("slope-missing", "W1")},
    ),
    "delta and the bias of the same layer": (
        {}, {"slope2": np.ones_like, "bias2": lambda g: g / 7},
        {("slope-missing", "W2"), ("mean-for-sum", "b2")},
    ),
    "delta and the weights of the same layer": (
        {}, {"slope2": np.ones_like, "weight2": np.transpose},
        {("slope-missing", "W2"), ("transposed", "W2")},
    ),
    "bias above and delta below": (
        {}, {"bias3": np.negative, "back2": np.transpose},
        {("sign", "b3"), ("not-transposed", "W1")},
    ),
    "two gradients of one layer": (
        {}, {"weight2": lambda g: g[::-1], "bias2": lambda g: 0 * g},
        {("reversed", "W2"), ("zero", "b2")},
    ),
    "regulariser and slope": (
        {"l2": 0.1},
        {f"penalty{k}": lambda g: 0 * g for k in (1, 2, 3)} | {"slope1": np.ones_like},
        {("regulariser", None), ("slope-missing", "W1")},
    ),
    "regulariser and a row of one weight": (
        {"l2": 0.1},
        {f"penalty{k}": lambda g: 2 * g for k in (1, 2, 3)}
        | {"weight2": lambda g: g * (np.arange(5) != 1)[:, None]},
        {("regulariser", None), ("zero-part", "W2")},
    ),
    "two biases": (
        {}, {"bias1": lambda g: g / 7, "bias3": lambda g: g / 7}, {("mean-for-sum", None)},
    ),
    "three layers": (
        {}, {"bias3": np.negative, "slope2": np.ones_like, "weight1": lambda g: 2 * g},
        {("sign", "b3"), ("slope-missing", "W2"), ("factor", "W1")},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("options", "wrong", "expected"), PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize("columns", [False, True])
def test_several_mistakes_are_all_named(
    options: dict[str, Any], wrong: dict[str, Any], expected: set[Any], columns: bool
) -> None:
    net = Mlp(**options, columns=columns)
    found = net.said(net.grads(**wrong))
    assert all(d.is_exact or d.kind in ("zero-part", "one-entry") for d in found)
    assert len(found) == len(expected), [str(d) for d in found]
    for kind, tensor in expected:
        others = {"factor", "delta-factor", "accumulated"} if kind == "factor" else {kind}
        assert any(d.kind in others and tensor in (d.tensor, None) for d in found), (kind, tensor)


def test_the_mistake_nearest_to_the_loss_comes_first() -> None:
    net = Mlp()
    found = net.said(net.grads(weight1=np.negative, slope2=np.ones_like, bias3=lambda g: g / 7))
    assert [d.tensor for d in found] == ["b3", "W2", "W1"]


def test_the_same_mistake_everywhere_is_told_once() -> None:
    net = Mlp()
    found = net.only(net.grads(**{f"bias{k}": lambda g: g / 7 for k in (1, 2, 3)}))
    assert (found.kind, found.tensor) == ("mean-for-sum", None)
    assert set(found.tensors) == {"b1", "b2", "b3"}


# ------------------------------------------------------------ the whole gradient


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize(
    ("c", "kinds"),
    [(-1.0, {"sign"}), (7.0, {"sum-for-mean"}), (1 / 7, {"mean-for-sum"}), (0.37, {"factor"})],
)
def test_a_factor_of_everything_is_told_once(l2: float, c: float, kinds: set[str]) -> None:
    net = Mlp(l2=l2)
    found = net.only({name: c * g for name, g in net.right.items()})
    assert found.kind in kinds
    assert found.constant == pytest.approx(c, rel=1e-9)
    assert set(found.tensors) == set(net.params)


def test_a_factor_of_the_loss_beside_a_regulariser_that_is_right() -> None:
    net = Mlp(l2=0.1)
    found = net.only(net.grads(delta3=lambda d: 7 * d))
    assert found.kind in ("sum-for-mean", "delta-factor")
    assert found.constant == 7.0
    assert set(found.tensors) == set(net.params)


def test_a_factor_of_everything_and_one_mistake_more() -> None:
    net = Mlp(l2=0.1)
    wrong = {name: -g for name, g in net.grads(slope1=np.ones_like).items()}
    kinds = {d.kind for d in net.said(wrong)}
    assert "slope-missing" in kinds
    assert "sign" in kinds


# ------------------------------------------------------------ right gradients


@pytest.mark.parametrize("seed", range(12))
def test_a_right_gradient_is_not_accused(seed: int) -> None:
    rng = np.random.default_rng(seed)
    activation = str(rng.choice([*SLOPES]))
    head = str(rng.choice(["softmax", "sigmoid", "linear", "squares"]))
    widths = tuple(int(n) for n in rng.integers(1, 7, rng.integers(2, 5)))
    net = Mlp(
        widths=widths, m=int(rng.integers(1, 8)),
        activation=activation, head=head, l2=float(rng.choice([0.0, 0.1])),
        columns=bool(rng.integers(2)), bias=bool(rng.integers(2)), seed=seed,
    )  # fmt: skip
    result = net.check(net.right)
    assert result.verdict != "fail", str(result)  # all rectifiers may be shut
    assert result.diagnosis == ()


@pytest.mark.parametrize("seed", range(6))
def test_only_what_is_wrong_is_called_wrong(seed: int) -> None:
    net = Mlp(seed=seed, l2=0.1 * (seed % 2))
    rng = np.random.default_rng(seed)
    for wrong in (
        {"slope2": np.ones_like}, {"bias1": np.negative}, {"weight3": lambda g: g * 1.5},
        {"delta2": lambda d: rng.standard_normal(d.shape)},
        {"weight2": lambda g: g + rng.standard_normal(g.shape)},
    ):  # fmt: skip
        given = net.grads(**wrong)
        told = {name for d in net.said(given) for name in (*d.tensors, d.tensor) if name}
        assert told == wrong_names(given, net.right)


# ------------------------------------------------------------ what nothing explains


def noisy(g: np.ndarray, seed: int, size: float = 0.1) -> np.ndarray:
    noise = np.random.default_rng([seed, 5]).standard_normal(g.shape)
    return g + size * np.abs(g).max() * noise


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("size", [1e-7, 1e-3, 1.0])
def test_noise_in_a_delta_is_unexplained_and_its_layer_is_known(seed: int, size: float) -> None:
    net = Mlp(seed=seed, activation=[*SLOPES][seed % 5], l2=0.1 * (seed % 2), columns=seed > 3)
    layer = 1 + seed % 3
    given = net.grads(**{f"delta{layer}": lambda d: noisy(d, seed, size)})
    found = net.said(given)
    assert claims(found) == []
    assert found[0].tensor in (f"W{layer}", f"b{layer}")
    told = {name for d in found for name in d.tensors}
    assert told == wrong_names(given, net.right)


@pytest.mark.parametrize("name", ["W1", "b2", "W3"])
@pytest.mark.parametrize("size", [1e-8, 1e-2])
def test_noise_in_a_gradient_is_unexplained_at_that_gradient(name: str, size: float) -> None:
    net = Mlp()
    given = net.right | {name: noisy(net.right[name], 3, size)}
    found = net.only(given)
    assert not found.is_exact
    assert (found.tensor, found.tensors) == (name, (name,))


def test_an_unexplained_layer_says_where_to_begin() -> None:
    net = Mlp()
    found = net.said(net.grads(delta2=lambda d: noisy(d, 0)))
    assert found[0].kind == "unexplained"
    assert {d.tensor for d in found} == {"b2", "W2"}
    assert "nearest to the loss" in found[-1].message
    assert "W1 and b1" in found[-1].message


def test_what_lies_after_an_unexplained_gradient_is_still_explained() -> None:
    net = Mlp()
    found = net.said(net.grads(weight3=lambda g: noisy(g, 1), slope1=np.ones_like))
    assert named(found) == [("unexplained", "W3"), ("slope-missing", "W1")]


def test_wrong_columns_of_a_weight_are_told_and_not_why() -> None:
    net = Mlp()
    given = net.right | {"W2": net.right["W2"].copy()}
    given["W2"][:, 3] = noisy(given["W2"][:, 3], 4)
    found = net.only(given)
    assert claims((found,)) == []
    assert "column 3" in found.message


def test_layers_that_are_right_refute_a_mistake_in_the_delta_after_them() -> None:
    """Of a gradient alone in its layer only those before tell it from its delta."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 3, 2)), rng.normal(size=(7, 1))
    params = {
        "W0": rng.normal(size=(2, 1)), "W1": rng.normal(size=(1, 1)), "b2": np.zeros(1),
        "W3": rng.normal(size=(1, 2)),
    }  # fmt: skip

    def loss(p: dict[str, np.ndarray]) -> float:
        h, total = np.zeros((7, 1)), 0.0
        for t in range(3):
            h = np.tanh(x[:, t] @ p["W0"] + h @ p["W1"] + p["b2"])
            total = total + h
        o = total @ p["W3"]
        mean, log_variance = o[:, :1], o[:, 1:2]
        return (0.5 * (log_variance + (y - mean) ** 2 * np.exp(-log_variance))).sum()

    grads = {name: g.copy() for name, g in fc.numerical_gradient(loss, params).values.items()}
    grads["W3"][0, 0] = 0.0  # as if the mean did not count
    result = fc.check_gradients(loss, params, grads)
    assert [d.tensors for d in result.diagnosis] == [("W3",)]
    assert not result.diagnosis[0].is_exact


@pytest.mark.parametrize(
    ("name", "bias"), [("W1", True), ("W2", True), ("b2", True), ("W2", False), ("W3", False)]
)
def test_what_passes_with_close_entries_is_explained_exactly_or_not_at_all(
    name: str, bias: bool
) -> None:
    net = Mlp(bias=bias)
    grads = dict(net.right)
    noise = np.random.default_rng(1).uniform(-1.0, 1.0, grads[name].shape)
    grads[name] = grads[name] * (1 + 1e-6 * noise)
    result = fc.check_gradients(net.objective, net.placed(net.params), net.placed(grads))
    assert result.tensors[name].verdict == "pass"
    assert result.tensors[name].n_close
    assert not result.diagnosis
