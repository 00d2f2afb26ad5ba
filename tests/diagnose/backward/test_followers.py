"""Intermediate values that are wrong because of a mistake that is known are told with it."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc

RNG = np.random.default_rng(5)
X, LABELS = RNG.normal(size=(7, 4)), RNG.integers(0, 3, 7)
P = {
    "W1": RNG.normal(size=(4, 5)),
    "b1": RNG.normal(size=5),
    "W2": RNG.normal(size=(5, 3)),
    "b2": RNG.normal(size=3),
}
GUARD = 1e-4


def loss(p, x, y, guard=0.0):
    x = fc.mark("x", x)
    z1 = fc.mark("z1", x @ p["W1"] + p["b1"])
    a1 = fc.mark("a1", np.tanh(z1))
    z2 = fc.mark("z2", a1 @ p["W2"] + p["b2"])
    e = np.exp(z2 - z2.max(axis=1, keepdims=True))
    q = e / e.sum(axis=1, keepdims=True)
    return -np.log(q[np.arange(len(y)), y] + guard).mean()


def gradient(slope=lambda a, z: 1 - a**2, top=1.0):
    """Return the gradient by hand, without a guard, with another slope or factor."""
    z1 = X @ P["W1"] + P["b1"]
    a1 = np.tanh(z1)
    e = np.exp(a1 @ P["W2"] + P["b2"])
    z2 = top * (e / e.sum(axis=1, keepdims=True) - np.eye(3)[LABELS]) / len(X)
    da1 = z2 @ P["W2"].T
    dz1 = da1 * slope(a1, z1)
    return {
        "W1": X.T @ dz1, "b1": dz1.sum(axis=0), "W2": a1.T @ z2, "b2": z2.sum(axis=0),
        "x": dz1 @ P["W1"].T, "z1": dz1, "a1": da1, "z2": z2,
    }  # fmt: skip


def checked(grads, guard=0.0, **options):
    return fc.check_gradients(
        fc.trace(lambda p, x, y: loss(p, x, y, guard), P, X, LABELS), P, grads, **options
    )


def test_the_right_gradient_passes() -> None:
    assert checked(gradient()).passed


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("slope", "kind"),
    [
        (lambda a, z: 1 - z**2, "slope-of-value"),
        (lambda a, z: 1 - a, "slope-without-square"),
        (lambda a, z: np.ones_like(a), "slope-missing"),
    ],
)
def test_what_a_wrong_slope_spoils_is_told_with_it(slope, kind: str, dtype: type) -> None:
    wrong = {name: g.astype(dtype) for name, g in gradient(slope).items()}
    (found,) = checked(wrong).diagnosis
    assert (found.kind, found.is_exact) == (kind, True)
    assert set(found.tensors) == {"W1", "b1", "x", "z1"}
    assert found.message.endswith("; x and z1 are wrong because of it")


def test_what_a_wrong_last_layer_spoils_is_told_after_the_earlier_layers() -> None:
    wrong = gradient()
    e = np.exp(np.tanh(X @ P["W1"] + P["b1"]) @ P["W2"] + P["b2"])
    q = e / e.sum(axis=1, keepdims=True)
    wrong["z2"] = wrong["z2"] * q * (1 - q)  # once more
    a1 = np.tanh(X @ P["W1"] + P["b1"])
    wrong["a1"] = wrong["z2"] @ P["W2"].T
    wrong["z1"] = wrong["a1"] * (1 - a1**2)
    wrong |= {"W2": a1.T @ wrong["z2"], "b2": wrong["z2"].sum(axis=0)}
    wrong |= {"W1": X.T @ wrong["z1"], "b1": wrong["z1"].sum(axis=0)}
    wrong["x"] = wrong["z1"] @ P["W1"].T
    (found,) = checked(wrong).diagnosis
    assert found.kind == "double-derivative"
    assert set(found.tensors) == {*wrong}
    assert "(W1 and b1) are wrong because of it, and so are x, z1, a1 and z2" in found.message


def test_a_mistake_of_its_own_is_not_put_down_to_another() -> None:
    wrong = gradient(lambda a, z: 1 - a)
    wrong["z1"] = np.roll(wrong["z1"], 1, axis=0)
    diagnosis = checked(wrong).diagnosis
    assert diagnosis[0].message.endswith("; x is wrong because of it")
    assert "z1" in {name for other in diagnosis[1:] for name in other.tensors}


def test_a_value_that_is_right_is_not_called_wrong() -> None:
    wrong = gradient(lambda a, z: 1 - a)
    wrong["z1"] = gradient()["z1"]
    (found,) = checked(wrong).diagnosis
    assert set(found.tensors) == {"W1", "b1", "x"}


def test_an_accepted_cause_excuses_the_values_on_its_way() -> None:
    result = checked(gradient(), GUARD, accept="guard")
    assert result.passed, str(result)
    assert all(t.reason.startswith("accepted: guard") for t in result.tensors.values())
    assert {*result.tensors} == {*P, "x", "z1", "a1", "z2"}
    assert checked(gradient(), GUARD).verdict == "fail"
    assert checked(gradient(top=2.0), GUARD, accept="guard").verdict == "fail"
