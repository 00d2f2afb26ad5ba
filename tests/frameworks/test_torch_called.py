"""Losses of torch that cannot be followed, that hide what they compute, or are coarse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.frameworks.torch_problems import DTYPES, F, Layer, kinds, problem, torch


def unknown(x: Any) -> Any:
    return torch.tanh(x.cumsum(1))


def test_what_cannot_be_followed_is_called() -> None:
    model, loss = problem(Layer(unknown))
    result = fc.torch.check_gradients(loss, model)
    assert result.passed
    assert result.engine == "black box"
    (note,) = [f.message for f in result.findings if f.kind == "not-traced"]
    assert "torch's cumsum has no counterpart in NumPy here" in note
    with pytest.raises(fc.TraceError, match="cumsum"):
        fc.torch.check_gradients(loss, model, engine="trace")


class Penalty(torch.autograd.Function):
    """A sum of squares, which NumPy computes, with a right backward pass."""

    @staticmethod
    def forward(ctx: Any, w: Any) -> Any:
        ctx.save_for_backward(w)
        return torch.as_tensor(np.square(w.detach().numpy()).sum())

    @staticmethod
    def backward(ctx: Any, dout: Any) -> Any:
        return 2 * dout * ctx.saved_tensors[0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1e-2, 1e-4, 1e-7, 1e-12])
def test_what_numpy_computes_is_no_constant(scale: float, dtype: Any) -> None:
    model, loss = problem(torch.nn.Tanh(), dtype)
    weight = model[0].weight

    def right() -> Any:
        return loss() + scale * Penalty.apply(weight)

    def cut_off() -> Any:
        return loss() + scale * float(np.square(weight.detach().numpy()).sum())

    result = fc.torch.check_gradients(right, model)
    assert result.engine == "black box"
    assert result.verdict == "pass" if dtype == torch.float64 else result.verdict != "fail"
    result = fc.torch.check_gradients(cut_off, model)
    assert result.engine == "black box"
    if dtype == torch.float64 and scale > 1e-5:
        assert [n for n, t in result.tensors.items() if t.verdict == "fail"] == ["0.weight"]
    with pytest.raises(fc.TraceError, match=r"another value than|has other constants, where the"):
        fc.torch.check_gradients(right, model, engine="trace")


def test_constants_that_vary_beside_the_loss_are_followed() -> None:
    model, loss = problem(torch.nn.BatchNorm1d(5))  # averages are kept that the loss does not read
    result = fc.torch.check_gradients(loss, dict(model.named_parameters()), engine="trace")
    assert result.passed


def test_a_called_loss_finds_a_wrong_entry() -> None:
    model, loss = problem(Layer(unknown))
    grads = [g.clone() for g in torch.autograd.grad(loss(), [*model.parameters()])]
    grads[0][2, 1] *= 1.01
    result = fc.torch.check_gradients(loss, model, grads)
    assert [m.index for m in result.tensors["0.weight"].mismatches] == [(2, 1)]


def test_a_called_loss_in_float32_is_not_blamed() -> None:
    model, loss = problem(Layer(unknown), torch.float32)
    result = fc.torch.check_gradients(loss, model)
    assert result.verdict != "fail"
    assert "low-precision" in kinds(result)


def test_float64_is_advised_where_float32_leaves_a_tensor_undecided() -> None:
    w = torch.zeros(3, requires_grad=True)
    with torch.no_grad():
        w += 1e-8  # beside the 1, all of the gradient is rounding
    result = fc.torch.check_gradients(lambda: ((w + 1.0) ** 2 - 2.0 * w).sum(), {"w": w})
    assert result.verdict == "inconclusive"
    (warning,) = [f.message for f in result.findings if f.kind == "low-precision"]
    assert warning.startswith("3 entries of w could not be resolved, because gradients of float32")
    assert warning.endswith("call double() of the module and of the data")


@pytest.mark.parametrize("seed", range(6))
def test_small_networks_in_float32_are_decided(seed: int) -> None:
    torch.manual_seed(seed)
    layers = torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)
    model, x, y = torch.nn.Sequential(*layers), torch.randn(8, 6), torch.randint(3, (8,))
    assert fc.torch.check_gradients(lambda: F.cross_entropy(model(x), y), model).passed


@pytest.mark.parametrize("dtype", DTYPES)
def test_biases_without_effect_pass(dtype: Any) -> None:
    torch.manual_seed(0)
    before, after = torch.nn.Conv2d(2, 3, 3), torch.nn.Linear(27, 3)
    normal = torch.nn.BatchNorm2d(3)
    layers = before, normal, torch.nn.ReLU(), torch.nn.Flatten(), after
    model = torch.nn.Sequential(*layers).to(dtype)
    x, y = torch.randn(6, 2, 5, 5, dtype=dtype), torch.arange(6) % 3

    def loss() -> Any:
        return F.cross_entropy(model(x), y)

    assert fc.torch.check_gradients(loss, model).passed
    grads = [g.clone() for g in torch.autograd.grad(loss(), [*model.parameters()])]
    grads[1][1] += 1e-4
    wrong = fc.torch.check_gradients(loss, model, grads)
    assert [n for n, t in wrong.tensors.items() if t.verdict != "pass"] == ["0.bias"]


def in_bfloat16(model: Any, x: Any) -> Any:
    return (model(x).bfloat16() * torch.ones(8, 3, dtype=torch.bfloat16)).float()


def in_float16(model: Any, x: Any) -> Any:
    return model(x).half().square().float()


def under_autocast(model: Any, x: Any) -> Any:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = model(x)
    return scores.float()


@pytest.mark.parametrize(
    ("scores", "kind"),
    [(in_bfloat16, "bfloat16"), (under_autocast, "bfloat16"), (in_float16, "float16")],
)
def test_coarse_types_on_the_way_are_called_and_named(scores: Any, kind: str) -> None:
    model = problem(torch.nn.Tanh(), torch.float32)[0]
    x = torch.randn(8, 6)
    result = fc.torch.check_gradients(lambda: scores(model, x).sum(), model)
    assert result.engine == "black box"
    assert result.verdict == "inconclusive"
    (warning,) = [f.message for f in result.findings if f.kind == "low-precision"]
    assert f"because gradients of {kind} are not precise enough" in warning
    assert f"make the check in float64, without {kind} on the way: call double()" in warning
    assert f"as they do where something is computed in {kind}" in str(result.findings)


def test_parameters_in_float16_are_called_so() -> None:
    model = torch.nn.Linear(5, 3).half()
    x = torch.randn(4, 5).half()
    result = fc.torch.check_gradients(lambda: model(x).float().square().mean(), model)
    (warning,) = [f.message for f in result.findings if f.kind == "low-precision"]
    assert "because gradients of float16 are not precise enough" in warning
    assert "in float64: call double() of the module" in warning


def test_a_constant_that_numpy_has_not_is_called() -> None:
    model, loss = problem(torch.nn.Tanh())
    rows = torch.eye(4, dtype=torch.float64).to_sparse()

    def unusual() -> Any:
        return loss() + (rows @ model[0].weight[:4]).square().sum()

    result = fc.torch.check_gradients(unusual, model)
    assert result.passed
    assert result.engine == "black box"
    assert "has no counterpart in NumPy" in str([f.message for f in result.findings])


def test_a_called_loss_may_differentiate_by_itself() -> None:
    w = torch.randn(4, dtype=torch.float64, requires_grad=True)

    def loss() -> Any:
        (slope,) = torch.autograd.grad((w**3).sum(), w, create_graph=True)
        return slope.square().sum()

    result = fc.torch.check_gradients(loss, {"w": w})
    assert result.passed


def test_a_slow_loss_is_looked_at_along_directions() -> None:
    w = torch.randn(300, 100, dtype=torch.float64, requires_grad=True)
    x = torch.randn(64, 300, dtype=torch.float64)
    result = fc.torch.check_gradients(lambda: unknown(x @ w).mean(), {"w": w}, budget=0.5)
    assert result.passed
    assert result.plan == "directions"


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_network_with_seeded_dropout_is_followed(dtype: Any) -> None:
    model, loss = problem(torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Dropout(0.3)), dtype)
    seed = {"before_each": lambda: torch.manual_seed(0)}
    assert fc.torch.check_gradients(loss, model, engine="trace", **seed).passed


@pytest.mark.parametrize("is_training", [True, False])
@pytest.mark.parametrize("is_masked", [True, False])
def test_a_layer_of_a_transformer_is_followed(is_training: bool, is_masked: bool) -> None:
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).double().train(is_training)
    x, weight = torch.randn(3, 4, 8, dtype=torch.float64), torch.randn(8, dtype=torch.float64)
    hidden = torch.zeros(3, 4, dtype=torch.bool)
    hidden[1, 2:] = True
    mask = hidden if is_masked else None

    def loss() -> Any:
        return (layer(x, src_key_padding_mask=mask) @ weight).tanh().mean()

    seed = {"before_each": lambda: torch.manual_seed(0)}
    result = fc.torch.check_gradients(loss, layer, engine="trace", **seed)
    assert result.passed
    assert torch.backends.mha.get_fastpath_enabled()


def test_dropout_is_named_and_may_be_seeded() -> None:
    model, loss = problem(torch.nn.Dropout(0.5))
    result = fc.torch.check_gradients(loss, model)
    assert result.verdict == "inconclusive"
    (error,) = [f for f in result.findings if f.severity == "error"]
    assert error.kind == "loss-not-repeatable"
    assert "it draws from torch's generator, as dropout does in training" in error.message
    seeded = fc.torch.check_gradients(loss, model, before_each=lambda: torch.manual_seed(0))
    assert seeded.passed


def test_a_backward_pass_that_draws_is_told() -> None:
    class Noisy(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return 2.0 * x

        @staticmethod
        def backward(ctx: Any, dout: Any) -> Any:
            return 2.0 * dout * torch.rand(1)

    model, loss = problem(Layer(Noisy.apply))
    result = fc.torch.check_gradients(loss, model)
    assert result.verdict == "inconclusive"
    assert "gradient-not-repeatable" in kinds(result)
