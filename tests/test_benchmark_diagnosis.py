"""The mistakes that diagnoses are measured by are mistakes, and are counted as they should be."""

import ast
import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

import fastcheck as fc
from benchmarks import diagnosis
from benchmarks.faulty.catalogue import FAULTS, expect
from benchmarks.faulty.corruptions import DELTAS, TENSORS, corruptions, why_untrue
from benchmarks.faulty.disturbance import disturbed
from benchmarks.faulty.faults import SAME, Spoilt
from benchmarks.faulty.network import Net
from benchmarks.faulty.others import PROBLEMS
from benchmarks.faulty.pairs import pairs
from benchmarks.faulty.passes import right_gradient
from benchmarks.faulty.run import Answer
from benchmarks.faulty.score import Score, both_named, score_of
from benchmarks.faulty.setting import LOSSES, Setting
from benchmarks.faulty.split import DEVELOPMENT, HELD_OUT
from fastcheck.numdiff import Job
from fastcheck.result import Diagnosis

FAULTY = Path(diagnosis.__file__).parent / "faulty"
SQUARE = Setting((6, 6, 6, 6), "tanh", "softmax + 1e-7", 6, l2=0.1, is_divided=True, rate=0.25)
SETTINGS = (
    SQUARE,
    Setting((7, 5, 4, 3), "sigmoid", "softmax, one-hot", 5, layout="features_first"),
    Setting((7, 5, 5, 3), "relu", "half squares of sigmoid", 4, l2=0.2, rate=0.5, is_traced=True),
    Setting((8, 6, 5, 4), "leaky", "softmax", 9, layout="features_first", is_traced=True),
    Setting((6, 5, 1), "softplus", "sigmoid + 1e-7", 7, seed=3),
)


@pytest.fixture(scope="module")
def spoilt() -> dict[Setting, Spoilt]:
    """Return every mistake in each setting."""
    return {setting: Spoilt(Net(setting)) for setting in SETTINGS}


# ------------------------------------------------------------ networks


def test_nothing_is_derived_by_the_package() -> None:
    allowed = {"fastcheck", "fastcheck.datasets", "fastcheck.numdiff"}  # the last for noise
    for path in FAULTY.glob("*.py"):
        tree = ast.parse(path.read_text())
        typing = {n for i in ast.walk(tree) if isinstance(i, ast.If) for n in ast.walk(i)}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node not in typing and node.module:
                assert not node.module.startswith("fastcheck") or node.module in allowed, path
            if isinstance(node, ast.Attribute):
                assert "vjp" not in node.attr
                assert not ast.unparse(node).endswith("objective.gradient")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("layout", "is_traced"), [("batch_first", False), ("features_first", True)]
)
def test_the_gradient_without_a_mistake_passes(loss: str, layout: str, is_traced: bool) -> None:
    n_out = 1 if loss == "sigmoid" else 3
    setting = Setting((5, 4, n_out), "tanh", loss, 6, 0.1, rate=0.5, layout=layout,
                      is_traced=is_traced, seed=2)  # fmt: skip
    net = Net(setting)
    result = fc.check_gradients(
        net.objective, net.given, net.placed(right_gradient(net)), strict=True
    )
    assert result.verdict == "pass"
    assert result.loss == pytest.approx(net.loss, rel=1e-13)


@pytest.mark.parametrize("part", PROBLEMS)
def test_other_networks_pass_without_a_mistake(part: str) -> None:
    for make in PROBLEMS[part][::3]:
        problem = make()
        result = fc.check_gradients(problem.objective, problem.given, problem.right, strict=True)
        assert result.verdict == "pass", problem.setting
        assert result.loss == pytest.approx(problem.loss, rel=1e-13)
        for mistake in problem.mistakes:
            assert off(mistake.gradient, problem.right) > SAME, mistake.name


def off(one: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> float:
    """Return the largest difference, relative to the largest entry of its tensor."""
    return float(max(np.abs(one[n] - g).max() / np.abs(g).max() for n, g in right.items()))


# ------------------------------------------------------------ mistakes


def test_every_class_is_planted_and_changes_the_gradient(spoilt: dict[Setting, Spoilt]) -> None:
    found = {m.name for one in spoilt.values() for m in one.mistakes}
    drawn = DEVELOPMENT.settings(40)
    decay = next(s for s in drawn if not s.l2 and not s.is_traced and len(s.widths) > 3)
    whole = next(s for s in drawn if s.l2 and not s.is_divided and s.activation == "tanh")
    for setting in (decay, whole):
        found |= {m.name for m in Spoilt(Net(setting)).mistakes}
    assert FAULTS.faults.keys() - found == set()
    assert len(FAULTS.faults) >= 60
    for one in spoilt.values():
        assert all(off(m.gradient, one.right) > SAME for m in one.mistakes)


def test_what_changes_nothing_is_left_out(spoilt: dict[Setting, Spoilt]) -> None:
    relu = spoilt[SETTINGS[2]]
    assert relu.n_equivalent > 0
    assert "slope squared" not in {m.name for m in relu.mistakes}  # of zeros and ones


def test_mistakes_with_one_gradient_share_their_answers(spoilt: dict[Setting, Spoilt]) -> None:
    half = spoilt[SETTINGS[2]]  # with a rate of 1/2 a second dropout is a factor of 2
    (twice,) = [m for m in half.mistakes if m.name == "dropout twice"]
    (doubled,) = [m for m in half.mistakes if m.name == "delta doubled" and m.layer == 1]
    assert {*twice.expected} == {*doubled.expected}
    quarter = spoilt[SQUARE]
    (twice,) = [m for m in quarter.mistakes if m.name == "dropout twice"]
    assert twice.expected == expect("dropout-twice", ["W1", "b1"])


def test_a_mistake_reaches_the_layers_below_and_no_other(spoilt: dict[Setting, Spoilt]) -> None:
    one = spoilt[SETTINGS[1]]
    (slope,) = [m for m in one.mistakes if m.name == "slope missing" and m.layer == 2]
    wrong = {n for n, g in one.right.items() if not np.array_equal(slope.gradient[n], g)}
    assert wrong == {"W1", "b1", "W2", "b2"}
    (bias,) = [m for m in one.mistakes if m.name == "bias is a mean" and m.layer == 2]
    wrong = {n for n, g in one.right.items() if not np.array_equal(bias.gradient[n], g)}
    assert wrong == {"b2"}


def test_some_mistakes_are_those_of_a_formula(spoilt: dict[Setting, Spoilt]) -> None:
    net = Net(replace(SQUARE, l2=0.0, rate=0.0, loss="softmax"))
    by_name = {(m.name, m.layer): m.gradient for m in Spoilt(net).mistakes}
    f, p, m = net.forward, net.params, 6
    dz3 = (f["out"] - net.y) / m
    dz2 = dz3 @ p["W3"] * (1 - f["a2"] ** 2)
    np.testing.assert_allclose(by_name["weights not transposed", 2]["W2"], f["a1"].T @ dz2)
    rolled = (f["out"] - np.roll(net.y, 1, axis=1)) / m
    np.testing.assert_allclose(by_name["labels one class further", 3]["W3"], f["a2"].T @ rolled)


def test_a_pair_has_both_mistakes(spoilt: dict[Setting, Spoilt]) -> None:
    for pair in islice(pairs(spoilt[SQUARE], seed=1), 30):
        assert pair.one.layer != pair.other.layer
        for single in (pair.one.gradient, pair.other.gradient, spoilt[SQUARE].right):
            assert any(not np.array_equal(pair.gradient[n], g) for n, g in single.items())


# ------------------------------------------------------------ the split


def test_nothing_that_is_held_out_is_seen_while_developing() -> None:
    for name in ("widths", "narrow", "n_batch", "pairs"):
        assert not {*getattr(DEVELOPMENT, name)} & {*getattr(HELD_OUT, name)}, name
    shared = {*DEVELOPMENT.l2} & {*HELD_OUT.l2}
    assert shared == {0.0}
    here, there = ([*part.settings(60), *part.real] for part in (DEVELOPMENT, HELD_OUT))
    assert not {s.seed for s in here} & {s.seed for s in there}
    assert {s.loss for s in there} == {s.loss for s in here} == LOSSES.keys()
    assert DEVELOPMENT.settings(10) == DEVELOPMENT.settings(40)[:10]


# ------------------------------------------------------------ scores


def said(kind: str, tensor: str | None, constant: float | None = None, **more: object) -> Diagnosis:
    """Return a diagnosis."""
    return Diagnosis(kind, tensor, constant, str(more.get("message", "")),
                     more.get("tensors", (tensor,) if tensor else ()),  # type: ignore[arg-type]
                     bool(more.get("is_exact", True)))  # fmt: skip


def test_kind_address_and_number_must_be_right() -> None:
    answer = expect("delta-factor", ["W2", "b2"], 0.25)
    assert score_of(said("delta-factor", "W2", 0.25), answer).is_right
    assert score_of(said("delta-factor", "W1", 0.25), answer) == Score(True, False, True)
    assert score_of(said("delta-factor", "b2", 0.2501), answer) == Score(True, True, False)
    assert score_of(said("sign", "b2", 0.25), answer) == Score(False, True, True)
    assert score_of(None, answer) == Score()
    assert score_of(said("delta-factor", None, 0.25, tensors=("W2", "b2")), answer).is_right
    assert not score_of(said("delta-factor", None, 0.25, tensors=("W1", "W2")), answer).is_right
    whole, some = expect("sign", [None]), said("sign", None, tensors=("W1", "W2"))
    assert score_of(some, whole, ("W1", "W2")).is_right
    assert not score_of(some, whole, ("W1", "W2", "b2")).address


def test_two_mistakes_need_two_diagnoses() -> None:
    one, other = expect("sign", ["W1"]), expect("sign factor", ["W1", "W2"])
    assert not both_named([said("sign", "W1")], one, other)
    assert both_named([said("sign", "W1"), said("factor", "W2")], one, other)
    assert both_named([said("sign", None, tensors=("W1", "W2"))], one, other)
    assert not both_named([said("sign", None, tensors=("W1", "W3"))], one, other)


def test_only_truth_may_be_said_of_damage() -> None:
    right = {"W1": np.arange(1.0, 13.0).reshape(3, 4), "b1": np.arange(1.0, 5.0)}
    given = {"W1": right["W1"].copy(), "b1": right["b1"]}
    given["W1"][2] += 0.1
    about = (right, given, ("W1",))
    row = said("wrong-part", "W1", message="W1: only row 2 of the gradient is wrong")
    unclear = said("unexplained", "W1", is_exact=False)
    assert why_untrue([row], *about) == ""
    assert why_untrue([unclear], *about) == ""
    other = replace(row, message="W1: only row 1 of the gradient is wrong")
    for lie in (other, said("factor", "W1", 2.0), replace(unclear, is_exact=True),
                said("unexplained", "b1", is_exact=False), said("one-entry", "W1")):  # fmt: skip
        assert why_untrue([lie], *about)
    assert why_untrue([], *about) == "nothing is said"


def test_damage_is_of_every_sort_and_never_none() -> None:
    net = Net(SQUARE)
    found = [*islice(corruptions(net, np.random.default_rng(0)), 200)]
    right = right_gradient(net)
    assert all(off(one.gradient, right) > SAME for one in found)
    for name in (*TENSORS, *DELTAS):
        assert any(one.name.startswith(name) for one in found), name


# ------------------------------------------------------------ noise


@pytest.mark.parametrize("plan", ["exhaustive", "units"])
def test_noise_is_as_large_as_asked_for_and_within_its_bounds(plan: str) -> None:
    net = Net(SETTINGS[1])
    right = net.placed(right_gradient(net))
    with disturbed(1e-9):
        result = fc.check_gradients(net.objective, net.given, right, strict=True, plan=plan)
    assert result.verdict == "pass"
    errors = [np.abs(result.numerical[n] - g).max() / np.abs(g).max() for n, g in right.items()]
    assert min(errors) > 1e-10
    assert max(errors) < 2e-8
    assert Job.in_place.__module__ == "fastcheck.numdiff"


# ------------------------------------------------------------ the command


def test_a_few_networks_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "answers.json"
    asked = ["faults", "--settings", "1", "--no-data", "--json", str(file), "--failures"]
    diagnosis.main([*asked, "--only", "weight transposed", "--only", "bias doubled"])
    content = json.loads(file.read_text())
    assert {a["part"] for a in content["answers"]} == {"development", "held out"}
    assert content["accused"] == []
    assert "right gradients that were accused: 0" in capsys.readouterr().out


def test_failures_that_are_held_out_are_told_only_when_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers = [
        Answer("faults", part, part, f"a fault of {part}", 1, Score(), "nothing", 0.0, 0.0)
        for part in ("development", "held out")
    ]
    options = diagnosis.parsed(["faults", "--failures"])
    diagnosis.report(answers, [], options)
    out = capsys.readouterr().out
    assert "a fault of development" in out
    assert "a fault of held out" not in out
    options = diagnosis.parsed(["faults", "--failures", "--show-held-out"])
    diagnosis.report(answers, [], options)
    assert "a fault of held out" in capsys.readouterr().out


def test_unknown_faults_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert diagnosis.main(["--only", "gremlins"]) == 2
    assert "gremlins" in capsys.readouterr().err


@pytest.mark.slow
def test_no_right_gradient_is_accused() -> None:
    for part in (DEVELOPMENT, HELD_OUT):
        for setting in part.settings(60):
            net = Net(setting)
            right = net.placed(right_gradient(net))
            result = fc.check_gradients(net.objective, net.given, right, strict=True)
            assert result.verdict == "pass", setting
            assert result.diagnosis == (), setting
