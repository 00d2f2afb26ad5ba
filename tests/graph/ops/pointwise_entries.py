"""Functions of one tensor, entry by entry."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastcheck.graph import ops
from tests.graph.ops.entry import Entry, around, each, mp, over

SATURATING = over(0.0, *(s * z for z in (1e-9, 0.1, 1.0, 9.0, 20.0, 40.0) for s in (1, -1)))
POSITIVE = over(*(10.0**k for k in (-100, -12, -3, -0.3, 0.7, 5, 100)), low=0.1, high=4.0)


def smooth(name: str, exact: Any, torch: Any, sample: Any, **more: Any) -> Entry:
    """Return the entry of a function of `ops` that has its own name and no settings."""
    return Entry(name, getattr(ops, name), sample, each(exact), torch, **{"slack": 0.0, **more})


def raised(exponent: float, sample: Any, **more: Any) -> Entry:
    """Return the entry of a power with a constant exponent."""
    return Entry(
        f"power {exponent}",
        lambda a: ops.power(a, exponent),
        sample,
        each(lambda x: x ** mp.mpf(exponent)),
        lambda t, x: x**exponent,
        **{"slack": 0.0, **more},
    )


def powers_of_both(rng: np.random.Generator) -> list[np.ndarray]:
    """Return positive numbers, and exponents of both signs."""
    return [rng.uniform(0.7, 5.0, (4, 3)), rng.uniform(-3.0, 3.0, (4, 3))]


ANGLES = over(0.0, 1.5, -1.5, 3.1, -30.0, 30.0)
MODEST = over(0.0, 1e-9, -1e-9, 1e-3, -1e-3, 9.0, -9.0, 40.0, -40.0)
EDGE = over(0.0, 0.9, -0.9, 0.999, -0.999, low=-0.8, high=0.8)
ELEMENTARY = [
    smooth("expm1", mp.expm1, lambda t, x: t.expm1(x), SATURATING),
    smooth("exp2", lambda x: mp.mpf(2) ** x, lambda t, x: t.exp2(x), SATURATING),
    smooth("log1p", mp.log1p, lambda t, x: t.log1p(x),
           over(1e-9, -1e-9, -0.5, 1e5, low=-0.4, high=5.0), largest=0.2),
    smooth("log2", lambda x: mp.log(x, 2), lambda t, x: t.log2(x), POSITIVE, relative=True),
    smooth("log10", mp.log10, lambda t, x: t.log10(x), POSITIVE, relative=True),
    smooth("rsqrt", lambda x: 1 / mp.sqrt(x), lambda t, x: t.rsqrt(x), POSITIVE, relative=True),
    smooth("cbrt", lambda x: mp.cbrt(x) if x > 0 else -mp.cbrt(-x), None,
           over(*(s * 10.0**k for k in (-12, -3, 0, 5) for s in (1, -1)), low=0.1, high=2.0),
           relative=True),
    smooth("sin", mp.sin, lambda t, x: t.sin(x), ANGLES, floor=0.02),
    smooth("cos", mp.cos, lambda t, x: t.cos(x), ANGLES, floor=0.02),
    smooth("tan", mp.tan, lambda t, x: t.tan(x), over(0.0, 1.2, -1.2, low=-1.2, high=1.2)),
    smooth("arctan", mp.atan, lambda t, x: t.arctan(x), MODEST),
    smooth("arcsin", mp.asin, lambda t, x: t.arcsin(x), EDGE, largest=1e-4),
    smooth("arccos", mp.acos, lambda t, x: t.arccos(x), EDGE, largest=1e-4),
    smooth("sinh", mp.sinh, lambda t, x: t.sinh(x), MODEST),
    smooth("cosh", mp.cosh, lambda t, x: t.cosh(x), MODEST, floor=0.02),
    smooth("arcsinh", mp.asinh, lambda t, x: t.arcsinh(x), MODEST),
    raised(3, MODEST, floor=0.02),
    raised(4, MODEST, floor=0.02),
    raised(7, over(0.0, -0.5, 0.5), floor=0.02),
    raised(1, MODEST),
    raised(2, MODEST, floor=0.02),
    raised(-1, POSITIVE, relative=True),
    raised(-2, over(-0.5, 0.5, -9.0, 1e5, low=0.3), relative=True),
    raised(1.7, over(0.01, 1e5, low=0.3, high=5.0), relative=True),
    raised(0.5, over(0.01, 1e5, low=0.3, high=5.0), relative=True),
    raised(-0.5, over(0.01, 1e5, low=0.3, high=5.0), relative=True),
    raised(20, over(0.9, -0.9, low=0.8, high=1.5), relative=True),
    Entry("power of two nodes", lambda a, b: a**b, powers_of_both, each(lambda a, b: a**b, 2),
          lambda t, a, b: a**b),
    Entry("power of a row", lambda a, b: a**b,
          lambda rng: [rng.uniform(0.7, 5.0, 3), rng.uniform(-3.0, 3.0, (4, 3))],
          np.power, lambda t, a, b: a**b),
    Entry("power by an array", lambda a, b: a**b, powers_of_both, each(lambda a, b: a**b, 2),
          lambda t, a, b: a**b, n_params=1),
]  # fmt: skip


def mp_sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def mp_gelu(x: Any) -> Any:
    return x * mp.erfc(-x / mp.sqrt(2)) / 2


def mp_gelu_tanh(x: Any) -> Any:
    inner = mp.sqrt(2 / mp.pi) * (x + mp.mpf(0.044715) * x**3)
    return x * (1 + mp.tanh(inner)) / 2


def mp_elu(x: Any, high: float, low: float) -> Any:
    return mp.mpf(high) * x if x > 0 else mp.mpf(low) * mp.expm1(x)


SELU = (1.0507009873554805, 1.0507009873554805 * 1.6732632423543772)
BEYOND_ZERO = over(*around(0.0), 9.0, -9.0, 30.0, -30.0)
BELL = over(0.0, *(s * z for z in (1e-9, 0.1, 0.7, 1.0, 5.0, 9.0, 25.0) for s in (1, -1)))
# a turning point lies between -1.3 and -0.7
ACTIVATIONS = [
    smooth("erf", mp.erf, lambda t, x: t.erf(x),
           over(0.0, *(s * z for z in (1e-9, 0.1, 0.7, 1.0, 5.0, 9.0) for s in (1, -1)))),
    smooth("silu", lambda x: x * mp_sigmoid(x), lambda t, x: t.nn.functional.silu(x),
           SATURATING, floor=0.02),
    Entry("silu with beta", lambda a: ops.silu(a, 1.75), SATURATING,
          each(lambda x: x * mp_sigmoid(mp.mpf(1.75) * x)), lambda t, x: x * t.sigmoid(1.75 * x),
          slack=0.0, floor=0.02),
    smooth("gelu", mp_gelu, lambda t, x: t.nn.functional.gelu(x), BELL, floor=0.02),
    Entry("gelu by tanh", lambda a: ops.gelu(a, "tanh"), BELL, each(mp_gelu_tanh),
          lambda t, x: t.nn.functional.gelu(x, approximate="tanh"), slack=0.0, floor=0.02),
    smooth("mish", lambda x: x * mp.tanh(mp.log1p(mp.exp(x))),
           lambda t, x: t.nn.functional.mish(x), SATURATING, floor=0.02),
    smooth("softsign", lambda x: x / (1 + abs(x)), lambda t, x: t.nn.functional.softsign(x),
           BEYOND_ZERO),
    smooth("log_sigmoid", lambda x: -mp.log1p(mp.exp(-x)),
           lambda t, x: t.nn.functional.logsigmoid(x), SATURATING),
    smooth("elu", lambda x: mp_elu(x, 1, 1), lambda t, x: t.nn.functional.elu(x), BEYOND_ZERO),
    Entry("elu with alpha", lambda a: ops.elu(a, 0.25), BEYOND_ZERO,
          each(lambda x: mp_elu(x, 1, 0.25)), lambda t, x: t.nn.functional.elu(x, 0.25), slack=0.0),
    smooth("selu", lambda x: mp_elu(x, *SELU), lambda t, x: t.nn.functional.selu(x), BEYOND_ZERO),
]  # fmt: skip

ENTRIES = [
    *ELEMENTARY,
    *ACTIVATIONS,
    smooth("tanh", mp.tanh, lambda t, x: t.tanh(x), SATURATING),
    smooth("sigmoid", lambda z: 1 / (1 + mp.exp(-z)), lambda t, x: t.sigmoid(x), SATURATING),
    smooth("softplus", lambda z: mp.log1p(mp.exp(z)),
           lambda t, x: t.nn.functional.softplus(x, threshold=50), SATURATING),
    smooth("exp", mp.exp, lambda t, x: t.exp(x), SATURATING),
    smooth("log", mp.log, lambda t, x: t.log(x), POSITIVE, relative=True),
    smooth("sqrt", mp.sqrt, lambda t, x: t.sqrt(x), POSITIVE, relative=True),
    smooth("reciprocal", lambda x: 1 / x, lambda t, x: 1 / x, POSITIVE, relative=True),
    smooth("square", lambda x: x * x, lambda t, x: x * x, SATURATING, floor=0.02),
    smooth("relu", lambda x: max(x, 0), lambda t, x: t.relu(x), over(*around(0.0), 30, -30)),
    Entry("leaky_relu", lambda a: ops.leaky_relu(a, 0.1), over(*around(0.0), 30.0, -30.0),
          each(lambda x: x if x > 0 else x * mp.mpf(0.1)),
          lambda t, x: t.nn.functional.leaky_relu(x, 0.1), slack=0.0),
]  # fmt: skip
