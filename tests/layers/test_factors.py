"""Gradients that are wrong by one factor are told so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.layers.dense_layers import Affine
from tests.layers.entry import normal

X = normal(5, 4)


def kinds(result: fc.CheckResult) -> list[str]:
    return [diagnosis.kind for diagnosis in result.diagnosis]


def test_an_average_in_place_of_a_sum_is_explained() -> None:
    def linear(A: Any, W: Any, b: Any) -> Any:
        return W @ A + b, (A, W)

    def linear_backward(dZ: Any, cache: Any) -> Any:
        A, W = cache
        m = A.shape[1]
        return W.T @ dZ, dZ @ A.T / m, dZ.sum(axis=1, keepdims=True) / m

    result = fc.check_layer(linear, linear_backward, (normal(4, 7), normal(3, 4), normal(3, 1)))
    assert result.verdict == "fail"
    (found,) = result.diagnosis
    assert found.kind == "mean-for-sum"
    assert found.constant == pytest.approx(1 / 7, rel=1e-9)
    assert found.message.startswith(
        "W and b: every entry is 1/7 of the numerical gradient, and 7 is the length of axis 1 of A"
    )
    assert str(result).count("the mean over it is taken once too often") == 1


@pytest.mark.parametrize(
    ("factor", "kind", "text"),
    [
        (-1.0, "sign", "every entry is -1 times the numerical gradient; look for a sign"),
        (2.5, "factor", "every entry is 2.5 times the numerical gradient"),
        (-1 / 3, "factor", "every entry is -1/3 of the numerical gradient"),
    ],
)
def test_another_factor_is_named(factor: float, kind: str, text: str) -> None:
    result = fc.check_layer(np.sin, lambda dout: factor * dout * np.cos(X), X)
    (found,) = result.diagnosis
    assert found.kind == kind
    assert found.constant == pytest.approx(factor, rel=1e-9)
    assert found.message == f"x: {text}"


def test_what_is_no_factor_is_not_called_one() -> None:
    assert kinds(fc.check_layer(np.sin, lambda dout: dout * np.sin(X), X)) == ["unexplained"]
    assert kinds(fc.check_layer(np.sin, lambda dout: 0.0 * dout, X)) == ["zero"]
    result = fc.check_layer(Affine("last sample"), inputs=X)
    assert result.verdict == "fail"
    assert kinds(result) == ["zero-part"]


def test_what_is_no_factor_is_told_by_its_full_name_in_a_list() -> None:
    first, found = fc.check_layer([Affine("last sample")], inputs=X).diagnosis
    assert first.kind == "layer"
    assert found.tensors == ("0.Affine.x",)
    assert found.located.startswith("0.Affine.x: row 4 of the gradient is zero")
