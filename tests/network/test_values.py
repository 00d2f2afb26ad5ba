"""Losses and reference gradients against passes that are written out by hand."""

import mpmath
import numpy as np
import pytest

import fastcheck as fc
from tests.network import cases, literal


@pytest.mark.parametrize("name", cases.ACTIVATIONS)
def test_each_activation_has_its_formula(name: str) -> None:
    layer, description = cases.ACTIVATIONS[name]
    net = fc.Network([fc.Dense(5, 4), layer, fc.Dense(4, 3)], loss=fc.SquaredError())
    x, labels = cases.data(6, 5, 3)
    cases.assert_agrees(net, [("dense",), description, ("dense",)], x, labels, "squares", 0.0)


@pytest.mark.parametrize("reduction", ["batch", "sum", "mean"])
@pytest.mark.parametrize("name", cases.LOSSES)
def test_each_loss_has_its_formula(name: str, reduction: str) -> None:
    _, ending, kind, guard = cases.LOSSES[name]
    layers, descriptions = [fc.Dense(5, 4), fc.Tanh(), fc.Dense(4, 3)], [("dense",), ("tanh",)]
    descriptions.append(("dense",))
    if ending:
        layers.append(cases.ACTIVATIONS[ending][0])
        descriptions.append(cases.ACTIVATIONS[ending][1])
    net = fc.Network(layers, loss=cases.made(name, reduction))
    x, labels = cases.data(6, 5, 3)
    cases.assert_agrees(net, descriptions, x, labels, kind, guard)


def test_half_of_a_squared_error_is_half_of_it() -> None:
    layers = [fc.Dense(2, 4), fc.Sigmoid(), fc.Dense(4, 3), fc.Sigmoid()]
    net = fc.Network(layers, loss=fc.SquaredError(half=True, reduction="sum"))
    x, y = np.array([[1.0, 2.0]]), np.array([[0.3, 0.5, 0.2]])
    names = [("dense",), ("sigmoid",), ("dense",), ("sigmoid",)]
    cases.assert_agrees(net, names, x, y, "half squares", 0.0)


@pytest.mark.parametrize("reduction", ["batch", "sum", "mean"])
def test_l2_adds_half_its_multiple_of_the_squared_weights_and_leaves_biases_alone(
    reduction: str,
) -> None:
    loss = fc.SoftmaxCrossEntropy(reduction=reduction)
    net = fc.Network([fc.Dense(5, 4), fc.Tanh(), fc.Dense(4, 3)], loss=loss, l2=0.3)
    x, labels = cases.data(6, 5, 3)
    names = [("dense",), ("tanh",), ("dense",)]
    cases.assert_agrees(net, names, x, labels, "logits", 0.0)


def test_a_dense_layer_may_have_no_bias() -> None:
    net = fc.Network(
        [fc.Dense(5, 4, bias=False), fc.Tanh(), fc.Dense(4, 3)], loss=fc.SoftmaxCrossEntropy()
    )
    assert net.shapes == {"W1": (5, 4), "W2": (4, 3), "b2": (3,)}
    x, labels = cases.data(6, 5, 3)
    names = [("dense", "no bias"), ("tanh",), ("dense",)]
    cases.assert_agrees(net, names, x, labels, "logits", 0.0)


def test_dropout_multiplies_by_its_mask_over_the_keeping_probability() -> None:
    layers = [fc.Dense(5, 8), fc.Tanh(), fc.Dropout(0.25, seed=3), fc.Dense(8, 3)]
    net = fc.Network(layers, loss=fc.SoftmaxCrossEntropy())
    mask = net.masks(6)[2]
    assert 0 < mask.mean() < 1
    names = [("dense",), ("tanh",), ("mask", mask / 0.75), ("dense",)]
    x, labels = cases.data(6, 5, 3)
    cases.assert_agrees(net, names, x, labels, "logits", 0.0)


def test_a_network_may_start_with_an_activation_and_end_without_one() -> None:
    layers = [fc.Tanh(), fc.Dropout(0.5), fc.Dense(5, 3)]
    net = fc.Network(layers, loss=fc.SoftmaxCrossEntropy())
    x, labels = cases.data(4, 5, 3)
    names = [("tanh",), ("mask", net.masks(4)[1] / 0.5), ("dense",)]
    objective = net.objective(x, labels)
    assert [n.name for n in objective.graph.nodes if n.name] == ["x", "W1", "b1", "z1"]
    cases.assert_agrees(net, names, x, labels, "logits", 0.0)


def test_intermediates_are_named_after_the_dense_layer_before_them() -> None:
    layers = [
        fc.Dense(4, 3), fc.Dense(3, 3), fc.Dropout(0.1), fc.ReLU(), fc.Tanh(), fc.Dense(3, 2),
        fc.Softmax(),
    ]  # fmt: skip
    x, labels = cases.data(4, 4, 2)
    fused = fc.Network(layers, loss=fc.CrossEntropy()).objective(x, labels)
    named = [n.name for n in fused.graph.nodes if n.name and not n.is_param]
    assert named == ["x", "z1", "z2", "a2", "z3"]
    plain = fc.Network(layers, loss=fc.SquaredError()).objective(x, labels)
    assert [n.name for n in plain.graph.nodes if n.name.startswith("a")] == ["a2", "a3"]
    relu = next(n for n in plain.graph.nodes if n.name == "a2")
    assert type(relu.op).__name__ == "Bend"


def test_cross_entropy_after_softmax_keeps_its_digits_where_probabilities_vanish() -> None:
    net = fc.Network([fc.Dense(1, 2), fc.Softmax()], loss=fc.CrossEntropy())
    objective = net.objective(np.array([[1.0]]), np.array([1]))
    params = {"W1": np.array([[800.0, 0.0]]), "b1": np.zeros(2)}
    assert objective.loss(params) == 800.0


def test_losses_and_gradients_are_those_of_50_digit_arithmetic() -> None:
    net = fc.Network(
        [fc.Dense(2, 3), fc.Tanh(), fc.Dense(3, 1), fc.Sigmoid()],
        loss=fc.BinaryCrossEntropy(guard=1e-3),
        l2=0.1,
    )
    x, y = np.array([[0.5, -1.25], [2.0, 0.75]]), np.array([1, 0])
    params = random = cases.random_params(net, seed=5)
    objective = net.objective(x, y)

    def exact(values: dict[str, list]) -> mpmath.mpf:
        total = mpmath.mpf(0)
        for row, label in zip(x.tolist(), y.tolist(), strict=True):
            hidden = [
                mpmath.tanh(sum(row[i] * values["W1"][3 * i + j] for i in range(2))
                            + values["b1"][j]) for j in range(3)
            ]  # fmt: skip
            z = sum(hidden[j] * values["W2"][j] for j in range(3)) + values["b2"][0]
            a = 1 / (1 + mpmath.exp(-z))
            total -= mpmath.log((a if label else 1 - a) + mpmath.mpf(1e-3)) / 2
        squares = sum(w * w for name in ("W1", "W2") for w in values[name])
        return total + mpmath.mpf(0.1) / 2 * squares

    with mpmath.workdps(50):
        base = {k: [mpmath.mpf(float(v)) for v in w.ravel()] for k, w in random.items()}
        assert objective.loss(params) == pytest.approx(float(exact(base)), rel=1e-14)
        step = mpmath.mpf(10) ** -15
        for name, gradient in objective.gradient(params).items():
            for i, found in enumerate(gradient.ravel()):
                up, down = ({**base, name: list(base[name])} for _ in range(2))
                up[name][i] += step
                down[name][i] -= step
                wanted = float((exact(up) - exact(down)) / (2 * step))
                assert found == pytest.approx(wanted, rel=1e-12), (name, i)


def test_the_published_intermediates_of_a_network_of_two_layers() -> None:
    """A network 2-4-3 of sigmoids whose W2 and b2 give the published outputs."""
    net = fc.Network(
        [fc.Dense(2, 4), fc.Sigmoid(), fc.Dense(4, 3), fc.Sigmoid()],
        loss=fc.SquaredError(half=True, reduction="sum"),
    )
    outputs = np.array([0.3 + 0.1497804, 0.5 - 0.05124322, 0.2 + 0.23775901])
    params = {
        "W1": np.array(
            [[-0.96988726, -0.84827805, 0.312042, 0.8871379],
             [0.6567688, -0.29099226, -0.80029106, -0.15143871]]
        ),
        "b1": np.zeros(4),
        "W2": np.zeros((4, 3)),
        "b2": np.log(outputs / (1 - outputs)),
    }  # fmt: skip
    objective = net.objective(np.array([[1.0, 2.0]]), np.array([[0.3, 0.5, 0.2]]))
    found = cases.intermediates(objective, params) | objective.gradient(params)
    np.testing.assert_allclose(
        found["z2"], [[0.03706735, -0.01267625, 0.05851868]], rtol=0, atol=5e-8
    )
    np.testing.assert_allclose(
        found["W2"][0], [0.02168725, -0.00741658, 0.03423793], rtol=0, atol=5e-8
    )


def test_the_digits_network_with_a_relu_on_its_logits_and_raw_pixels() -> None:
    layers = [fc.Dense(784, 50), fc.ReLU(), fc.Dense(50, 10), fc.ReLU()]
    net = fc.Network(layers, loss=fc.SoftmaxCrossEntropy(guard=1e-7))
    rng = np.random.default_rng(0)
    x, labels = rng.integers(0, 256, (20, 784)), rng.integers(0, 10, 20)
    params = net.init_params(scale=0.01)
    y = cases.one_hot(labels, 10)
    names = [("dense",), ("relu",), ("dense",), ("relu",)]
    loss, gradients = literal.loss_and_gradients(names, params, x, y, "logits", 1e-7)
    objective = net.objective(x.astype(np.uint8), labels)
    assert objective.loss(params) == pytest.approx(loss, rel=1e-13)
    for name, found in objective.gradient(params).items():
        cases.assert_close(found, gradients[name], name)


def test_the_cat_network_of_two_hidden_layers() -> None:
    layers = [
        fc.Dense(12288, 5), fc.Tanh(), fc.Dense(5, 5), fc.Tanh(), fc.Dense(5, 1), fc.Sigmoid(),
    ]  # fmt: skip
    net = fc.Network(layers, loss=fc.BinaryCrossEntropy())
    assert net.n_params == 61481
    rng = np.random.default_rng(0)
    x, labels = rng.random((10, 12288)), rng.integers(0, 2, 10)
    params = net.init_params()
    names = [("dense",), ("tanh",), ("dense",), ("tanh",), ("dense",), ("sigmoid",)]
    y = labels[:, None].astype(float)
    loss, gradients = literal.loss_and_gradients(names, params, x, y, "binary")
    objective = net.objective(x, labels)
    assert objective.loss(params) == pytest.approx(loss, rel=1e-13)
    for name, found in objective.gradient(params).items():
        cases.assert_close(found, gradients[name], name)


def test_a_wrong_backward_pass_is_told_from_the_right_one() -> None:
    net = fc.Network([fc.Dense(3, 2), fc.Tanh()], loss=fc.SquaredError())
    x, y = cases.data(4, 3, 2)
    params = cases.random_params(net)
    target = cases.one_hot(y, 2)
    _, wrong = literal.loss_and_gradients([("dense",), ("sigmoid",)], params, x, target, "squares")
    found = net.objective(x, y).gradient(params)
    with pytest.raises(AssertionError):
        cases.assert_close(found["W1"], wrong["W1"])
