"""Lists of layers: each is checked alone, and the first wrong one is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.layers.array_layers import embedding
from tests.layers.dense_layers import Affine, Dropout, ReLU, Sigmoid, SoftmaxWithLoss
from tests.layers.entry import normal

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 20))
LABELS = np.array([0, 3, 1, 1, 2, 0])


class Guarded(SoftmaxWithLoss):
    """Averages ``-log(p + 1e-7)``; the backward pass leaves out the guard, and its ``dout``."""

    def __init__(self) -> None:
        super().__init__("ignores dout")

    def forward(self, x: Any, t: Any) -> Any:
        super().forward(x, t)
        return -np.log(self.y[np.arange(len(t)), t] + 1e-7).mean()


def network(loss: Any, **faults: str) -> list[Any]:
    """Return a network on raw pixels, with a ReLU on its logits, and small weights."""
    layers = [
        Affine(faults.get("first", ""), 20, 7), ReLU(faults.get("relu", "")),
        Affine(faults.get("second", ""), 7, 4), ReLU(), loss,
    ]  # fmt: skip
    for layer in layers[:3:2]:
        layer.W *= 0.01
        layer.b[:] = 0.0
    layers[2].b[:] = [0.3, 0.1, 0.2, 0.4]  # so that the loss is not at the kink of its ReLU
    return layers


def test_each_layer_of_a_network_passes_at_its_own_input() -> None:
    result = fc.check_layer(network(SoftmaxWithLoss()), inputs=(IMAGES, LABELS))
    assert result.passed, str(result)
    assert [*result.tensors] == [
        "0.Affine.W", "0.Affine.b", "1.ReLU.x", "2.Affine.x", "2.Affine.W", "2.Affine.b",
        "3.ReLU.x", "4.SoftmaxWithLoss.x",
    ]  # fmt: skip
    assert all(tensor.n_close == 0 for tensor in result.tensors.values())
    assert "5 layers, each at its own input" in result.coverage.statement
    assert result.coverage.n_checked == 147 + 42 + 42 + 32 + 24 + 24
    assert not result.diagnosis


def test_a_guard_that_the_backward_pass_leaves_out_is_seen_and_is_no_failure() -> None:
    result = fc.check_layer(network(Guarded()), inputs=(IMAGES, LABELS))
    assert result.passed
    close = [name for name, tensor in result.tensors.items() if tensor.n_close]
    assert close == ["4.Guarded.x"]
    notes = [f.located for f in result.findings if f.kind == "cotangent-ignored"]
    assert len(notes) == 1
    assert notes[0].startswith("4.Guarded: the backward pass of Guarded ignores the upstream")


def test_every_wrong_layer_is_named_and_the_first_of_them_first() -> None:
    layers = network(SoftmaxWithLoss("sum"), relu="leak", second="mean")
    result = fc.check_layer(layers, inputs=(IMAGES, LABELS))
    assert result.verdict == "fail"
    wrong = [name for name, tensor in result.tensors.items() if tensor.verdict == "fail"]
    assert wrong == ["1.ReLU.x", "2.Affine.W", "4.SoftmaxWithLoss.x"]
    first, slope, *factors = result.diagnosis
    assert (slope.kind, slope.tensors) == ("unexplained", ("1.ReLU.x",))
    assert [d.located.split(",")[0] for d in factors] == [
        "2.Affine.W: every entry is 1/6 of the numerical gradient",
        "4.SoftmaxWithLoss.x: every entry is 6 times the numerical gradient",
    ]
    assert first.kind == "layer"
    assert first.message.startswith("1.ReLU is the first layer of which the backward pass is wrong")
    assert first.message.endswith("2.Affine and 4.SoftmaxWithLoss are wrong too")


def test_a_wrong_layer_does_not_make_its_neighbours_wrong() -> None:
    for place in range(0, 5, 2):
        faults = [{"first": "mean"}, {"second": "last sample"}, {}][place // 2]
        loss = SoftmaxWithLoss("sum" if place == 4 else "")
        result = fc.check_layer(network(loss, **faults), inputs=(IMAGES, LABELS))
        wrong = {name.split(".")[0] for name, t in result.tensors.items() if not t.passed}
        assert wrong == {str(place)}
        assert result.diagnosis[0].message.startswith(f"{place}.")
        assert "wrong too" not in result.diagnosis[0].message


def test_addresses_of_entries_have_the_layer_in_them() -> None:
    class OneOff(Affine):
        def backward(self, dout: Any) -> Any:
            dx = super().backward(dout)
            self.dW[3, 0] *= 1.01
            return dx

    result = fc.check_layer([Sigmoid(), OneOff()], inputs=normal(5, 4))
    tensor = result.tensors["1.OneOff.W"]
    assert tensor.name == "1.OneOff.W"
    assert tensor.worst is not None
    assert [e.address for e in (tensor.worst, *tensor.mismatches)] == ["1.OneOff.W[3, 0]"] * 2
    assert "1.OneOff.W[3, 0]: yours" in str(result)
    assert result.numerical["1.OneOff.W"].shape == result.bounds["1.OneOff.W"].shape == (4, 3)
    assert {audit.tensor for audit in result.audits} == {*result.tensors}
    assert fc.CheckResult.from_json(result.to_json()).tensors == result.tensors


def test_functions_and_objects_are_mixed() -> None:
    arguments = embedding("")
    layers = [
        (arguments["forward"], arguments["backward"]), (np.tanh, lambda g, y: g * (1 - y**2)),
    ]  # fmt: skip
    result = fc.check_layer(layers, inputs=arguments["inputs"])
    assert result.passed
    assert [*result.tensors] == ["0.forward.W", "1.tanh.x"]


def test_only_and_skip_name_layers() -> None:
    layers = network(SoftmaxWithLoss(), first="mean")
    names = [*fc.check_layer(layers, inputs=(IMAGES, LABELS), only="2.*").tensors]
    assert names == ["2.Affine.x", "2.Affine.W", "2.Affine.b"]
    result = fc.check_layer(layers, inputs=(IMAGES, LABELS), skip=["0.*", "*.x"])
    assert [*result.tensors] == ["2.Affine.W", "2.Affine.b"]
    assert result.passed


def test_a_layer_without_a_verdict_makes_that_of_the_list_inconclusive() -> None:
    class Drawn(Dropout):
        def forward(self, x: Any, train_flg: bool = True) -> Any:
            self.mask = np.random.random(x.shape) < 0.5  # noqa: NPY002
            return super().forward(x)

    layers = [Affine(n_out=4), Drawn(""), Affine(seed=2)]
    result = fc.check_layer(layers, inputs=normal(5, 4))
    assert result.verdict == "inconclusive"
    assert "1.Drawn: the loss is" in result.summary()
    assert result.tensors["2.Affine.W"].passed
    layers[2].fault = "mean"
    result = fc.check_layer(layers, inputs=normal(5, 4))
    assert result.verdict == "fail"
    assert result.diagnosis[0].message.startswith("2.Affine is the first")


def test_a_layer_that_is_used_twice_is_checked_at_both_inputs() -> None:
    layer = Affine(n_out=4)
    result = fc.check_layer([layer, Sigmoid(), layer], inputs=normal(5, 4))
    assert result.passed
    assert len(result.tensors) == 7


def test_a_refused_layer_of_a_list_is_named() -> None:
    class Transposed(Affine):
        def backward(self, dout: Any) -> Any:
            dx = super().backward(dout)
            self.dW = self.dW.T
            return dx

    with pytest.raises(fc.InputError, match=r"1\.Transposed: `backward` must give .* \(4, 3\)"):
        fc.check_layer([Sigmoid(), Transposed()], inputs=normal(5, 4))
