"""One case for each shape in which parameters can be held, all with the same loss.

The loss is ``sum(sin(v))`` over all entries ``v`` of all parameters, its gradient ``cos(v)``.
"""

from __future__ import annotations

import array
import ctypes
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

import fastcheck as fc


class Pair(NamedTuple):
    """A weight and a bias."""

    w: Any
    b: Any


@dataclass
class Case:
    """Parameters in some shape.

    `values` returns what the user's code holds at present, as flat lists by name; `objects` the
    very objects in all places that could hold another one.
    """

    params: Any
    values: Callable[[], dict[str, list[float]]]
    objects: Callable[[], list[Any]]

    def loss(self) -> float:
        """Return the loss at what is held."""
        return sum(math.sin(v) for part in self.values().values() for v in part)


class Wrapped:
    """Keeps an array or a number as `data`."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.grad: Any = None


class Keras:
    """Gives and takes copies."""

    def __init__(self, weights: list[np.ndarray]) -> None:
        self._weights = weights

    def get_weights(self) -> list[np.ndarray]:
        """Return copies."""
        return [w.copy() for w in self._weights]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Copy what is given."""
        assert type(weights) is list
        for mine, new in zip(self._weights, weights, strict=True):
            mine[...] = new


class Viewed:
    """Makes a new view at each access."""

    def __init__(self) -> None:
        self.theta = drawn(6)

    @property
    def weight(self) -> np.ndarray:
        """A view."""
        return self.theta.reshape(2, 3)


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1.5, 1.5, shape)


def flat(value: Any) -> list[float]:
    """Return the numbers in a value, by Python alone."""
    if isinstance(value, list | tuple | array.array | ctypes.Array):
        return [v for part in value for v in flat(part)]
    return [float(v) for v in np.ravel(value)]


def of(params: Any, **places: Callable[[], Any]) -> Case:
    return Case(
        params,
        lambda: {name: flat(get()) for name, get in places.items()},
        lambda: [get() for get in places.values()],
    )


def entries(holder: Any, **keys: str) -> dict[str, Callable[[], Any]]:
    return {name: (lambda key=key: holder[key]) for name, key in keys.items()}


def a_dict() -> Case:
    p = {"W": drawn(2, 3), "b": drawn(3, seed=1)}
    return of(p, **entries(p, W="W", b="b"))


def a_list() -> Case:
    p = [drawn(2, 3), drawn(3, seed=1)]
    return of(p, **{"0": lambda: p[0], "1": lambda: p[1]})


def a_tuple() -> Case:
    p = (drawn(2, 3), drawn(3, seed=1))
    return of(p, **{"0": lambda: p[0], "1": lambda: p[1]})


def a_namedtuple() -> Case:
    p = Pair(drawn(2, 3), drawn(3, seed=1))
    return of(p, w=lambda: p.w, b=lambda: p.b)


def a_nest() -> Case:
    p = {
        "enc": [{"W": drawn(2, 2)}, (drawn(2, seed=1), drawn(1, seed=2))],
        3: OrderedDict(v=drawn(2)),
    }
    return of(
        p,
        **{
            "enc.0.W": lambda: p["enc"][0]["W"],
            "enc.1.0": lambda: p["enc"][1][0],
            "enc.1.1": lambda: p["enc"][1][1],
            "3.v": lambda: p[3]["v"],
        },
    )


def a_nest_with_other_things() -> Case:
    p = {"W": drawn(3), "b": None, "name": "conv", "act": np.tanh, "train": True, "f": flat}
    return of(p, W=lambda: p["W"])


def a_single_array() -> Case:
    theta = drawn(2, 2, 2)
    return of(theta, theta=lambda: theta)


def an_array_of_arrays() -> Case:
    p = np.empty(2, object)
    p[:] = [drawn(2, 2), drawn(3, seed=1)]
    return of(p, **{"0": lambda: p[0], "1": lambda: p[1]})


def some_attributes() -> Case:
    layer = SimpleNamespace(W=drawn(2, 3), b=0.25, other=drawn(2))
    return of(fc.attributes(layer, "W", "b"), W=lambda: layer.W, b=lambda: layer.b)


def attributes_by_path() -> Case:
    net = SimpleNamespace(layers=[SimpleNamespace(p={"W": drawn(2, 3)}), SimpleNamespace(s=0.5)])
    return of(
        fc.attributes(net, "layers[0].p.W", "layers.1.s"),
        **{"layers[0].p.W": lambda: net.layers[0].p["W"], "layers.1.s": lambda: net.layers[1].s},
    )


def attributes_in_a_dict() -> Case:
    one, two = SimpleNamespace(W=drawn(2, 2)), SimpleNamespace(W=drawn(3), ps=[drawn(2), 0.5])
    p = {"first": fc.attributes(one, "W"), "second": fc.attributes(two, "W", "ps")}
    return of(
        p,
        **{
            "first.W": lambda: one.W,
            "second.W": lambda: two.W,
            "second.ps.0": lambda: two.ps[0],
            "second.ps.1": lambda: two.ps[1],
        },
    )


def a_property_that_views() -> Case:
    net = Viewed()
    return Case(
        fc.attributes(net, "weight"), lambda: {"weight": flat(net.theta)}, lambda: [net.theta]
    )


def objects_with_data() -> Case:
    p = {"W": Wrapped(drawn(2, 2)), "s": Wrapped(0.5), "t": Wrapped(np.float32(0.25))}
    return of(p, **{n: (lambda o=o: o.data) for n, o in p.items()})


def a_pair_of_functions() -> Case:
    model = Keras([drawn(2, 3), drawn(3, seed=1)])
    return of(
        fc.accessors(model.get_weights, model.set_weights),
        **{"0": lambda: model._weights[0], "1": lambda: model._weights[1]},
    )


def pairs_in_a_dict() -> Case:
    model, state = Keras([drawn(2)]), {"x": 0.5}
    p = {
        "net": fc.accessors(model.get_weights, model.set_weights),
        "x": fc.accessors(lambda: state["x"], lambda v: state.update(x=v)),
        "w": drawn(2, seed=1),
    }
    return of(
        p, **{"net.0": lambda: model._weights[0], "x": lambda: state["x"], "w": lambda: p["w"]}
    )


def numbers() -> Case:
    p = {"a": 0.5, "b": -0.0, "c": np.float64(1.25), "d": np.float32(0.1), "e": Decimal("0.1")}
    p |= {"f": Fraction(1, 3), "g": [0.25, 1.5], "h": [[1, 0.5], [0.125, -1.0]]}
    return of(p, **{name: (lambda name=name: p[name]) for name in p})


def numbers_in_an_array_of_objects() -> Case:
    p = np.array([[Decimal("0.1"), Decimal("0.2")]], object)
    return of(p, theta=lambda: p)


def buffers() -> Case:
    p = {
        "c": (ctypes.c_double * 3)(0.1, 0.2, 0.3),
        "m": ((ctypes.c_float * 2) * 2)((0.1, 0.2), (0.3, 0.4)),
        "a": array.array("d", [1.0, -1.0]),
        "v": memoryview(drawn(2, 2)),
        "n": np.frombuffer(bytearray(drawn(3).tobytes())),
    }
    return of(p, **{n: (lambda v=v: np.array(v)) for n, v in p.items()})


def layouts() -> Case:
    p = {
        "fortran": np.asfortranarray(drawn(2, 3)),
        "strided": drawn(5, 7)[1:4:2, ::-3],
        "big": drawn(3).astype(">f8"),
        "single": drawn(2, 2).astype(np.float32),
        "scalar": np.array(0.5),
        "empty": np.zeros((0, 2)),
    }
    return of(p, **{n: (lambda v=v: v) for n, v in p.items()})


CASES: list[Callable[[], Case]] = [
    a_dict, a_list, a_tuple, a_namedtuple, a_nest, a_nest_with_other_things, a_single_array,
    an_array_of_arrays, some_attributes, attributes_by_path, attributes_in_a_dict,
    a_property_that_views, objects_with_data, a_pair_of_functions, pairs_in_a_dict, numbers,
    numbers_in_an_array_of_objects, buffers, layouts,
]  # fmt: skip
