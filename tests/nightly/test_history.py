"""What became of one case over the last nights."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fastcheck.nightly.compare import compare
from fastcheck.nightly.history import case_history, case_names
from fastcheck.nightly.records import Record
from fastcheck.nightly.tables import render_comparison, render_history
from tests.nightly.nights import done, night, run_of


def test_a_history_is_in_the_order_of_time_with_its_flips() -> None:
    statuses = ["pass", "fail", "not run", "fail", "pass", "error"]
    nights = [run_of(k, {"a": status, "b": "pass"}) for k, status in enumerate(statuses, 1)]
    nights.insert(2, run_of(9, {"b": "pass"}))
    history = case_history("a", nights[::-1])
    assert [m.record.status for m in history.moments] == statuses
    assert [m.is_flip for m in history.moments] == [False, True, False, False, True, True]
    assert history.is_flaky
    assert (history.suite, history.name) == ("night", "a")
    assert history.moments[1].remark.startswith("W2: dW2 is 100 times too large")
    assert history.moments[5].remark == "net.py:right error"
    assert history.moments[0].remark == ""
    worst = history.moments[1].worst
    assert worst is not None
    assert worst.address == "b2[7]"  # NaN is the worst of all
    assert case_names(nights) == ["b", "a"]


def test_a_history_knows_other_settings_and_other_suites() -> None:
    nights = [run_of(k, {"a": status}) for k, status in enumerate(["pass", "fail", "pass"], 1)]
    assert case_history("a", nights).is_flaky
    changed = done("a", "fail", changes={"seed": 3})
    nights[1] = night(2, records=(Record(changed.case),)).with_record(changed)
    history = case_history("a", nights)
    assert [m.has_new_settings for m in history.moments] == [False, True, True]
    assert not history.is_flaky


def test_a_case_of_no_run_has_no_history() -> None:
    history = case_history("a", [run_of(1, {"b": "pass"})])
    assert (history.moments, history.is_flaky) == ((), False)
    assert case_history("a", []).suite == ""
    assert render_history(history, width=80).startswith("case          a\n")


def test_a_history_is_json() -> None:
    nights = [run_of(k, {"a": status}) for k, status in ((1, "fail"), (2, "timeout"))]
    data = json.loads(json.dumps(case_history("a", nights).to_dict(), allow_nan=False))
    assert data["schema"] == 1
    assert [run["status"] for run in data["runs"]] == ["fail", "timeout"]
    assert data["runs"][1]["remark"] == "net.py:right timeout"


# ------------------------------------------------------------ as text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_tables_keep_to_the_width_and_to_ascii(width: int) -> None:
    old, new = run_of(1, {"näme": "pass", "b": "fail"}), run_of(2, {"näme": "fail", "b": "pass"})
    shown = compare(old, replace(new, provenance={"python": "3.12\x1b[31m" + "x" * 300}))
    texts = [render_comparison(shown, width=width, unicode=False)]
    texts.append(render_history(case_history("näme", [old, new]), width=width, unicode=False))
    for text in texts:
        assert text.isascii()
        assert "\x1b" not in text
        assert max(map(len, text.splitlines())) <= width
        assert "n\\xe4me" in text


def test_colours_are_written_where_they_are_asked_for() -> None:
    shown = compare(run_of(1, {"a": "pass"}), run_of(2, {"a": "fail"}))
    assert "\x1b[1;31mregressed" in render_comparison(shown, width=100, color=True)
    assert "\x1b" not in render_comparison(shown, width=100)


def test_of_many_changes_of_one_kind_some_are_shown_and_all_are_counted() -> None:
    names = [f"case {k}" for k in range(100)]
    shown = compare(
        run_of(1, dict.fromkeys(names, "pass")), run_of(2, dict.fromkeys(names, "error"))
    )
    text = render_comparison(shown, width=100)
    assert "100 regressed" in text
    assert "and 70 more" in text
    assert text.count("no longer runs") == 30
