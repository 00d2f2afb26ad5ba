"""A loss that moves in steps is told from one that is noisy, and why is told with it."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.blackbox.stairs import find_stairs
from fastcheck.findings import about_stairs
from tests.blackbox.networks import Network, dense
from tests.blackbox.zoo import MEMBERS

UNIT = 2.0**-53
SMOOTH = 3.0 + np.sin(np.arange(24.0))


@pytest.mark.parametrize("digits", range(1, 10))
def test_the_step_of_a_rounded_loss_is_found(digits: int) -> None:
    assert (
        find_stairs(np.round(SMOOTH, digits), rounding=4 * UNIT, noise=0.29 * 10.0**-digits)
        == 10.0**-digits
    )


@pytest.mark.parametrize("n", [3, 30, 70, 1000])
def test_the_step_of_a_share_is_found(n: int) -> None:
    """An accuracy is a count over the number of samples."""
    found = find_stairs(np.round(n * SMOOTH / 4) / n, rounding=UNIT, noise=0.29 / n)
    assert found == pytest.approx(1 / n, rel=1e-12)


@pytest.mark.parametrize(
    "values",
    [SMOOTH, np.round(SMOOTH, 13), SMOOTH.astype(np.float32).astype(float), np.full(9, 2.0),
     np.array([np.nan, 1.0]), np.zeros(0)],
    ids=["smooth", "13 digits", "single", "constant", "nan", "empty"],
)  # fmt: skip
def test_what_does_not_move_in_steps_has_none(values: np.ndarray) -> None:
    assert find_stairs(values, rounding=4 * UNIT, noise=1.0) == 0.0


def test_values_outside_the_domain_do_not_matter() -> None:
    values = np.append(np.round(SMOOTH, 2), [np.nan, np.inf])
    assert find_stairs(values, rounding=4 * UNIT, noise=0.003) == 0.01


def test_equal_differences_of_a_loss_without_noise_are_no_steps() -> None:
    values = 3.0 + 1e-7 * np.pi * np.arange(8.0)
    assert find_stairs(values, rounding=4 * UNIT, noise=1e-15) == 0.0
    assert find_stairs(values, rounding=4 * UNIT, noise=3e-8) == pytest.approx(1e-7 * np.pi)


# ------------------------------------------------------------ what a check says


def checked(net: Network) -> fc.CheckResult:
    return fc.check_gradients(net.loss, net.params, net.grads, engine="black box")


def rounded(net: Network, digits: int) -> Network:
    return Network(net.params, lambda: (round(float(net.loss()), digits), net.grads))


@pytest.mark.parametrize("digits", [2, 3, 5, 7, 10])
def test_a_rounded_loss_is_told_and_the_gradient_not_blamed(digits: int) -> None:
    for seed in range(3):
        result = checked(rounded(dense(seed, "tanh"), digits))
        assert sum(t.n_disagree for t in result.tensors.values()) == 0
        (finding,) = result.findings
        assert (finding.kind, finding.severity) == ("rounded-loss", "warning")
        assert f"moves in steps of {10.0**-digits:.3g}, as if rounded to {digits} digits" in (
            finding.message
        )
        assert "round where it is printed" in finding.message


def test_an_accuracy_is_told() -> None:
    rng = np.random.default_rng(0)
    x, y, W = rng.standard_normal((40, 5)), rng.integers(0, 3, 40), rng.standard_normal((5, 3))
    loss = lambda: float(((x @ W).argmax(1) == y).mean())  # noqa: E731
    result = fc.check_gradients(loss, {"W": W}, {"W": np.ones((5, 3))}, engine="black box")
    assert result.verdict != "pass"
    (finding,) = (f for f in result.findings if f.kind == "rounded-loss")
    assert "moves in steps of 0.025, as counts and coarse types do" in finding.message
    assert "not an accuracy" in finding.message


@pytest.mark.parametrize("name", ["dense_tanh", "single_dense_tanh", "hidden_single_tanh",
                                  "single_from_double_tanh", "half_precision_loss"])  # fmt: skip
def test_other_losses_are_not_called_rounded(name: str) -> None:
    assert "rounded-loss" not in {f.kind for f in checked(MEMBERS[name].make(0)).findings}


def test_one_digit_is_one_digit() -> None:
    assert "moves in steps of 0.1, as if rounded to 1 digit after" in about_stairs(0.1, 3.0).message
    assert "steps of 1, as counts" in about_stairs(1.0, 3.0).message


@pytest.mark.parametrize("digits", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_steps_of_any_height_are_found_by_halving_the_distance_of_points(
    dtype: str, digits: int
) -> None:
    for seed in range(3):
        net = dense(seed, "tanh", dtype)
        result = checked(rounded(net, digits))
        assert sum(t.n_disagree for t in result.tensors.values()) == 0
        assert [f.kind for f in result.findings] == ["rounded-loss"]
