"""Rows or columns as samples: one network, transposed arrays."""

import numpy as np
import pytest

import fastcheck as fc
from tests.network import cases

MIDDLE = [fc.Dense(5, 4), fc.LeakyReLU(), fc.Dropout(0.25, seed=1), fc.Dense(4, 3)]


def pair(name: str) -> tuple[fc.Network, fc.Network]:
    """Return the same network in both layouts."""
    ending = cases.LOSSES[name][1]
    layers = [*MIDDLE, cases.ACTIVATIONS[ending][0]] if ending else MIDDLE
    loss = cases.made(name)
    return (
        fc.Network(layers, loss=loss, l2=0.2),
        fc.Network(layers, loss=loss, l2=0.2, layout="features_first"),
    )


def test_features_first_has_weights_of_outputs_by_inputs_and_column_biases() -> None:
    _, net = pair("squared error")
    assert net.shapes == {"W1": (4, 5), "b1": (4, 1), "W2": (3, 4), "b2": (3, 1)}
    assert net.n_params == 39


def test_both_layouts_draw_the_same_parameters_and_masks() -> None:
    rows, columns = pair("squared error")
    one, other = (
        net.init_params(seed=7, scale="glorot", biases="random") for net in (rows, columns)
    )
    for name in one:
        np.testing.assert_array_equal(one[name].reshape(other[name].T.shape), other[name].T)
        assert other[name].flags.c_contiguous
    np.testing.assert_array_equal(rows.masks(6)[2], columns.masks(6)[2].T)


@pytest.mark.parametrize("name", cases.LOSSES)
def test_both_layouts_give_one_loss_and_transposed_gradients(name: str) -> None:
    rows, columns = pair(name)
    x, labels = cases.data(6, 5, 3)
    one, other = rows.objective(x, labels), columns.objective(x.T, labels)
    first, second = cases.random_params(rows), cases.random_params(columns)
    assert other.loss(second) == pytest.approx(one.loss(first), rel=1e-14)
    found = one.gradient(first) | cases.intermediates(one, first)
    for key, wanted in (other.gradient(second) | cases.intermediates(other, second)).items():
        cases.assert_close(found[key].reshape(wanted.T.shape), wanted.T, key)


def test_columns_follow_the_formula_of_course_notebooks() -> None:
    net = fc.Network(
        [fc.Dense(5, 4), fc.Tanh(), fc.Dense(4, 1), fc.Sigmoid()],
        loss=fc.BinaryCrossEntropy(),
        layout="features_first",
    )
    x, y = cases.data(6, 5, 2)
    X, Y = x.T, y[None, :]
    p = cases.random_params(net)
    A1 = np.tanh(p["W1"] @ X + p["b1"])
    A2 = 1 / (1 + np.exp(-(p["W2"] @ A1 + p["b2"])))
    cost = -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))
    dZ2 = A2 - Y
    dZ1 = p["W2"].T @ dZ2 * (1 - A1**2)
    wanted = {
        "W1": dZ1 @ X.T / 6,
        "b1": dZ1.sum(axis=1, keepdims=True) / 6,
        "W2": dZ2 @ A1.T / 6,
        "b2": dZ2.sum(axis=1, keepdims=True) / 6,
    }
    objective = net.objective(X, Y)
    assert objective.loss(p) == pytest.approx(cost, rel=1e-14)
    for name, gradient in objective.gradient(p).items():
        cases.assert_close(gradient, wanted[name], name)
