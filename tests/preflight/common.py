"""What the tests of preflight share: a small network in the shapes in which users have one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastcheck as fc

Arrays = dict[str, Any]

ENGINES = pytest.mark.parametrize("engine", ["black box", "auto"])
FORMS = pytest.mark.parametrize("is_closure", [True, False], ids=["closure", "function"])
ACCOMPANYING = ("not-traced",)


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def kinds(result: fc.CheckResult) -> list[str]:
    return [f.kind for f in result.findings if f.kind not in ACCOMPANYING]


def message(result: fc.CheckResult, kind: str) -> str:
    (found,) = (f for f in result.findings if f.kind == kind)
    return found.message


def only_finding(result: fc.CheckResult, kind: str, severity: str) -> str:
    """Return the message of the only finding, after a look at what follows from it.

    No entry is called wrong: an error leaves the check without a verdict, all else lets it pass.
    """
    (found,) = (f for f in result.findings if f.kind not in ACCOMPANYING)
    assert (found.kind, found.severity) == (kind, severity)
    assert not any(t.n_disagree or t.verdict == "fail" for t in result.tensors.values())
    assert result.verdict == ("inconclusive" if severity == "error" else "pass")
    return found.message


def as_given(function: Callable[[Arrays], Any], params: Arrays, is_closure: bool) -> Any:
    """Return a function of the parameters, or one that reads them where they are."""
    if not is_closure:
        return function
    return lambda: function(params)


class Net:
    """Two layers, a hyperbolic tangent and half a mean of squares, with a right backward pass."""

    def __init__(self, dtype: type = np.float64) -> None:
        self.x = normal(6, 4).astype(dtype)
        self.t = normal(6, 2).astype(dtype)
        self.params: Arrays = {
            "W1": normal(4, 3).astype(dtype),
            "b1": normal(3).astype(dtype),
            "W2": normal(3, 2).astype(dtype),
            "b2": normal(2).astype(dtype),
        }

    def forward(self, params: Arrays) -> tuple[Any, Any]:
        a = np.tanh(self.x @ params["W1"] + params["b1"])
        return a, a @ params["W2"] + params["b2"]

    def loss(self, params: Arrays) -> Any:
        _, y = self.forward(params)
        return 0.5 * np.sum((y - self.t) ** 2) / len(self.x)

    def gradient(self, params: Arrays) -> Arrays:
        a, y = self.forward(params)
        dy = (y - self.t) / len(self.x)
        dz = dy @ params["W2"].T * (1.0 - a**2)
        return {
            "W1": self.x.T @ dz,
            "b1": dz.sum(axis=0),
            "W2": a.T @ dy,
            "b2": dy.sum(axis=0),
        }

    @property
    def right(self) -> Arrays:
        return self.gradient(self.params)

    def check(
        self,
        loss: Callable[[Arrays], Any] | None = None,
        grads: Any = None,
        *,
        is_closure: bool = False,
        **options: Any,
    ) -> fc.CheckResult:
        """Check a variant of the loss or the gradient; both are right by default."""
        given = as_given(loss or self.loss, self.params, is_closure)
        if grads is None:
            grads = self.gradient
        if callable(grads):
            grads = as_given(grads, self.params, is_closure)
        return fc.check_gradients(given, self.params, grads, **options)
