"""Custom autograd functions and modules of torch, with upstream gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc

torch = pytest.importorskip("torch", reason="checks of torch")
F = torch.nn.functional
DTYPES = [torch.float64, torch.float32]


def draw(*shape: int, dtype: Any = torch.float64) -> Any:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator, dtype=dtype)


class Quadratic(torch.autograd.Function):
    """``k x^2 @ w``, the largest places, and a hyperbolic tangent; right."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, k: int, scale: Any = None) -> Any:
        ctx.save_for_backward(x, w)
        ctx.k = k
        places = x.argmax(1)
        ctx.mark_non_differentiable(places)
        return k * (x * x) @ w, places, (x @ w).tanh()

    @staticmethod
    def backward(ctx: Any, dout: Any, dplaces: Any, dtanh: Any) -> Any:
        x, w = ctx.saved_tensors
        dz = dtanh * (1 - (x @ w).tanh() ** 2)
        dx = dw = None
        if ctx.needs_input_grad[0]:
            dx = 2 * ctx.k * x * (dout @ w.T) + dz @ w.T
        if ctx.needs_input_grad[1]:
            dw = ctx.k * (x * x).T @ dout + x.T @ dz
        return dx, dw, None, None


class Half(Quadratic):
    """The 2 of the square is forgotten, in the gradient of `w` alone."""

    @staticmethod
    def backward(ctx: Any, *upstream: Any) -> Any:
        dx, dw, *rest = Quadratic.backward(ctx, *upstream)
        return (dx, dw / 2, *rest)


class Misplaced(Quadratic):
    """Wrong only where `x` needs no gradient."""

    @staticmethod
    def backward(ctx: Any, *upstream: Any) -> Any:
        dx, dw, *rest = Quadratic.backward(ctx, *upstream)
        return (dx, dw if ctx.needs_input_grad[0] else -dw, *rest)


class Lost(Quadratic):
    """Gives no gradient of `w`."""

    @staticmethod
    def backward(ctx: Any, *upstream: Any) -> Any:
        dx, _, *rest = Quadratic.backward(ctx, *upstream)
        return (dx, None, *rest)


def kinds(result: fc.CheckResult) -> list[str]:
    return [finding.kind for finding in result.findings]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_right_function_of_several_inputs_and_outputs_passes(dtype: Any) -> None:
    result = fc.torch.check_layer(Quadratic, (draw(5, 3, dtype=dtype), draw(3, 2, dtype=dtype), 3))
    assert result.passed, str(result)
    assert [*result.tensors] == ["x", "w"]
    assert "6 operations of torch" in result.engine_reason
    assert ("widened" in kinds(result)) == (dtype is torch.float32)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_forgotten_factor_is_named(dtype: Any) -> None:
    result = fc.torch.check_layer(Half, (draw(5, 3, dtype=dtype), draw(3, 2, dtype=dtype), 3))
    assert result.verdict == "fail"
    assert result.tensors["x"].passed
    (diagnosis,) = result.diagnosis
    assert (diagnosis.kind, diagnosis.tensor, diagnosis.constant) == ("factor", "w", 0.5)


def test_what_is_wrong_only_alone_is_found() -> None:
    result = fc.torch.check_layer(Misplaced, (draw(5, 3), draw(3, 2), 3))
    assert result.verdict == "fail"
    assert [*result.tensors] == ["w"]
    assert result.diagnosis[0].kind == "sign"
    assert kinds(result)[0] == "needs-input-grad"
    assert "another gradient of w where nothing else requires one" in result.findings[0].message


def test_only_what_requires_a_gradient_is_differentiated() -> None:
    x, w = draw(5, 3), draw(3, 2).requires_grad_()
    result = fc.torch.check_layer(Misplaced, (x, w, 3))
    assert result.verdict == "fail"
    assert [*result.tensors] == ["w"]
    assert w.grad is None
    assert w.requires_grad


def test_what_is_not_differentiated_is_told() -> None:
    x, w = draw(4, 3), draw(3, 2).requires_grad_()
    result = fc.torch.check_layer(lambda x, w: x @ w, (x, w))
    assert [*result.tensors] == ["w"]
    (note,) = [f.message for f in result.findings if f.kind == "not-differentiated"]
    assert note.startswith("x was not differentiated, because other inputs require a gradient")


def test_no_gradient_is_a_constant_unless_one_is_required() -> None:
    x, w = draw(5, 3), draw(3, 2)
    noted = fc.torch.check_layer(Lost, (x, w, 3))
    assert noted.passed
    assert [*noted.tensors] == ["x"]
    assert "not-differentiated" in kinds(noted)
    result = fc.torch.check_layer(Lost, (x, w.requires_grad_(), 3))
    assert result.verdict == "fail"
    assert result.diagnosis[0].kind == "zero"


def test_a_given_cotangent_is_used() -> None:
    class Sum(torch.autograd.Function):
        """Wrong for upstream gradients that are not all the same."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return 3.0 * x

        @staticmethod
        def backward(ctx: Any, dout: Any) -> Any:
            return 3.0 * dout.mean() * torch.ones_like(dout)

    x = draw(4, 3)
    assert fc.torch.check_layer(Sum, x, cotangent=torch.ones(4, 3)).passed
    result = fc.torch.check_layer(Sum, x, cotangent=draw(4, 3))
    assert result.verdict == "fail"
    assert "of the sum of the output times one upstream gradient" in result.coverage.statement
    with pytest.raises(fc.InputError, match=r"`cotangent` .* \(4, 3\), got \(3,\); pass an array"):
        fc.torch.check_layer(Sum, x, cotangent=torch.ones(3))


def test_a_new_style_function_is_called_without_a_context() -> None:
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(value: Any, factor: float) -> Any:
            return factor * value

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.factor = inputs[1]

        @staticmethod
        def backward(ctx: Any, dout: Any) -> Any:
            return ctx.factor * dout, None

    result = fc.torch.check_layer(Double, (draw(3), 2.0))
    assert result.passed
    assert [*result.tensors] == ["value"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_module_is_checked_with_its_parameters(dtype: Any) -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 20), torch.nn.GELU(), torch.nn.Linear(20, 12))
    module = module.to(dtype)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    result = fc.torch.check_layer(module, draw(6, 4, dtype=dtype))
    assert result.passed, str(result)
    assert [*result.tensors] == ["input", "0.weight", "0.bias", "2.weight", "2.bias"]
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(p.grad is None for p in module.parameters())


def test_inputs_may_be_keywords_and_outputs_nested() -> None:
    def layer(x: Any, scale: float = 1.0, names: Any = None) -> Any:
        return {"out": [scale * x.exp(), (x.sin(), x > 0)], "n": 3}

    result = fc.torch.check_layer(layer, {"x": draw(3, 2), "scale": 2.0, "names": ["a"]})
    assert result.passed


def test_a_wrong_parameter_gradient_in_a_module_is_found() -> None:
    class Scale(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gain = torch.nn.Parameter(draw(3))

        def forward(self, x: Any) -> Any:
            return x * self.gain + (self.gain - self.gain.detach()) * 0.5

    result = fc.torch.check_layer(Scale(), draw(4, 3))
    assert [n for n, t in result.tensors.items() if t.verdict == "fail"] == ["gain"]


def test_what_cannot_be_followed_is_called_in_float64() -> None:
    result = fc.torch.check_layer(lambda x: x.cumsum(0).exp(), draw(4, 2, dtype=torch.float32))
    assert result.passed
    assert result.engine == "black box"
    assert {"not-traced", "widened"} <= {*kinds(result)}
    with pytest.raises(fc.TraceError, match="cumsum"):
        fc.torch.check_layer(lambda x: x.cumsum(0), draw(4, 2), engine="trace")


@pytest.mark.parametrize("scale", [1e-2, 1e-7, 1e-12])
def test_what_numpy_computes_is_no_constant(scale: float) -> None:
    def layer(x: Any) -> Any:
        return x.tanh() + scale * torch.as_tensor(np.square(x.detach().numpy()).sum())

    with pytest.raises(fc.TraceError, match=r"another value than|has other constants, where the"):
        fc.torch.check_layer(layer, draw(4, 2), engine="trace")
    result = fc.torch.check_layer(layer, draw(4, 2))
    assert result.engine == "black box"
    assert result.verdict == "fail" if scale > 1e-5 else "not-traced" in kinds(result)


def test_a_type_that_is_written_down_is_not_blamed() -> None:
    def layer(x: Any) -> Any:
        return x.cumsum(0) @ torch.ones(2, 2)  # float32, which torch does not multiply with float64

    result = fc.torch.check_layer(layer, draw(4, 2, dtype=torch.float32))
    assert result.verdict != "fail"
    assert sum(t.n_disagree for t in result.tensors.values()) == 0


def test_dropout_is_named() -> None:
    result = fc.torch.check_layer(torch.nn.Dropout(0.5), draw(20, 3))
    assert result.verdict == "inconclusive"
    assert "it draws from torch's generator" in result.findings[0].message
    seeded = fc.torch.check_layer(
        torch.nn.Dropout(0.5), draw(20, 3), before_each=lambda: torch.manual_seed(0)
    )
    assert seeded.passed


@pytest.mark.parametrize(
    ("layer", "inputs", "message"),
    [
        (torch.exp, torch.ones(3, dtype=torch.int64), "`inputs` must hold a tensor of floating"),
        (lambda x: x.detach(), torch.ones(3), "`layer` must have an output that autograd can diff"),
        (torch.tanh, torch.ones(3).bfloat16(), r"`inputs\['x'\]` must be .* got torch.bfloat16"),
        (torch.nn.Linear(3, 2), {"weight": torch.ones(3)}, "other names than the parameters of Li"),
    ],
)
def test_a_wrong_argument_is_refused(layer: Any, inputs: Any, message: str) -> None:
    with pytest.raises(fc.InputError, match=message):
        fc.torch.check_layer(layer, inputs)


def test_integers_of_numpy_are_no_tensors() -> None:
    result = fc.torch.check_layer(lambda x, k: x * k, (draw(3), np.int64(2)))
    assert result.passed
