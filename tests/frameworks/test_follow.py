"""Functions of other libraries in NumPy's terms, whatever the library."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.errors import NotRepeatableError, TraceError
from fastcheck.frameworks.follow import follow, widened
from fastcheck.frameworks.frozen import is_frozen
from fastcheck.frameworks.function import Function, require
from fastcheck.frameworks.layers import check_function, named_inputs
from fastcheck.frameworks.losses import check_loss, moved
from fastcheck.frameworks.tape import Ref, Tape


class Quadratic(Function):
    """``sum(w^2) + c``, from a library that has one operation."""

    library = "squares"
    name = "the loss"
    in_double = "ask for it"
    is_double = True

    def __init__(self, dtype: Any = np.float64) -> None:
        self.arrays = {"w": np.array([1.0, -2.0, 3.0], dtype), "c": np.array(0.5, dtype)}
        self.n_calls = 0
        self.recorded = ("w", "c")

    def outputs(self, arrays: Any) -> list[Any]:
        self.n_calls += 1
        return [np.asarray(np.sum(arrays["w"] ** 2) + arrays["c"], arrays["w"].dtype)]

    def gradients(self, arrays: Any, cotangents: Any) -> dict[str, Any]:
        (d,) = cotangents
        return {"w": 2.0 * d * arrays["w"], "c": np.asarray(d)}

    def record(self, arrays: Any = None) -> Tape:
        tape = Tape(self.arrays)
        leaves = [tape.leaf(n) if n in self.recorded else self.arrays[n] for n in ("w", "c")]
        squares = tape.add(np.square, leaves[0])
        total = tape.add(np.sum, squares)
        tape.outputs = [tape.add(np.add, total, leaves[1])]
        return tape


def checked(function: Function, **options: Any) -> fc.CheckResult:
    def gradients() -> Any:
        return function.gradients(function.arrays, [np.ones(())])

    called = lambda arrays: function.outputs(arrays)[0], function.arrays
    return check_loss(function, gradients, called=called, **options)


def test_a_tape_replays_lists_and_parts() -> None:
    tape = Tape(["a", "b"])
    parts = tape.add(np.split, tape.leaf("a"), 2)
    joined = tape.add(np.concatenate, [Ref(parts.index, 1), tape.leaf("b")], axis=0)
    tape.outputs = [joined, 7.0]
    found, constant = tape.replay({"a": np.arange(4.0), "b": np.ones(1)})
    assert found.tolist() == [2.0, 3.0, 1.0]
    assert constant == 7.0


def test_a_recorded_function_is_checked_on_a_graph() -> None:
    function = Quadratic()
    result = checked(function)
    assert result.passed
    assert (
        result.engine_reason
        == "the loss was followed in NumPy and float64, 3 operations of squares"
    )
    assert function.n_calls < 10  # at the point and around it, and never for a probe


@pytest.mark.parametrize("name", ["w", "c"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_array_that_was_not_followed_is_noticed(name: str, dtype: Any) -> None:
    function = Quadratic(dtype)
    function.recorded = tuple(n for n in ("w", "c") if n != name)
    with pytest.raises(TraceError, match="give another value than the loss"):
        follow(function)
    result = checked(function)
    assert result.engine == "black box"
    assert result.verdict != "fail"
    assert "not-traced" in [f.kind for f in result.findings]


def taped(function: Any, constant: Any, **more: Any) -> Tape:
    """Return a tape of one call with a constant."""
    tape = Tape(["w"])
    tape.outputs = [tape.add(function, tape.leaf("w"), constant, **more), 1.0]
    return tape


def left(x: Any, y: Any) -> Any:
    """Return `x`."""
    del y
    return x


@pytest.mark.parametrize(
    ("one", "other", "is_noticed"),
    [
        (taped(np.add, 1.0), taped(np.add, 1.0), False),
        (taped(np.add, np.nan), taped(np.add, np.nan), False),
        (taped(np.add, 1.0), taped(np.add, 1.0 + 2e-16), True),
        (taped(np.add, np.ones(2)), taped(np.add, np.array([1.0, 1.0 + 2e-16])), True),
        (taped(np.add, np.ones(2)), taped(np.add, np.ones(1)), True),
        (taped(np.add, 1e-300), taped(np.add, 2e-300), True),
        (taped(np.add, 1), taped(np.add, 2), True),
        (taped(np.add, np.arange(2)), taped(np.add, np.arange(2)[::-1]), True),
        (taped(np.add, 1.0), taped(np.subtract, 1.0), True),
        (taped(left, [1.0]), taped(left, [2.0]), False),
        (taped(left, [1.0]), taped(left, [1.0, 2.0]), True),
        (taped(left, [1.0]), taped(left, (1.0,)), True),
        (taped(np.add, 1.0), taped(np.add, 1.0, where=True), True),
        (taped(np.take, 0.5), taped(np.take, 1.5), True),  # what NaN is refused by
    ],
)
def test_constants_that_differ_elsewhere_are_noticed(
    one: Tape, other: Tape, is_noticed: bool
) -> None:
    assert is_frozen(one, other, {"w": np.array([1.0, 2.0])}) is is_noticed


def test_a_function_that_raises_nearby_is_called() -> None:
    function = Quadratic()
    right = function.outputs

    def outputs(arrays: Any) -> list[Any]:
        if arrays["w"][0] != 1.0:
            raise ValueError("not here")
        return right(arrays)

    function.outputs = outputs  # type: ignore[method-assign]
    with pytest.raises(TraceError, match="the loss raises at a point nearby: not here"):
        follow(function)


def test_a_function_that_varies_is_not_followed() -> None:
    function = Quadratic()
    function.outputs = lambda arrays: [np.random.default_rng().normal(size=())]  # type: ignore[method-assign]
    with pytest.raises(NotRepeatableError, match="two calls of the loss at the same point differ"):
        follow(function)


def test_a_gradient_that_varies_is_told() -> None:
    function = Quadratic()
    rng = np.random.default_rng(0)
    function.gradients = lambda *_: {"w": rng.normal(size=3), "c": np.ones(())}  # type: ignore[method-assign]
    result = checked(function)
    assert result.verdict == "inconclusive"
    assert "gradient-not-repeatable" in [f.kind for f in result.findings]


def test_a_loss_that_is_called_takes_seconds_unless_more_are_granted() -> None:
    class Slow(Quadratic):
        def record(self, arrays: Any = None) -> Tape:
            raise TraceError("nothing is known")

    result = checked(Slow())
    assert "within the budget of 10 s" in result.plan_reason
    assert "within the budget of 77 s" in checked(Slow(), budget=77.0).plan_reason
    with pytest.raises(TraceError, match="nothing is known"):
        checked(Slow(), engine="trace")


def test_a_layer_is_followed_too() -> None:
    function = Quadratic()
    assert check_function(function).passed
    function.gradients = lambda arrays, d: {"w": d[0] * arrays["w"], "c": d[0]}  # type: ignore[method-assign]
    result = check_function(function)
    assert (result.diagnosis[0].kind, result.diagnosis[0].constant) == ("factor", 0.5)


def test_jitter_moves_arrays_and_needs_a_function() -> None:
    arrays = {"w": np.zeros(4)}
    assert moved(arrays, None, None, 0) is arrays
    found = moved(arrays, None, 0.1, 0)
    assert found["w"].all()
    assert not arrays["w"].any()
    with pytest.raises(fc.InputError, match=r"`grads` must be a function .*got dict; pass"):
        moved(arrays, {"w": np.ones(4)}, 0.1, 0)


def test_inputs_are_named_after_arguments() -> None:
    assert named_inputs(lambda x, w: x, (1, 2)) == ({"x": 1, "w": 2}, False)
    assert named_inputs(np.exp, 1) == ({"x": 1}, False)
    assert named_inputs(lambda *xs: xs, (1, 2)) == ({"x0": 1, "x1": 2}, False)
    assert named_inputs(lambda x: x, {"x": 1}) == ({"x": 1}, True)


def test_arrays_are_widened_exactly() -> None:
    (found,) = widened({"w": np.array([0.1], np.float32)}).values()
    assert found.dtype == np.float64
    assert found[0] == np.float32(0.1)


def test_a_missing_library_is_named_with_what_installs_it() -> None:
    require("numpy")
    with pytest.raises(ModuleNotFoundError, match=r"needs no_torch, .* 'fastcheck\[no_torch\]'"):
        require("no_torch")
