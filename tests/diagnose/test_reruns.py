"""What a gradient on other data tells, of a softmax regression written with NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.check import outcome

N_BATCH, N_IN, N_OUT = 9, 4, 3


class Regression:
    """Softmax regression with L2 and a penalty on fourth powers, in a loop over samples."""

    def __init__(
        self, fault: str = "", *, columns: bool = False, power: float = 0.0, n_batch: int = N_BATCH
    ) -> None:
        rng = np.random.default_rng(3)
        self.n = n_batch
        self.x = rng.standard_normal((self.n, N_IN))
        self.y = rng.integers(0, N_OUT, self.n)
        self.columns = columns
        if columns:
            self.x = np.ascontiguousarray(self.x.T)
        self.W = rng.standard_normal((N_IN, N_OUT))
        self.b = rng.standard_normal(N_OUT)
        self.weight_decay = power
        self.fault = fault
        self.n_calls = 0

    @property
    def params(self) -> dict[str, np.ndarray]:
        """The parameters."""
        return {"W": self.W, "b": self.b}

    def probabilities(self) -> np.ndarray:
        """Return what the softmax gives."""
        x = self.x.T if self.columns else self.x
        e = np.exp(x @ self.W + self.b)
        return e / e.sum(axis=1, keepdims=True)

    def loss(self) -> float:
        """Return the loss."""
        p = self.probabilities()
        penalty = self.weight_decay * np.sum(self.W**4)
        return float(-np.log(p[np.arange(self.n), self.y]).mean() + penalty)

    def gradient(self) -> dict[str, np.ndarray]:
        """Return the gradient, with the fault."""
        self.n_calls += 1
        x = self.x.T if self.columns else self.x
        labels = np.roll(self.y, 1) if self.fault == "labels" else self.y
        dz = self.probabilities()
        dz[np.arange(self.n), labels] -= 1
        if self.fault == "negative inputs":  # a branch that only some samples meet
            dz[x[:, 0] < -0.5] *= 1.5
        if self.fault == "slope":
            dz *= 1 + np.sin(dz)
        dz /= self.n
        samples = range(self.n)
        if self.fault.startswith("drop"):
            samples = range(1, self.n) if self.fault == "drop first" else range(self.n - 1)
        dW, db = np.zeros_like(self.W), np.zeros_like(self.b)
        for i in samples:
            if self.fault in ("last", "first") and i != (self.n - 1 if self.fault == "last" else 0):
                continue
            dW += np.outer(x[i], dz[i])
            db += dz[i]
        if self.fault == "mixed":  # means of inputs times means of deltas
            dW = np.outer(x.mean(axis=0), dz.sum(axis=0))
        if self.fault == "constant":
            dW, db = np.sin(self.W), np.sin(self.b)
        dW += 3 * self.weight_decay * self.W**3 if self.fault == "power" else (
            4 * self.weight_decay * self.W**3
        )  # fmt: skip
        return {"W": dW, "b": db}


def checked(net: Regression, **options: Any) -> fc.CheckResult:
    """Check the network, and that it is as before."""
    before = {n: a.copy() for n, a in vars(net).items() if isinstance(a, np.ndarray)}
    places = {n: id(a) for n, a in vars(net).items() if isinstance(a, np.ndarray)}
    decay = net.weight_decay
    result = fc.check_gradients(
        net.loss, net.params, net.gradient, **({"engine": "black box"} | options)
    )
    for name, array in before.items():
        assert getattr(net, name).tobytes() == array.tobytes()
        assert id(getattr(net, name)) == places[name]
    assert net.weight_decay == decay
    return result


def kinds(result: fc.CheckResult) -> list[str]:
    return [diagnosis.kind for diagnosis in result.diagnosis]


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize(
    ("fault", "kind", "constant", "words"),
    [
        ("last", "only-sample", N_BATCH - 1.0, "it comes from sample 8 alone"),
        ("first", "only-sample", 0.0, "it comes from sample 0 alone"),
        ("drop last", "sample-dropped", N_BATCH - 1.0, "sample 8 does not enter it"),
        ("drop first", "sample-dropped", 0.0, "sample 0 does not enter it"),
        ("labels", "order-of-samples", None, "with the 9 samples in another order"),
        (
            "mixed",
            "combining-samples",
            None,
            "right if any one stands in the place of all 9 samples",
        ),
        ("negative inputs", "some-samples", None, "something that only some samples meet"),
    ],
)
def test_what_is_wrong_with_samples_is_named(
    fault: str, kind: str, constant: float | None, words: str, columns: bool
) -> None:
    result = checked(Regression(fault, columns=columns))
    assert result.verdict == "fail"
    found = result.diagnosis[0]
    assert (found.kind, found.constant, found.is_exact) == (kind, constant, False)
    assert words in found.message
    axes = "axis 0 of Regression.y, axis 1 of Regression.x" if columns else (
        "axis 0 of Regression.y and Regression.x"
    )  # fmt: skip
    assert found.message.endswith(f"(samples: {axes})")
    wrong = [name for name, tensor in result.tensors.items() if not tensor.passed]
    assert list(found.tensors) == wrong
    assert kinds(result)[1:] == ["unexplained"] * (len(result.diagnosis) - 1)


@pytest.mark.parametrize("fault", ["slope", "constant"])
def test_a_mistake_in_a_formula_is_no_mistake_with_samples(fault: str) -> None:
    assert set(kinds(checked(Regression(fault)))) == {"unexplained"}


def test_only_what_is_not_explained_is_called_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def spy(*args: Any, **options: Any) -> tuple[()]:
        asked.append(args[3])
        return ()

    monkeypatch.setattr(outcome, "rerun", spy)
    net = Regression()
    assert checked(net).passed
    gradient = net.gradient
    net.gradient = lambda: {n: 2 * g for n, g in gradient().items()}  # type: ignore[method-assign]
    assert kinds(checked(net)) == ["factor"]
    assert asked == []
    net.gradient = lambda: gradient() | {"b": np.sin(net.b)}  # type: ignore[method-assign]
    checked(net)
    assert asked == [["b"]]


def test_of_many_samples_a_few_are_tried() -> None:
    net = Regression("mixed", n_batch=50)
    message = checked(net).diagnosis[0].message
    assert "any of samples 0, 9, 19, 29, 39 and 49, all that were tried, stands" in message


def test_a_wrong_regulariser_is_found_by_leaving_it_out() -> None:
    result = checked(Regression("power", power=0.01))
    assert kinds(result) == ["regulariser", "unexplained"]
    assert "zero for Regression.weight_decay=0.01" in result.diagnosis[0].message
    assert "regulariser" not in kinds(checked(Regression("slope", power=0.01)))


def test_a_traced_loss_is_explained_without_running_it_again() -> None:
    result = checked(Regression("labels"), engine="trace")
    assert result.engine == "trace"
    assert kinds(result) == ["labels-reordered"]


def test_a_loss_in_which_the_order_matters_is_not_judged_by_it() -> None:
    net = Regression("slope")
    loss = net.loss
    result = fc.check_gradients(
        lambda: loss() + float(net.b[0] * net.x[:, 0] @ np.arange(N_BATCH)),
        net.params, net.gradient, engine="black box",
    )  # fmt: skip
    assert set(kinds(result)) == {"unexplained"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
@pytest.mark.parametrize("call", [4, 6, 9, 14])
def test_everything_is_put_back_if_a_rerun_is_interrupted(
    error: type[BaseException], call: int
) -> None:
    net = Regression("slope")
    gradient = net.gradient

    def raising() -> dict[str, np.ndarray]:
        if net.n_calls >= call:
            raise error
        return gradient()

    net.gradient = raising  # type: ignore[method-assign]
    result = checked(net)
    assert result.verdict == "fail"
    assert set(kinds(result)) <= {"unexplained", "order-of-samples"}


def test_value_and_gradient_of_one_function_are_run_again() -> None:
    net = Regression("last")

    def both() -> tuple[float, dict[str, np.ndarray]]:
        return net.loss(), net.gradient()

    result = fc.check_value_and_grad(both, net.params, engine="black box")
    assert kinds(result)[0] == "only-sample"


def test_random_draws_of_the_user_are_where_they_were() -> None:
    net = Regression("slope")
    rng = np.random.default_rng(5)
    gradient: Callable[[], Any] = net.gradient
    state = rng.bit_generator.state
    result = fc.check_gradients(
        net.loss, net.params, lambda: gradient() if rng else {}, engine="black box"
    )
    assert not result.passed
    assert rng.bit_generator.state == state


def test_gradients_that_add_up_by_contract_are_not_asked_for_again() -> None:
    class Tensor:
        def __init__(self, data: np.ndarray) -> None:
            self.data = data
            self.grad = np.zeros_like(data)

    net = Regression("labels")
    W, b = Tensor(net.W), Tensor(net.b)

    def backward() -> None:
        for tensor, g in zip((W, b), net.gradient().values(), strict=True):
            tensor.grad += g

    result = fc.check_gradients(net.loss, {"W": W, "b": b}, backward, engine="black box")
    assert kinds(result) == ["unexplained"]
    assert not W.grad.any()  # as it was


def test_a_slow_loss_is_not_run_again_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome, "LEAST_SECONDS", 1e-6)
    monkeypatch.setattr(outcome, "SHARE", 1e-9)
    assert set(kinds(checked(Regression("last")))) == {"unexplained"}
