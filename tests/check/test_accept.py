"""Causes that are accepted excuse what they explain exactly, and nothing else."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.check.accept import about_unused, accepted_names, with_accepted
from fastcheck.result import ACCEPTABLE, CheckResult, Diagnosis, TensorResult
from tests.check.common import CASE, NAMES, checked, small, with_one_off
from tests.faults.planted import FAULTS, SLIGHT
from tests.literal import Arrays


def limited(grads: Arrays, limit: float = 0.1, names: str = "W") -> Arrays:
    return {n: g.clip(-limit, limit) if n[0] in names else g for n, g in grads.items()}


def said_of_unused(result: CheckResult) -> str:
    (note,) = [f for f in result.findings if f.kind == "accept-unused"]
    assert note.severity == "note"
    return note.message


# ------------------------------------------------------------ alone


@pytest.mark.parametrize("factor", [2.0, -1.0, 1 / 30, 30.0, 0.37])
def test_a_guard_that_is_accepted_excuses_no_factor_beside_it(factor: float) -> None:
    rng = np.random.default_rng(0)
    layers = [fc.Dense(6, 5), fc.Tanh(), fc.Dense(5, 4)]
    guarded, plain = (
        fc.Network(layers, fc.SoftmaxCrossEntropy(guard=guard)).objective(
            rng.normal(size=(30, 6)), np.arange(30) % 4
        )
        for rng, guard in ((np.random.default_rng(1), 1e-4), (np.random.default_rng(1), 0.0))
    )
    params = {n: rng.normal(size=shape) for n, shape in guarded.shapes.items()}
    right = plain.gradient(params)
    assert fc.check_gradients(guarded, params, right, accept="guard").passed
    wrong = {name: factor * g for name, g in right.items()}
    result = fc.check_gradients(guarded, params, wrong, accept="guard")
    assert result.verdict == "fail"
    assert all(tensor.verdict == "fail" for tensor in result.tensors.values())
    assert "guard is accepted, and nothing" in said_of_unused(result)


@small
def test_a_clipped_gradient_passes_where_clipping_is_accepted_and_says_so() -> None:
    wrong = limited(CASE.right)
    plain, result = checked(wrong), checked(wrong, accept="clip")
    assert plain.verdict == "fail"
    assert result.passed
    assert result
    for name in NAMES:
        before, after = plain.tensors[name], result.tensors[name]
        assert after.n_disagree == before.n_disagree
        assert after.n_accepted == before.n_disagree
        assert after.passed
        if before.n_disagree:
            assert after.reason == (f"accepted: clip, by which {before.n_disagree} entries differ")
            assert str(after).endswith(after.reason)
    (diagnosis,) = result.diagnosis
    assert (diagnosis.kind, diagnosis.accepted) == ("clipped", True)
    assert [d.accepted for d in plain.diagnosis] == [False]
    assert str(plain).count('(if that is meant, pass accept="clip")\n') == 1
    n = sum(t.n_disagree for t in result.tensors.values())
    assert f"; {n} of W1, W2 and W3 differ in an accepted way" in result.summary()
    text = str(result)
    assert "\naccepted      W1, W2 and W3: clipped: " in text
    assert "what is wrong" not in text
    assert "if that is meant" not in text
    assert text.count(" accepted ") >= 3, "the table says so too"


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ("clipped norm", "clip-norm"),
        ("mean for sum", "mean"),
        ("penalty missing", "regulariser"),
        ("penalty on biases", "regulariser"),
    ],
)
def test_other_causes_are_accepted_by_their_names_only(fault: str, name: str) -> None:
    wrong = FAULTS[fault]
    assert not checked(wrong)
    assert checked(wrong, accept=(name,)).passed
    others = [other for other in ACCEPTABLE if other != name]
    assert checked(wrong, accept=others).verdict == "fail"


def test_a_coarse_format_is_accepted_by_its_name_only() -> None:
    weights = {n: CASE.right[n].astype(np.float16).astype(float) for n in ("W1", "W2", "W3")}
    wrong = CASE.right | weights
    assert checked(wrong, accept="float16").passed
    assert not checked(wrong, accept=("float32", "clip"))
    rounded = SLIGHT["in float32"]
    wrong = CASE.right | {n: rounded[n] for n in ("W1", "W2", "W3")}
    assert not checked(wrong, strict=True)
    result = checked(wrong, strict=True, accept="float32")
    assert result.passed
    assert result.tensors["W1"].n_accepted == result.tensors["W1"].n_close == 30
    warned = {f.tensor for f in result.findings if f.kind == "mostly-close"}
    assert not warned & {"W1", "W2", "W3"}, "what is accepted is not warned of"


def test_accepting_changes_nothing_of_a_right_gradient() -> None:
    result = checked(accept=tuple(ACCEPTABLE))
    assert result.passed
    assert result.diagnosis == result.findings == ()
    assert all(t.reason == "" and t.n_accepted == 0 for t in result.tensors.values())


# ------------------------------------------------------------ with something else


def test_another_error_in_the_same_tensor_still_fails() -> None:
    clipped = limited(CASE.right)
    unclipped = np.argwhere(np.abs(CASE.right["W2"]) < 0.1)[0]
    wrong = with_one_off(clipped, "W2", tuple(unclipped), 1e-3)
    result = checked(wrong, accept="clip")
    assert result.verdict == "fail"
    assert [t.verdict for t in result.tensors.values()].count("fail") == 1
    assert result.tensors["W2"].verdict == "fail"
    assert result.tensors["W2"].n_accepted == 0


def test_a_fault_elsewhere_still_fails_and_is_told_apart() -> None:
    wrong = limited(CASE.right) | {"b2": -CASE.right["b2"]}
    result = checked(wrong, accept="clip")
    assert result.verdict == "fail"
    assert {n for n, t in result.tensors.items() if t.verdict == "fail"} == {"b2"}
    assert {d.kind: d.accepted for d in result.diagnosis} == {"clipped": True, "sign": False}
    assert result.summary().startswith("5 of 89 entries of your analytic gradient are wrong")
    text = str(result)
    assert text.index("what is wrong b2: ") < text.index("accepted      W1, W2 and W3: ")
    assert "where         every entry of b2; b1 and b3 are right\n" in text
    listed = text.split("\nexamples ")[1].split("\n\n")[0]
    assert "W" not in listed, "entries that are accepted are not listed as wrong"


def test_a_cause_that_is_not_there_has_no_effect_and_a_note_says_so() -> None:
    wrong = FAULTS["rolled rows W1"]
    before, after = checked(wrong), checked(wrong, accept=("clip", "float32"))
    assert {n: str(t) for n, t in before.tensors.items()} == {
        n: str(t) for n, t in after.tensors.items()
    }
    assert said_of_unused(after) == (
        "clip and float32 are accepted, and nothing that fails is explained by that exactly"
    )
    assert before.findings == ()


def test_a_mean_is_accepted_of_the_whole_gradient_and_not_of_some_tensors() -> None:
    wrong = FAULTS["biases are means"]
    result = checked(wrong, accept="mean")
    assert result.verdict == "fail"
    assert result.diagnosis[0].kind == "mean-for-sum"
    assert not result.diagnosis[0].accepted
    assert said_of_unused(result) == (
        "mean is accepted, but it holds of b1, b2 and b3 and not of the whole gradient"
    )


def test_nothing_is_accepted_of_what_directions_found() -> None:
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(20, 30)), rng.normal(size=(30, 10))
    right = x.T @ np.cos(x @ W)
    result = fc.check_gradients(
        lambda: float(np.sin(x @ W).sum()), {"W": W}, {"W": right.clip(-7, 7)},
        engine="black box", plan="directions", accept="clip",
    )  # fmt: skip
    assert result.diagnosis[0].kind == "clipped"
    assert not result.diagnosis[0].accepted
    assert result.verdict == "fail"
    assert said_of_unused(result).startswith(
        "clip is accepted, but entries were compared along random directions, and"
    )


def test_what_a_sample_rules_out_is_said_of_an_accepted_tensor_too() -> None:
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(20, 60)), rng.normal(size=(60, 40)) / 8
    options: dict[str, Any] = {"engine": "black box", "plan": "sample", "budget": 0.05}

    def loss() -> float:
        return float((x @ W).sum())

    right = x.T @ np.ones((20, 40))
    limit = float(np.median(np.abs(right)))
    plain = fc.check_gradients(loss, {"W": W}, {"W": right}, **options)
    result = fc.check_gradients(
        loss, {"W": W}, {"W": right.clip(-limit, limit)}, accept="clip", **options
    )
    assert plain.tensors["W"].n_checked < plain.tensors["W"].n_entries
    assert result.passed
    assert result.tensors["W"].n_accepted > 0
    assert 0.0 < result.tensors["W"].missable < 1.0


# ------------------------------------------------------------ the rule, on records by hand


def tensor(name: str, **changes: Any) -> TensorResult:
    fields: dict[str, Any] = {
        "name": name, "shape": (10,), "verdict": "fail", "reason": "10 disagree", "n_entries": 10,
        "n_checked": 10, "n_disagree": 10,
    }  # fmt: skip
    return TensorResult(**(fields | changes))


GUARD = Diagnosis("guard-ignored", "W1", 1e-7, "W1: a guard of 1e-07", ("W1", "b1"))
TENSORS = {name: tensor(name) for name in ("W1", "b1", "W2")}


def verdicts(diagnosis: list[Diagnosis], names: tuple[str, ...] = ("guard",)) -> dict[str, str]:
    return {n: t.verdict for n, t in with_accepted(diagnosis, TENSORS, names)[1].items()}


def test_a_guard_excuses_the_tensors_that_it_explains() -> None:
    diagnosis, tensors = with_accepted([GUARD], TENSORS, ("guard",))
    assert [d.accepted for d in diagnosis] == [True]
    assert {n: t.verdict for n, t in tensors.items()} == {"W1": "pass", "b1": "pass", "W2": "fail"}
    assert tensors["b1"].reason == "accepted: guard, by which 10 entries differ"
    assert about_unused(diagnosis, tensors, ("guard",)) == []


def test_an_explanation_that_is_not_exact_is_never_accepted() -> None:
    loose = dataclasses.replace(GUARD, is_exact=False)
    assert set(verdicts([loose]).values()) == {"fail"}
    assert not with_accepted([loose], TENSORS, ("guard",))[0][0].accepted


def test_all_that_is_said_of_a_tensor_must_be_accepted() -> None:
    sign = Diagnosis("sign", "b1", -1.0, "b1: every entry is -1 times", ("b1",))
    assert verdicts([GUARD, sign]) == {"W1": "pass", "b1": "fail", "W2": "fail"}
    clip = Diagnosis("clipped", "b1", 0.5, "b1: clipped", ("b1",))
    assert verdicts([GUARD, clip])["b1"] == "fail"
    assert verdicts([GUARD, clip], ("clip", "guard"))["b1"] == "pass"


def test_a_diagnosis_without_a_list_is_about_its_tensor() -> None:
    alone = dataclasses.replace(GUARD, tensors=())
    assert verdicts([alone]) == {"W1": "pass", "b1": "fail", "W2": "fail"}


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"n_disagree": 9, "n_unresolved": 1}, "pass"),
        ({"n_disagree": 8, "n_unresolved": 2}, "inconclusive"),
        ({"n_disagree": 0, "n_close": 10}, "pass"),
        ({"n_disagree": 0, "n_kink": 10}, "inconclusive"),
        ({"n_disagree": 0, "n_agree": 10, "n_zero": 10}, "inconclusive"),
        ({"n_disagree": 0, "n_checked": 0}, "inconclusive"),
        ({"typical": 1.0}, "fail"),
    ],
)
def test_no_tensor_passes_of_which_too_little_was_resolved(
    changes: dict[str, Any], verdict: str
) -> None:
    tensors = {"W1": tensor("W1", **changes)}
    assert with_accepted([GUARD], tensors, ("guard",))[1]["W1"].verdict == verdict


def test_every_name_stands_for_kinds_of_its_own_and_is_documented() -> None:
    assert fc.check_gradients.__doc__ is not None
    for name in ACCEPTABLE:
        assert f'"{name}"' in fc.check_gradients.__doc__


# ------------------------------------------------------------ the option


@pytest.mark.parametrize(
    ("accept", "words"),
    [
        ("gaurd", "got 'gaurd'; did you mean guard?"),
        (("clip", "regularizer"), "got 'regularizer'; did you mean regulariser?"),
        (["xyz"], "got 'xyz'; leave it out"),
        (3, "got 3; leave it out"),
        ((None,), "got None; leave it out"),
    ],
)
def test_an_unknown_name_is_refused_with_the_choices(accept: Any, words: str) -> None:
    with pytest.raises(fc.InputError, match="`accept` must hold some of guard, clip, ") as caught:
        checked(accept=accept)
    assert words in str(caught.value)


def test_no_name_accepts_nothing() -> None:
    assert accepted_names(()) == accepted_names([]) == accepted_names(None) == ()
    assert checked(limited(CASE.right), accept=()).verdict == "fail"


def test_the_other_verbs_take_it_too() -> None:
    wrong = limited(CASE.right)
    assert fc.assert_gradients(CASE.objective, CASE.params, wrong, accept="clip").passed
    with pytest.raises(fc.GradientMismatchError):
        fc.assert_gradients(CASE.objective, CASE.params, wrong, accept="guard")
    x = np.linspace(0.5, 2.0, 12)

    def both(w: np.ndarray) -> tuple[float, np.ndarray]:
        return float((x * w**2).sum()), np.minimum(2 * x * w, 2.0)

    w = np.linspace(0.5, 1.5, 12)
    assert not fc.check_value_and_grad(both, w)
    assert fc.check_value_and_grad(both, w, accept="clip").passed


def test_a_layer_may_clip_where_that_is_accepted() -> None:
    x = np.random.default_rng(0).normal(size=(4, 6))

    def backward(dout: np.ndarray) -> np.ndarray:
        return (dout * (1 - np.tanh(x) ** 2)).clip(-0.5, 0.5)

    assert not fc.check_layer(np.tanh, backward, x)
    result = fc.check_layer(np.tanh, backward, x, accept="clip")
    assert result.passed
    assert [d.accepted for d in result.diagnosis] == [True]
    assert result.tensors["x"].n_accepted == result.tensors["x"].n_disagree > 1
    listed = fc.check_layer([(np.tanh, backward)], inputs=x, accept="clip")
    assert listed.passed
    assert listed.diagnosis[0].tensors == tuple(listed.tensors)


def test_a_saved_result_keeps_what_was_accepted() -> None:
    before = checked(limited(CASE.right), accept="clip")
    after = CheckResult.from_json(before.to_json())
    assert after.diagnosis == before.diagnosis
    assert after.summary() == before.summary()
    assert str(after) == str(before)
    assert math.isfinite(after.norm_ratio)
