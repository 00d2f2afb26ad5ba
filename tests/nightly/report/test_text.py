"""The first screen of a run: what changed, what broke, what is undecided, what was not run."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from fastcheck.nightly.report import print_summary, summary
from fastcheck.nightly.report.digest import digest
from tests.nightly.report.nights import Change, Comparison, many, night, record, run_of


def labels(text: str) -> dict[str, list[str]]:
    """Return the lines below each label of a page."""
    found: dict[str, list[str]] = {}
    label = ""
    for line in text.split("\n"):
        label = line[:14].strip() or label
        found.setdefault(label, []).append(line[14:])
    return found


def test_a_night_is_summarised_on_one_screen_the_regression_first() -> None:
    text = summary(*night(), width=100)
    lines = text.split("\n")
    assert len(lines) <= 24
    assert lines[0] == (
        "FAIL          night: 10 cases: 2 fail, 1 error, 1 timed out, 1 inconclusive, 2 not run, "
        "3 pass"
    )
    found = labels(text)
    assert list(found) == [
        "FAIL", "changed", "regressed", "no longer run", "new finding", "fixed", "broken too",
        "undecided too", "not run too", "other changes", "coverage", "run",
    ]  # fmt: skip
    assert found["changed"][0].startswith("since 20260130T021500-9c1d: 1 regressed, 1 no longer")
    assert found["changed"][-1] == "also another: numpy 2.4.5 → 2.4.6"
    assert found["regressed"][0].startswith("mnist[seed=1]: pass → fail; W2: dW2 is 100 times")
    assert found["no longer run"] == [
        "cat[seed=2]: pass → not run; the budget was used up before it"
    ]
    assert found["new finding"] == ["cat[seed=1]: aliasing: W1 and W2 share memory"]
    assert found["fixed"] == ["cat[seed=0]: fail → pass"]
    assert [line.split(":")[0] for line in found["broken too"]] == [
        "old failure", "net[plan=units]", "hangs",
    ]  # fmt: skip
    assert found["not run too"] == ["later: it was not run"]
    assert "12 min 03 s, jobs 2, budget 2 h" in found["run"][0]


def test_without_a_comparison_nothing_is_said_to_have_changed() -> None:
    found = labels(summary(night()[0], width=100))
    assert list(found) == ["FAIL", "broken", "undecided", "not run", "coverage", "run"]
    assert len([line for line in found["not run"] if not line.startswith(" ")]) == 2


def test_what_fails_as_expected_is_counted_and_makes_no_failure() -> None:
    told = digest(run_of(record("a"), record("planted", "expected")))
    assert (told.word, told.sections) == ("pass", ())
    assert told.headline == "2 cases: 1 fail as expected, 1 pass"
    assert digest(run_of(record("planted", "expected"), finished="")).word == "interrupted"


def test_a_mistake_that_is_not_seen_is_broken_and_says_so() -> None:
    missed = record("planted", "fail", "pass", message="passes, where a failure is expected")
    found = labels(summary(run_of(record("a"), missed), width=100))
    assert found["FAIL"] == ["night: 2 cases: 1 fail, 1 pass"]
    assert found["broken"][0].startswith("planted: passes, where a failure is expected; all ")


def test_a_sha256_is_shortened() -> None:
    run, comparison = night()
    environment = (("suite_sha256", "ab" * 32, "cd" * 32),)
    text = summary(run, replace(comparison, environment=environment), width=100)
    assert "also another: suite_sha256 abababababab → cdcdcdcdcdcd\n" in text


def test_nothing_changed_is_said() -> None:
    comparison = Comparison(environment=())
    found = labels(summary(run_of(record("a")), comparison, width=100))
    assert found["changed"] == ["since 20260130T021500-9c1d: nothing changed"]
    assert list(found) == ["PASS", "changed", "coverage", "run"]


@pytest.mark.parametrize(
    ("statuses", "word"),
    [
        (["pass", "pass"], "pass"),
        (["pass", "not run"], "incomplete"),
        (["not run"], "incomplete"),
        ([], "incomplete"),
        (["pass", "interrupted", "not run"], "interrupted"),
        (["pass", "inconclusive", "not run"], "inconclusive"),
        (["inconclusive", "timeout"], "error"),
        (["pass", "crashed"], "error"),
        (["error", "fail"], "fail"),
    ],
)
def test_a_run_passes_only_if_every_case_ran_and_passed(statuses: list[str], word: str) -> None:
    run = run_of(*(record(f"case {k}", status) for k, status in enumerate(statuses)))
    assert digest(run).word == word
    assert summary(run, width=100).startswith(word.upper())


def test_a_run_that_is_not_finished_does_not_pass() -> None:
    run = run_of(record("a"), finished="")
    assert digest(run).word == "interrupted"
    assert "not finished" in summary(run, width=100)


def test_of_many_cases_five_are_listed_under_each_label_and_the_others_counted() -> None:
    run = many(500)
    text = summary(run, width=100)
    found = labels(text)
    more = run.count("fail") + run.count("error") - 5
    assert found["broken"][-1] == f"and {more} more"
    assert len(text.split("\n")) < 40


def test_a_case_that_was_not_run_before_either_has_not_changed() -> None:
    run = run_of(record("a", "not run"), record("b", "not run"))
    comparison = Comparison(
        (Change("a", "not-run", "", "not run", ""), Change("b", "not-run", "fail", "not run", ""))
    )
    told = digest(run, comparison)
    assert told.changed == "1 no longer run"
    sections = {section.key: [item.name for item in section.items] for section in told.sections}
    assert sections == {"gone": ["b"], "not-run": ["a"]}


def test_a_case_that_left_the_suite_no_longer_runs() -> None:
    comparison = Comparison((Change("old", "lost", "pass", "", "is no longer in the suite"),))
    told = digest(run_of(record("a")), comparison)
    assert [item.text for item in told.sections[0].items] == ["is no longer in the suite"]
    assert told.sections[0].items[0].status == ""


def test_regressions_are_ordered_by_how_bad_they_are() -> None:
    run = run_of(record("a", "inconclusive"), record("b", "crashed"), record("c", "fail"))
    changes = tuple(Change(r.case.name, "regressed", "pass", r.status, "") for r in run.records)
    (section, *_) = digest(run, Comparison(changes)).sections
    assert [item.name for item in section.items] == ["c", "b", "a"]
    assert section.items[1].text == "pass → crashed; the process that it ran in ended"


def test_a_kind_of_change_that_is_new_is_told_all_the_same() -> None:
    told = digest(run_of(record("a")), Comparison((Change("a", "moved", "1", "2", ""),)))
    assert [(s.key, s.items[0].text) for s in told.sections] == [("other", "1 → 2")]


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("unicode", [False, True])
def test_it_fits_the_terminal_and_its_characters(width: int, unicode: bool) -> None:
    text = summary(*night(), width=width, unicode=unicode)
    assert max(map(len, text.split("\n"))) <= width
    assert "\x1b" not in text
    assert text.isascii() is not unicode
    assert ("pass → fail" if unicode else "pass -> fail") in text


def test_it_has_colours_only_if_asked() -> None:
    assert "\x1b[" in summary(*night(), width=100, color=True)


def test_names_and_messages_cannot_steer_the_terminal() -> None:
    run = run_of(record("evil\x1b[31m\nPASS", "error", message="line\r\n\x07two"))
    text = summary(run, width=100)
    assert "\x1b" not in text
    assert "evil\\x1b[31m PASS: line \\x07two" in text


def test_a_pipe_gets_plain_text_in_its_encoding() -> None:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii", write_through=True) as pipe:
        print_summary(*night(), file=pipe)
        text = raw.getvalue().decode("ascii")
    assert text.startswith("FAIL          night:")
    assert "pass -> fail" in text
    assert text.endswith("budget 2 h\n")
