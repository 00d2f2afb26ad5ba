"""Each operation of torch that is known in NumPy gives what torch gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastcheck.errors import TraceError
from fastcheck.frameworks.follow import follow

torch = pytest.importorskip("torch", reason="operations of torch")

from fastcheck.torch.layers import TorchLayer  # noqa: E402
from fastcheck.torch.operations import OPERATIONS  # noqa: E402
from fastcheck.torch.recording import record  # noqa: E402

F = torch.nn.functional
G = torch.Generator().manual_seed(3)


def draw(*shape: int) -> Any:
    return torch.randn(*shape, dtype=torch.float64, generator=G)


X, IMAGES, LABELS = draw(4, 5), draw(2, 4, 7, 6), torch.tensor([0, 3, 1, 4])
POSITIVE, SHARES = draw(4, 5).exp(), draw(4, 5).sigmoid()
OTHER, W = draw(4, 5), draw(5, 3)
WEIGHTS, MANY = draw(5).exp(), torch.tensor([[1], [0], [4], [2]])

ENTRYWISE = {
    name: (getattr(torch, name), X)
    for name in ("tanh", "sigmoid", "relu", "exp", "abs", "neg", "sin", "cos", "erf", "square",
                 "expm1", "clone")
} | {
    name: (getattr(torch, name), POSITIVE)
    for name in ("log", "log1p", "sqrt", "rsqrt", "reciprocal")
}  # fmt: skip
ACTIVATIONS = {
    "leaky_relu": lambda x: F.leaky_relu(x, 0.3),
    "softplus": F.softplus,
    "softplus, sharp": lambda x: F.softplus(x, beta=3.0),
    "softplus, beyond its threshold": lambda x: F.softplus(10.0 * x, threshold=5.0),
    "elu": lambda x: F.elu(x, 0.7),
    "selu": F.selu,
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu, by tanh": lambda x: F.gelu(x, approximate="tanh"),
    "hardtanh": F.hardtanh,
    "relu6": F.relu6,
    "softmax": lambda x: x.softmax(1),
    "softmax of scores that may all be masked": lambda x: torch._safe_softmax(x, 1),
    "log_softmax": lambda x: x.log_softmax(0),
    "logsumexp": lambda x: x.logsumexp(1),
    "logsumexp, kept": lambda x: x.logsumexp((0, 1), keepdim=True),
    "sign": lambda x: x * x.sign(),
    "comparisons": lambda x: x * (x > 0.5) + x * (x >= 1.0) - x * (x < 0.0) - x * (x.data <= 0.2),
    "detach": lambda x: x * x.detach(),
    "constants of the same shape": lambda x: x * torch.full_like(x, 2.0) + torch.zeros_like(x),
    "dropout, not in training": lambda x: F.dropout(x, 0.5, training=False),
}
ARITHMETIC = {
    "add": lambda x: torch.add(x, OTHER, alpha=2),
    "sub": lambda x: torch.sub(x, OTHER, alpha=3),
    "rsub": lambda x: 1.0 - x,
    "mul": lambda x: x * OTHER,
    "div": lambda x: x / POSITIVE,
    "pow": lambda x: x**3,
    "pow of two": lambda x: POSITIVE**x,
    "maximum": lambda x: torch.maximum(x, OTHER),
    "minimum": lambda x: torch.minimum(x, OTHER),
    "clamp": lambda x: x.clamp(-0.5, 0.5),
    "clamp by keyword": lambda x: x.clamp(max=0.5),
    "clamp_min and clamp_max": lambda x: x.clamp_min(0.1).clamp_max(0.5),
    "where": lambda x: torch.where(x > 0, x, 2 * x),
    "where, between": lambda x: torch.where((x <= 0.3) == (x >= -0.3), x, x * x),
    "where, unlike": lambda x: torch.where((x < 0.3) != (x == 0), x, x * x),
    "masked_fill": lambda x: x.masked_fill(OTHER > 0, -1.0),
    "mm": lambda x: x @ W,
    "mv": lambda x: x @ WEIGHTS,
    "dot": lambda x: x[0] @ x[1],
    "bmm": lambda x: torch.bmm(x.expand(2, 4, 5), draw(2, 5, 3) * 0 + W),
    "baddbmm": lambda x: torch.baddbmm(OTHER[:, :1], x.expand(2, 4, 5), W.expand(2, 5, 3)),
    "addmm": lambda x: torch.addmm(WEIGHTS[:3], x, W, beta=2, alpha=0.5),
    "addmv": lambda x: torch.addmv(OTHER[:, 0], x, WEIGHTS),
    "linear of three axes": lambda x: F.linear(x[None], W.T),
    "einsum": lambda x: torch.einsum("ij,kj->ik", x, OTHER),
    "in place": lambda x: (2 * x).add_(1.0).mul_(x).relu_(),
}
SHAPES = {
    "t": lambda x: x.t(),
    "transpose": lambda x: x[None].transpose(0, 2),
    "permute": lambda x: x[None].permute(2, 0, 1),
    "view": lambda x: x.view(2, -1),
    "flatten": lambda x: x.T.flatten(),
    "expand": lambda x: x[:, None].expand(-1, 3, 5),
    "squeeze": lambda x: x[None, :, None].squeeze(),
    "squeeze, one": lambda x: x[None, :, None].squeeze(2),
    "unsqueeze": lambda x: x.unsqueeze(-1),
    "select": lambda x: x[:, 2],
    "slice": lambda x: x[1:, ::2],
    "split": lambda x: torch.cat(x.split(2, dim=1)[:2]),
    "split_with_sizes": lambda x: x.split([1, 4], dim=1)[1],
    "chunk": lambda x: x.chunk(2, dim=1)[1],
    "unbind": lambda x: x.unbind(1)[3],
    "index": lambda x: x[torch.arange(4), LABELS],
    "index, one axis": lambda x: x[:, LABELS],
    "gather": lambda x: x.gather(1, MANY),
    "embedding": lambda x: F.embedding(torch.tensor([3, 1, 3]), x),
    "flip": lambda x: x.flip(1),
    "cat": lambda x: torch.cat([x, OTHER], dim=1),
    "stack": lambda x: torch.stack([x, OTHER], dim=1),
}
REDUCTIONS = {
    "sum": lambda x: x.sum(),
    "sum, one axis": lambda x: x.sum(1, keepdim=True),
    "mean": lambda x: x.mean(),
    "mean, two axes": lambda x: x[None].mean((0, 2)),
    "amax": lambda x: x.amax(1),
    "amin": lambda x: x.amin((0, 1)),
    "prod": lambda x: x.prod(1),
    "max": lambda x: x.max(),
    "min": lambda x: x.min(),
    "max, one axis": lambda x: x.max(1).values,
    "argmax as an index": lambda x: x.gather(1, x.argmax(1, keepdim=True)),
    "var": lambda x: x.var(),
    "var, one axis": lambda x: x.var(0, correction=0),
    "std": lambda x: x.std(1, keepdim=True),
    "norm": lambda x: x.norm(),
    "norm, one axis": lambda x: torch.linalg.vector_norm(x, 1, dim=1),
    "norm, cubic": lambda x: torch.linalg.vector_norm(x, 3, dim=0, keepdim=True),
}
LOSSES = {
    "cross_entropy": lambda x: F.cross_entropy(x, LABELS),
    "cross_entropy, sum": lambda x: F.cross_entropy(x, LABELS, reduction="sum"),
    "cross_entropy, each": lambda x: F.cross_entropy(x, LABELS, reduction="none"),
    "cross_entropy, weighted": lambda x: F.cross_entropy(x, LABELS, weight=WEIGHTS),
    "cross_entropy, one ignored": lambda x: F.cross_entropy(x, LABELS, ignore_index=3),
    "cross_entropy of shares": lambda x: F.cross_entropy(x, SHARES),
    "cross_entropy of one sample": lambda x: F.cross_entropy(x[0], LABELS[0]),
    "mse_loss": lambda x: F.mse_loss(x, OTHER),
    "l1_loss": lambda x: F.l1_loss(x, OTHER, reduction="sum"),
    "huber_loss": lambda x: F.huber_loss(x, OTHER, delta=0.6),
    "smooth_l1_loss": lambda x: F.smooth_l1_loss(x, OTHER, beta=0.4),
    "bce": lambda x: F.binary_cross_entropy(x.sigmoid(), SHARES),
    "bce, weighted": lambda x: F.binary_cross_entropy(x.sigmoid(), SHARES, weight=WEIGHTS),
    "bce of logits": lambda x: F.binary_cross_entropy_with_logits(x, SHARES),
    "bce of logits, with weights": lambda x: F.binary_cross_entropy_with_logits(
        x, SHARES, weight=WEIGHTS, pos_weight=WEIGHTS
    ),
}
MODULES = {
    "Linear": (torch.nn.Linear(5, 3), X),
    "LayerNorm": (torch.nn.LayerNorm(5), X),
    "LayerNorm of three axes": (torch.nn.LayerNorm((7, 6), elementwise_affine=False), IMAGES),
    "BatchNorm1d": (torch.nn.BatchNorm1d(5), X),
    "BatchNorm2d": (torch.nn.BatchNorm2d(4), IMAGES),
    "BatchNorm2d, not in training": (torch.nn.BatchNorm2d(4).eval(), IMAGES),
    "GroupNorm": (torch.nn.GroupNorm(2, 4), IMAGES),
    "weight_norm": (torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(5, 3)), X),
    "Conv2d": (torch.nn.Conv2d(4, 3, (3, 2), stride=(2, 1), padding=1), IMAGES),
    "Conv2d, dilated": (torch.nn.Conv2d(4, 6, 2, dilation=(3, 2), bias=False), IMAGES),
    "Conv2d, in groups": (torch.nn.Conv2d(4, 6, 3, groups=2), IMAGES),
    "Conv1d": (torch.nn.Conv1d(4, 3, 3, padding=2), IMAGES[:, :, 0]),
    "MaxPool2d": (torch.nn.MaxPool2d(3, stride=2, padding=1), IMAGES),
    "AvgPool2d": (torch.nn.AvgPool2d((2, 3), padding=(1, 0)), IMAGES),
    "LSTM": (torch.nn.LSTM(5, 3), X),
    "GRU": (torch.nn.GRU(5, 3, num_layers=2, bidirectional=True), X),
    "MultiheadAttention": (torch.nn.MultiheadAttention(6, 2), (draw(3, 2, 6),) * 3),
    "TransformerEncoderLayer": (
        torch.nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0), draw(3, 2, 6)
    ),
}  # fmt: skip
CASES = ENTRYWISE | {
    name: (function, X)
    for family in (ACTIVATIONS, ARITHMETIC, SHAPES, REDUCTIONS, LOSSES)
    for name, function in family.items()
} | {name: (module.double(), x) for name, (module, x) in MODULES.items()}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_operation_is_computed_as_torch_does(name: str) -> None:
    follow(TorchLayer(*CASES[name]))


def test_each_operation_occurs_in_one_of_these(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()

    class Table(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            seen.add(key)
            return super().get(key, default)

    monkeypatch.setattr("fastcheck.torch.recording.OPERATIONS", Table(OPERATIONS))
    for function, x in CASES.values():
        TorchLayer(function, x).record()
    single = X.float()
    record(lambda: [single.double()], {"x": single})
    assert {*OPERATIONS} - seen == set()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x.cumsum(0), "torch's cumsum has no counterpart in NumPy here"),
        (lambda x: x.sum() * x.max().item(), "torch's _local_scalar_dense has no counterpart"),
        (lambda x: x * float(x.detach().numpy().max()), "recorded give another value"),
        (lambda x: _written(x), "mul_ writes into a part of a tensor"),
        (lambda x: x.clone().copy_(x), "torch's copy_ has no counterpart"),
        (lambda x: F.conv_transpose2d(x[None, None], W[None, None]), "a transposed convolution"),
        (lambda x: x * torch.rand(4, 5), "two calls of lambda at the same point differ"),
    ],
)
def test_what_cannot_be_followed_is_told(function: Any, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        follow(TorchLayer(function, X))


def _written(x: Any) -> Any:
    out = 2.0 * x
    out[1:].mul_(3.0)
    return out


def test_a_wrong_entry_of_the_table_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPERATIONS, "tanh", np.sin)
    with pytest.raises(TraceError, match="give another value than tanh"):
        follow(TorchLayer(torch.tanh, X))
