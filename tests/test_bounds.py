"""The bound covers what rounding does to our derivatives and to those of textbooks."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.bounds import N_SHAKES, ROUNDINGS, SHAKE, UNITS, allowance, find_rounding
from tests.graph import mp_networks as exact
from tests.network import literal
from tests.objectives import KINDS, Arrays

pytestmark = pytest.mark.interpreted

LAYERS = {"tanh": fc.Tanh(), "sigmoid": fc.Sigmoid(), "softplus": fc.Softplus()}
ENDS = {
    "ce": (fc.SoftmaxCrossEntropy(), [], "logits"),
    "bce": (fc.BinaryCrossEntropy(), ["sigmoid"], "binary"),
    "mse": (fc.SquaredError(), [], "squares"),
}


def case(
    act: str, loss: str, gain: float, seed: int
) -> tuple[fc.GraphObjective, Arrays, Arrays, Arrays]:
    """Return objective, parameters, textbook gradient and 50-digit gradient of 5-4-4-3."""
    rng = np.random.default_rng([seed, len(act), len(loss)])
    end, last, kind = ENDS[loss]
    layers = [fc.Dense(5, 4), LAYERS[act], fc.Dense(4, 4), LAYERS[act], fc.Dense(4, 3)]
    net = fc.Network([*layers, *(LAYERS[a] for a in last)], loss=end)
    params = {n: gain * v for n, v in net.init_params(seed, biases="random").items()}
    x, y = rng.standard_normal((4, 5)), np.eye(3)[rng.integers(0, 3, 4)]
    names = [("dense",), (act,), ("dense",), (act,), ("dense",), *((a,) for a in last)]
    _, textbook = literal.loss_and_gradients(names, params, x, y, kind)
    truth = exact.dense_gradient(params, x, y, act, loss)
    return net.objective(x, y), params, {n: textbook[n] for n in truth}, truth


@pytest.mark.parametrize("gain", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("loss", ENDS)
@pytest.mark.parametrize("act", LAYERS)
def test_the_bound_covers_the_true_error_of_both_sides(act: str, loss: str, gain: float) -> None:
    for seed in range(2):
        objective, params, textbook, truth = case(act, loss, gain, seed)
        for plan in ("exhaustive", "units"):
            numerical = fc.numerical_gradient(objective, params, plan=plan)
            for name, right in truth.items():
                ours = np.abs(numerical.values[name] - right)
                assert (ours <= numerical.bounds[name]).all()
                assert (ours <= 0.5 * numerical.bounds[name]).all()  # the other half is theirs
                theirs = np.abs(textbook[name] - right)
                assert (theirs <= numerical.bounds[name]).all()


@pytest.mark.parametrize("act", ["tanh", "sigmoid"])
def test_a_saturated_textbook_gradient_passes_and_a_wrong_one_does_not(act: str) -> None:
    objective, params, textbook, _ = case(act, "ce", 5.0, 1)
    assert fc.check_gradients(objective, params, textbook, strict=True).passed
    for name in textbook:
        wrong = textbook | {name: 1.0001 * textbook[name]}
        result = fc.check_gradients(objective, params, wrong)
        assert [n for n, t in result.tensors.items() if t.verdict == "fail"] == [name]


def test_the_bound_is_no_license() -> None:
    """At usual points it is far below the tolerance at which entries are called close."""
    for make in KINDS.values():
        objective, params = make(5)
        numerical = fc.numerical_gradient(objective, params)
        for name, value in numerical.values.items():
            rms = np.sqrt((value**2).mean())
            assert (numerical.bounds[name] <= 1e-10 * rms).all()


def test_the_scale_is_at_least_the_gradient() -> None:
    for make in KINDS.values():
        objective, params = make(0)
        scale = find_rounding(objective.state(params)).scale
        for name, right in objective.gradient(params).items():
            assert scale[name].shape == right.shape
            assert (scale[name] >= np.abs(right) * (1 - 1e-12)).all()
            assert np.isfinite(scale[name]).all()


def test_the_scale_counts_terms_that_cancel() -> None:
    graph = fc.Graph()
    x = graph.data([[1e8], [-1e8], [1.0]], 0)
    graph.set_loss(fc.ops.sum(x @ graph.param("W", (1, 1))))
    rounding = find_rounding(fc.GraphObjective(graph).state({"W": [[1.0]]}))
    assert rounding.terms["W"].item() == pytest.approx(2e8, rel=1e-6)
    assert 2e8 < rounding.scale["W"].item() < 6e8
    assert 1e-9 < rounding.loss < 1e-7  # of a loss of 1


def test_the_scale_of_a_saturated_tanh_covers_one_minus_a_squared() -> None:
    graph = fc.Graph()
    graph.set_loss(fc.ops.sum(fc.ops.tanh(graph.param("w", (2,)))))
    w = np.array([0.5, 12.0])
    scale = find_rounding(fc.GraphObjective(graph).state({"w": w})).scale["w"]
    textbook, right = 1 - np.tanh(w) ** 2, 1 / np.cosh(w) ** 2
    assert abs(textbook[1] - right[1]) > 1e-7 * right[1]
    assert (np.abs(textbook - right) <= ROUNDINGS * UNITS["f8"] * scale).all()


def test_rounding_is_the_same_every_time() -> None:
    objective, params = KINDS["dropout_and_l2"](0)
    one, two = (find_rounding(objective.state(params)) for _ in range(2))
    assert one.loss == two.loss > 0
    assert all(np.array_equal(one.scale[n], two.scale[n]) for n in params)


def test_the_noise_of_the_loss_covers_its_error() -> None:
    for seed in range(5):
        objective, params, _, _ = case("tanh", "ce", 1.0, seed)
        moved = []
        for k in range(20):  # one rounding error in each weight
            rng = np.random.default_rng(k)
            shaken = {n: v * (1 + 2.0**-53 * rng.choice([-1, 1], v.shape))
                      for n, v in params.items()}  # fmt: skip
            moved.append(abs(objective.loss(shaken) - objective.loss(params)))
        assert max(moved) < 16 * find_rounding(objective.state(params)).loss


@pytest.mark.parametrize(
    ("dtype", "units"),
    [
        (None, 2.0**-53),
        (np.float64, 2 * 2.0**-53),
        (np.float32, 2.0**-24 + 2.0**-53),
        (np.float16, 2.0**-11 + 2.0**-53),
        (np.int64, 2 * 2.0**-53),
        (np.int8, 2 * 2.0**-53),
        (np.longdouble, 2 * 2.0**-53),
    ],
)
def test_the_allowance_knows_the_precision_of_the_user(dtype: type | None, units: float) -> None:
    scale = np.array([1.0, 0.0, 3.0])
    found = allowance(scale, 1e-20, None if dtype is None else np.dtype(dtype))
    assert found == pytest.approx(ROUNDINGS * units * scale + 1e-20, rel=1e-15)


def test_the_constants_are_those_of_the_notes() -> None:
    assert (SHAKE, N_SHAKES, ROUNDINGS) == (2.0**-46, 3, 32.0)
