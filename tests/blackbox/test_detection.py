"""An error of 1e-5 in one entry is found, at two evaluations for each right entry."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import detection as benchmark
from tests.blackbox.detection import (
    Found,
    Resolvable,
    Tally,
    checked,
    entries,
    planted,
    spread,
)  # fmt: skip
from tests.blackbox.networks import Network
from tests.blackbox.zoo import MEMBERS

SOME = (
    "quadratic", "rosenbrock", "log_determinant", "dense_tanh", "dense_relu", "deep_relu",
    "recurrence_softplus", "attention", "layer_normalisation", "max_pooling", "hinge",
    "two_kinks_inside_one_step",
)  # fmt: skip
PLAIN = sorted(
    name for name, m in MEMBERS.items() if not m.single and name not in benchmark.HIDDEN
)  # fmt: skip


def found_in(names: object, error: float, n_planted: int, n_entries: int) -> Found:
    total = Found()
    for name in names:
        net = MEMBERS[name].make(0)
        places = spread(Resolvable.of(net, n_entries).at(error), n_planted)
        total += planted(net, places, error)
    return total


@pytest.mark.parametrize("error", [1e-2, 1e-4, 1e-5])
def test_errors_in_single_entries_are_named_at_their_addresses(error: float) -> None:
    total = found_in(SOME, error, 8, 20)
    assert total.planted > 70
    assert total.found >= 0.98 * total.planted
    assert total.false == 0


@pytest.mark.slow
@pytest.mark.parametrize("error", [1e-2, 1e-5])
def test_errors_in_single_entries_of_the_whole_zoo(error: float) -> None:
    total = found_in(PLAIN, error, 24, 60)
    assert total.planted > 1500
    assert total.found >= 0.98 * total.planted
    assert total.false == 0


@pytest.mark.parametrize("name", ["dense_tanh", "dense_relu", "convolution_tanh", "attention"])
def test_a_right_entry_takes_two_evaluations(name: str) -> None:
    net = MEMBERS[name].make(0)
    result, loss = checked(net, net.grads, strict=True)
    assert result.passed
    assert loss.per_entry(entries(net)) == 2.0
    assert loss.n_calls <= 2 * len(entries(net)) + 30 + 40 * len(net.params)


def test_an_error_costs_a_few_evaluations_where_it_is_and_none_elsewhere() -> None:
    net = MEMBERS["dense_tanh"].make(0)
    _, before = checked(net, net.grads)
    grads = net.grads
    grads["W2"][3, 1] *= 1 + 1e-4
    result, after = checked(net, grads)
    assert result.tensors["W2"].worst.index == (3, 1)
    place = ("W2", 3 * 7 + 1)
    assert 0 < after.of_entry[place] - before.of_entry[place] <= 4
    assert after.n_calls - before.n_calls <= 4


# ------------------------------------------------------------ what counts and plants


def of(f: Callable, x: np.ndarray, slope: Callable) -> Network:
    return Network({"x": x}, lambda: (float(f(x)), {"x": slope(x)}))


def test_the_smallest_bound_is_what_rounding_and_curvature_leave() -> None:
    """All derivatives of exp at 0 are 1: the least of 4.5 u/h + 1.5 h**2/2 is the bound."""
    net = of(lambda x: np.exp(x).sum(), np.zeros(1), np.exp)
    h = 2.0 ** np.arange(-40.0, 0.0)
    by_hand = (4.5 * 2.0**-53 / h + 1.5 * h**2 / 2).min()
    (least,) = Resolvable.of(net).least.values()
    assert by_hand / 2 < least < 3 * by_hand


def test_the_smallest_bound_at_a_kink_is_the_kink() -> None:
    net = of(lambda x: np.maximum(x, 0).sum() + x.sum(), np.zeros(1), lambda x: (x > 0) + 1.0)
    (least,) = Resolvable.of(net).least.values()
    assert least > 0.1


def test_an_offset_makes_errors_unresolvable() -> None:
    near, far = MEMBERS["dense_tanh"].make(0), MEMBERS["huge_offset"].make(0)
    assert len(Resolvable.of(near, 20).at(1e-5)) == 20
    assert Resolvable.of(far, 20).at(1e-5) == []


def test_entries_that_are_zero_are_not_resolvable() -> None:
    net = MEMBERS["dead_relu"].make(0)
    possible = Resolvable.of(net).at(1e-2, 0.0)
    g = net.grads["b1"]
    assert {p for n, p in possible if n == "b1"} == set(np.flatnonzero(g).tolist())
    assert np.count_nonzero(g) < g.size


def test_evaluations_are_counted_by_the_entry_that_moved() -> None:
    net = of(lambda x: x @ x, np.arange(1.0, 13.0), lambda x: 2 * x)
    loss, x = Tally(net), net.params["x"]
    loss()
    for place in (0, 5, 5):
        x[place] += 1
        loss()
        x[place] -= 1
    x += 1
    loss()
    assert loss.n_calls == 5
    assert loss.of_entry == {("x", 0): 1, ("x", 5): 2}
    assert Tally(net).per_entry(entries(net)) == 0.0


def test_what_is_planted_below_the_bound_is_not_called_found() -> None:
    net = MEMBERS["dense_tanh"].make(0)
    total = planted(net, spread(entries(net), 16), 1e-14)
    assert (total.planted, total.found, total.false) == (16, 0, 0)


# ------------------------------------------------------------ the benchmark


def test_the_benchmark_prints_its_table_and_fails_when_it_must(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "found.json"
    assert benchmark.main(["quadratic", "lasso", "--planted", "4", "--json", str(file)]) == 0
    head, _, first, *_ = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["network", "entries", "verdict", "per"]
    assert first.split()[:4] == ["quadratic", "12", "pass", "2.00"]
    one = json.loads(file.read_text())["networks"][0]
    assert one["found"] == one["planted"] == {"1e-02": 4, "1e-05": 4, "1e-06": 4}
    assert one["failing"] <= 3.0
    monkeypatch.setattr(benchmark, "DEAREST", 0.5)
    assert benchmark.main(["quadratic", "--planted", "1"]) == 1
