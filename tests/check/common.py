"""What the tests of the public verbs share: a small case with its right gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.literal import Arrays, Case

small = pytest.mark.interpreted
PLANS = pytest.mark.parametrize("plan", ["exhaustive", "units"])
CASE = Case.drawn(0)
NAMES = ["W1", "b1", "W2", "b2", "W3", "b3"]


def checked(grads: Mapping[str, Any] | None = None, **options: Any) -> fc.CheckResult:
    """Check the small case, by default with its right gradient."""
    return fc.check_gradients(CASE.objective, CASE.params, grads or CASE.right, **options)


def with_one_off(grads: Arrays, name: str, place: tuple[int, ...], off: float) -> Arrays:
    wrong = grads[name].copy()
    wrong[place] *= 1 + off
    return grads | {name: wrong}


def overflowing() -> tuple[fc.GraphObjective, Arrays]:
    """Return a network with an infinite loss."""
    net = fc.Network([fc.Dense(2, 1), fc.Sigmoid()], loss=fc.BinaryCrossEntropy())
    params = {"W1": np.array([[500.0], [500.0]]), "b1": np.zeros(1)}
    return net.objective([[1.0, 1.0]], [0]), params


def interrupt(*arguments: object, **options: object) -> None:
    raise KeyboardInterrupt


def all_at_kinks() -> tuple[fc.GraphObjective, Arrays]:
    """Return a network in which every ReLU of every sample is exactly at its kink."""
    net = fc.Network([fc.Dense(3, 2), fc.ReLU(), fc.Dense(2, 2)], loss=fc.SquaredError())
    params = net.init_params(seed=0) | {"W1": np.zeros((3, 2)), "b1": np.zeros(2)}
    return net.objective(np.ones((2, 3)), np.ones((2, 2))), params
