"""Rules hold for changes of any size: out of saturation, across several kinks, far away."""

from __future__ import annotations

from itertools import product
from typing import Any

import mpmath
import numpy as np
import pytest

from fastcheck.graph import Graph, ops
from tests.graph.ops.driving import moved
from tests.graph.ops.entry import mp
from tests.graph.ops.pointwise_entries import mp_elu, mp_gelu, mp_gelu_tanh, mp_sigmoid

pytestmark = pytest.mark.interpreted

POINTS = (-30.0, -4.0, -1.5, -0.5, 0.0, 0.25, 1.0, 3.0, 30.0)
CHANGES = (-33.0, -8.0, -2.0, -0.7, -0.02, 0.03, 0.6, 2.5, 7.0, 33.0)


def mp_huber(x: Any) -> Any:
    return x * x / 2 if abs(x) <= 1 else abs(x) - mp.mpf(1) / 2


FUNCTIONS = {
    "silu": (ops.silu, lambda x: x * mp_sigmoid(x)),
    "gelu": (ops.gelu, mp_gelu),
    "gelu by tanh": (lambda a: ops.gelu(a, "tanh"), mp_gelu_tanh),
    "mish": (ops.mish, lambda x: x * mp.tanh(mp.log1p(mp.exp(x)))),
    "elu": (ops.elu, lambda x: mp_elu(x, 1, 1)),
    "softsign": (ops.softsign, lambda x: x / (1 + abs(x))),
    "log_sigmoid": (ops.log_sigmoid, lambda x: -mp.log1p(mp.exp(-x))),
    "erf": (ops.erf, mp.erf),
    "huber": (lambda a: ops.huber(a, np.zeros(a.shape)), mp_huber),
    "clip": (lambda a: ops.clip(a, -1.0, 0.75), lambda x: min(max(x, -1), mp.mpf(0.75))),
    "hard_swish": (ops.hard_swish, lambda x: x * min(max(x + 3, 0), 6) / 6),
    "arctan": (ops.arctan, mp.atan),
    "sin": (ops.sin, mp.sin),
    "cos": (ops.cos, mp.cos),
    "sinh": (ops.sinh, mp.sinh),
    "cosh": (ops.cosh, mp.cosh),
    "arcsinh": (ops.arcsinh, mp.asinh),
    "cube": (lambda a: a**3, lambda x: x**3),
    "fifth power": (lambda a: a**5, lambda x: x**5),
    "cube root": (ops.cbrt, lambda x: mp.sign(x) * mp.cbrt(abs(x))),
    "expm1": (ops.expm1, mp.expm1),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of polynomials in large numbers
def test_a_rule_holds_for_changes_of_any_size(name: str) -> None:
    build, f = FUNCTIONS[name]
    x, d = np.array(list(product(POINTS, CHANGES))).T
    graph = Graph()
    node = build(graph.param("x", x.shape))
    found, _ = moved(node, {"x": x}, [d[:, None]])
    with mpmath.workdps(400):
        pairs = [(f(mp.mpf(a) + mp.mpf(b)), f(mp.mpf(a))) for a, b in zip(x, d, strict=True)]
        truth = np.array([float(end - start) for end, start in pairs])
    scale = np.maximum(np.abs(truth), 0.02 * np.minimum(np.abs(d), 1.0))
    wrong = ~(np.abs(found[:, 0] - truth) <= 1e-12 * scale)
    assert not wrong.any(), np.stack([x, d, found[:, 0], truth])[:, wrong]
