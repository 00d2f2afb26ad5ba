"""On networks of any structure nothing fails in the search, and nothing false is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.result import CheckResult
from fastcheck.traced import trace_closure
from tests.diagnose.backward.common import Mlp, claims, named, softmax, wrong_names
from tests.objectives import KINDS, Arrays, Made, relu_only
from tests.wild.cases import CASES, name_of
from tests.wild.test_traced import by_name

EVERY_KIND = pytest.mark.parametrize("make", [*KINDS.values(), relu_only], ids=[*KINDS, "kinks"])


def checked(objective: Any, params: Arrays, grads: Arrays, **options: Any) -> CheckResult:
    """Check a gradient; the search for a cause must not have failed."""
    result = fc.check_gradients(
        objective, params, grads, **({"strict": True, "plan": "units"} | options)
    )
    assert "diagnosis-failed" not in {f.kind for f in result.findings}, str(result)
    return result


def noisy(g: np.ndarray, seed: int, size: float) -> np.ndarray:
    rng = np.random.default_rng([seed, g.size])
    return g + size * (np.abs(g).max() + 1e-3) * rng.standard_normal(g.shape)


def said_of_noise(objective: Any, params: Arrays, right: Arrays, name: str, size: float) -> None:
    """Noise in one gradient: nothing exact is said, and of that gradient alone."""
    given = right | {name: noisy(right[name], 1, size)}
    found = checked(objective, params, given).diagnosis
    if right[name].size > 2:
        assert claims(found) == []
    assert {n for d in found for n in d.tensors} <= {name}
    assert found


@EVERY_KIND
def test_noise_is_not_explained(make: Callable[[int], Made]) -> None:
    objective, params = make(0)
    right = objective.gradient(params)
    assert checked(objective, params, right).diagnosis == ()
    for name in right:
        said_of_noise(objective, params, right, name, 1e-3)


@EVERY_KIND
def test_noise_in_all_gradients_is_not_explained(make: Callable[[int], Made]) -> None:
    objective, params = make(1)
    right = objective.gradient(params)
    given = {name: noisy(g, 2, 0.1) for name, g in right.items()}
    found = checked(objective, params, given).diagnosis
    sizes = {name: g.size for name, g in right.items()}
    told = [d for d in found if d.is_exact and max(sizes[n] for n in d.tensors) > 2]
    assert claims(tuple(told)) == []


@EVERY_KIND
def test_a_factor_of_one_gradient_is_told(make: Callable[[int], Made]) -> None:
    objective, params = make(0)
    right = objective.gradient(params)
    for name, g in right.items():
        if g.size > 2 and np.count_nonzero(g) > 2:
            found = checked(objective, params, right | {name: -g}).diagnosis
            assert name in {n for d in found for n in d.tensors}
            kinds = {"sign", "factor", "delta-factor", "one-entry", "regulariser"}
            assert {d.kind for d in found} <= kinds, [str(d) for d in found]


@pytest.mark.parametrize("make", CASES, ids=name_of)
def test_networks_as_people_write_them(make: Callable[..., Any]) -> None:
    case = make(0)
    params = {name: np.array(value) for name, value in by_name(case.params).items()}
    objective = trace_closure(case.loss, by_name(case.params))
    right = {name: np.array(g) for name, g in by_name(case.grads()).items()}
    name = max(right, key=lambda n: (np.abs(right[n]).max() > 0, right[n].size))
    said_of_noise(objective, params, right, name, 1e-3)
    halved = checked(objective, params, right | {name: 0.5 * right[name]}).diagnosis
    assert {n for d in halved for n in d.tensors} == {name}
    whole = {n: 0.5 * g for n, g in right.items()}
    (found,) = checked(objective, params, whole).diagnosis
    assert found.constant == pytest.approx(0.5)


# ------------------------------------------------------------ literal recurrence


def recurrence(n_steps: int = 4, seed: int = 0) -> tuple[Any, Arrays, Callable[..., Arrays]]:
    """Return a tanh recurrence with a softmax of the last state, and its pass through time."""
    rng = np.random.default_rng(seed)
    params = {
        "U": rng.standard_normal((3, 4)) / 2, "V": rng.standard_normal((4, 4)) / 2,
        "b": 0.3 * rng.standard_normal(4), "W": rng.standard_normal((4, 3)) / 2,
    }  # fmt: skip
    m = 6
    x, y = rng.standard_normal((m, n_steps, 3)), np.eye(3)[rng.integers(0, 3, m)]

    def loss(p: Any, x: Any, y: Any) -> Any:
        h = np.zeros((m, 4))
        for t in range(n_steps):
            h = np.tanh(x[:, t] @ p["U"] + h @ p["V"] + p["b"])
        z = h @ p["W"]
        return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(y * z, axis=1))

    def grads(*, kept: int = n_steps, slope: Any = lambda h: 1 - h**2, back: Any = None) -> Arrays:
        h = [np.zeros((m, 4))]
        for t in range(n_steps):
            h.append(np.tanh(x[:, t] @ params["U"] + h[-1] @ params["V"] + params["b"]))
        found = {name: np.zeros_like(p) for name, p in params.items()}
        dz = (softmax(h[-1] @ params["W"]) - y) / m
        found["W"] = h[-1].T @ dz
        dh = dz @ params["W"].T
        for t in range(n_steps - 1, n_steps - 1 - kept, -1):
            d = dh * slope(h[t + 1])
            found["U"] += x[:, t].T @ d
            found["V"] += h[t].T @ d
            found["b"] += d.sum(axis=0)
            dh = d @ (params["V"].T if back is None else back)
        return found

    return fc.trace(loss, params, x, y), params, grads


@pytest.mark.parametrize("seed", [0, 1])
def test_mistakes_in_a_recurrence(seed: int) -> None:
    objective, params, grads = recurrence(seed=seed)
    assert checked(objective, params, grads()).diagnosis == ()
    wrong: dict[str, dict[str, Any]] = {
        "truncated": {"kept": 2},
        "slope-missing": {"slope": np.ones_like},
        "slope-without-square": {"slope": lambda h: 1 - h},
        "not-transposed": {"back": params["V"]},
    }
    for kind, options in wrong.items():
        (found,) = checked(objective, params, grads(**options)).diagnosis
        assert found.kind == kind
        assert found.is_exact
        assert set(found.tensors) == {"U", "V", "b"}


@pytest.mark.parametrize(
    "options", [{"slope": lambda h: (1 - h**2) ** 1.1}, {"back": 0.3 * np.ones((4, 4))}]
)
def test_near_misses_in_a_recurrence_are_not_explained(options: dict[str, Any]) -> None:
    objective, params, grads = recurrence()
    found = checked(objective, params, grads(**options)).diagnosis
    assert claims(found) == []
    assert {n for d in found for n in d.tensors} == {"U", "V", "b"}


# ------------------------------------------------------------ intermediate values


def with_intermediates(net: Mlp, **wrong: Any) -> Arrays:
    """Return gradients by hand with those of z1, z2, z3 beside them."""
    seen: dict[str, np.ndarray] = {}

    def keep(k: int) -> Callable[[np.ndarray], np.ndarray]:
        own = wrong.get(f"delta{k}", lambda d: d)

        def change(d: np.ndarray) -> np.ndarray:
            seen[f"dz{k}"] = own(d)
            return seen[f"dz{k}"]

        return change

    grads = net.grads(**(wrong | {f"delta{k}": keep(k) for k in range(1, net.n + 1)}))
    return grads | seen


def test_right_gradients_of_intermediate_values_are_not_accused() -> None:
    net = Mlp()
    result = net.check(with_intermediates(net))
    assert result.passed
    assert result.diagnosis == ()
    assert {"z1", "z2", "z3"} <= result.tensors.keys()


def test_a_mistake_is_named_beside_gradients_of_intermediate_values() -> None:
    net = Mlp()
    found = net.said(with_intermediates(net, slope2=np.ones_like))
    assert ("slope-missing", "W2") in named(found)
    assert all(d.kind in ("slope-missing", "unexplained") for d in found), [str(d) for d in found]
    assert {n for d in found for n in d.tensors} == {"W1", "b1", "W2", "b2", "z1", "z2"}


def test_a_factor_of_the_loss_is_told_of_intermediate_values_too() -> None:
    net = Mlp()
    found = net.said(with_intermediates(net, delta3=lambda d: 7 * d))
    assert {d.kind for d in found} <= {"sum-for-mean", "delta-factor"}
    assert {n for d in found for n in d.tensors} == {*net.params, "z1", "z2", "z3"}


def test_a_wrong_gradient_of_an_intermediate_value_alone() -> None:
    net = Mlp()
    given = with_intermediates(net)
    found = net.only(given | {"dz2": -given["dz2"]})
    assert (found.kind, found.tensor) == ("sign", "z2")
    found = net.only(given | {"dz2": noisy(given["dz2"], 0, 0.1)})
    assert (found.is_exact, found.tensor) == (False, "z2")


def test_an_intermediate_value_that_is_wrong_beside_a_parameter() -> None:
    net = Mlp()
    given = with_intermediates(net, bias2=np.negative)
    found = net.said(given | {"dz1": 2 * given["dz1"]})
    assert {(d.kind, d.tensor) for d in found} == {("sign", "b2"), ("factor", "z1")}
    assert wrong_names(given, net.right) == {"b2"}
