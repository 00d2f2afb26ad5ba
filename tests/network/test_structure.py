"""Descriptions with a mistake say where it is and what to write instead."""

import dataclasses
import re
from typing import Any

import numpy as np
import pytest

import fastcheck as fc


def refuses(message: str, layers: Any, loss: Any = None, **options: Any) -> None:
    with pytest.raises(fc.InputError, match=re.escape(message)):
        fc.Network(layers, loss=loss or fc.SoftmaxCrossEntropy(), **options)


def test_layers_must_be_a_list() -> None:
    refuses("`layers` must be a list of layers, got Dense(4, 3)", fc.Dense(4, 3))
    refuses("`layers` must be a list of layers, got []", [])


def test_a_mistyped_layer_has_its_index_and_the_choices() -> None:
    layers = [fc.Dense(4, 3), "relu", fc.Dense(3, 2)]
    refuses("`layers[1]` must be a layer, got 'relu'; choose one of Dense(...), ReLU(...)", layers)


def test_a_class_in_place_of_a_layer_is_recognised() -> None:
    refuses(
        "`layers[1]` must be a layer, got the class ReLU; write ReLU(", [fc.Dense(4, 3), fc.ReLU]
    )


def test_a_loss_must_be_a_loss() -> None:
    refuses("`loss` must be a loss, got 'mse'; choose one of SoftmaxCross", [fc.Dense(4, 3)], "mse")
    refuses("`loss` must be a loss, got the class SquaredErr", [fc.Dense(4, 3)], fc.SquaredError)


def test_there_must_be_a_dense_layer() -> None:
    refuses("`layers` must have a Dense layer, got [ReLU()]; add one", [fc.ReLU()])


def test_sizes_that_do_not_follow_have_both_addresses() -> None:
    layers = [fc.Dense(784, 40), fc.ReLU(), fc.Dense(50, 10, bias=False)]
    message = (
        "`layers[2]`: Dense(50, 10, bias=False) needs 50 inputs, but layers[0] gives 40; "
        "write Dense(40, 10, bias=False), or correct layers[0]"
    )
    refuses(message, layers)


@pytest.mark.parametrize(("name", "value"), [("n_in", 0), ("n_out", -3), ("n_in", 2.0)])
def test_sizes_are_positive_integers(name: str, value: Any) -> None:
    sizes = {"n_in": 4, "n_out": 3, name: value}
    with pytest.raises(fc.InputError, match=f"`{name}` must be an integer.* 1, got {value}"):
        fc.Dense(**sizes)


def test_sizes_may_be_integers_of_numpy() -> None:
    layer = fc.Dense(np.int64(4), np.uint8(3))
    assert layer == fc.Dense(4, 3)
    assert type(layer.n_in) is int


def test_a_bias_is_there_or_not() -> None:
    with pytest.raises(fc.InputError, match=r"`bias` must be True or False, got 0\.5"):
        fc.Dense(4, 3, bias=0.5)


@pytest.mark.parametrize("rate", [1.0, -0.1, float("nan"), "0.5"])
def test_a_rate_is_a_probability_below_one(rate: Any) -> None:
    with pytest.raises(
        fc.InputError, match=f"`rate` must be .* at least 0 and below 1, got {rate!r}"
    ):
        fc.Dropout(rate)


def test_a_mask_is_zeros_and_ones() -> None:
    with pytest.raises(fc.InputError, match=r"`mask` must be 0 or 1, but mask\[0, 1\] is 1\.25"):
        fc.Dropout(0.2, mask=[[0.0, 1.25]])


def test_a_given_mask_is_copied() -> None:
    mask = np.ones((2, 3))
    layer = fc.Dropout(0.2, mask=mask)
    mask[:] = 0.0
    assert np.all(layer.mask == 1.0)


@pytest.mark.parametrize("seed", [-1, 0.5, None])
def test_a_seed_is_a_whole_number(seed: Any) -> None:
    with pytest.raises(fc.InputError, match=f"`seed` must be an integer .* 0, got {seed}"):
        fc.Dropout(0.5, seed=seed)


def test_the_slope_must_be_finite() -> None:
    with pytest.raises(fc.InputError, match="`slope` must be a finite number, got inf"):
        fc.LeakyReLU(float("inf"))


@pytest.mark.parametrize("loss", [fc.SoftmaxCrossEntropy, fc.CrossEntropy, fc.BinaryCrossEntropy])
def test_a_guard_is_not_negative(loss: Any) -> None:
    with pytest.raises(fc.InputError, match=r"`guard` must be .* at least 0, got -1e-07"):
        loss(guard=-1e-7)


def test_an_unknown_reduction_lists_the_choices() -> None:
    with pytest.raises(fc.InputError, match="one of 'batch', 'sum', 'mean', got 'none'"):
        fc.SquaredError(reduction="none")


def test_half_is_a_flag() -> None:
    with pytest.raises(fc.InputError, match="`half` must be True or False, got 'batch'"):
        fc.SquaredError("batch")


def test_an_unknown_layout_lists_the_choices() -> None:
    message = "`layout` must be one of 'batch_first', 'features_first', got 'columns'"
    refuses(message, [fc.Dense(4, 3)], layout="columns")


@pytest.mark.parametrize("l2", [-0.1, float("inf"), True])
def test_the_penalty_is_not_negative(l2: Any) -> None:
    refuses(f"`l2` must be a finite number of at least 0, got {l2}", [fc.Dense(4, 3)], l2=l2)


@pytest.mark.parametrize("last", [fc.Tanh(), fc.ReLU(), fc.Dropout(0.5), fc.Dense(3, 3)])
@pytest.mark.parametrize(
    ("loss", "remedy"),
    [
        (fc.BinaryCrossEntropy(), "end with Sigmoid(), or use BinaryCrossEntropyWithLogits()"),
        (fc.CrossEntropy(), "end with Softmax(), or use SoftmaxCrossEntropy()"),
    ],
)
def test_a_loss_of_probabilities_needs_probabilities(last: Any, loss: Any, remedy: str) -> None:
    refuses(f"but layers[1] is {last!r} and {loss!r} takes", [fc.Dense(4, 3), last], loss)
    refuses(remedy, [fc.Dense(4, 3), last], loss)


def test_a_double_softmax_is_refused() -> None:
    refuses("layers[1] is Softmax() and SoftmaxCrossEntropy(", [fc.Dense(4, 3), fc.Softmax()])


def test_a_double_sigmoid_is_refused() -> None:
    layers = [fc.Dense(4, 1), fc.Sigmoid()]
    refuses(
        "`loss` must get logits, but layers[1] is Sigm", layers, fc.BinaryCrossEntropyWithLogits()
    )


def test_a_relu_on_the_logits_is_a_network_like_any_other() -> None:
    layers = [fc.Dense(784, 50), fc.ReLU(), fc.Dense(50, 10), fc.ReLU()]
    net = fc.Network(layers, loss=fc.SoftmaxCrossEntropy(guard=1e-7))
    assert net.n_params == 39760


def test_a_softmax_over_one_output_is_refused() -> None:
    refuses("must get 2 outputs or more, but SoftmaxCrossEntropy(", [fc.Dense(4, 1)])
    refuses("gets 1, of which", [fc.Dense(4, 1), fc.Softmax()], fc.CrossEntropy())


def test_a_network_cannot_be_changed() -> None:
    layers = [fc.Dense(4, 3)]
    net = fc.Network(layers, loss=fc.SquaredError())
    layers.append(fc.Tanh())
    assert net.layers == (fc.Dense(4, 3),)
    with pytest.raises(dataclasses.FrozenInstanceError):
        net.l2 = 1.0  # type: ignore[misc]


def test_networks_show_how_they_were_written() -> None:
    net = fc.Network([fc.Dense(4, 3), fc.LeakyReLU(0.5)], loss=fc.SquaredError())
    assert repr(net).startswith("Network(layers=(Dense(4, 3), LeakyReLU(slope=0.5)), loss=Squared")
