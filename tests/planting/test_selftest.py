from __future__ import annotations

import json
from math import comb
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.planting import find_faults
from fastcheck.planting.missed import escape, probability
from tests.literal import Arrays, Case
from tests.wild.cases import CASES, name_of

CASE = Case.drawn(0)
OUTCOMES = ("caught", "missed", "tolerated", "unresolvable", "equivalent")


@pytest.fixture
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the diagnoses, which take most of the time, where only the verdicts matter."""
    monkeypatch.setattr("fastcheck.check.graph.GraphMeasurement.explained", lambda *arguments: ())


def planted_into(**options: Any) -> fc.SelfTest:
    return fc.selftest(CASE.objective, CASE.params, CASE.right, **options)


def called() -> float:
    """Return the loss of the case as a function without arguments."""
    return CASE.passes()[0]


def test_every_mistake_that_can_be_seen_is_caught(no_names: None) -> None:
    test = planted_into()
    assert test
    assert test.missed == ()
    assert len(test.caught) >= 130
    assert all(planted.tensors and not planted.reason for planted in test.caught)
    assert test.result.passed
    assert test.summary().startswith(f"{len(test.caught)} of {len(test.caught)} planted mistakes")


@pytest.mark.parametrize("plan", ["units", "exhaustive"])
def test_the_tensors_of_a_mistake_are_those_that_it_changes(plan: str) -> None:
    test = planted_into(plan=plan, faults=["zero W2", "slope missing a1", "doubled"])
    found = {planted.title: planted.tensors for planted in test.planted}
    assert found["zero W2"] == ("W2",)
    assert set(found["slope missing a1"]) == {"W1", "b1"}
    assert set(found["doubled"]) == CASE.params.keys()
    assert test.result.plan == plan


def test_what_is_within_rtol_is_tolerated_and_strict_catches_it() -> None:
    faults = ["in float32", "guard ignored"]
    test = planted_into(faults=faults)
    assert [planted.outcome for planted in test.planted] == ["tolerated"] * 2
    assert all("within rtol 1e-05; strict=True" in p.reason for p in test.planted)
    assert not test
    assert test.summary() == "no mistake was planted that could be seen"
    assert [p.outcome for p in planted_into(faults=faults, strict=True).planted] == ["caught"] * 2
    assert [p.outcome for p in planted_into(faults=faults, rtol=1e-10).planted] == ["caught"] * 2


def test_a_large_rtol_tolerates_more() -> None:
    test = planted_into(faults="one entry off*", rtol=0.01)
    assert {planted.outcome for planted in test.planted} == {"tolerated"}
    assert "off by 1e-03 at most, within rtol 1e-02" in test.planted[0].reason


def test_what_changes_nothing_here_is_no_mistake() -> None:
    (planted,) = planted_into(faults="slope squared a2").planted  # of a ReLU
    assert (planted.outcome, planted.tensors, planted.diagnosis) == ("equivalent", (), None)


def test_what_is_within_the_bounds_is_not_visible() -> None:
    rng = np.random.default_rng(0)
    single = {n: g.astype(np.float32) for n, g in CASE.right.items()}
    test = fc.selftest(CASE.objective, CASE.params, single, faults="in float32")
    assert test.planted[0].outcome == "equivalent"  # it is already
    x = rng.normal(size=(4, 3))
    tiny = {"W": rng.normal(size=(3, 2)), "c": np.full(1, 1e-20)}
    graph = fc.Graph()
    W, c = graph.param("W", (3, 2)), graph.param("c", (1,))
    z = fc.ops.tanh(graph.data(x, batch_axis=0) @ W)
    graph.set_loss(fc.ops.sum(fc.ops.square(z)) + fc.ops.sum(fc.ops.scale(c, 1e-17)))
    objective = fc.GraphObjective(graph)
    test = fc.selftest(objective, tiny, objective.gradient(tiny), faults="one entry off*")
    assert {planted.outcome for planted in test.planted} <= {"caught", "unresolvable"}


def test_nothing_is_planted_into_a_wrong_gradient() -> None:
    wrong = CASE.right | {"W2": 2 * CASE.right["W2"]}
    test = fc.selftest(CASE.objective, CASE.params, wrong)
    assert not test
    assert test.planted == ()
    assert test.result.verdict == "fail"
    assert "nothing was planted" in test.summary()
    assert "W2" in str(test)


# ------------------------------------------------------------ plans


def test_ten_entries_of_each_tensor_miss_single_entries_and_say_with_what_probability(
    no_names: None,
) -> None:
    rng = np.random.default_rng(0)
    net = fc.Network([fc.Dense(40, 30), fc.Tanh(), fc.Dense(30, 3)], fc.SoftmaxCrossEntropy())
    params = net.init_params(seed=0, biases="random")
    objective = net.objective(rng.normal(size=(20, 40)), rng.integers(3, size=20))
    right = objective.gradient(params)
    assert fc.selftest(objective, params, right)
    test = fc.selftest(objective, params, right, plan="sample", entries=10)
    assert not test
    missed = {planted.title: planted.reason for planted in test.missed}
    assert missed["one entry off W1"] == (
        "1 of the 1,200 entries of W1 is wrong, 10 checked; found with probability 0.83 %"
    )
    assert "column zero W1" in missed or "row zero W1" in missed
    assert {"doubled", "transposed", "rolled rows W1"}.isdisjoint(missed)
    assert f"misses {len(missed)}" in test.summary()


@pytest.mark.parametrize(("n", "wrong", "checked"), [(50, 3, 10), (50, 20, 10), (39200, 1, 10)])
def test_the_probability_is_that_of_draws_without_replacement(
    n: int, wrong: int, checked: int
) -> None:
    exact = 1 - comb(n - wrong, checked) / comb(n, checked)
    assert 1 - escape(n, wrong, checked) == pytest.approx(exact, rel=1e-9)
    assert probability(exact).endswith(" %")


def test_more_wrong_than_unchecked_entries_cannotescape() -> None:
    assert escape(10, 6, 5) == 0.0
    assert probability(1.0) == "100 %"


@pytest.mark.parametrize("options", [
    {"plan": "exhaustive"}, {"plan": "directions"}, {"plan": "sample", "entries": 30},
    {"plan": "sample", "budget": 0.05},
])  # fmt: skip
def test_a_function_that_can_only_be_called_is_tested_with_its_own_plan(
    options: dict[str, Any],
) -> None:
    faults = ["negated", "doubled *", "zero *", "rolled*", "weight decay"]
    before = {n: v.tobytes() for n, v in CASE.params.items()}
    test = fc.selftest(
        called, CASE.params, CASE.right, engine="black box", faults=faults, **options
    )
    assert test
    assert test.result.engine == "black box"
    assert test.result.plan == options["plan"]
    assert len(test.caught) == len(test.planted) >= 12
    assert before == {n: v.tobytes() for n, v in CASE.params.items()}


def test_a_sample_of_a_function_is_drawn_anew_for_each_mistake() -> None:
    """The largest values are in it: an entry that is wrong and large is always found."""
    rng = np.random.default_rng(0)
    W = rng.normal(size=(30, 30))
    right = np.cosh(W)
    test = fc.selftest(
        lambda: np.sinh(W).sum(), {"W": W}, {"W": right}, engine="black box", plan="sample",
        entries=10, faults=["one entry*", "row doubled*"],
    )  # fmt: skip
    assert {planted.outcome for planted in test.planted} <= {"caught", "missed"}
    assert "one entry zero W" in {planted.title for planted in test.missed}


def test_what_a_first_look_does_not_resolve_is_probed_anew() -> None:
    """A right value is believed within a wide bound; a wrong one there is looked at closely."""
    W = np.linspace(0.5, 2.0, 12).reshape(3, 4)
    test = fc.selftest(
        lambda: float((W**4).sum()), {"W": W}, {"W": 4 * W**3}, engine="black box", step=1e-2,
        faults="one entry off*",
    )  # fmt: skip
    assert [planted.outcome for planted in test.planted] in (["caught"], ["unresolvable"])


def test_options_of_the_check_are_those_of_the_self_test() -> None:
    test = planted_into(only="W*", faults="zero*")
    assert {planted.place for planted in test.planted} == {"W1", "W2", "W3"}
    with pytest.raises(TypeError, match="tolerance"):
        planted_into(tolerance=1)
    with pytest.raises(fc.InputError, match="`rtol` must be in"):
        planted_into(rtol=-1)


def test_intermediate_values_are_planted_into_where_they_are_checked() -> None:
    grads = CASE.right | CASE.objective.gradient(CASE.params, ["z2"])
    test = fc.selftest(CASE.objective, CASE.params, grads, faults="* z2")
    assert test
    assert {planted.tensors for planted in test.caught} == {("z2",), ("W2", "z2")}  # exchanged


def test_the_gradient_may_be_a_function_and_the_parameters_moved() -> None:
    rng = np.random.default_rng(0)
    x, params = rng.normal(size=(5, 3)), {"W": np.zeros((3, 2))}

    def loss(p: Arrays) -> Any:
        return np.tanh(x @ p["W"]).sum()

    def grads(p: Arrays) -> Arrays:
        return {"W": x.T @ (1 - np.tanh(x @ p["W"]) ** 2)}

    test = fc.selftest(loss, params, grads, jitter=0.1, faults=["slope*", "weight decay"])
    assert test
    assert {"slope missing", "weight decay"} <= {planted.name for planted in test.caught}


# ------------------------------------------------------------ choice, progress, records


def test_patterns_choose_by_name_or_by_name_and_place() -> None:
    assert {p.title for p in planted_into(faults="zero W1").planted} == {"zero W1"}
    assert {p.name for p in planted_into(faults=["zero", "neg*"]).planted} == {"zero", "negated"}
    with pytest.raises(fc.InputError, match="'nothing', which fit none of doubled, halved"):
        planted_into(faults="nothing")


def test_the_list_of_mistakes_is_that_of_the_self_test(no_names: None) -> None:
    listed = find_faults(CASE.objective, CASE.params, CASE.right, plan="units")
    assert [f.title for f in listed] == [p.title for p in planted_into().planted]


def test_progress_is_told_for_the_check_and_then_for_each_mistake() -> None:
    seen: list[tuple[int, int]] = []
    test = planted_into(faults="zero*", progress=lambda done, total: seen.append((done, total)))
    n = len(test.planted)
    assert seen[-n:] == [(k, n) for k in range(1, n + 1)]
    assert len(seen) > n


def test_an_interrupt_keeps_what_was_found() -> None:
    def stop(done: int, total: int) -> None:
        if total < 20 and done == 2:
            raise KeyboardInterrupt

    test = planted_into(faults="zero*", progress=stop)
    assert test.interrupted
    assert len(test.caught) == 2
    assert not test
    assert test.summary().startswith("interrupted; 2 of 2")


def test_an_interrupt_of_a_diagnosis_ends_the_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fastcheck.check.graph.GraphMeasurement.explained", stop)
    test = planted_into(faults="zero*")
    assert test.interrupted
    assert test.planted == ()


def test_the_same_seed_plants_the_same_and_finds_the_same(no_names: None) -> None:
    one, same, other = (planted_into(seed=s, faults="one entry*").planted for s in (3, 3, 4))
    assert one == same
    assert one != other


def test_a_self_test_is_written_as_json() -> None:
    test = planted_into(faults=["zero*", "slope squared*"])
    data = json.loads(json.dumps(test.to_dict(), allow_nan=False))
    assert data["schema"] == 1
    assert data["passed"] is True
    assert data["summary"] == test.summary()
    assert sum(data["totals"][outcome] for outcome in OUTCOMES) == len(data["planted"])
    first = data["planted"][0]
    assert (first["name"], first["outcome"], first["tensors"]) == ("zero", "caught", ["W1"])
    assert data["result"]["verdict"] == "pass"


def test_outcomes_say_what_they_are() -> None:
    test = planted_into(faults=["negated W1", "in float32"])
    assert [str(planted) for planted in test.planted] == [
        "in float32: tolerated: off by 4e-08 at most, within rtol 1e-05; strict=True would fail it",
        "negated W1: caught, rightly named sign",
    ]
    assert repr(test).startswith("<SelfTest 1 of 1 planted mistake caught, 1 of these rightly")


@pytest.mark.slow
@pytest.mark.parametrize("make", CASES, ids=name_of)
def test_everything_that_can_be_seen_is_caught_in_networks_of_other_people(
    make: Any, no_names: None
) -> None:
    case = make()
    test = fc.selftest(case.loss, case.params, case.grads, plan="exhaustive")
    assert test
    assert len(test.caught) >= 30
    assert len(test.of("unresolvable")) <= 2
