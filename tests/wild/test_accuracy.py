"""Numerical gradients of traced networks against differences in extended precision.

The recorded calls are made again with 64-bit mantissas, at eight points around an entry. No
operation, rule or vjp of the graph is used.
"""

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.traced import trace_closure
from fastcheck.tracing.recording import resolved
from tests.wild.cases import CASES, name_of
from tests.wild.test_traced import by_name

EXTENDED = np.longdouble
STEP = EXTENDED(2.0) ** -11
STENCILS = {
    6: [EXTENDED(3) / 4, -EXTENDED(3) / 20, EXTENDED(1) / 60],
    8: [EXTENDED(4) / 5, -EXTENDED(1) / 5, EXTENDED(4) / 105, -EXTENDED(1) / 280],
}
"""Weights of central differences by order."""
EPSILON = np.finfo(EXTENDED).eps
N_ENTRIES = 12

pytestmark = pytest.mark.skipif(
    np.finfo(EXTENDED).eps > 1e-18, reason="there is no extended precision on this machine"
)
DOUBLE_ONLY = {"layernorm_mlp"}
"""Calls a function that knows no other precision."""


def extended(argument):
    """Return an argument with all its numbers in extended precision."""
    if isinstance(argument, np.ndarray) and argument.dtype == np.float64:
        return argument.astype(EXTENDED)
    if isinstance(argument, float):
        return EXTENDED(argument)
    if isinstance(argument, tuple | list):
        return type(argument)(extended(a) for a in argument)
    return argument


class Replay:
    """The recorded loss in extended precision."""

    def __init__(self, recording):
        self.recording = recording
        self.calls = [
            (call, extended(call.args), {k: extended(a) for k, a in call.kwargs.items()})
            for call in recording.calls
        ]

    def __call__(self, params):
        """Return the loss at some parameters."""
        values = []
        with np.errstate(all="ignore"):
            for call, args, kwargs in self.calls:
                values.append(self.value(call, args, kwargs, params, values))
        return values[self.recording.output]

    @staticmethod
    def value(call, args, kwargs, params, values):
        """Return the value of one call."""
        if call.function is None:
            return params.get(call.name, extended(call.constant)) if call.name else extended(
                call.constant
            )  # fmt: skip
        if call.function.__name__ == "number":
            return values[call.args[0].index].reshape(())
        if call.function.__name__ == "strided":
            args = (args[0], args[1], tuple(2 * s for s in args[2]), *(2 * s for s in args[3:]))
        if call.function.__name__ == "as_strided":
            args, kwargs = wider(args, kwargs)
        return call.function(
            *(resolved(a, values) for a in args),
            **{k: resolved(a, values) for k, a in kwargs.items()},
        )


def wider(args, kwargs):
    """Return the arguments of as_strided for entries of twice the size."""
    args, kwargs = list(args), dict(kwargs)
    if len(args) > 2:
        args[2] = tuple(2 * s for s in args[2])
    elif "strides" in kwargs:
        kwargs["strides"] = tuple(2 * s for s in kwargs["strides"])
    return args, kwargs


def slopes(loss, params, name, place):
    """Return differences of sixth and of eighth order; they differ if a kink is near."""
    value = params[name]
    step = STEP * max(abs(value[place]), EXTENDED(0.1))
    apart = []
    for k in range(1, 5):
        ends = []
        for sign in (1, -1):
            moved = value.copy()
            moved[place] += sign * k * step
            ends.append(loss({**params, name: moved}))
        apart.append(ends[0] - ends[1])
    return [
        sum(w * d for w, d in zip(weights, apart, strict=False)) / step
        for weights in STENCILS.values()
    ]


@pytest.mark.parametrize("make", [m for m in CASES if name_of(m) not in DOUBLE_ONLY], ids=name_of)
def test_entries_are_right_to_twelve_digits(make):
    case = make(0)
    objective = trace_closure(case.loss, by_name(case.params))
    params = {name: np.array(value) for name, value in by_name(case.params).items()}
    numerical = fc.numerical_gradient(objective, params, plan="exhaustive")
    loss = Replay(objective.recording)
    point = {name: value.astype(EXTENDED) for name, value in params.items()}
    value = loss(point)
    assert float(value) == pytest.approx(objective.loss(params), rel=1e-12)
    rng = np.random.default_rng(0)
    names, n_compared = sorted(params), 0
    for k in range(N_ENTRIES):
        name = names[k % len(names)]
        place = tuple(int(rng.integers(n)) for n in params[name].shape)
        less, truth = slopes(loss, point, name, place)
        allowed = 1e-12 * max(np.abs(numerical.values[name]).max(), 1e-3)
        if abs(less - truth) > allowed / 4:
            continue
        allowed += 4.0 * float(EPSILON * abs(value) / (STEP * EXTENDED(0.1)))  # of the truth
        n_compared += 1
        assert abs(float(numerical.values[name][place] - truth)) <= allowed, (name, place)
    assert n_compared >= N_ENTRIES // 2
