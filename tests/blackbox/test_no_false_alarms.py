"""A right gradient is never accused, whatever the loss, and passes where it can be resolved."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import fastcheck as fc
from tests.blackbox.networks import Network
from tests.blackbox.zoo import MEMBERS, Member
from tests.wild.cases import CASES, name_of

N_SEEDS = 2
MANY_SEEDS = 20
STEPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
HIDDEN = {
    "offset_that_hides_all", "single_tiny_initialisation", "half_precision_loss",
    "rounded_to_3_digits", "rounded_to_5_digits", "narrow_domain", "subnormal_parameters",
    "ties_in_a_maximum",
}  # fmt: skip
"""Members of which two losses along a direction say nothing: their differences are rounded away,
the direction leaves the domain or crosses a tie. Their gradients follow from those of others, or
from a line of calculus."""


def checked(net: Network, seed: int, **options: object) -> fc.CheckResult:
    return fc.check_gradients(
        net.loss, net.params, net.grads, engine="black box", seed=seed, **options
    )


def assert_no_alarm(member: Member, seed: int) -> fc.CheckResult:
    """Assert that nothing is accused, and that what is smooth passes in all its entries."""
    net = member.make(seed)
    before = {name: array.copy() for name, array in net.params.items()}
    result = checked(net, seed)
    where = f"seed {seed}\n{result}"
    assert result.verdict != "fail", where
    assert sum(t.n_disagree for t in result.tensors.values()) == 0, where
    assert all(f.severity != "error" for f in result.findings), where
    assert all(array.tobytes() == before[n].tobytes() for n, array in net.params.items())
    if member.smooth:
        for tensor in result.tensors.values():
            assert tensor.passed or tensor.name in member.zeros, where
            assert tensor.n_kink == tensor.n_close == 0, where
    return result


@pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS)
def test_a_right_gradient_raises_no_alarm(member: Member) -> None:
    for seed in range(N_SEEDS):
        assert_no_alarm(member, seed)


@pytest.mark.slow
@pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS)
def test_a_right_gradient_raises_no_alarm_at_twenty_seeds(member: Member) -> None:
    for seed in range(MANY_SEEDS):
        assert_no_alarm(member, seed)


@pytest.mark.nightly
@pytest.mark.parametrize("make", CASES, ids=name_of)
def test_networks_as_people_write_them_raise_no_alarm_at_twenty_seeds(make) -> None:
    for seed in range(MANY_SEEDS):
        case = make(seed)
        result = fc.check_gradients(
            case.loss, case.params, case.grads, engine="black box", seed=seed, budget=0.3
        )
        assert result.verdict != "fail", f"seed {seed}\n{result}"


# ------------------------------------------------------------ the zoo itself


def test_the_zoo_is_large_and_of_many_kinds() -> None:
    assert len(MEMBERS) >= 40
    assert sum(m.smooth for m in MEMBERS.values()) >= 40
    assert sum(m.single for m in MEMBERS.values()) >= 20
    assert sum(not m.smooth and not m.single for m in MEMBERS.values()) >= 20


@pytest.mark.parametrize("name", sorted(MEMBERS.keys() - HIDDEN))
def test_gradients_of_the_zoo_are_right_along_a_random_direction(name: str) -> None:
    for seed in range(2):
        allowed = 2e-2 if MEMBERS[name].single else 5e-4
        assert deviation(MEMBERS[name].make(seed), seed) < allowed


def test_a_wrong_gradient_is_seen_along_a_random_direction() -> None:
    net = MEMBERS["dense_tanh"].make(0)
    loss, grads = net.passes()
    wrong = Network(net.params, lambda: (net.loss(), grads | {"W2": 1.1 * grads["W2"]}))
    assert deviation(wrong, 0) > 5e-4
    assert loss == net.loss()


def deviation(net: Network, seed: int) -> float:
    """Return by how much slopes along a direction differ, relative to the norm of the terms.

    Of several steps the best counts, because losses differ in noise, curvature and kinks.
    """
    rng = np.random.default_rng(seed)
    kept = {name: array.copy() for name, array in net.params.items()}
    grads, v = net.grads, {}
    for name, array in kept.items():
        size = np.maximum(np.abs(array), 1e-3 * (np.abs(array).max() or 1))
        v[name] = rng.standard_normal(array.shape) * size
    slope = sum(float((grads[n] * v[n]).sum()) for n in v)
    norm = np.sqrt(sum(float((grads[n].astype("f8") * v[n]).ravel() @ (grads[n] * v[n]).ravel())
                       for n in v))  # fmt: skip
    found = []
    for h in STEPS:
        ends = [moved(net, kept, v, sign * h) for sign in (1, -1)]
        found.append(abs((ends[0] - ends[1]) / (2 * h) - slope) / norm)
    return float(np.nanmin(found))


def moved(net: Network, kept: dict, v: dict, step: float) -> float:
    for name, array in net.params.items():
        array[...] = kept[name] + step * v[name]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(net.loss())
    except ValueError:
        return np.nan
    finally:
        for name, array in net.params.items():
            array[...] = kept[name]
