"""What is found about a compiled loss is found as for any other."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest

import fastcheck as fc
from tests.preflight.common import kinds, message, normal, only_finding

ENGINES = pytest.mark.parametrize("engine", ["compiled", "black box"])


@numba.njit
def squares(w: Any, c: Any) -> float:
    return np.sum(w**2) * np.log(np.sum(c))


POINT = {"w": normal(4), "c": np.array([1.0, 2.0, 0.5])}


def right(point: dict[str, Any]) -> dict[str, Any]:
    w, total = point["w"], point["c"].sum()
    return {"w": 2 * w * np.log(total), "c": np.full(3, np.sum(w**2) / total)}


@ENGINES
def test_a_right_compiled_loss_has_no_finding(engine: str) -> None:
    result = fc.check_gradients(squares, POINT, right, engine=engine)
    assert kinds(result) == []
    assert result.passed


@ENGINES
def test_a_compiled_loss_that_is_not_finite_is_told(engine: str) -> None:
    point = POINT | {"c": np.zeros(3)}
    result = fc.check_gradients(squares, point, right(POINT), engine=engine)
    assert "the loss is -inf" in only_finding(result, "loss-not-finite", "error")


@ENGINES
def test_gradients_of_a_compiled_loss_are_looked_at_on_receipt(engine: str) -> None:
    grads = right(POINT) | {"w": right(POINT)["w"][:, None]}
    result = fc.check_gradients(squares, POINT, grads, engine=engine)
    assert "shape (4, 1), the parameter (4,)" in only_finding(result, "wrong-shape", "error")
    grads = right(POINT) | {"w": np.zeros(4)}
    result = fc.check_gradients(squares, POINT, grads, engine=engine)
    assert kinds(result) == ["gradient-all-zero"]
    assert message(result, "gradient-all-zero").startswith("w: its gradient is zero in every")


@ENGINES
def test_a_gradient_of_a_compiled_loss_that_accumulates_is_told(engine: str) -> None:
    total = {name: np.zeros_like(p) for name, p in POINT.items()}

    def gradient(point: dict[str, Any]) -> dict[str, Any]:
        for name, part in right(point).items():
            total[name] += part
        return total

    result = fc.check_gradients(squares, POINT, gradient, engine=engine)
    assert "adds to w and c" in only_finding(result, "gradient-accumulates", "error")
