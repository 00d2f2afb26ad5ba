"""Small classifiers of torch, and what is found in them."""

from __future__ import annotations

from typing import Any

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


def kinds(result: fc.CheckResult) -> list[str]:
    return [finding.kind for finding in result.findings]
