"""What changed from one night to the next, told in the right order and not because of noise."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from fastcheck.nightly.compare import KINDS, compare
from fastcheck.nightly.records import Run
from fastcheck.result import Coverage, Diagnosis, Finding, TensorResult
from tests.nightly.nights import NAMES, done, found, kinds, only, run_of, single

ONE = "mnist[seed=0]"


def with_result(
    number: int = 1, kind: str = "pass", seconds: float = 2.0, **changes: object
) -> Run:
    """Return a run of one case with a result that was changed."""
    record = done(ONE, kind, seconds)
    assert record.result is not None
    return single(number, replace(record, result=replace(record.result, **changes)))


# ------------------------------------------------------------ verdicts


def test_two_nights_that_are_alike_have_no_changes() -> None:
    old, new = (run_of(k, {"a": "pass", "b": "fail", "c": "error"}) for k in (1, 2))
    found = compare(old, new)
    assert found.changes == ()
    assert found.environment == ()
    assert (found.old, found.new, found.n_cases, found.is_worse) == (old.id, new.id, 3, False)


@pytest.mark.parametrize(
    ("before", "after", "kind", "text"),
    [
        ("pass", "fail", "regressed", "is fail, was pass: W2: dW2 is 100 times too large"),
        ("pass", "undecided", "regressed", "is inconclusive, was pass: "),
        ("undecided", "fail", "regressed", "is fail, was inconclusive: "),
        ("pass", "error", "regressed", "no longer runs, was pass: net.py:right error"),
        ("fail", "crashed", "regressed", "no longer runs, was fail: net.py:right crashed"),
        ("undecided", "timeout", "regressed", "no longer runs, was inconclusive: "),
        ("fail", "pass", "fixed", "passes now, was fail"),
        ("undecided", "pass", "fixed", "passes now, was inconclusive"),
        ("timeout", "pass", "fixed", "passes now, was timeout"),
        ("fail", "undecided", "diagnosis", "is inconclusive, was fail: "),
        ("error", "fail", "diagnosis", "is fail, was error: W2: dW2 is 100 times"),
        ("error", "timeout", "diagnosis", "no longer runs, was error: net.py:right timeout"),
        ("expected", "missed", "regressed", "is fail, was expected: the check does not see this"),
        ("missed", "expected", "fixed", "fails as expected, was fail: W2: dW2 is 100 times"),
        ("fail", "expected", "fixed", "fails as expected, was fail, with other settings: W2: dW2"),
        ("pass", "expected", "diagnosis", "fails as expected, was pass, with other settings: W2"),
        ("expected", "pass", "fixed", "passes now, was expected, with other settings"),
        ("expected", "fail", "regressed", "is fail, was expected, with other settings: W2: dW2"),
        ("expected", "error", "regressed", "no longer runs, was expected, with other settings"),
    ],
)
def test_a_verdict_that_flips(before: str, after: str, kind: str, text: str) -> None:
    comparison = compare(run_of(1, {"a": before}), run_of(2, {"a": after}))
    is_other = after in ("undecided", "missed")
    change = next(c for c in comparison.changes if c.after in after or is_other)
    assert change.kind == kind
    assert text in change.message
    assert comparison.is_worse == (kind == "regressed")


def test_the_worst_comes_first() -> None:
    old = run_of(
        1, {"a": "pass", "b": "fail", "c": "pass", "d": "pass", "e": "pass", "gone": "pass"}
    )
    new = run_of(
        2, {"a": "not run", "b": "pass", "c": "crashed", "d": "fail", "e": "pass", "n": "pass"}
    )
    assert kinds(compare(old, new)) == [
        ("regressed", "d"), ("regressed", "c"), ("fixed", "b"),
        ("gained", "n"), ("lost", "gone"), ("not-run", "a"),
    ]  # fmt: skip


def test_a_case_that_was_not_run_is_compared_with_when_it_was() -> None:
    nights = [
        run_of(k, {"a": kind}) for k, kind in enumerate(["pass", "not run", "interrupted"], 1)
    ]
    change = only(compare(nights[2], run_of(4, {"a": "fail"}), nights))
    assert change.kind == "regressed"
    assert f"was pass (in run {nights[0].id}): " in change.message
    skipped = only(compare(nights[2], run_of(4, {"a": "not run"}), nights))
    assert (skipped.kind, skipped.before, skipped.after) == ("not-run", "pass", "not run")
    assert skipped.message.endswith(f"when it was last run it was: pass (in run {nights[0].id})")


def test_an_old_run_that_is_named_is_compared_with_and_no_later_one() -> None:
    nights = [run_of(k, {"a": kind}) for k, kind in enumerate(["pass", "fail", "fail"], 1)]
    assert kinds(compare(nights[0], nights[2], nights)) == [("regressed", "a")]
    assert kinds(compare(nights[1], nights[2], nights)) == []


@pytest.mark.parametrize(
    ("after", "kind", "text"),
    [
        ("fail", "regressed", "is fail, its first verdict: W2: dW2 is 100 times too large"),
        ("error", "regressed", "does not run, its first verdict: net.py:right error"),
        ("crashed", "regressed", "does not run, its first verdict: net.py:right crashed"),
        ("undecided", "gained", "is inconclusive, its first verdict: "),
        ("pass", "", ""),
    ],
)
def test_a_first_verdict_is_told_unless_it_is_a_pass(after: str, kind: str, text: str) -> None:
    found = compare(run_of(1, {"a": "not run"}), run_of(2, {"a": after}))
    assert kinds(found) == ([(kind, "a")] if kind else [])
    assert all(text in change.message for change in found.changes)
    assert (found.is_worse, found.is_open) == (kind == "regressed", kind == "gained")


def test_a_case_that_is_never_run_has_no_verdict_to_flip() -> None:
    both = compare(run_of(1, {"a": "not run"}), run_of(2, {"a": "not run"}))
    assert only(both).message == "not run: net.py:right not run"


def test_a_new_case_that_fails_is_gained() -> None:
    assert not compare(run_of(1, {}), run_of(2, {"a": "pass"})).is_open
    assert not compare(run_of(1, {}), run_of(2, {"a": "expected"})).is_open
    assert compare(run_of(1, {}), run_of(2, {"a": "fail"})).is_open
    change = only(compare(run_of(1, {}), run_of(2, {"a": "fail"})))
    assert (change.kind, change.after, change.message) == ("gained", "fail", "is new; it is: fail")


def test_other_settings_are_told() -> None:
    old = single(1, done("a"))
    new = single(2, done("a", "fail", changes={"seed": 7}))
    assert "was pass, with other settings: " in only(compare(old, new)).message


def test_another_error_is_told_and_another_address_is_not() -> None:
    def raised(number: int, message: str) -> Run:
        return single(number, replace(done("a", "error"), message=message))

    old = raised(1, "ValueError: <object at 0x7f12ab> after 1.5 s")
    assert compare(old, raised(2, "ValueError: <object at 0x7e99> after 12 s")).changes == ()
    change = only(compare(old, raised(2, "KeyError: 'W1'")))
    assert (change.kind, change.message) == (
        "diagnosis", "is still error, and now says: KeyError: 'W1'",
    )  # fmt: skip


# ------------------------------------------------------------ findings and diagnosis


def test_findings_come_and_go() -> None:
    dead = Finding("dead-units", "warning", "W1", "unit 3 is never active; start elsewhere")
    flat = Finding("float32", "note", "W1", "the gradient is judged as float32")
    old, new = with_result(1, findings=(flat,)), with_result(2, findings=(dead,))
    changes = compare(old, new).changes
    assert [(c.kind, c.before, c.after) for c in changes] == [
        ("new-finding", "", "dead-units"), ("gone-finding", "float32", ""),
    ]  # fmt: skip
    assert changes[0].message == "warning: W1: unit 3 is never active; start elsewhere"
    other_numbers = replace(flat, message="the gradient is judged as float32, 7 entries")
    assert compare(old, with_result(2, findings=(other_numbers,))).changes == ()
    worse = replace(flat, severity="error")
    assert kinds(compare(old, with_result(2, findings=(worse,))))[0] == ("new-finding", ONE)


FACTOR = Diagnosis("factor", "W2", 100.0, "100 times too large", ("W2",))


@pytest.mark.parametrize(
    ("now", "is_told"),
    [
        ((FACTOR,), False),
        ((replace(FACTOR, constant=100.0 * (1 + 1e-9), message="other words"),), False),
        ((replace(FACTOR, constant=50.0),), True),
        ((replace(FACTOR, constant=None),), True),
        ((replace(FACTOR, kind="sum-for-mean"),), True),
        ((replace(FACTOR, tensors=("W1", "W2"), tensor=None),), True),
        ((replace(FACTOR, is_exact=False),), True),
        ((FACTOR, Diagnosis("sign", "b1", None, "the sign is wrong", ("b1",))), True),
        ((), True),
    ],
)
def test_a_diagnosis_that_changes(now: tuple[Diagnosis, ...], is_told: bool) -> None:
    old, new = with_result(1, "fail", diagnosis=(FACTOR,)), with_result(2, "fail", diagnosis=now)
    assert kinds(compare(old, new)) == ([("diagnosis", ONE)] if is_told else [])
    if is_told:
        change = only(compare(old, new))
        assert change.message.startswith("now: ")
        assert change.before == "factor"


def test_the_strength_of_what_was_accepted_may_change() -> None:
    clipped = replace(FACTOR, kind="clipped", accepted=True)
    new = replace(clipped, constant=50.0)
    old, new = (with_result(k, "pass", diagnosis=(d,)) for k, d in ((1, clipped), (2, new)))
    assert compare(old, new).changes == ()


def test_constants_that_are_no_numbers_are_alike() -> None:
    nothing = replace(FACTOR, constant=float("nan"))
    old, new = (with_result(k, "fail", diagnosis=(nothing,)) for k in (1, 2))
    assert compare(old, new).changes == ()


# ------------------------------------------------------------ figures


def tensor(kind: str, off: float, bound: float = 1e-13) -> TensorResult:
    """Return W2 of a result, whose worst entry is off by an amount."""
    base = found(kind).tensors["W2"]
    assert base.worst is not None
    worst = replace(base.worst, analytic=1.0 + off, numerical=1.0, bound=bound)
    return replace(base, worst=worst)


def off_by(number: int, off: float, bound: float = 1e-13, kind: str = "fail") -> Run:
    return with_result(number, kind, tensors={"W2": tensor(kind, off, bound)})


def test_a_worst_deviation_that_grows_is_told_with_its_address() -> None:
    change = only(compare(off_by(1, 1e-3), off_by(2, 5e-2)))
    assert (change.kind, change.before, change.after) == ("worst", "0.001", "0.05")
    assert change.message == "W2[15, 2] is off by 0.05; the worst of W2 was off by 0.001"
    assert kinds(compare(off_by(1, 5e-2), off_by(2, 1e-3))) == [("worst", ONE)]


def test_deviations_within_their_bounds_are_noise() -> None:
    assert compare(off_by(1, 1e-15, kind="pass"), off_by(2, 9e-14, kind="pass")).changes == ()
    assert compare(off_by(1, 1e-3), off_by(2, 1.9e-3)).changes == ()
    assert compare(off_by(1, 1e-3, 1e-2), off_by(2, 9e-3, 1e-2)).changes == ()


def test_deviations_within_the_spread_of_earlier_runs_are_noise() -> None:
    history = [off_by(k, off) for k, off in enumerate([1e-3, 4e-2, 2e-3], 1)]
    new = off_by(9, 5e-2)
    assert kinds(compare(history[-1], new)) == [("worst", ONE)]
    assert compare(history[-1], new, history).changes == ()


def test_an_entry_that_is_no_longer_finite_is_told() -> None:
    assert kinds(compare(off_by(1, 1e-3), off_by(2, float("nan")))) == [("worst", ONE)]
    assert compare(off_by(1, float("nan")), off_by(2, float("inf"))).changes == ()


def test_a_pass_that_looked_at_less_is_told() -> None:
    some = Coverage(39760, 500, 500, "500 of 39,760 entries")
    change = only(compare(with_result(1), with_result(2, coverage=some)))
    assert (change.kind, change.before, change.after) == ("coverage", "100 %", "1.2 %")
    assert change.message == "500 of 39,760 entries were checked (1.2 %), before 100 %"


def test_a_pass_with_fewer_digits_is_told() -> None:
    def digits(number: int, value: float) -> Run:
        tensors = {n: replace(t, digits=value) for n, t in found("pass").tensors.items()}
        return with_result(number, tensors=tensors)

    change = only(compare(digits(1, 12.9), digits(2, 7.4)))
    assert (change.kind, change.message) == ("coverage", "7.4 digits are verified, before 12.9")
    assert compare(digits(1, 12.9), digits(2, 12.4)).changes == ()
    assert compare(digits(1, float("nan")), digits(2, 12.4)).changes == ()


# ------------------------------------------------------------ the whole


def test_what_else_changed_is_told() -> None:
    old = run_of(1, {"a": "pass"})
    new = replace(
        run_of(2, {"a": "pass"}), suite_sha256="cd" * 32, options={"seed": 0},
        provenance={"python": "3.12", "machine": "box, 2 cores", "data:mnist": "cd" * 32},
    )  # fmt: skip
    assert compare(old, new).environment == (
        ("suite_sha256", "ab" * 32, "cd" * 32),
        ("python", "3.11", "3.12"),
        ("option jobs", "2", ""),
    )  # fmt: skip


def test_a_comparison_is_json() -> None:
    comparison = compare(run_of(1, {"a": "pass", "b": "fail"}), run_of(2, {"a": "fail"}))
    data = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    assert data["schema"] == 1
    assert list(data["counts"]) == list(KINDS)
    assert (data["counts"]["regressed"], data["counts"]["lost"], data["n_cases"]) == (1, 1, 1)
    assert data["changes"][0]["kind"] == "regressed"
    assert str(comparison.changes[-1]) == "b: is no longer in the suite; it was: fail"


def test_a_night_with_one_of_each_is_told_so() -> None:
    old = run_of(1, dict(zip(NAMES, ("pass", "fail", "pass", "pass", "pass"), strict=True)))
    new = run_of(2, dict(zip(NAMES, ("fail", "pass", "pass", "not run", "pass"), strict=True)))
    finding = Finding("dead-units", "warning", "W1", "unit 3 is never active")
    record = new.record("cat")
    assert record is not None
    assert record.result is not None
    new = new.with_record(replace(record, result=replace(record.result, findings=(finding,))))
    assert [k for k, _ in kinds(compare(old, new))] == [
        "regressed", "fixed", "new-finding", "gone-finding", "not-run",
    ]  # fmt: skip


def test_five_hundred_cases_over_twenty_nights_are_compared_in_seconds() -> None:
    names = {f"case {k}": "pass" for k in range(500)}
    past = [replace(run_of(1, names), id=f"202601{k:02d}T0-0") for k in range(1, 21)]
    start = time.perf_counter()
    assert compare(past[-2], past[-1], past).changes == ()
    assert time.perf_counter() - start < 3.0
