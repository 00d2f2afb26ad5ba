"""Ways in which people write the same network: one array, one sample at a time, other shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.diagnose.backward.layers import Anatomy
from fastcheck.diagnose.backward.proposal import Surroundings
from tests.diagnose.backward.common import VALUES, Array, Arrays, Mlp, claims, softmax
from tests.diagnose.backward.test_layers import through
from tests.diagnose.backward.test_networks import checked, noisy
from tests.diagnose.backward.test_say import setting_of

WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "slope of the first layer": ("slope-missing", {"slope1": np.ones_like}),
    "slope of the second layer": ("slope-squared", {"slope2": np.square}),
    "slope of a": ("slope-of-value", {"slope2": lambda s: 1 - np.tanh(np.sqrt(1 - s)) ** 2}),
    "weights of the second layer": ("not-transposed", {"back2": np.transpose}),
}
LABELS = {"labels-ignored": lambda n: n.forward["p"] / n.m,
          "labels-shifted": lambda n: n.output_delta(np.roll(n.y, 1, 1)),
          "labels-reordered": lambda n: n.output_delta(np.roll(n.y, 1, 0))}  # fmt: skip


# ------------------------------------------------------------ all parameters in one array


def flat(arrays: Arrays) -> Arrays:
    return {"theta": np.concatenate([a.ravel() for a in arrays.values()])}


def in_one_array(net: Mlp) -> Any:
    shapes = {name: a.shape for name, a in net.params.items()}

    def loss(p: Any, x: Any, y: Any) -> Any:
        w, at = {}, 0
        for name, shape in shapes.items():
            n = int(np.prod(shape))
            w[name] = p["theta"][at : at + n].reshape(shape)
            at += n
        a = x
        for k in range(1, net.n):
            a = np.tanh(a @ w[f"W{k}"] + w[f"b{k}"])
        z = a @ w[f"W{net.n}"] + w[f"b{net.n}"]
        return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(y * z, axis=1))

    return fc.trace(loss, flat(net.params), net.x, net.y)


def test_layers_of_one_array_are_told_apart() -> None:
    net = Mlp()
    anatomy = Anatomy(in_one_array(net).state(flat(net.params)))
    (layer,) = anatomy.layers
    around = Surroundings(anatomy, layer, anatomy.arrive(layer, through(anatomy)))
    assert around.groups == {0: 0, 1: 1, 2: 2}


def test_the_steps_of_a_recurrence_are_one_group() -> None:
    from tests.objectives import KINDS

    objective, params = KINDS["recurrence"](0)
    anatomy = Anatomy(objective.state(params))
    layer = anatomy.layers[1]
    around = Surroundings(anatomy, layer, anatomy.arrive(layer, through(anatomy)))
    assert set(around.groups.values()) == {0}


@pytest.mark.parametrize(("kind", "wrong"), WRONG.values(), ids=WRONG)
def test_a_mistake_in_one_layer_of_one_array_is_named(kind: str, wrong: dict[str, Any]) -> None:
    net = Mlp()
    if kind == "slope-of-value":
        wrong = {"slope2": 1 - np.tanh(net.forward["a2"]) ** 2}
    objective, theta = in_one_array(net), flat(net.params)
    assert checked(objective, theta, flat(net.right)).diagnosis == ()
    (found,) = checked(objective, theta, flat(net.grads(**wrong))).diagnosis
    assert (found.kind, found.tensors, found.is_exact) == (kind, ("theta",), True), str(found)


@pytest.mark.parametrize("kind", LABELS)
def test_mistakes_in_the_loss_are_named_in_one_array(kind: str) -> None:
    net = Mlp()
    wrong = net.grads(delta3=LABELS[kind](net))
    (found,) = checked(in_one_array(net), flat(net.params), flat(wrong)).diagnosis
    assert (found.kind, found.is_exact) == (kind, True), str(found)


def test_a_near_miss_in_one_array_is_not_named() -> None:
    net = Mlp()
    for wrong in ({"slope1": lambda s: s**1.5}, {"delta2": lambda d: noisy(d, 0, 1e-6)}):
        found = checked(in_one_array(net), flat(net.params), flat(net.grads(**wrong))).diagnosis
        assert claims(found) == []


# ------------------------------------------------------------ one sample at a time


def one_by_one(net: Mlp, head: str) -> Any:
    def loss(p: Any) -> Any:
        total = 0.0
        for x, y in zip(net.x, net.y, strict=True):
            a = x
            for k in range(1, net.n):
                a = np.tanh(a @ p[f"W{k}"] + p[f"b{k}"])
            z = a @ p[f"W{net.n}"] + p[f"b{net.n}"]
            if head == "softmax":
                total = total + np.log(np.sum(np.exp(z))) - np.sum(y * z)
            else:
                s = 1 / (1 + np.exp(-z))
                total = total + 0.5 * np.sum((s - y) ** 2)
        return total / net.m

    return fc.trace(loss, net.params, batch_axis=None)


@pytest.mark.parametrize("head", ["softmax", "squares"])
def test_layers_are_found_where_samples_come_one_by_one(head: str) -> None:
    net = Mlp(head=head)
    anatomy = Anatomy(one_by_one(net, head).state(net.params))
    assert [set(layer.names) for layer in anatomy.layers] == [
        {"W3", "b3"}, {"W2", "b2"}, {"W1", "b1"},
    ]  # fmt: skip
    assert all(len(layer.sites) == net.m for layer in anatomy.layers)
    assert all(not direct.any() for direct in anatomy.direct.values())


@pytest.mark.parametrize("head", ["softmax", "squares"])
@pytest.mark.parametrize(("kind", "wrong"), WRONG.values(), ids=WRONG)
def test_mistakes_are_named_where_samples_come_one_by_one(
    head: str, kind: str, wrong: dict[str, Any]
) -> None:
    net = Mlp(head=head)
    if kind == "slope-of-value":
        wrong = {"slope2": 1 - np.tanh(net.forward["a2"]) ** 2}
    objective = one_by_one(net, head)
    assert checked(objective, net.params, net.right).diagnosis == ()
    (found,) = checked(objective, net.params, net.grads(**wrong)).diagnosis
    assert (found.kind, found.is_exact) == (kind, True), str(found)


@pytest.mark.parametrize("kind", ["labels-ignored", "labels-shifted"])
def test_labels_are_found_where_samples_come_one_by_one(kind: str) -> None:
    net = Mlp()
    wrong = net.grads(delta3=LABELS[kind](net))
    (found,) = checked(one_by_one(net, "softmax"), net.params, wrong).diagnosis
    assert (found.kind, found.is_exact) == (kind, True), str(found)


def test_near_misses_are_not_named_where_samples_come_one_by_one() -> None:
    net = Mlp()
    objective = one_by_one(net, "softmax")
    for wrong in ({"slope1": lambda s: s**1.5}, {"delta2": lambda d: noisy(d, 0, 1e-6)}):
        found = checked(objective, net.params, net.grads(**wrong)).diagnosis
        assert claims(found) == []


def test_a_penalty_stays_direct_where_samples_come_one_by_one() -> None:
    rng = np.random.default_rng(0)
    params = {"w": rng.standard_normal((4, 3))}
    xs = rng.standard_normal((5, 4))

    def loss(p: Any) -> Any:
        total = 0.0
        for x in xs:
            total = total + np.sum(np.tanh(x @ p["w"]) ** 2)
        return total + 0.15 * np.sum(p["w"] ** 2)

    anatomy = Anatomy(fc.trace(loss, params, batch_axis=None).state(params))
    np.testing.assert_allclose(anatomy.direct["w"], 0.3 * params["w"], rtol=1e-13)
    assert anatomy.penalty == pytest.approx({"w": 0.3})


# ------------------------------------------------------------ outputs of other shapes


def logistic_regression(seed: int = 0) -> tuple[Any, Arrays, Array, Array]:
    """Return ``sigmoid(x @ w + b)`` with vectors as outputs and targets."""
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((9, 5)), 1.0 * rng.integers(0, 2, 9)
    params = {"w": rng.standard_normal(5), "b": np.array(0.3)}

    def loss(p: Any, x: Any, y: Any) -> Any:
        a = 1 / (1 + np.exp(-(x @ p["w"] + p["b"])))
        return -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a))

    return fc.trace(loss, params, x, y), params, x, y


@pytest.mark.parametrize(
    "kind", ["labels-ignored", "labels-reordered", "double-derivative", "slope-missing"]
)
def test_mistakes_in_a_logistic_regression_with_vectors(kind: str) -> None:
    objective, params, x, y = logistic_regression()
    p = VALUES["sigmoid"](x @ params["w"] + params["b"])
    deltas = {
        "labels-ignored": p, "labels-reordered": p - np.roll(y, 1),
        "double-derivative": (p - y) * p * (1 - p), "slope-missing": (p - y) / (p * (1 - p)),
    }  # fmt: skip
    d = deltas[kind] / 9
    (found,) = checked(objective, params, {"w": x.T @ d, "b": d.sum()}).diagnosis
    assert (found.kind, found.is_exact) == (kind, True), str(found)


@pytest.mark.parametrize("kind", ["labels-ignored", "labels-shifted", "double-derivative"])
def test_mistakes_with_a_softmax_at_every_position(kind: str) -> None:
    rng = np.random.default_rng(1)
    m, steps, n_in, n_out = 4, 3, 5, 6
    params = {"W": rng.standard_normal((n_in, n_out)) / 2, "b": rng.standard_normal(n_out) / 3}
    x = rng.standard_normal((m, steps, n_in))
    y = np.eye(n_out)[rng.integers(0, n_out, (m, steps))]

    def loss(p: Any, x: Any, y: Any) -> Any:
        z = x @ p["W"] + p["b"]
        return np.mean(np.log(np.sum(np.exp(z), axis=2)) - np.sum(y * z, axis=2))

    p = softmax((x @ params["W"] + params["b"]).reshape(-1, n_out)).reshape(y.shape)
    deltas = {
        "labels-ignored": p, "labels-shifted": p - np.roll(y, 1, 2),
        "double-derivative": p * ((p - y) - ((p - y) * p).sum(axis=2, keepdims=True)),
    }  # fmt: skip
    d = deltas[kind] / (m * steps)
    wrong = {"W": np.einsum("msi,mso->io", x, d), "b": d.sum(axis=(0, 1))}
    (found,) = checked(fc.trace(loss, params, x, y), params, wrong).diagnosis
    assert (found.kind, found.is_exact) == (kind, True), str(found)


# ------------------------------------------------------------ several readers


def gates(seed: int = 0) -> tuple[Any, Arrays, Any]:
    """Return ``tanh(h A) * sigmoid(h B)`` of ``h = tanh(x W)``, squared, and its pass back."""
    rng = np.random.default_rng(seed)
    params = {n: rng.standard_normal((4, 4)) / 2 for n in ("W", "A", "B")}
    x = rng.standard_normal((7, 4))

    def loss(p: Any, x: Any) -> Any:
        h = np.tanh(x @ p["W"])
        return np.sum((np.tanh(h @ p["A"]) / (1 + np.exp(-(h @ p["B"])))) ** 2) / 7

    def grads(**back: Array) -> Arrays:
        h = np.tanh(x @ params["W"])
        a, b = np.tanh(h @ params["A"]), VALUES["sigmoid"](h @ params["B"])
        d = 2 * a * b / 7
        da, db = d * b * (1 - a**2), d * a * b * (1 - b)
        dh = da @ back.get("A", params["A"].T) + db @ back.get("B", params["B"].T)
        return {"W": x.T @ (dh * (1 - h**2)), "A": h.T @ da, "B": h.T @ db}

    return fc.trace(loss, params, x), params, grads


@pytest.mark.parametrize("name", ["A", "B"])
def test_one_of_several_weights_that_is_not_transposed_is_named(name: str) -> None:
    objective, params, grads = gates()
    assert checked(objective, params, grads()).diagnosis == ()
    (found,) = checked(objective, params, grads(**{name: params[name]})).diagnosis
    assert (found.kind, found.tensor, found.is_exact) == ("not-transposed", "W", True)
    assert f"{name} is not transposed" in found.message
    both = grads(A=params["A"], B=params["B"])
    (found,) = checked(objective, params, both).diagnosis
    assert found.kind == "not-transposed"
    near = grads(**{name: params[name] + 1e-5 * np.arange(16.0).reshape(4, 4)})
    assert claims(checked(objective, params, near).diagnosis) == []


@pytest.mark.parametrize("name", ["A", "B"])
def test_one_of_several_ways_back_that_is_missing_is_named(name: str) -> None:
    objective, params, grads = gates()
    (found,) = checked(objective, params, grads(**{name: np.zeros((4, 4))})).diagnosis
    assert (found.kind, found.tensor, found.is_exact) == ("branch-missing", "W", True)
    assert f"through {name} " in found.message


def test_the_names_of_a_setting_are_in_the_order_of_size() -> None:
    net = Mlp()
    setting = setting_of(net, net.right)
    assert [setting.names(layer) for layer in net.anatomy.layers] == [
        ["b3", "W3"], ["b2", "W2"], ["b1", "W1"],
    ]  # fmt: skip
