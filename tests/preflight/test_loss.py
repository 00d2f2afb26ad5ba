"""A loss that is none, or not the same twice, or that writes, is named before any gradient."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.preflight.common import ENGINES, FORMS, Arrays, Net, kinds, normal, only_finding

# ---------------------------------------------------------------- what it returns


@ENGINES
@FORMS
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_not_finite_leaves_nothing_to_compare(
    engine: str, is_closure: bool, value: float
) -> None:
    net = Net()
    result = net.check(lambda p: net.loss(p) * value, is_closure=is_closure, engine=engine)
    told = only_finding(result, "loss-not-finite", "error")
    assert told.startswith(f"the loss is {value} at this point")


@ENGINES
@FORMS
@pytest.mark.parametrize(
    ("returned", "told", "remedy"),
    [
        (lambda v: v * np.ones(5), "got an array of shape (5,) of float64", "sum or mean"),
        (lambda v: [v, v], "got list of length 2", "sum or mean"),
        (lambda v: None, "got None", "end with return loss"),
        (lambda v: v + 1j, "(1+", "real part"),
        (lambda v: "a", "got 'a' of type str", "end with return loss"),
        (lambda v: np.array([None]), "got an array of shape (1,) of object", "return loss"),
    ],
)
def test_a_loss_that_is_no_number_is_named(
    engine: str, is_closure: bool, returned: Callable[[Any], Any], told: str, remedy: str
) -> None:
    net = Net()
    result = net.check(lambda p: returned(net.loss(p)), is_closure=is_closure, engine=engine)
    found = only_finding(result, "loss-not-scalar", "error")
    assert found.startswith("`loss` must return one real number, got ")
    assert told in found or "complex" in found
    assert remedy in found


@ENGINES
@pytest.mark.parametrize(
    "returned",
    [
        float,
        lambda v: np.array([[v]]),
        np.float64,
        lambda v: np.array(v),
        lambda v: [v],
        lambda v: Decimal(float(v)),
        lambda v: Fraction(float(v)),
        lambda v: np.array([Decimal(float(v))], object),
    ],
)
def test_a_number_in_any_wrapping_is_a_loss(engine: str, returned: Callable[[Any], Any]) -> None:
    net = Net()
    result = net.check(lambda p: returned(net.loss(p)), engine=engine)
    assert kinds(result) == []
    assert result.passed


# ---------------------------------------------------------------- random numbers


class Dropout:
    """Half of the hidden units are dropped, by masks from any source."""

    def __init__(self, net: Net, draw: Callable[[tuple[int, ...]], Any]) -> None:
        self.net = net
        self.draw = draw

    def loss(self, p: Arrays) -> Any:
        a, _ = self.net.forward(p)
        a = a * np.asarray(self.draw(a.shape)) / 0.5
        return 0.5 * np.sum((a @ p["W2"] + p["b2"] - self.net.t) ** 2) / len(self.net.x)


def numpy_mask(shape: tuple[int, ...]) -> Any:
    return np.random.random(shape) < 0.5  # noqa: NPY002


def python_mask(shape: tuple[int, ...]) -> Any:
    return [[random.random() < 0.5 for _ in range(shape[1])] for _ in range(shape[0])]


class Generating:
    def __init__(self) -> None:
        self.rng = np.random.default_rng(3)

    def __call__(self, shape: tuple[int, ...]) -> Any:
        return self.rng.random(shape) < 0.5


def generator_mask() -> Callable[[tuple[int, ...]], Any]:
    rng = np.random.default_rng(3)
    return lambda shape: rng.random(shape) < 0.5


def old_generator_mask() -> Callable[[tuple[int, ...]], Any]:
    rng = np.random.RandomState(3)
    return lambda shape: rng.uniform(size=shape) < 0.5


def unseeded_mask(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng().random(shape) < 0.5


SOURCES = {
    "numpy": (lambda: numpy_mask, "it draws from np.random, ", "np.random.seed"),
    "python": (lambda: python_mask, "it draws from Python's random, ", "random.seed"),
    "generator": (generator_mask, "it draws from rng, a generator of its own, ", "anew"),
    "attribute": (Generating, "it draws from Generating.rng, a generator of its own, ", "anew"),
    "old": (old_generator_mask, "it draws from rng, a generator of its own, ", "anew"),
    "unseeded": (lambda: unseeded_mask, "a generator of its own that could not be found", "reset"),
}


@ENGINES
@FORMS
@pytest.mark.parametrize("source", SOURCES)
def test_dropout_is_named_by_where_it_draws_from(
    engine: str, is_closure: bool, source: str
) -> None:
    make, told, remedy = SOURCES[source]
    net = Net()
    result = net.check(Dropout(net, make()).loss, is_closure=is_closure, engine=engine)
    found = only_finding(result, "loss-not-repeatable", "error")
    assert told in found
    assert remedy in found
    if source != "unseeded":
        assert "most likely for dropout (`Dropout`)" in found


@ENGINES
@FORMS
@pytest.mark.parametrize("source", ["numpy", "python", "attribute"])
def test_before_each_makes_a_drawing_loss_one_that_can_be_checked(
    engine: str, is_closure: bool, source: str
) -> None:
    net = Net()
    draw: Any = SOURCES[source][0]()
    dropout = Dropout(net, draw)

    def seed() -> None:
        np.random.seed(1)  # noqa: NPY002
        random.seed(1)
        draw.rng = np.random.default_rng(1)

    def gradient(p: Arrays) -> Arrays:  # seeded before, too
        mask = np.asarray(draw((6, 3))) / 0.5
        a, _ = net.forward(p)
        dy = ((a * mask) @ p["W2"] + p["b2"] - net.t) / 6
        dz = dy @ p["W2"].T * mask * (1 - a**2)
        return {"W1": net.x.T @ dz, "b1": dz.sum(0), "W2": (a * mask).T @ dy, "b2": dy.sum(0)}

    result = net.check(
        dropout.loss, gradient, is_closure=is_closure, engine=engine, before_each=seed
    )
    assert kinds(result) == []
    assert result.passed


@ENGINES
@pytest.mark.parametrize("seed", range(8))
def test_a_coarse_random_loss_does_not_agree_with_itself_by_chance(engine: str, seed: int) -> None:
    """One coin: two draws would agree half of the time."""
    net = Net()
    rng = np.random.default_rng(seed)
    result = net.check(lambda p: net.loss(p) * (1.0 + (rng.random() < 0.5)), engine=engine)
    assert "draws from rng" in only_finding(result, "loss-not-repeatable", "error")


@ENGINES
def test_shuffled_sampling_of_a_minibatch_is_named(engine: str) -> None:
    net = Net()

    def loss(p: Arrays) -> Any:
        rows = np.random.permutation(6)[:3]  # noqa: NPY002
        _, y = net.forward(p)
        return np.sum((y - net.t)[rows] ** 2)

    found = only_finding(net.check(loss, engine=engine), "loss-not-repeatable", "error")
    assert "it draws from np.random; call np.random.seed in it" in found


# ---------------------------------------------------------------- what is carried


class Recurrent:
    """A recurrent network whose state goes on from call to call."""

    def __init__(self, in_place: bool) -> None:
        self.h = np.zeros(3)
        self.x = normal(4, 2)
        self.in_place = in_place

    def loss(self, p: Arrays) -> Any:
        for x in self.x:
            h = np.tanh(x @ p["Wx"] + self.h @ p["Wh"])
            if self.in_place:
                self.h[...] = h
            else:
                self.h = h
        return np.sum(self.h**2)


@ENGINES
@FORMS
@pytest.mark.parametrize("in_place", [True, False])
def test_a_recurrent_state_that_is_carried_is_named(
    engine: str, is_closure: bool, in_place: bool
) -> None:
    net, params = Recurrent(in_place), {"Wx": normal(2, 3), "Wh": normal(3, 3)}
    loss = (lambda: net.loss(params)) if is_closure else net.loss
    grads = {n: np.ones_like(p) for n, p in params.items()}
    result = fc.check_gradients(loss, params, grads, engine=engine)
    found = only_finding(result, "loss-not-repeatable", "error")
    assert "it carries Recurrent.h from call to call" in found
    assert "before_each=" in found
    assert not net.h.any()


def recurrent_gradient(net: Recurrent, p: Arrays) -> Arrays:
    """Return the gradient of a recurrent network that begins with nothing."""
    states = [np.zeros(3)]
    for x in net.x:
        states.append(np.tanh(x @ p["Wx"] + states[-1] @ p["Wh"]))
    dh = 2.0 * states[-1]
    grads = {n: np.zeros_like(v) for n, v in p.items()}
    for k in reversed(range(4)):
        dz = dh * (1 - states[k + 1] ** 2)
        grads["Wx"] += np.outer(net.x[k], dz)
        grads["Wh"] += np.outer(states[k], dz)
        dh = p["Wh"] @ dz
    return grads


@ENGINES
@FORMS
@pytest.mark.parametrize("in_place", [True, False])
def test_a_recurrent_state_that_before_each_resets_is_right(
    engine: str, is_closure: bool, in_place: bool
) -> None:
    net, params = Recurrent(in_place), {"Wx": normal(2, 3), "Wh": normal(3, 3)}

    def reset() -> None:
        net.h = np.zeros(3)

    loss = (lambda: net.loss(params)) if is_closure else net.loss
    result = fc.check_gradients(
        loss, params, recurrent_gradient(net, params), engine=engine, before_each=reset
    )
    assert kinds(result) == []
    assert result.passed


@ENGINES
@FORMS
def test_an_annealed_coefficient_is_named(engine: str, is_closure: bool) -> None:
    net = Net()
    state = {"steps": 0}

    def loss(p: Arrays) -> Any:
        state["steps"] += 1
        return net.loss(p) * (1.0 + 0.1 * state["steps"])

    result = net.check(loss, is_closure=is_closure, engine=engine)
    found = only_finding(result, "loss-not-repeatable", "error")
    assert "it carries state['steps'] from call to call" in found
    assert state == {"steps": 0}


# ---------------------------------------------------------------- what it writes into


@ENGINES
@FORMS
def test_a_loss_that_changes_parameters_is_named(engine: str, is_closure: bool) -> None:
    net = Net()
    before = {n: a.tobytes() for n, a in net.params.items()}

    def loss(p: Arrays) -> Any:
        p["W2"] *= 0.9
        return net.loss(p)

    result = net.check(loss, net.right, is_closure=is_closure, engine=engine)
    found = only_finding(result, "params-mutated", "error")
    assert found.startswith("the loss changes W2, so that there is no fixed point")
    assert {n: a.tobytes() for n, a in net.params.items()} == before


@ENGINES
@FORMS
def test_a_loss_that_reads_and_changes_its_data_is_named(engine: str, is_closure: bool) -> None:
    net = Net()
    before = net.x.tobytes()

    def loss(p: Arrays) -> Any:
        net.x *= 1.01
        return net.loss(p)

    result = net.check(loss, net.right, is_closure=is_closure, engine=engine)
    found = only_finding(result, "data-mutated", "error")
    assert found.startswith("the loss writes into Net.x and reads it again")
    assert net.x.tobytes() == before


@ENGINES
@FORMS
def test_data_that_are_normalised_in_place_again_and_again_are_a_warning(
    engine: str, is_closure: bool
) -> None:
    """The second normalisation changes nothing any more, but that of a validation set would."""
    net = Net()
    x = np.array([[1.0, 3.0], [5.0, 7.0]])
    net.x, net.t = np.tile(x, 2), normal(2, 2)

    def loss(p: Arrays) -> Any:
        net.x -= net.x.mean()
        net.x /= np.abs(net.x).max()
        return net.loss(p)

    def gradient(p: Arrays) -> Arrays:
        other = Net()
        other.x, other.t = np.tile((x - 4.0) / 3.0, 2), net.t
        return other.gradient(p)

    result = net.check(loss, gradient(net.params), is_closure=is_closure, engine=engine)
    found = only_finding(result, "data-mutated", "warning")
    assert found.startswith("the loss writes into Net.x, which it reads; its value stays the same")
    assert (net.x == np.tile(x, 2)).all()


@ENGINES
@FORMS
def test_a_loss_without_a_flaw_has_no_finding(engine: str, is_closure: bool) -> None:
    net = Net()
    result = net.check(is_closure=is_closure, engine=engine)
    assert kinds(result) == []
    assert result.passed
