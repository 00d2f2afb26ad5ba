"""Losses of torch: followed in NumPy, or called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc

torch = pytest.importorskip("torch", reason="checks of torch")
F = torch.nn.functional
DTYPES = [torch.float64, torch.float32]


def problem(activation: Any, dtype: Any = torch.float64) -> tuple[Any, Any]:
    """Return a small classifier and its loss."""
    torch.manual_seed(0)
    layers = torch.nn.Linear(6, 5), activation, torch.nn.Linear(5, 3)
    model = torch.nn.Sequential(*layers).to(dtype)
    x, y = torch.randn(8, 6, dtype=dtype), torch.randint(3, (8,))
    return model, lambda: F.cross_entropy(model(x), y)


class Layer(torch.nn.Module):
    """What makes a module of a function."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x)


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


def kinds(result: fc.CheckResult) -> list[str]:
    return [finding.kind for finding in result.findings]


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


# ------------------------------------------------------------ what cannot be followed


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
