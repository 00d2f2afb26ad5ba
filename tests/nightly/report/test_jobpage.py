"""A run as Markdown: the same first screen, and nothing in it that a case has written."""

from __future__ import annotations

import pytest

from fastcheck.nightly.report import markdown
from fastcheck.nightly.report.jobpage import escaped
from tests.nightly.report.nights import many, night, record, run_of


def test_a_night_is_summarised_on_the_first_screen_the_regression_first() -> None:
    lines = markdown(*night()).split("\n")
    assert lines[0] == "# ❌ FAIL: night"
    screen = "\n".join(lines[:42])
    wanted = [
        "10 cases: 2 fail, 1 error, 1 timed out, 1 inconclusive, 2 not run, 3 pass",
        "**Since `20260130T021500-9c1d`:** 1 regressed, 1 no longer run, 1 with a new finding",
        "**Regressed** (1)\n\n- ❌ **mnist\\[seed=1\\]**: pass → fail; W2: dW2 is 100 times",
        "**No longer run** (1)\n\n- ⏭️ **cat\\[seed=2\\]**: pass → not run; the budget was used up",
        "**New finding** (1)\n\n- ✅ **cat\\[seed=1\\]**: aliasing: W1 and W2 share memory",
        "**Fixed** (1)\n\n- ✅ **cat\\[seed=0\\]**: fail → pass",
        "**Broken too** (3)",
        "**Undecided too** (1)",
        "**Not run too** (1)\n\n- ⏭️ **later**: it was not run",
    ]
    places = [screen.index(text) for text in wanted]
    assert places == sorted(places)


def test_every_case_that_did_not_pass_has_a_row_and_a_report() -> None:
    run, comparison = night()
    text = markdown(run, comparison)
    rows = [line for line in text.split("\n") if line.startswith("| ")][1:]
    assert len(rows) == len(run.records) - run.count("pass")
    assert "| later | ⏭️ not run |  |  | it was not run |" in rows
    assert "39,760 of 39,760" in rows[0]
    assert "<details><summary>mnist[seed=1]: fail</summary>" in text
    assert "    Traceback (most recent call last):\n      ValueError: bad shape" in text
    assert text.count("<details>") == text.count("</details>") == 4


def test_text_from_outside_is_shown_as_it_is() -> None:
    name, message = "<img src=x>|`a`\n# title", "*bold* [link](http://x) <script>"
    text = markdown(run_of(record(name, "error", message=message, traceback="</details>\n<b>")))
    assert "<img" not in text
    assert "<script" not in text
    assert "\\*bold\\* \\[link\\](http://x) &lt;script&gt;" in text
    assert "**&lt;img src=x&gt;\\|\\`a\\` # title**" in text
    assert "\n    </details>\n    <b>\n" in text
    assert escaped("a_b\x07c") == "a\\_b\\\\x07c"


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n", "\x0b", "\x85", "\u2028"])
def test_no_end_of_a_line_leads_out_of_a_traceback(end: str) -> None:
    lines = ["ValueError: 50 %", "\tindented", "# INJECTED [link](http://x)"]
    text = markdown(run_of(record("a", "error", traceback=end.join(lines))))
    shown = [line for line in text.splitlines() if "indented" in line or "INJECTED" in line]
    assert shown
    assert all(line.startswith("    ") for line in shown)


def test_five_hundred_cases_fit_on_the_page_of_a_job() -> None:
    text = markdown(many(500))
    assert len(text.encode()) < 600_000
    assert text.count("<details>") <= 30
    assert "- and " in text


def test_a_run_that_passes_is_short() -> None:
    text = markdown(run_of(record("a"), record("b")))
    assert text.startswith("# ✅ PASS: night\n\n2 cases: 2 pass\n")
    assert text.count("\n") == 5
