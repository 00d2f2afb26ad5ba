"""The literal networks are those that the package checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.diagnose.backward.common import SLOPES, Mlp

NETWORKS: dict[str, dict[str, Any]] = {
    "softmax": {},
    "columns": {"columns": True, "one_hot": True, "activation": "relu"},
    "guarded": {"guard": 1e-3, "l2": 0.1, "dropout": True},
    "sigmoid": {"head": "sigmoid", "guard": 1e-4, "activation": "softplus"},
    "squares": {"head": "squares", "activation": "leaky", "columns": True, "l2": 0.2},
    "linear": {"head": "linear", "activation": "sigmoid", "bias": False},
    "one sample": {"m": 1},
    "two layers": {"widths": (4, 3, 2), "m": 3},
}


@pytest.mark.parametrize("options", NETWORKS.values(), ids=NETWORKS)
def test_the_literal_gradient_is_right_and_nothing_is_said_of_it(options: dict[str, Any]) -> None:
    net = Mlp(**options)
    result = net.check(net.right)
    assert result.loss == pytest.approx(net.loss(), rel=1e-13)
    assert result.passed, str(result)
    assert result.diagnosis == ()


@pytest.mark.parametrize("name", SLOPES)
def test_slopes_are_those_of_the_values(name: str) -> None:
    net = Mlp(activation=name)
    assert net.check(net.right).passed
    doubled = net.grads(slope1=lambda s: 2 * s)
    assert not np.allclose(doubled["W1"], net.right["W1"])
