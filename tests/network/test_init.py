"""Parameters to start from, and masks."""

from typing import Any

import numpy as np
import pytest

import fastcheck as fc


def wide(**options: Any) -> fc.Network:
    return fc.Network([fc.Dense(400, 100), fc.Dense(100, 2)], loss=fc.SquaredError(), **options)


def test_names_shapes_and_number_of_parameters() -> None:
    net = wide()
    assert net.shapes == {"W1": (400, 100), "b1": (100,), "W2": (100, 2), "b2": (2,)}
    assert net.n_params == 40302
    params = net.init_params()
    assert {name: value.shape for name, value in params.items()} == net.shapes
    assert all(v.dtype == np.float64 and v.flags.c_contiguous for v in params.values())
    assert sum(v.size for v in params.values()) == net.n_params


@pytest.mark.parametrize(
    ("scale", "variance"),
    [("fan_in", 1 / 400), ("he", 2 / 400), ("glorot", 2 / 500), (0.01, 1e-4), (2, 4.0)],
)
def test_the_scale_is_the_spread_of_the_weights(scale: Any, variance: float) -> None:
    W = wide().init_params(scale=scale)["W1"]
    assert W.var() == pytest.approx(variance, rel=0.03)  # 4 standard errors of 40,000 draws
    assert abs(W.mean()) < 4 * np.sqrt(variance / W.size)


def test_a_number_as_scale_multiplies_what_is_drawn() -> None:
    net = wide()
    one, small = net.init_params(scale=1.0), net.init_params(scale=0.01)
    np.testing.assert_array_equal(small["W2"], 0.01 * one["W2"])


def test_biases_are_constant_or_random_and_leave_the_weights_alone() -> None:
    net = wide()
    zero, half = net.init_params(), net.init_params(biases=0.5)
    rough = net.init_params(biases="random")
    assert not zero["b1"].any()
    assert np.all(half["b1"] == 0.5)
    assert rough["b1"].std() == pytest.approx(0.1, rel=0.3)
    assert np.array_equal(zero["W2"], half["W2"])
    assert np.array_equal(zero["W2"], rough["W2"])


def test_the_seed_decides() -> None:
    net = wide()
    assert np.array_equal(net.init_params(3)["W1"], net.init_params(seed=3)["W1"])
    assert not np.array_equal(net.init_params(3)["W1"], net.init_params(4)["W1"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": "xavier"}, "one of 'fan_in', 'he', 'glorot', got 'xavier'"),
        ({"scale": -1.0}, "`scale` must be a finite number of at least 0, got -1.0"),
        ({"biases": "normal"}, "`biases` must be one of 'random', got 'normal'"),
        ({"biases": float("nan")}, "`biases` must be a finite number, got nan"),
        ({"seed": -5}, "`seed` must be an integer of at least 0, got -5"),
    ],
)
def test_what_is_unknown_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(fc.InputError, match=message):
        wide().init_params(**options)


def dropping(**options: Any) -> fc.Network:
    layers = [fc.Dropout(0.2), fc.Dense(50, 50), fc.Dropout(0.2), fc.Dense(50, 2)]
    return fc.Network(layers, loss=fc.SquaredError(), **options)


def test_a_mask_is_the_same_each_time_and_another_for_each_layer() -> None:
    net = dropping()
    masks = net.masks(40)
    assert list(masks) == [0, 2]
    assert masks[0].mean() == pytest.approx(0.8, abs=0.04)
    assert not np.array_equal(masks[0], masks[2])
    assert np.array_equal(masks[2], dropping().masks(40)[2])


def test_drawn_masks_given_explicitly_give_the_same_loss() -> None:
    drawn = dropping(layout="features_first")
    masks = drawn.masks(7)
    given = fc.Network(
        [fc.Dropout(0.2, mask=masks[0]), fc.Dense(50, 50), fc.Dropout(0.2, mask=masks[2] > 0),
         fc.Dense(50, 2)],
        loss=fc.SquaredError(),
        layout="features_first",
    )  # fmt: skip
    x = np.random.default_rng(0).standard_normal((50, 7))
    params = drawn.init_params()
    one, other = (net.objective(x, np.ones((2, 7))).loss(params) for net in (drawn, given))
    assert one == other


def test_a_rate_of_zero_drops_nothing() -> None:
    layers = [fc.Dense(5, 3), fc.Dropout(0.0)]
    net = fc.Network(layers, loss=fc.SquaredError())
    assert np.all(net.masks(4)[1] == 1.0)
