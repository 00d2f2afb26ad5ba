"""Losses of torch: followed in NumPy, or called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.frameworks.torch_problems import DTYPES, F, Layer, kinds, problem, torch


class Square(torch.autograd.Function):
    """A square whose backward pass forgets the 2."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, dout: Any) -> Any:
        return dout * ctx.saved_tensors[0]


class Tanh(torch.autograd.Function):
    """A hyperbolic tangent with a wrong slope."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        y = x.tanh()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, dout: Any) -> Any:
        return dout * (1 - ctx.saved_tensors[0])


class Mean(torch.autograd.Function):
    """A mean of which the gradient is that of a sum."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.shape = x.shape
        return x.mean()

    @staticmethod
    def backward(ctx: Any, dout: Any) -> Any:
        return dout.expand(ctx.shape)


# ------------------------------------------------------------ right and wrong gradients


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "activation",
    [torch.nn.ReLU, torch.nn.LeakyReLU, torch.nn.Sigmoid, torch.nn.Tanh, torch.nn.Softplus],
)
def test_autograd_of_a_usual_network_passes_on_a_graph(activation: Any, dtype: Any) -> None:
    model, loss = problem(activation(), dtype)
    result = fc.torch.check_gradients(loss, model)
    assert sum(t.n_disagree + t.n_close for t in result.tensors.values()) == 0
    assert result.passed or dtype is torch.float32, str(result)
    assert result.engine.startswith("trace")
    assert "the loss was followed in NumPy and float64" in result.engine_reason
    assert [*result.tensors] == ["0.weight", "0.bias", "2.weight", "2.bias"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("function", "kind", "constant"),
    [(Square, "delta-factor", 0.5), (Tanh, "slope-without-square", None)],
)
def test_a_wrong_backward_pass_is_named(
    function: Any, kind: str, constant: float | None, dtype: Any
) -> None:
    model, loss = problem(Layer(function.apply), dtype)
    result = fc.torch.check_gradients(loss, model)
    assert result.verdict == "fail"
    assert [d.kind for d in result.diagnosis] == [kind]
    assert result.diagnosis[0].constant == constant
    assert {n for n, t in result.tensors.items() if t.verdict == "fail"} == {"0.weight", "0.bias"}


def test_a_missing_mean_is_named() -> None:
    model, _ = problem(torch.nn.Tanh())
    x = torch.randn(16, 6, dtype=torch.float64)
    result = fc.torch.check_gradients(lambda: Mean.apply(model(x).square().sum(1)), model)
    (diagnosis,) = result.diagnosis
    assert (diagnosis.kind, diagnosis.constant) == ("sum-for-mean", 16.0)


def test_a_large_network_is_checked_in_full() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(784, 50), torch.nn.ReLU(), torch.nn.Linear(50, 10))
    x, y = torch.randn(100, 784), torch.randint(10, (100,))
    result = fc.torch.check_gradients(lambda: F.cross_entropy(model(x), y), model)
    assert result.passed
    assert result.plan == "exhaustive"
    assert result.coverage.n_checked == 39_760


def test_a_recurrence_in_float32_is_followed() -> None:
    torch.manual_seed(0)
    model, x = torch.nn.LSTM(4, 3), torch.randn(6, 2, 4)
    result = fc.torch.check_gradients(lambda: model(x)[0].square().sum(), model)
    assert result.engine.startswith("trace")
    assert sum(t.n_disagree + t.n_close for t in result.tensors.values()) == 0


def test_what_is_cut_off_is_wrong_unless_it_is_accepted() -> None:
    model, _ = problem(torch.nn.Tanh())
    x, y = torch.randn(8, 6, dtype=torch.float64), torch.randint(3, (8,))

    def loss() -> Any:
        return F.cross_entropy(model[2](model[1](model[0](x)).detach()), y)

    result = fc.torch.check_gradients(loss, model)
    wrong = [name for name, tensor in result.tensors.items() if tensor.verdict == "fail"]
    assert wrong == ["0.weight", "0.bias"]


# ------------------------------------------------------------ in all shapes


def test_a_function_of_the_parameters_is_given_tensors() -> None:
    x = torch.randn(8, 3, dtype=torch.float64)
    params = {"W": torch.randn(3, 2, dtype=torch.float64), "b": [torch.zeros(2).double()]}

    def loss(p: Any) -> Any:
        return {"loss": torch.tanh(x @ p["W"] + p["b"][0]).square().mean(), "other": 3}

    result = fc.torch.check_gradients(loss, params)
    assert result.passed
    assert [*result.tensors] == ["W", "b.0"]
    assert not params["W"].requires_grad


def test_a_function_of_the_parameters_of_a_module_is_given_a_dict() -> None:
    model, _ = problem(torch.nn.Tanh())
    x = torch.randn(8, 6, dtype=torch.float64)
    result = fc.torch.check_gradients(
        lambda p: torch.func.functional_call(model, p, (x,)).square().mean(), model
    )
    assert result.passed
    assert result.engine.startswith("trace")


def test_each_parameter_may_be_an_argument() -> None:
    params = {"a": torch.ones(2).double(), "b": torch.ones(3).double()}
    result = fc.torch.check_gradients(lambda a, b: (a.sum() * b.exp()).sum(), params)
    assert result.passed


@pytest.mark.parametrize("give", ["fill", "call", "list", "dict"])
def test_gradients_of_the_users_are_taken_in_all_shapes(give: str) -> None:
    model, loss = problem(torch.nn.Tanh())
    params = [*model.parameters()]
    right = torch.autograd.grad(loss(), params)
    names = [name for name, _ in model.named_parameters()]
    grads: Any = {
        "fill": lambda: loss().backward(),
        "call": lambda: torch.autograd.grad(loss(), params),
        "list": [*right],
        "dict": dict(zip(names, right, strict=True)),
    }[give]
    model[0].bias.grad = torch.full((5,), 7.0).double()
    assert fc.torch.check_gradients(loss, model, grads).passed
    assert model[0].bias.grad.tolist() == [7.0] * 5
    assert model[0].weight.grad is None
    right[3][1] *= 1.1
    wrong = fc.torch.check_gradients(loss, model, [*right])
    assert [m.index for m in wrong.tensors["2.bias"].mismatches] == [(1,)]


def test_tensors_that_autograd_does_not_reach_are_refused() -> None:
    model, loss = problem(torch.nn.Tanh())
    with pytest.raises(fc.InputError, match=r"got 4 that it does not, .*; pass the module"):
        fc.torch.check_gradients(loss, model.state_dict())


def test_a_row_for_padding_is_named() -> None:
    torch.manual_seed(0)
    table = torch.nn.Embedding(6, 3, padding_idx=0).double()
    words, weight = torch.tensor([0, 2, 2, 5]), torch.randn(4, 3, dtype=torch.float64)
    result = fc.torch.check_gradients(lambda: (table(words) * weight).sin().sum(), {"words": table})
    assert result.verdict == "fail"
    assert result.findings[0].kind == "padding-index"
    assert "words.weight: only row 0 is wrong, and it is that of padding_idx=0" in str(result)
    layer = fc.torch.check_layer(table, words)
    assert "padding-index" in kinds(layer)
    table.padding_idx = None
    assert fc.torch.check_layer(table, words).passed


def test_a_frozen_parameter_is_noted() -> None:
    model, loss = problem(torch.nn.Tanh())
    model[0].bias.requires_grad_(False)
    result = fc.torch.check_gradients(loss, model)
    assert result.passed
    assert "0.bias" not in result.tensors
    assert "frozen" in kinds(result)


def test_tied_parameters_are_checked_as_tied() -> None:
    w = torch.randn(3, 3, dtype=torch.float64)
    params = {"one": w, "two": w.T}
    grads = {"one": 2 * w, "two": torch.ones(3, 3)}
    result = fc.torch.check_gradients(lambda: (w**2).sum() + w.sum(), params, grads)
    assert result.passed
    assert "aliased" in kinds(result)
    assert "parameters share memory" in str([f.message for f in result.findings])


def test_nothing_of_the_users_is_changed() -> None:
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.BatchNorm1d(4)).double()
    x = torch.randn(8, 6, dtype=torch.float64)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    result = fc.torch.check_gradients(lambda: model(x).sin().mean(), model, jitter=1e-2)
    assert result.passed
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert torch.equal(torch.get_rng_state(), state)


def test_buffers_of_modules_in_containers_are_put_back() -> None:
    module = torch.nn.BatchNorm1d(6).double()
    x = torch.randn(8, 6, dtype=torch.float64)
    result = fc.torch.check_gradients(lambda: module(x).sin().mean(), {"parts": [module]})
    assert result.passed
    assert not module.running_mean.any()


def test_jitter_moves_private_parameters_too() -> None:
    w = torch.zeros(3, dtype=torch.float64)
    result = fc.torch.check_gradients(lambda p: p["w"].exp().sum(), {"w": w}, jitter=1e-2)
    assert result.passed
    assert "uninformative-point" not in kinds(result)
    assert result.loss != 3.0
    with pytest.raises(fc.InputError, match=r"`grads` must be a function with jitter=.*got dict"):
        fc.torch.check_gradients(lambda p: p["w"].sum(), {"w": w}, {"w": w}, jitter=1e-2)


# ------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("loss", "params", "message"),
    [
        (lambda p: p["w"].detach().sum(), {"w": torch.ones(2)}, "autograd does not know; look for"),
        (lambda p: p["w"].exp(), {"w": torch.ones(2)}, "must return one real number"),
        (
            lambda p: p["w"].sum(),
            {"w": np.ones(2)},
            r"`params\['w'\]` must be a tensor of torch, g",
        ),
        (lambda p: p["w"].sum(), {"w": torch.ones(2).bfloat16()}, "got torch.bfloat16; convert"),
        (3.0, {"w": torch.ones(2)}, "must be an objective or a function, got float"),
    ],
)
def test_a_wrong_argument_is_refused(loss: Any, params: Any, message: str) -> None:
    with pytest.raises(fc.InputError, match=message):
        fc.torch.check_gradients(loss, params)
