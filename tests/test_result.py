"""Results: entries, tensors, verdicts, and what they say of themselves."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from fastcheck.judge import judge_tensor
from fastcheck.result import (
    Audit,
    Coverage,
    Diagnosis,
    Entry,
    Finding,
    Provenance,
    SpotCheck,
    TensorResult,
    overall_max_relative_error,
    overall_norm_ratio,
    overall_verdict,
)
from fastcheck.result.wording import percent, seconds
from tests.results import KINDS, result, tensor

NAN = math.nan

# ------------------------------------------------------------ entries


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (
            Entry("W2", (3, 0), 0.41203, 0.39871, 3e-14, "disagree"),
            "W2[3, 0]: yours 0.41203, should be 0.39871 ± 3e-14 (× 1.03)",
        ),
        (
            Entry("W2", (3, 0), 1.0 + 1e-9, 1.0, 3e-14, "close"),
            "W2[3, 0]: yours 1.000000001, should be 1 ± 3e-14 (× 1.000000001)",
        ),
        (
            Entry("b1", (7,), -2.0, 2.0, 1e-12, "disagree"),
            "b1[7]: yours -2, should be 2 ± 1e-12 (× -1, wrong sign)",
        ),
        (
            Entry("W1", (0,), 39.871, 0.39871, 3e-14, "disagree"),
            "W1[0]: yours 39.871, should be 0.39871 ± 3e-14 (× 100)",
        ),
        (
            Entry("c", (), 0.0, -0.5, 1e-12, "disagree"),
            "c: yours 0, should be -0.5 ± 1e-12 (× 0)",
        ),
        (
            Entry("c", (), 1.0, 0.0, 1e-12, "disagree"),
            "c: yours 1, should be 0 ± 1e-12",
        ),
        (
            Entry("W1", (1,), NAN, 1.5, 1e-12, "disagree"),
            "W1[1]: yours nan, should be 1.5 ± 1e-12 (not finite)",
        ),
        (
            Entry("W1", (1,), 1.0, 1.0 + 1e-13, 1e-12, "agree"),
            "W1[1]: yours 1, should be 1 ± 1e-12 (right)",
        ),
        (
            Entry("W1", (1,), 1.0, NAN, NAN, "unresolved"),
            "W1[1]: yours 1, numerical nan ± nan (not resolved)",
        ),
        (
            Entry("W1", (1,), 1.0, 0.5, 1e-12, "kink"),
            "W1[1]: yours 1, numerical 0.5 ± 1e-12 (at a kink)",
        ),
    ],
)
def test_an_entry_reads_as_one_sentence(entry: Entry, text: str) -> None:
    assert str(entry) == text


def test_the_ratio_of_an_entry_is_in_units_of_its_bound() -> None:
    assert Entry("W1", (0,), 1.5, 1.0, 0.25, "disagree").ratio == 2.0
    assert Entry("W1", (0,), 1.5, 1.0, 0.0, "disagree").ratio == math.inf
    assert Entry("W1", (0,), 1.0, 1.0, 0.0, "agree").ratio == 0.0
    assert Entry("W1", (0,), NAN, 1.0, 0.5, "disagree").ratio == math.inf


def test_records_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        result().verdict = "pass"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        tensor("b1").n_agree = 0  # type: ignore[misc]


# ------------------------------------------------------------ the verdict


def test_one_failing_tensor_fails_whatever_else_happened() -> None:
    tensors = {name: tensor(name, fault) for name, fault in [("b2", "nan"), ("b1", "zero")]}
    error = [Finding("x", "error", None, "y")]
    assert overall_verdict(tensors, error, interrupted=True) == "fail"


@pytest.mark.parametrize(
    ("tensors", "findings", "interrupted", "verdict"),
    [
        ({"b1": tensor("b1")}, [], False, "pass"),
        ({"b1": tensor("b1")}, [Finding("x", "warning", None, "y")], False, "pass"),
        ({"b1": tensor("b1")}, [Finding("x", "error", None, "y")], False, "inconclusive"),
        ({"b1": tensor("b1")}, [], True, "inconclusive"),
        ({"b1": tensor("b1"), "b2": tensor("b2", "zero")}, [], False, "inconclusive"),
        ({}, [], False, "inconclusive"),
        ({"W0": tensor("W1", shape=(0, 5))}, [], False, "inconclusive"),
        ({"W0": tensor("W1", shape=(0, 5)), "b1": tensor("b1")}, [], False, "pass"),
    ],
)
def test_a_pass_needs_resolved_entries_and_no_obstacle(
    tensors: dict[str, TensorResult], findings: list[Finding], interrupted: bool, verdict: str
) -> None:
    assert overall_verdict(tensors, findings, interrupted) == verdict


def test_a_result_is_true_only_when_it_passed() -> None:
    verdicts = {kind: result(kind).verdict for kind in KINDS}
    assert verdicts == {
        "pass": "pass",
        "kinks": "pass",
        "close": "pass",
        "fail": "fail",
        "undecided": "inconclusive",
        "zero": "inconclusive",
        "interrupted": "inconclusive",
        "error": "inconclusive",
        "empty": "inconclusive",
    }
    for kind, verdict in verdicts.items():
        assert bool(result(kind)) is result(kind).passed is (verdict == "pass")


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (
            "pass",
            "all 39,760 entries of 4 tensors agree with the numerical gradient; 39,760 resolved.",
        ),
        (
            "kinks",
            (
                "39,368 of 39,760 entries of 4 tensors agree with the numerical gradient; "
                "39,368 resolved, 392 at kinks."
            ),
        ),
        (
            "close",
            (
                "39,758 of 39,760 entries of 4 tensors agree with the numerical gradient; "
                "39,760 resolved, 2 close."
            ),
        ),
        (
            "fail",
            "501 of 39,760 entries of your analytic gradient are wrong, in W2 and b2.",
        ),
        ("undecided", "W1 is undecided; 31,920 of 39,760 checked entries resolved."),
        ("zero", "b1 is undecided; 39,710 of 39,760 checked entries resolved."),
        (
            "interrupted",
            (
                "the check was interrupted; of what it reached, all 300 checked entries of 1 "
                "tensor agree with the numerical gradient; 300 resolved."
            ),
        ),
        ("error", "no verdict is possible: your loss is 2.0, ours 2.3."),
        ("empty", "no tensor was checked."),
    ],
)
def test_the_headline_is_a_sentence_with_numbers(kind: str, sentence: str) -> None:
    assert result(kind).summary() == sentence
    assert repr(result(kind)) == f"<CheckResult {result(kind).verdict}: {sentence}>"


def test_the_headline_of_a_failure_counts_what_is_close_there_too() -> None:
    found = {"W2": tensor("W2", "factor"), "b1": tensor("b1", "close")}
    failing = dataclasses.replace(found["W2"], n_disagree=497, n_close=3)
    both = result(tensors=found | {"W2": failing}, verdict="fail")
    assert both.summary() == (
        "497 of 550 entries of your analytic gradient are wrong and 3 more are close, in W2."
    )
    part = dataclasses.replace(tensor("W1", "part"), verdict="fail", n_disagree=2)
    assert result(tensors={"W1": part}, verdict="fail").summary() == (
        "2 of 300 checked entries of your analytic gradient are wrong, in W1."
    )


def test_the_headline_of_rare_cases() -> None:
    def summary(tensors: dict[str, TensorResult], verdict: str, **fields: object) -> str:
        return result(tensors=tensors, verdict=verdict, **fields).summary()

    strict = dataclasses.replace(tensor("b2", "close"), verdict="fail")
    assert summary({"b2": strict}, "fail", interrupted=True) == (
        "1 of 10 entries of your analytic gradient is close to the numerical gradient and not "
        "within the bound, in b2; the check was interrupted."
    )
    zero = {"b1": tensor("b1", "zero"), "b2": tensor("b2", "zero")}
    assert summary(zero, "inconclusive") == "none of 60 checked entries could be resolved."
    one = {"b2": tensor("b2", shape=(1,))}
    assert summary(one, "pass").startswith("the only entry of 1 tensor agrees with")
    two = [Finding("x", "error", "W1", "bad"), Finding("y", "error", None, "worse")]
    assert summary(one, "inconclusive", findings=two) == (
        "no verdict is possible: W1: bad (1 more)."
    )


# ------------------------------------------------------------ figures over all tensors


def test_the_classical_figures_are_over_all_entries() -> None:
    rng = np.random.default_rng(0)
    a, n = rng.normal(size=60), rng.normal(size=60)
    parts = {"b1": slice(0, 50), "b2": slice(50, 60)}
    tensors = {k: judge_tensor(k, a[s], n[s], np.zeros(a[s].size)) for k, s in parts.items()}
    norm = np.linalg.norm
    assert overall_norm_ratio(tensors) == pytest.approx(norm(a - n) / (norm(a) + norm(n)))
    relative = np.abs(a - n) / np.maximum(np.abs(a), np.abs(n))
    assert overall_max_relative_error(tensors) == relative.max()
    with_zero = {**tensors, "b3": tensor("b1", "zero")}
    assert overall_max_relative_error(with_zero) == relative.max()
    with_nan = {**tensors, "b3": tensor("b2", "nan")}
    assert math.isnan(overall_max_relative_error(with_nan))
    assert math.isnan(overall_norm_ratio(with_nan))
    assert math.isnan(overall_norm_ratio({}))
    assert math.isnan(overall_max_relative_error({}))


def test_coverage_adds_up_and_never_rounds_up() -> None:
    whole = Coverage.of(result("pass").tensors.values(), "each entry on its own")
    assert whole.statement == (
        "all 39,760 entries checked, 39,760 resolved (100 %); each entry on its own"
    )
    part = Coverage.of(result("interrupted").tensors.values())
    assert (part.n_entries, part.n_checked, part.n_resolved) == (39200, 300, 300)
    assert part.statement == "300 of 39,200 entries checked (0.7 %), 300 resolved (100 %)"
    assert Coverage.of([]).statement == "all 0 entries checked, 0 resolved"
    assert percent(39759, 39760) == "99.9 %"


def test_messages_begin_with_their_tensor_once() -> None:
    assert str(Finding("kink", "note", "W1", "at a kink")) == "note: W1: at a kink"
    assert str(Finding("kink", "note", "W1", "W1: at a kink")) == "note: W1: at a kink"
    assert str(Finding("kink", "note", "W1", "W1[0, 1] is")) == "note: W1[0, 1] is"
    assert str(Finding("kink", "note", "W1", "W12: at")) == "note: W1: W12: at"
    assert str(Diagnosis("factor", None, 2.0, "all twice")) == "all twice"


def test_small_records_read_as_sentences() -> None:
    assert str(Audit("W1", 1.5, 1.25, 1e-6, False)) == (
        "W1: along a random direction 1.5, from two losses 1.25 ± 1e-06: they DISAGREE"
    )
    assert str(SpotCheck("W1", 32, 0.5, True)) == (
        "W1: 32 entries probed one by one agree, the worst is off by 0.5 of its bound"
    )
    batch = Provenance("a.h5", "0123456789abcdef" * 4, "test", None, np.array([4, 2]), 2)
    assert batch.indices == (4, 2)
    assert str(batch) == "2 examples of a.h5 (test), sha256 0123456789ab, named one by one"
    assert str(tensor("b1")) == "b1 (50,): pass, 50 entries resolved"
    assert str(tensor("W1", "zero")).startswith("W1 (784, 50): inconclusive, 39,200 checked")


@pytest.mark.parametrize(
    ("value", "text"),
    [(4e-7, "0.0004 ms"), (3.4e-3, "3 ms"), (0.0994, "99 ms"), (0.123, "0.12 s"), (9.94, "9.9 s"),
     (9.96, "10 s"), (99.6, "1 min 40 s"), (3600.0, "60 min 00 s"), (NAN, "nan s")],
)  # fmt: skip
def test_times_have_a_unit_that_suits_them(value: float, text: str) -> None:
    assert seconds(value) == text
