"""A point that hides mistakes, a coarse loss and a coarse step are told, and nobody is blamed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.preflight.common import ENGINES, FORMS, Arrays, Net, kinds, message, normal, only_finding

# ---------------------------------------------------------------- values that hide mistakes


class Normalised:
    """A normalisation with scale and shift at their initial values, one and zero."""

    def __init__(self, fault: str = "") -> None:
        self.x, self.t = normal(7, 4), normal(7, 3)
        self.fault = fault
        self.params: Arrays = {"W": normal(4, 3), "gamma": np.ones(3), "beta": np.zeros(3)}

    def loss(self, p: Arrays) -> Any:
        return 0.5 * np.sum((p["gamma"] * np.tanh(self.x @ p["W"]) + p["beta"] - self.t) ** 2)

    def gradient(self, p: Arrays) -> Arrays:
        n = np.tanh(self.x @ p["W"])
        shift = 0.0 if self.fault == "shift" else p["beta"]
        dy = p["gamma"] * n + shift - self.t
        dn = dy if self.fault == "scale" else dy * p["gamma"]
        return {
            "W": self.x.T @ (dn * (1 - n**2)),
            "gamma": (dy * n).sum(0),
            "beta": dy.sum(0),
        }

    def check(self, is_closure: bool, **options: Any) -> fc.CheckResult:
        if is_closure:
            return fc.check_gradients(
                lambda: self.loss(self.params), self.params, lambda: self.gradient(self.params),
                **options,
            )  # fmt: skip
        return fc.check_gradients(self.loss, self.params, self.gradient, **options)


@ENGINES
@FORMS
@pytest.mark.parametrize("fault", ["", "scale", "shift"])
def test_an_initial_point_is_a_note_and_jitter_shows_what_it_hides(
    engine: str, is_closure: bool, fault: str
) -> None:
    net = Normalised(fault)
    before = {name: p.tobytes() for name, p in net.params.items()}
    hidden = net.check(is_closure, engine=engine)
    found = only_finding(hidden, "uninformative-point", "note")
    assert found.startswith("every entry of beta is zero, every entry of gamma is one, which hides")
    assert "jitter=1e-3" in found
    moved = net.check(is_closure, engine=engine, jitter=1e-3)
    assert set(kinds(moved)) <= ({"mostly-close"} if fault else set())
    assert moved.verdict == ("fail" if fault else "pass")
    assert {name: p.tobytes() for name, p in net.params.items()} == before


@ENGINES
def test_zero_biases_of_a_fresh_network_are_a_note(engine: str) -> None:
    net = Net()
    net.params |= {"b1": np.zeros(3), "b2": np.zeros(2)}
    found = only_finding(net.check(engine=engine), "uninformative-point", "note")
    assert found.startswith("every entry of b1 and b2 is zero, which hides")


@ENGINES
def test_equal_weights_are_a_note(engine: str) -> None:
    net = Net()
    net.params["W2"] = np.full((3, 2), 0.5)
    found = only_finding(net.check(engine=engine), "uninformative-point", "note")
    assert "every entry of W2 is one and the same number" in found


@pytest.mark.parametrize("value", [1.0, 0.3])
@ENGINES
def test_a_single_number_is_no_constant_tensor(engine: str, value: float) -> None:
    params = {"w": normal(4), "s": np.array(value)}
    x = normal(4, seed=1)
    result = fc.check_gradients(
        lambda p: np.sum(x * p["w"] ** 2) * p["s"] ** 2,
        params,
        lambda p: {
            "w": 2 * x * p["w"] * p["s"] ** 2,
            "s": 2 * p["s"] * np.sum(x * p["w"] ** 2),
        },
        engine=engine,
    )
    assert kinds(result) == []
    assert result.passed


# ---------------------------------------------------------------- no influence


@ENGINES
@FORMS
def test_a_tensor_that_the_loss_does_not_read_is_a_warning(engine: str, is_closure: bool) -> None:
    net = Net()
    net.params["idle"] = normal(3, seed=5)
    grads = net.right | {"idle": np.zeros(3)}
    result = net.check(grads=grads, is_closure=is_closure, engine=engine)
    assert kinds(result) == ["unused-parameter"]
    found = message(result, "unused-parameter")
    assert found.startswith("idle: ")
    assert "with skip=" in found
    assert result.verdict == "inconclusive"
    assert [t.n_disagree for t in result.tensors.values()] == [0] * 5
    assert net.check(grads=grads, is_closure=is_closure, engine=engine, skip="idle").passed


@ENGINES
def test_copies_of_what_a_closure_reads_are_an_error(engine: str) -> None:
    net = Net()
    params = {name: p.copy() for name, p in net.params.items()}
    result = fc.check_gradients(lambda: net.loss(net.params), params, net.right, engine=engine)
    found = only_finding(result, "unused-parameter", "error")
    assert found.startswith("the loss does not read W1, b1, W2 and b2, or nothing comes of it: it")
    assert "pass the very array that it reads" in found


class Centred:
    """A layer less its mean over the batch, so that its bias has no effect on the loss."""

    def __init__(self, seed: int) -> None:
        self.x = normal(8, 3, seed=seed)
        self.params: Arrays = {"W": normal(3, 2, seed=seed), "b": normal(2, seed=seed)}

    def centred(self) -> Any:
        z = self.x @ self.params["W"] + self.params["b"]
        return z - z.mean(axis=0)

    def loss(self) -> Any:
        return np.sum(np.tanh(self.centred()) ** 2)

    def gradient(self) -> Arrays:
        """Return the gradient; that of the bias is of a layer without the mean."""
        a = np.tanh(self.centred())
        dz = 2.0 * a * (1.0 - a**2)
        return {"W": self.x.T @ (dz - dz.mean(axis=0)), "b": dz.sum(axis=0)}


@ENGINES
@pytest.mark.parametrize("seed", range(5))
def test_a_wrong_gradient_of_what_has_no_effect_is_wrong(engine: str, seed: int) -> None:
    net = Centred(seed)
    result = fc.check_gradients(net.loss, net.params, net.gradient(), engine=engine)
    assert [t.verdict for t in result.tensors.values()] == ["pass", "fail"]
    assert not any(f.severity == "error" for f in result.findings)
    (found,) = result.diagnosis
    assert (found.kind, found.tensor, found.is_exact) == ("no-effect", "b", True)
    assert "at this point the loss does not change with it" in found.message


@ENGINES
def test_a_function_that_does_not_read_its_argument_is_an_error(engine: str) -> None:
    net = Net()
    own = {name: p.copy() for name, p in net.params.items()}
    result = net.check(lambda p: net.loss(p | {"W1": own["W1"]}), net.right, engine=engine)
    found = only_finding(result, "unused-parameter", "error")
    or_so = {"auto": ": it stays", "black box": ", or nothing comes of it: it stays"}[engine]
    assert found.startswith(f"the loss does not read W1{or_so}")
    assert "let it read its argument" in found
    assert [t.verdict for t in result.tensors.values()] == ["inconclusive", *["pass"] * 3]


@ENGINES
@FORMS
def test_a_tensor_behind_zero_weights_is_read(engine: str, is_closure: bool) -> None:
    net = Net()
    right = net.right
    net.params["W2"][...] = 0.0
    result = net.check(grads=net.right, is_closure=is_closure, engine=engine)
    assert result.verdict == "inconclusive"
    grads = net.right | {"W1": right["W1"]}
    result = net.check(grads=grads, is_closure=is_closure, engine=engine)
    assert result.tensors["W1"].verdict == "fail"


# ---------------------------------------------------------------- precision


def only_warning(result: fc.CheckResult, kind: str) -> str:
    """Return the message of the only finding; small entries may be left unresolved, never wrong."""
    assert kinds(result) == [kind]
    assert not any(t.n_disagree for t in result.tensors.values())
    assert result.verdict != "fail"
    return message(result, kind)


class Single:
    """A loss of float64 parameters with a buffer of float32 on the way."""

    def __init__(self, dtype: type = np.float32) -> None:
        self.net = Net()
        self.buffer = np.zeros((6, 3), dtype)

    def loss(self, p: Arrays) -> Any:
        a, _ = self.net.forward(p)
        self.buffer[...] = a
        y = self.buffer @ p["W2"] + p["b2"]
        return 0.5 * np.sum((y - self.net.t) ** 2) / 6


@ENGINES
@FORMS
def test_a_buffer_of_float32_on_the_way_is_named(engine: str, is_closure: bool) -> None:
    single = Single()
    params = single.net.params
    loss = (lambda: single.loss(params)) if is_closure else single.loss
    result = fc.check_gradients(loss, params, single.net.right, engine=engine)
    found = only_warning(result, "hidden-float32")
    if engine == "black box":
        assert "although all parameters are float64: Single.buffer is float32" in found
    else:
        assert "the loss goes through float32 in test_points.py" in found
    exact = Single(np.float64)
    result = fc.check_gradients(exact.loss, params, single.net.right, engine=engine)
    assert kinds(result) == []
    assert result.passed


@ENGINES
@FORMS
def test_a_conversion_to_float32_on_the_way_is_told(engine: str, is_closure: bool) -> None:
    net = Net()

    def loss(p: Arrays) -> Any:
        a, _ = net.forward(p)
        y = a.astype(np.float32) @ p["W2"] + p["b2"]
        return 0.5 * np.sum((y - net.t) ** 2) / 6

    result = net.check(loss, net.right, is_closure=is_closure, engine=engine)
    found = only_warning(result, "hidden-float32")
    assert ("look for astype(np.float32)" in found) == (engine == "black box")
    assert ("y = a.astype(np.float32) @" in found) == (engine == "auto")


@FORMS
def test_parameters_of_float32_are_no_hidden_ones(is_closure: bool) -> None:
    net = Net(np.float32)
    result = net.check(is_closure=is_closure, engine="black box")
    found = only_warning(result, "low-precision")
    assert "convert parameters and data to float64" in found


# ---------------------------------------------------------------- a step of one's own


@ENGINES
@FORMS
@pytest.mark.parametrize("step", [0.99399, 0.1])
def test_a_step_that_is_far_too_large_is_told(engine: str, is_closure: bool, step: float) -> None:
    net = Net()
    result = net.check(is_closure=is_closure, engine=engine, step=step)
    assert "step-too-large" in kinds(result)
    assert message(result, "step-too-large").startswith(f"step={step:g} is too large: with it ")
    assert not any(t.n_disagree for t in result.tensors.values())


@ENGINES
@pytest.mark.parametrize("step", [1e-4, 1e-5])
def test_a_usual_step_is_not_told(engine: str, step: float) -> None:
    result = Net().check(engine=engine, step=step)
    assert kinds(result) == []
    assert result.passed


@ENGINES
def test_a_step_hides_no_wrong_gradient(engine: str) -> None:
    net = Net()
    wrong = net.right
    wrong["W1"] *= 2.0
    assert net.check(grads=wrong, engine=engine, step=1e-5).verdict == "fail"


# ---------------------------------------------------------------- shared memory


def tied_loss(p: Arrays) -> Any:
    h = np.tanh(normal(5, 3) @ p["enc"])
    return 0.5 * np.sum((h @ p["dec"] - normal(5, 3)) ** 2)


def tied_gradient(p: Arrays) -> Arrays:
    x = normal(5, 3)
    h = np.tanh(x @ p["enc"])
    r = h @ p["dec"] - x
    return {"enc": x.T @ (r @ p["dec"].T * (1 - h**2)), "dec": h.T @ r}


@ENGINES
def test_a_transposed_view_is_aliased_and_tied(engine: str) -> None:
    W = normal(3, 2)
    params = {"enc": W, "dec": W.T}
    result = fc.check_gradients(
        lambda: tied_loss(params), params, tied_gradient(params), engine=engine
    )
    found = only_finding(result, "aliased", "warning")
    assert "enc" in found
    assert "dec" in found
    independent = {"enc": W, "dec": W.T.copy()}
    result = fc.check_gradients(
        lambda: tied_loss(independent), independent, tied_gradient(independent), engine=engine
    )
    assert kinds(result) == []
    assert result.passed


@ENGINES
@pytest.mark.parametrize("view", [lambda W: W, lambda W: W[:], lambda W: W.reshape(3, 3)])
def test_one_array_in_several_places_is_aliased_and_tied(engine: str, view: Any) -> None:
    W, x = normal(3, 3), normal(5, 3)
    layers = [W, view(W)]

    def loss() -> Any:
        return 0.5 * np.sum(np.tanh(np.tanh(x @ layers[0]) @ layers[1]) ** 2)

    a = np.tanh(x @ W)
    b = np.tanh(a @ W)
    dz = b * (1 - b**2)
    parts = [x.T @ (dz @ W.T * (1 - a**2)), a.T @ dz]
    assert only_finding(
        fc.check_gradients(loss, layers, parts, engine=engine), "aliased", "warning"
    )
    wrong = [1.01 * parts[0], parts[1]]
    assert fc.check_gradients(loss, layers, wrong, engine=engine).verdict == "fail"


@ENGINES
def test_copies_of_what_shares_memory_are_a_note(engine: str) -> None:
    W = normal(3, 2)
    params = {"enc": W, "dec": W.T}
    result = fc.check_gradients(tied_loss, params, tied_gradient, engine=engine)
    only_finding(result, "aliased", "note")
