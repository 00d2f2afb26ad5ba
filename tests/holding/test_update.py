"""Gradients that are read off an update, and off an optimiser that only records."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.holding.recovered import Recovered
from tests.holding.shapes import CASES, Case, Keras, Pair, Wrapped, a_property_that_views, drawn


def squares(*arrays: np.ndarray) -> float:
    return float(sum((a.astype(float) ** 2).sum() for a in arrays))


def by_name(grads: Any) -> dict[str, Any]:
    from fastcheck.holding import named_gradients, taken

    return named_gradients(taken(grads, {}), ["W", "b"])


@pytest.mark.parametrize(
    "step",
    [
        lambda p, lr: [p[n].__isub__(lr * 2 * p[n]) for n in p],
        lambda p, lr: p.update({n: p[n] - lr * 2 * p[n] for n in p}),
        lambda p, lr: {n: p[n] - lr * 2 * p[n] for n in p},
    ],
    ids=["in place", "bound anew", "returned"],
)
@pytest.mark.parametrize("lr", [1.0, 0.1, 1e-3])
def test_the_gradient_is_the_change_over_the_rate(step: Any, lr: float) -> None:
    p = {"W": drawn(2, 3), "b": drawn(3, seed=1)}
    own, bits = dict(p), {n: a.tobytes() for n, a in p.items()}
    grads = fc.grads_from_update(lambda params: step(params, lr), p, lr)
    assert all(p[n] is own[n] and p[n].tobytes() == bits[n] for n in bits)
    for name, g in grads.items():
        error = np.abs(np.asarray(g) - 2 * p[name])
        assert (error <= g.error + 1e-15).all()
        assert g.error.max() <= 2.0**-52 * 3 * np.abs(p[name]).max() / lr
    assert fc.check_gradients(lambda: squares(*p.values()), p, grads).passed
    grads["W"][1, 2] *= 1.01
    result = fc.check_gradients(lambda: squares(*p.values()), p, grads)
    assert [m.index for m in result.tensors["W"].mismatches] == [(1, 2)]


def test_what_rounding_loses_is_allowed_for() -> None:
    """With a small rate the update keeps five digits of the gradient; that is no mistake."""
    layer = SimpleNamespace(W=1.0 + drawn(4, 3) / 1e3)
    x = drawn(3) / 1e3

    def step() -> None:
        layer.W -= 1e-8 * (np.ones((4, 1)) * x)

    params = fc.attributes(layer, "W")
    grads = fc.grads_from_update(step, params, 1e-8)
    relative = np.abs(np.asarray(grads["W"]) / x - 1)
    assert relative.max() > 1e-5
    result = fc.check_gradients(lambda: float((layer.W * x).sum()), params, grads, strict=True)
    assert result.tensors["W"].n_disagree == 0
    bare = {"W": np.asarray(grads["W"])}
    assert not fc.check_gradients(lambda: float((layer.W * x).sum()), params, bare).passed
    wrong = {"W": grads["W"].copy()}
    assert wrong["W"].error is None  # what is computed from it has none


def test_float32_parameters_are_never_accused_for_their_rounding() -> None:
    w = drawn(20).astype(np.float32)

    def step() -> None:
        w[:] -= np.float32(0.01) * 2 * w

    grads = fc.grads_from_update(step, [w], 0.01)
    result = fc.check_gradients(lambda: squares(w), [w], grads, strict=True)
    assert result.tensors["0"].n_disagree == 0
    assert (np.abs(grads[0] - 2 * w.astype(float)) <= grads[0].error * 1.01 + 1e-7).all()


UPDATED = [
    make for make in CASES if "pair" not in make.__name__ and make is not a_property_that_views
]


@pytest.mark.parametrize("make", UPDATED)
def test_every_shape_has_its_update(make: Any) -> None:
    case: Case = make()
    before = case.values()
    places = fc.holding.Held(case.params, is_live=True)

    def step() -> None:
        for array in places.arrays.values():
            array -= (0.5 * np.cos(array.astype(float))).astype(array.dtype)
        places.publish()

    grads = fc.grads_from_update(step, case.params, 0.5)
    assert case.values() == before
    result = fc.check_gradients(case.loss, case.params, grads, engine="black box")
    assert sum(t.n_disagree for t in result.tensors.values()) == 0
    assert result.passed or any(a.dtype == np.float32 for a in places.arrays.values())


def test_an_update_through_a_pair_of_functions() -> None:
    model = Keras([drawn(2, 3), drawn(3)])
    params = fc.accessors(model.get_weights, model.set_weights)

    def step() -> None:
        model.set_weights([w - 0.5 * 2 * w for w in model.get_weights()])

    before = model.get_weights()
    grads = fc.grads_from_update(step, params, 0.5)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert fc.check_gradients(lambda: squares(*model._weights), params, grads).passed


def test_the_structure_is_that_of_the_parameters() -> None:
    net = {
        "a": Pair(drawn(2), [Wrapped(drawn(1)), None]),
        "l": fc.attributes(SimpleNamespace(s=1.0), "s"),
    }

    def step(params: Any) -> None:
        params["a"].w[:] -= 1.0

    grads = fc.grads_from_update(step, net, 1.0)
    assert type(grads["a"]) is Pair
    assert isinstance(grads["a"].b[0], Recovered)
    assert np.allclose(grads["a"].w, 1.0)
    assert grads["l"] == {"s": 0.0}


@pytest.mark.parametrize("rebinds", [True, False])
def test_tied_parameters_share_the_update(rebinds: bool) -> None:
    shared = drawn(4)
    one, two = SimpleNamespace(w=shared), SimpleNamespace(w=shared)
    x, y = drawn(4, seed=1), drawn(4, seed=2)

    def step() -> None:
        if rebinds:
            one.w, two.w = one.w - x, two.w - y
        else:
            one.w -= x
            two.w -= y

    params = {"one": fc.attributes(one, "w"), "two": fc.attributes(two, "w")}
    grads = fc.grads_from_update(step, params, 1.0)
    assert one.w is two.w is shared
    assert fc.check_gradients(lambda: float(one.w @ x + two.w @ y), params, grads).passed


def test_an_error_in_the_step_restores_too() -> None:
    w = drawn(3)
    before = w.tobytes()

    def step() -> None:
        w[:] = 0.0
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fc.grads_from_update(step, [w], 0.1)
    assert w.tobytes() == before


@pytest.mark.parametrize(
    ("step", "lr", "message"),
    [
        (
            lambda: None,
            0.1,
            "must change parameters in place .* got the same w afterwards; if",
        ),
        (lambda: {"w": np.ones(3)}, 0.0, "`lr` must be a number other than 0, got 0.0; pass that"),
        (lambda: None, None, "got None; pass that"),
        (
            lambda: {"w": np.ones(3)},
            0.1,
            "must keep the shape of w, .2,., got .3,.; look for",
        ),
        (lambda: {"v": np.ones(2)}, 0.1, "got the same w afterwards"),
        (lambda: 3.5, 0.1, "got the same w afterwards"),
        (None, 0.1, "`step` must be a function, got NoneType"),
    ],
)
def test_a_step_that_shows_no_gradient_is_refused(step: Any, lr: Any, message: str) -> None:
    with pytest.raises(fc.InputError, match=message):
        fc.grads_from_update(step, {"w": drawn(2)}, lr)


# ------------------------------------------------------------ recording


class Net:
    """Calls an optimiser for each of its arrays."""

    def __init__(self) -> None:
        self.W, self.b = drawn(2, 3), drawn(3, seed=1)

    @property
    def params(self) -> Any:
        """The arrays."""
        return fc.attributes(self, "W", "b")

    def loss(self) -> float:
        """Return the loss."""
        return squares(self.W, self.b)


@pytest.mark.parametrize(
    "train",
    [
        lambda net, opt: (opt.update(net.W, 2 * net.W), opt.update(net.b, 2 * net.b)),
        lambda net, opt: (opt(net.b, 2 * net.b), opt(net.W, 2 * net.W)),
        lambda net, opt: opt.step([net.W, net.b], [2 * net.W, 2 * net.b]),
        lambda net, opt: opt.update({"x": net.W, "y": net.b}, {"dx": 2 * net.W, "y": 2 * net.b}),
        lambda net, opt: opt.step(net.params, {"dW": 2 * net.W, "db": 2 * net.b}),
        lambda net, opt: (opt.update(net.W[:], 2 * net.W, 0.1), opt.update(net.b, 2 * net.b, t=3)),
    ],
)
def test_an_optimiser_that_is_called_inside_gives_the_gradient(train: Any) -> None:
    net = Net()
    before = net.W.tobytes() + net.b.tobytes()
    recorder = fc.Recorder(net.params)
    train(net, recorder)
    assert net.W.tobytes() + net.b.tobytes() == before
    assert [*recorder.grads] == ["W", "b"]
    assert fc.check_gradients(net.loss, net.params, recorder).passed
    assert fc.check_gradients(net.loss, net.params, recorder.grads).passed


def test_an_update_returns_the_parameter_unchanged() -> None:
    net = Net()
    assert fc.Recorder(net.params).update(net.W, net.W) is net.W


def test_what_was_recorded_is_a_copy() -> None:
    net, g = Net(), drawn(3)
    recorder = fc.Recorder(net.params)
    recorder.update(net.b, g)
    g[:] = np.nan
    recorder.grads["b"][:] = np.nan
    assert np.isfinite(recorder.grads["b"]).all()


def test_a_parameter_that_was_not_updated_is_missing() -> None:
    net = Net()
    recorder = fc.Recorder(net.params)
    recorder.update(net.W, net.W)
    result = fc.check_gradients(net.loss, net.params, recorder)
    assert result.tensors["b"].verdict == "inconclusive"
    (finding,) = [f for f in result.findings if f.severity == "error"]
    assert (finding.kind, finding.tensor) == ("missing-gradient", "b")


def test_a_second_update_is_refused() -> None:
    net = Net()
    recorder = fc.Recorder(net.params)
    recorder.update(net.b, net.b)
    with pytest.raises(fc.InputError, match="once for each parameter, got b again; record"):
        recorder.update(net.b, net.b)
    recorder.clear()
    recorder.update(net.b, 2 * net.b)
    assert np.array_equal(recorder.grads["b"], 2 * net.b)


def test_an_array_in_two_places_is_updated_twice() -> None:
    w = drawn(2)
    recorder = fc.Recorder({"a": w, "b": w})
    recorder.update(w, np.ones(2))
    recorder.update(w, np.zeros(2))
    assert {name: g.max() for name, g in recorder.grads.items()} == {"a": 1.0, "b": 0.0}


@pytest.mark.parametrize(
    ("w", "what"),
    [(drawn(2, 3), r"an array of shape \(2, 3\)"), (0.5, "a float"), (None, "a NoneType")],
)
def test_an_update_of_something_else_is_refused(w: Any, what: str) -> None:
    with pytest.raises(fc.InputError, match=f"the parameters W and b, got {what} that is no"):
        fc.Recorder(Net().params).update(w, 1.0)
