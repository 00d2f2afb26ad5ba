"""What a loss that takes the parameters is given: copies, of the kinds and in the containers."""

from __future__ import annotations

import array
import ctypes
import math
from collections import OrderedDict
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.holding import Held
from fastcheck.holding.attributes import Attributes
from tests.holding.shapes import CASES, Keras, Pair, Wrapped, drawn, flat


def alike(one: Any, other: Any) -> bool:
    """Return whether two structures have the same kinds and values, but nothing in common."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, Wrapped | SimpleNamespace):
        return one is not other and alike(vars(one), vars(other))
    if isinstance(one, np.ndarray) and one.dtype == object:
        return one is not other and all(map(alike, one.flat, other.flat))
    if isinstance(one, np.ndarray):
        same = one.dtype == other.dtype and np.array_equal(one, other)
        return same and not np.shares_memory(one, other)
    if isinstance(one, array.array | ctypes.Array | memoryview):
        return one is not other and flat(np.array(one)) == flat(np.array(other))
    return one == other


ragged = np.empty(2, object)
ragged[:] = [drawn(2), drawn(3)]

STRUCTURES = [
    {"W": drawn(2, 3), "b": drawn(3)},
    OrderedDict(W=drawn(2), b=None, name="x"),
    [drawn(2), (drawn(3), drawn(1))],
    Pair(drawn(2), [drawn(2), {"x": drawn(1)}]),
    drawn(2, 2),
    ragged,
    {"a": 0.5, "d": np.float32(0.1), "e": Decimal("0.1"), "f": Fraction(1, 3), "g": -0.0},
    {"list": [0.25, 1.5], "nest": [[1, 0.5], [0.125, -1.0]], "pair": (0.5, 0.25)},
    np.array([[Decimal("0.1"), Decimal("0.2")]], object),
    {"c": (ctypes.c_double * 3)(0.1, 0.2, 0.3), "a": array.array("f", [1.0, -1.0])},
    {"c": ((ctypes.c_double * 2) * 2)((1, 2), (3, 4)), "m": memoryview(drawn(2, 2))},
    {"w": Wrapped(drawn(2)), "s": Wrapped(0.5)},
    [drawn(3).astype(">f8"), drawn(2, 3).astype(np.float32), np.array(0.5)],
    0.5,
]


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda s: type(s).__name__)
def test_kinds_and_containers_are_the_users(structure: Any) -> None:
    held = Held(structure, is_live=False)
    assert alike(held.argument(held.arrays), structure)
    held.publish()
    held.restore()
    assert held.replaced() == []


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda s: type(s).__name__)
def test_other_values_take_the_places_of_the_users(structure: Any) -> None:
    held = Held(structure, is_live=False)
    for name, values in held.arrays.items():
        other = {k: 2 * a if k == name else a.copy() for k, a in held.arrays.items()}
        found = Held(held.argument(other), is_live=False).arrays
        assert all(np.array_equal(found[k], other[k]) for k in other)
        values[...] = other[name]
    again = Held(held.argument(held.arrays), is_live=False).arrays
    assert all(np.array_equal(again[name], a) for name, a in held.arrays.items())


def test_an_object_with_attributes_is_copied_along_their_paths() -> None:
    net = SimpleNamespace(
        layers=[SimpleNamespace(W=drawn(2), n=3), SimpleNamespace(W=drawn(3))], p={"b": 0.5}, x="x"
    )
    held = Held(fc.attributes(net, "layers.0.W", "layers[1].W", "p.b"), is_live=False)
    made = held.argument(held.arrays)
    assert (type(made), made.x, made.layers[0].n) == (SimpleNamespace, "x", 3)
    assert made.layers[0].W is held.arrays["layers.0.W"]
    assert made.layers[1].W is held.arrays["layers[1].W"]
    assert type(made.p["b"]) is float
    apart = [(made, net), (made.layers, net.layers), (made.p, net.p)]
    apart += zip(made.layers, net.layers, strict=True)
    assert not any(one is other for one, other in apart)


def test_a_pair_of_functions_gives_its_structure() -> None:
    model = Keras([drawn(2), drawn(3)])
    held = Held(fc.accessors(model.get_weights, model.set_weights), is_live=False)
    assert alike(held.argument(held.arrays), model.get_weights())


def numbers_in(value: Any) -> list[float]:
    """Return all numbers in whatever a loss may be given."""
    if isinstance(value, dict):
        return [v for part in value.values() for v in numbers_in(part)]
    if isinstance(value, Wrapped):
        return numbers_in(value.data)
    if isinstance(value, SimpleNamespace):
        return [v for name, part in vars(value).items() if name in "Wps" for v in numbers_in(part)]
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.dtype == object):
        return [v for part in value for v in numbers_in(part)]
    return [] if value is None or callable(value) or isinstance(value, str | bool) else flat(value)


@pytest.mark.parametrize("engine", ["auto", "black box"])
@pytest.mark.parametrize("make", [m for m in CASES if not isinstance(m().params, Attributes)])
def test_each_shape_is_checked(make: Any, engine: str) -> None:
    case = make()
    before = case.values()
    shapes = {name: a.shape for name, a in Held(case.params, is_live=False).arrays.items()}
    right = {n: np.cos(v).reshape(shapes[n]) for n, v in before.items()}

    def loss(given: Any) -> float:
        return sum(map(math.sin, numbers_in(given)))

    assert fc.check_gradients(loss, case.params, right, engine=engine).passed
    assert case.values() == before


def test_a_python_number_is_one_in_the_loss() -> None:
    seen = set()

    def loss(p: Any) -> float:
        seen.add((type(p["s"]), type(p["v"]), type(p["v"][0])))
        return math.exp(p["s"]) * p["v"][0] + p["v"][1]

    params = {"s": 0.5, "v": [0.25, 1.5]}
    grads = {"s": 0.25 * math.exp(0.5), "v": [math.exp(0.5), 1.0]}
    assert fc.check_gradients(loss, params, grads).passed
    assert fc.check_gradients(loss, params, grads, engine="black box").passed
    assert (float, list, float) in seen
    assert params == {"s": 0.5, "v": [0.25, 1.5]}


def test_numbers_in_numpy_code_are_traced() -> None:
    x = drawn(5)
    grads = {"a": x.sum(), "b": [5.0, 1.0]}
    result = fc.check_gradients(
        lambda p: np.sum(p["a"] * x + p["b"][0]) + p["b"][1], {"a": 0.5, "b": [0.25, 1.0]}, grads
    )
    assert (result.verdict, result.engine) == ("pass", "trace")


def test_an_object_is_given_as_one() -> None:
    layer = SimpleNamespace(W=drawn(3), scale=2.0)
    result = fc.check_gradients(
        lambda obj: obj.scale * float(obj.W @ obj.W),
        fc.attributes(layer, "W"),
        {"W": 4.0 * layer.W},
    )
    assert result.passed


@pytest.mark.parametrize("value", [{1.0}, object(), SimpleNamespace()])
def test_what_is_no_array_is_refused(value: Any) -> None:
    kind = type(value).__name__
    with pytest.raises(fc.InputError, match=rf"`params\['x'\]` must be an array, got {kind}; name"):
        fc.check_gradients(lambda p: 0.0, {"x": value}, {})
