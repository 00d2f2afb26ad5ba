"""Batches and arrays, labels in all their forms, and what is said of bad ones."""

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.network import cases

LAYOUTS = ["batch_first", "features_first"]


def classifier(n_out: int = 3, layout: str = "batch_first", loss: Any = None) -> fc.Network:
    loss = loss or fc.SoftmaxCrossEntropy()
    return fc.Network([fc.Dense(4, n_out)], loss=loss, layout=layout)


def refuses(net: fc.Network, x: Any, y: Any, message: str) -> None:
    with pytest.raises(fc.InputError, match=re.escape(message)):
        net.objective(x, y)


# ------------------------------------------------------------ what is taken


@pytest.mark.parametrize("layout", LAYOUTS)
def test_labels_may_be_integers_of_any_type_or_one_hot(layout: str) -> None:
    net = classifier(layout=layout)
    x, labels = cases.data(6, 4, 3)
    hot = cases.one_hot(labels, 3)
    x, hot = (x.T, hot.T) if layout == "features_first" else (x, hot)
    params = net.init_params()
    losses = [
        net.objective(x, y).loss(params)
        for y in (labels, labels.astype(np.uint8), labels.tolist(), hot, hot.astype(bool))
    ]
    assert len(set(losses)) == 1


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("is_one_hot", [False, True])
def test_a_batch_is_batch_first_in_both_layouts_and_is_kept(layout: str, is_one_hot: bool) -> None:
    x, labels = cases.data(6, 4, 3)
    y = cases.one_hot(labels, 3) if is_one_hot else labels
    batch = SimpleNamespace(x=x, y=y, source="digits.h5")
    net = classifier(layout=layout)
    objective = net.objective(batch)
    assert objective.batch is batch
    wanted = classifier().objective(x, labels).loss(classifier().init_params())
    assert objective.loss(net.init_params()) == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", [int, float, bool])
@pytest.mark.parametrize(
    "loss", [fc.BinaryCrossEntropyWithLogits(), fc.SquaredError()], ids=["binary", "squares"]
)
def test_one_output_takes_one_number_per_sample(layout: str, kind: type, loss: Any) -> None:
    net = classifier(1, layout, loss)
    x, labels = cases.data(6, 4, 2)
    column = labels[:, None]
    x, column = (x.T, column.T) if layout == "features_first" else (x, column)
    params = net.init_params()
    one, other = (net.objective(x, y.astype(kind)).loss(params) for y in (labels, column))
    assert one == other


def test_targets_of_a_regression_are_taken_as_they_are() -> None:
    net = classifier(2, loss=fc.SquaredError(reduction="sum"))
    y = np.array([[-7.5, 3.0]])
    zeros = net.init_params(scale=0.0)
    assert net.objective(np.ones((1, 4)), y).loss(zeros) == 7.5**2 + 9


def test_integer_labels_become_one_hot_for_every_loss() -> None:
    net = classifier(3, loss=fc.SquaredError(reduction="sum"))
    zeros = net.init_params(scale=0.0)
    assert net.objective(np.ones((5, 4)), np.arange(5) % 3).loss(zeros) == 5.0


def test_smoothed_labels_are_probabilities() -> None:
    net = classifier(2)
    objective = net.objective(np.ones((1, 4)), np.array([[0.9, 0.1]]))
    assert objective.loss(net.init_params(scale=0.0)) == pytest.approx(np.log(2))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32])
def test_examples_of_any_real_type_are_converted_once(dtype: type) -> None:
    x, labels = cases.data(6, 4, 3)
    x = np.asfortranarray((10 * np.abs(x)).astype(dtype))
    x.flags.writeable = False
    net = classifier()
    params = net.init_params()
    one, other = (net.objective(v, labels).loss(params) for v in (x, x.astype(np.float64)))
    assert one == other


def test_the_objective_has_copies_of_the_data() -> None:
    x, labels = cases.data(6, 4, 3)
    y = cases.one_hot(labels, 3)
    net = classifier()
    objective = net.objective(x, y)
    params = net.init_params()
    before = objective.loss(params)
    x[:], y[:] = 0.0, 1.0
    assert objective.loss(params) == before


def test_a_batch_that_does_not_say_where_it_comes_from_is_not_kept() -> None:
    x, labels = cases.data(6, 4, 3)
    assert classifier().objective(SimpleNamespace(x=x, y=labels)).batch is None


# ------------------------------------------------------------ what is refused


def test_x_must_have_two_axes() -> None:
    refuses(classifier(), np.ones(4), [0], "`x` must have shape (n, 4), got shape (4,) of float64")


def test_x_must_have_the_features_of_the_first_layer() -> None:
    refuses(
        classifier(), np.ones((2, 7)), [0, 1], "`x` must have shape (n, 4), got shape (2, 7) of"
    )


def test_a_transposed_x_is_recognised() -> None:
    message = "got shape (4, 6) of float64; transpose it, as layout='batch_first' has it"
    refuses(classifier(), np.ones((4, 6)), np.zeros(6, int), message)
    net = classifier(layout="features_first")
    message = "`x` must have shape (4, n), got shape (6, 4) of float64; transpose it, as layout='f"
    refuses(net, np.ones((6, 4)), np.zeros(6, int), message)


def test_an_empty_batch_is_refused() -> None:
    refuses(classifier(), np.ones((0, 4)), [], "one example or more, got shape (0, 4) of float64")


def test_x_must_be_real_numbers() -> None:
    refuses(classifier(), np.ones((2, 4), complex), [0, 1], "real numbers, got shape (2, 4) of com")
    refuses(classifier(), [[1.0], [1.0, 2.0]], [0, 1], "`x` must be an array, got [[1.0], [1.0, 2")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_has_an_address(value: float) -> None:
    x = np.ones((5, 4))
    x[3, 2] = value
    refuses(classifier(), x, np.zeros(5, int), f"`x` must be finite, but x[3, 2] is {value}")
    y = np.zeros((5, 3))
    y[4, 1] = value
    refuses(classifier(), np.ones((5, 4)), y, f"`y` must be finite, but y[4, 1] is {value}")


@pytest.mark.parametrize("label", [12, -1])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_first_label_out_of_range_has_an_address(label: int, layout: str) -> None:
    y = np.array([0, 2, 1, label, 99])
    x = np.ones((5, 4) if layout == "batch_first" else (4, 5))
    message = f"`y` must be integers from 0 to 2 for 3 outputs, but y[3] is {label}"
    refuses(classifier(layout=layout), x, y, message)


def test_float_labels_of_several_outputs_are_refused() -> None:
    message = (
        "`y` must be integers of shape (5,) or an array of the outputs' shape (5, 3), "
        "got shape (5,) of float64"
    )
    refuses(classifier(), np.ones((5, 4)), np.zeros(5), message)


def test_labels_must_be_as_many_as_examples() -> None:
    refuses(classifier(), np.ones((5, 4)), np.zeros(4, int), "got shape (4,) of int64")
    net = classifier(1, loss=fc.SquaredError())
    refuses(net, np.ones((5, 4)), np.zeros(4), "must be numbers of shape (5,) or an array of the")


def test_transposed_labels_are_recognised() -> None:
    message = "got shape (3, 5) of float64; transpose it, as layout='batch_first' has it"
    refuses(classifier(), np.ones((5, 4)), np.zeros((3, 5)), message)


def test_binary_labels_must_be_probabilities() -> None:
    net = classifier(1, loss=fc.BinaryCrossEntropyWithLogits())
    message = "from 0 to 1 for BinaryCrossEntropyWithLogits(reduction='batch'), but y[2] is -1"
    refuses(net, np.ones((3, 4)), np.array([1, 1, -1]), message)
    refuses(net, np.ones((3, 4)), np.array([[1], [2], [0]]), "but y[1, 0] is 2; encode the labels")


def test_targets_of_a_cross_entropy_must_not_be_negative() -> None:
    y = np.array([[1.0, 0.0, 0.0], [0.5, 0.75, -0.25]])
    message = "`y` must be at least 0 for SoftmaxCrossEntropy("
    refuses(classifier(), np.ones((2, 4)), y, message)
    refuses(classifier(), np.ones((2, 4)), y, "but y[1, 2] is -0.25")


def test_a_batch_comes_alone_and_an_array_with_labels() -> None:
    x, labels = cases.data(6, 4, 3)
    batch = SimpleNamespace(x=x, y=labels)
    refuses(classifier(), batch, labels, "got a batch and `y`; give one or the other")
    refuses(classifier(), x, None, "got shape (6, 4) of float64 without `y`")


def test_a_given_mask_must_be_for_this_batch() -> None:
    net = fc.Network(
        [fc.Dense(4, 3), fc.Dropout(0.5, mask=np.ones((5, 3)))], loss=fc.SoftmaxCrossEntropy()
    )
    message = "`mask` of layers[1] must have shape (6, 3) with layout='batch_first', got (5, 3)"
    refuses(net, np.ones((6, 4)), np.zeros(6, int), message)
    assert net.objective(np.ones((5, 4)), np.zeros(5, int)).loss(net.init_params()) > 0
