"""An explanation is one only if clearly wrong entries say more than it took to find it."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.diagnose.backward.constants import ONE, Constants
from fastcheck.diagnose.backward.local import find_reasons
from fastcheck.diagnose.backward.proof import holds, is_supported
from fastcheck.diagnose.backward.reason import VAGUE
from tests.diagnose.backward.common import Arrays, Mlp
from tests.diagnose.backward.test_view import view_of


class Saturated:
    """A recurrence with an absolute error, of which most derivatives are next to zero."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        size = 10.0 ** rng.uniform(0, 1.6)
        self.x, self.y = size * rng.normal(size=(5, 3, 4)), rng.normal(size=(5, 2))
        shapes = {"W": (4, 3), "U": (3, 3), "V": (3, 2)}
        self.params = {name: rng.normal(size=shape) for name, shape in shapes.items()}

    def states(self) -> list[np.ndarray]:
        """Return the states before and after each step."""
        found = [np.zeros((5, 3))]
        for k in range(3):
            found.append(np.tanh(self.x[:, k] @ self.params["W"] + found[-1] @ self.params["U"]))
        return found

    def loss(self) -> float:
        """Return the absolute error."""
        return float(np.abs(self.states()[-1] @ self.params["V"] - self.y).sum() / 5)

    def grads(self) -> Arrays:
        """Return the right gradient, by backpropagation through time."""
        states = self.states()
        d = np.sign(states[-1] @ self.params["V"] - self.y) / 5
        found = {name: np.zeros_like(p) for name, p in self.params.items()}
        found["V"] = states[-1].T @ d
        da = d @ self.params["V"].T
        for k in (2, 1, 0):
            dz = da * (1 - states[k + 1] ** 2)
            found["W"] += self.x[:, k].T @ dz
            found["U"] += states[k].T @ dz
            da = dz @ self.params["U"].T
        return found


@pytest.mark.parametrize(
    ("seed", "name", "place"), [(229, "W", (1, 0)), (280, "W", (1, 0)), (1084, "U", (1, 2))]
)
def test_a_regulariser_that_the_loss_has_not_excuses_nothing(
    seed: int, name: str, place: tuple[int, int]
) -> None:
    net = Saturated(seed)
    grads = net.grads()
    assert fc.check_gradients(net.loss, net.params, grads).verdict == "pass"
    grads[name][place] = 0.0
    result = fc.check_gradients(net.loss, net.params, grads, accept="regulariser")
    assert result.tensors[name].verdict == "fail"
    assert {d.kind for d in result.diagnosis} <= set(VAGUE)


@pytest.mark.parametrize("l2", [0.0, 0.2])
@pytest.mark.parametrize("name", ["W1", "W2", "W3", "b2"])
def test_what_is_within_the_tolerance_of_the_walk_is_explained_by_nothing(
    name: str, l2: float
) -> None:
    """Outside its own bound, and inside what the walk allows: no constant is needed for that."""
    net = Mlp(l2=l2)
    given = net.right[name].copy()
    given.flat[1] += 3e-13
    view = view_of(net, name, given, bound=1e-13)
    assert view.subject.evidence.wrong.any()
    assert view.is_right
    assert find_reasons(view) is None


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["W1", "W2", "b2"])
def test_noise_of_some_bounds_is_explained_by_nothing(name: str, seed: int) -> None:
    """Where bounds are wide, the many mistakes and constants fit one entry or two by accident."""
    net = Mlp(widths=(2, 1, 1), m=2, head="linear", seed=seed)
    right = net.right[name]
    off = np.random.default_rng(seed).uniform(0.05, 0.5, right.shape) * np.abs(right)
    view = view_of(net, name, right + off, allowance=off / 50.0)
    reasons = find_reasons(view)
    assert reasons is None or {reason.kind for reason in reasons} <= set(VAGUE)


def test_six_digits_must_be_said_beyond_those_of_the_constants() -> None:
    constants = Constants(7, 3)
    two, odd = constants.called(2.0, 0.0), constants.called(0.37, 0.0)
    assert is_supported([6.1], [ONE])
    assert not is_supported([5.9], [ONE])
    assert is_supported([4.0, 3.1], [two])
    assert not is_supported([4.0, 2.9], [two])
    assert is_supported([6.1, 9.0], [odd])  # which takes the nine
    assert not is_supported([15.0], [odd])


def test_arbitrary_constants_need_more_entries_than_there_are_constants() -> None:
    net = Mlp(widths=(6, 5, 2))
    constants = Constants(7, 2)
    odd, two = constants.called(0.37, 0.0), constants.called(2.0, 0.0)
    assert not holds(view_of(net, "b2", net.right["b2"]), odd)
    assert holds(view_of(net, "b2", net.right["b2"]), two)
    assert holds(view_of(net, "W2", net.right["W2"]), odd, odd)
