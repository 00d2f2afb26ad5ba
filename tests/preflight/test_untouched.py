"""Whatever is found, everything that the functions reach is afterwards as it was."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.preflight.common import ENGINES, FORMS, Arrays, Net, kinds


class Flawed(Net):
    """A network with a flaw, and with states that the flaw changes."""

    def __init__(self) -> None:
        super().__init__()
        self.h = np.zeros(3)
        self.steps = 0
        self.log: list[int] = []
        self.total: Arrays = {name: np.zeros_like(p) for name, p in self.params.items()}
        self.rng = np.random.default_rng(4)

    def drawing_from_numpy(self, p: Arrays) -> Any:
        return self.loss(p) * np.random.random()  # noqa: NPY002

    def drawing_from_python(self, p: Arrays) -> Any:
        return self.loss(p) * random.random()

    def drawing_from_its_own(self, p: Arrays) -> Any:
        return self.loss(p) * self.rng.random()

    def carrying(self, p: Arrays) -> Any:
        self.h = np.tanh(self.h + p["b1"])
        self.steps += 1
        self.log.append(self.steps)
        return self.loss(p) + np.sum(self.h)

    def changing_data(self, p: Arrays) -> Any:
        self.x *= 1.1
        return self.loss(p)

    def changing_parameters(self, p: Arrays) -> Any:
        p["W1"] *= 1.1
        return self.loss(p)

    def infinite(self, p: Arrays) -> Any:
        self.h += 1.0
        return self.loss(p) + np.inf

    def accumulating(self, p: Arrays) -> Arrays:
        for name, part in self.gradient(p).items():
            self.total[name] += part
        return self.total

    def stepping(self, p: Arrays) -> Arrays:
        found = self.gradient(p)
        for name, part in found.items():
            p[name] -= 0.1 * part
        return found

    def spoiling(self, p: Arrays) -> Arrays:
        found = self.gradient(p)
        self.t *= 0.0
        return found


def bits(net: Flawed) -> list[Any]:
    arrays = [*net.params.values(), *net.total.values(), net.x, net.t, net.h]
    return [
        [(a.tobytes(), id(a)) for a in arrays],
        net.steps,
        list(net.log),
        str(net.rng.bit_generator.state),
        str(np.random.get_state()),  # noqa: NPY002
        random.getstate(),
    ]


FLAWS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "loss-not-repeatable: numpy": (Flawed.drawing_from_numpy, Flawed.gradient),
    "loss-not-repeatable: python": (Flawed.drawing_from_python, Flawed.gradient),
    "loss-not-repeatable: own": (Flawed.drawing_from_its_own, Flawed.gradient),
    "loss-not-repeatable: state": (Flawed.carrying, Flawed.gradient),
    "data-mutated: loss": (Flawed.changing_data, Flawed.gradient),
    "params-mutated: loss": (Flawed.changing_parameters, Flawed.gradient),
    "loss-not-finite": (Flawed.infinite, Flawed.gradient),
    "gradient-accumulates": (Flawed.loss, Flawed.accumulating),
    "params-mutated: gradient": (Flawed.loss, Flawed.stepping),
    "data-mutated: gradient": (Flawed.loss, Flawed.spoiling),
}


@ENGINES
@FORMS
@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_leaves_nothing_changed(engine: str, is_closure: bool, flaw: str) -> None:
    loss, gradient = FLAWS[flaw]
    net = Flawed()
    before = bits(net)
    result = net.check(
        lambda p: loss(net, p), lambda p: gradient(net, p), is_closure=is_closure, engine=engine
    )
    assert kinds(result) == [flaw.partition(":")[0]]
    assert result.verdict == "inconclusive"
    assert bits(net) == before


@ENGINES
@pytest.mark.parametrize("which", ["loss", "gradient"])
def test_an_exception_in_the_users_code_leaves_arrays_unchanged(engine: str, which: str) -> None:
    net = Flawed()
    before = bits(net)

    def raising(p: Arrays) -> Any:
        net.x *= 2.0
        p["W1"] += 1.0
        raise ZeroDivisionError("of the user")

    loss, gradient = (raising, net.gradient) if which == "loss" else (net.loss, raising)
    with pytest.raises(ZeroDivisionError, match="of the user"):
        net.check(loss, gradient, is_closure=True, engine=engine)
    assert bits(net) == before


@ENGINES
def test_a_moved_point_is_moved_back(engine: str) -> None:
    net = Flawed()
    before = bits(net)
    assert net.check(is_closure=True, engine=engine, jitter=1e-2).passed
    assert bits(net) == before


def test_a_numerical_gradient_of_a_flawed_loss_is_refused() -> None:
    net = Flawed()
    before = bits(net)
    with pytest.raises(fc.InputError, match=r"it carries Flawed\.h from call to call"):
        fc.numerical_gradient(net.carrying, net.params)
    assert bits(net) == before
