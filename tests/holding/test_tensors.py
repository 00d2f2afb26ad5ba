"""Torch tensors, and tensors that only behave so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.holding import Held, plain, taken

torch = pytest.importorskip("torch")


def network(dtype: Any = torch.float64) -> tuple[Any, Any]:
    """Return a small model and its loss."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    model = model.to(dtype)
    x, y = torch.randn(6, 3, dtype=dtype), torch.randn(6, 2, dtype=dtype)
    return model, lambda: ((model(x) - y) ** 2).mean()


def snapshot(model: Any) -> list[Any]:
    return [(id(p), p.data_ptr(), p.detach().numpy().tobytes(), p.requires_grad)
            for p in model.parameters()]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_module_is_checked_against_its_own_gradient(dtype: Any) -> None:
    model, loss = network(dtype)
    loss().backward()
    before = snapshot(model)
    result = fc.check_gradients(loss, model, None)
    assert sum(t.n_disagree for t in result.tensors.values()) == 0
    assert result.passed or dtype is torch.float32
    assert [*result.tensors] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert snapshot(model) == before
    model[2].bias.grad[1] *= 1.2
    wrong = fc.check_gradients(loss, model, None)
    assert [m.index for m in wrong.tensors["2.bias"].mismatches] == [(1,)]


def test_gradients_may_be_tensors_or_a_backward_pass() -> None:
    model, loss = network()
    params = [*model.parameters()]
    grads = torch.autograd.grad(loss(), params)
    assert fc.check_gradients(loss, params, grads).passed
    assert fc.check_gradients(loss, model, lambda: loss().backward()).passed
    assert fc.check_value_and_grad(lambda: (loss(), grads), params).passed


def test_a_loss_of_tensors_is_given_tensors() -> None:
    W = torch.nn.Parameter(torch.tensor([[0.5, -1.0]], dtype=torch.float64))
    b = torch.tensor([2.0], dtype=torch.float64)
    seen = set()

    def loss(p: Any) -> Any:
        seen.add((type(p["W"]), p["W"].requires_grad, type(p["b"]), p["b"].requires_grad))
        assert p["W"] is not W
        return (p["W"] ** 2).sum() * p["b"].sum()

    grads = {"W": 4 * W.detach(), "b": (W.detach() ** 2).sum().reshape(1)}
    for engine in ("auto", "black box"):
        assert fc.check_gradients(loss, {"W": W, "b": b}, grads, engine=engine).passed
    assert seen == {(torch.nn.Parameter, True, torch.Tensor, False)}


def test_other_arrays_become_tensors_too() -> None:
    held = Held({"w": torch.ones(2, dtype=torch.float64)}, is_live=False)
    assert held.argument({"w": np.array([1.0, 2.0])})["w"].tolist() == [1.0, 2.0]
    assert held.argument(held.arrays)["w"].tolist() == [1.0, 1.0]


def test_a_frozen_tensor_has_no_gradient() -> None:
    model, loss = network()
    model[0].bias.requires_grad_(False)
    loss().backward()
    found = taken(None, model)
    assert found["0.bias"] is None
    assert isinstance(found["0.weight"], np.ndarray)


def test_a_forgotten_backward_pass_is_told() -> None:
    model, loss = network()
    with pytest.raises(fc.InputError, match=r"\.grad of 0.weight, .* is None too; run"):
        fc.check_gradients(loss, model, None)


def test_tensors_that_share_memory_are_aliased() -> None:
    w = torch.randn(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    params = {"one": w, "two": w.T}
    grads = {"one": 2 * w, "two": torch.ones(3, 2)}
    result = fc.check_gradients(lambda: (w**2).sum() + w.sum(), params, grads)
    assert result.passed
    assert [f.kind for f in result.findings if f.severity == "warning"] == ["aliased"]


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.ones(2, dtype=torch.bfloat16), "float64, float32 or float16, got torch.bfloat16; c"),
        (torch.ones(2, 2).to_sparse(), "got torch.float32 in layout torch.sparse_coo"),
        (torch.ones(2, dtype=torch.int64), "floating point, got dtype int64"),
        (torch.ones(2, device="meta"), "in the memory of the CPU, got a tensor on meta; move"),
    ],
)
@pytest.mark.parametrize("is_live", [True, False])
def test_tensors_that_cannot_be_perturbed_are_refused(
    tensor: Any, message: str, is_live: bool
) -> None:
    with pytest.raises(fc.InputError, match=rf"`params\['w'\]` must be .*{message}"):
        Held({"w": tensor}, is_live=is_live)


def test_gradients_of_any_kind_are_converted() -> None:
    half = torch.tensor([0.5, 0.25], dtype=torch.bfloat16)
    assert plain(half).tolist() == [0.5, 0.25]
    assert plain(torch.eye(2).to_sparse()).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert plain(torch.ones(2, requires_grad=True) * 2).tolist() == [2.0, 2.0]
    gradient = torch.ones(2)
    copied = taken({"w": gradient}, {})
    gradient[0] = 5.0
    assert copied["w"].tolist() == [1.0, 1.0]


def test_parameters_that_can_be_read_once_are_refused() -> None:
    model, loss = network()
    with pytest.raises(fc.InputError, match=r"got generator, which can be read only once; write"):
        fc.check_gradients(loss, model.parameters(), None)


def test_what_is_on_another_device_is_recognised_by_its_attributes() -> None:
    fake = SimpleNamespace(detach=None, numpy=None, requires_grad=True, device="cuda:0")
    with pytest.raises(fc.InputError, match=r"got a tensor on cuda:0; move the model"):
        Held([fake], is_live=True)
