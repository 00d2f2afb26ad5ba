"""The report as text: what it says, and how it fits a terminal, a pipe and a build server."""

from __future__ import annotations

import dataclasses
import io
import re
import sys

import pytest

from fastcheck.report.page import NARROWEST, can_encode, width_of
from fastcheck.report.text import print_result, render, render_plain
from fastcheck.result import Audit, CheckResult, Finding, SpotCheck
from tests.results import KINDS, MEAN, result, tensor

WIDTHS = (60, 80, 100, 140, 200)


def line_of(text: str, label: str) -> str:
    """Return the first line with a label."""
    found = re.search(rf"^{label} .*$", text, re.MULTILINE)
    assert found, f"no line {label!r} in\n{text}"
    return found[0]


# ------------------------------------------------------------ what it says


@pytest.mark.parametrize("kind", KINDS)
def test_the_verdict_comes_first_as_a_sentence(kind: str) -> None:
    shown = result(kind)
    first = render(shown, width=200).split("\n")[0]
    assert first == f"{shown.verdict.upper():<14}{shown.summary()}"


def test_the_report_of_a_failure_tells_why_and_where() -> None:
    text = render(result("fail"), width=100)
    labels = [line.split()[0] for line in text.split("\n") if line and not line.startswith(" ")]
    order = ["FAIL", "what", "where", "examples", "close", "tensor", "note", "checked"]
    assert [label for label in labels if label in order] == order
    assert not {"cross-check", "spot", "plan", "batch", "loss", "versions"} & set(labels)
    assert line_of(text, "what") == f"what is wrong W2: {MEAN}"
    where = "every entry of W2; one entry of b2; W1 and b1 are right"
    assert line_of(text, "where") == f"{'where':<14}{where}"
    assert line_of(text, "note").endswith("W1: the gradient is judged as float32")
    worst = result("fail").tensors["W2"].worst
    assert line_of(text, "examples") == f"{'examples':<14}{worst}"
    numerical = result("fail").tensors["b2"].mismatches[0].numerical
    assert f"\n{'':<14}b2[7]: yours nan, should be {numerical:.5g} ± " in text
    assert text.count("(× 100)") == 2
    assert "and 498 more" in text
    assert " ".join(text[text.index("\nclose ") :].split()).startswith(
        "close 1 more entry is outside its error bound but within rtol = 1e-05, so that it counts "
        "as close, not as wrong"
    )
    assert " ".join(text[text.index("\nchecked ") :].split()) == (
        "checked all 39,760 entries against the numerical gradient (± its error bound), each entry "
        "perturbed on its own; 3 examples; loss 2.3026"
    )


def test_a_failure_tells_all_of_itself_where_that_is_asked_for() -> None:
    text = render(result("fail"), width=200, verbose=True)
    labels = [line.split()[0] for line in text.split("\n") if line and not line.startswith(" ")]
    order = ["FAIL", "what", "where", "examples", "tensor", "note", "coverage"]
    order += ["cross-check", "spot", "plan", "batch", "loss", "time", "versions"]
    places = [labels.index(label) for label in order]
    assert places == sorted(places)
    for heading in ("digits", "bound", "norm ratio"):
        assert heading in text
    assert render(result(), verbose=True) == render(result()), "any other tells all anyway"
    target = io.StringIO()
    print_result(result("fail"), target, verbose=True)
    assert target.getvalue() == render(result("fail"), width=100, verbose=True) + "\n"


def test_the_table_shows_the_first_example_of_each_tensor() -> None:
    text = render(result("fail"), width=200)
    for entry in (result("fail").tensors[name].worst for name in ("W2", "b2")):
        assert entry is not None
        (row,) = [line for line in text.split("\n") if line.startswith(f"{entry.tensor} ")]
        assert row.split()[-2:] == [*entry.values]
        assert entry.address in row
        assert f"{entry.address}: yours {entry.values[0]}, should be {entry.values[1]} ±" in text


def test_close_entries_are_listed_when_nothing_is_wrong() -> None:
    text = render(result("close"), width=100)
    assert "W1[0, 3]: yours " in text
    assert text.count("(× 1.0000001)") == 2
    assert "wrong entr" not in text


def test_an_undecided_tensor_says_why() -> None:
    text = " ".join(render(result("undecided"), width=100).split())
    assert (
        "undecided W1: only 31,360 of 39,200 checked entries resolved: the bound of 7,840" in text
    )
    zero = line_of(render(result("zero"), width=100), "undecided")
    assert "b1: 50 checked entries, exactly zero on both sides, so that nothing" in zero


def test_the_facts_are_there() -> None:
    text = render(result(), width=200)
    assert line_of(text, "coverage").endswith("resolved (100 %); each entry perturbed on its own")
    assert line_of(text, "cross-check").endswith("the worst, W1, is off by 0.1 of its bound")
    assert line_of(text, "spot check").endswith("the worst, in W1, is off by 0.12 of its bound")
    assert "exhaustive, engine graph: predicted 52 ms for every" in line_of(text, "plan")
    assert "3 examples of data/mnist.h5 (train), sha256 0123456789ab, seed 7" in text
    assert line_of(text, "time").endswith("0.12 s: numerical 0.1 s, judging 0.4 ms")
    assert line_of(text, "versions").endswith("fastcheck 0.1.0, numpy 2.4.6")
    assert re.search(r"^other tools +would say: norm ratio \d\.\de-14, largest", text, re.MULTILINE)
    assert line_of(text, "loss").endswith("2.302585")


def test_what_is_not_known_is_left_out() -> None:
    bare = CheckResult(verdict="pass", tensors={"b1": tensor("b1")}, coverage=result().coverage)
    text = render(bare)
    for label in (
        "what is wrong",
        "accepted",
        "where",
        "note",
        "cross-check",
        "spot check",
        "plan",
        "batch",
        "time",
        "versions",
    ):
        assert not re.search(rf"^{label}", text, re.MULTILINE), label


@pytest.mark.parametrize("kind", ["pass", "fail"])
def test_failed_audits_and_spot_checks_are_shown_one_by_one(kind: str) -> None:
    audits = [Audit("W1", 1.5, 1.25, 1e-6, False), Audit("b1", 1.0, 1.0, 1e-6, True)]
    spots = [SpotCheck("W1", 32, 7.5, False)]
    text = render(result(kind, audits=audits, spot_checks=spots), width=200)
    assert line_of(text, "cross-check").endswith("1.25 ± 1e-06: they DISAGREE")
    assert line_of(text, "spot check").endswith(
        "W1: 32 entries probed one by one DISAGREE, the worst is off by 7.5 of its bound"
    )
    assert "b1: along" not in text


def test_long_lists_end_with_the_number_left_out() -> None:
    findings = [Finding("x", "warning", None, f"message {i}") for i in range(23)]
    text = render(result(findings=findings))
    assert "message 9\n" in text
    assert "message 10" not in text
    assert "and 13 more" in text


# ------------------------------------------------------------ the table


def test_the_table_has_a_row_for_each_tensor() -> None:
    text = render(result("fail"), width=140)
    row = next(line for line in text.split("\n") if line.startswith("W2 "))
    worst = result("fail").tensors["W2"].worst
    assert worst is not None
    assert row.split() == [
        "W2", "50", "×", "10", "fail", "0", "500", *worst.address.split(), *worst.values,
    ]  # fmt: skip


def test_counts_that_are_zero_everywhere_have_no_column() -> None:
    def header(kind: str) -> str:
        return line_of(render(result(kind), width=140), "tensor")

    assert not re.search("close|kink|unresolved", header("pass"))
    assert "right  wrong" in header("pass")
    assert header("fail").split()[:5] == ["tensor", "shape", "verdict", "close", "wrong"]
    assert not re.search("checked|right|digits|bound|rel. error", header("fail"))
    assert "kink" in header("kinks")
    assert "close" in header("close")
    assert "unresolved" in header("undecided")


def test_a_part_of_a_tensor_is_shown_as_a_part() -> None:
    assert "300 of 39,200" in render(result("interrupted"))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_or_broken_at_any_width(kind: str, width: int) -> None:
    shown = result(kind)
    text = render(shown, width=width)
    assert max(map(len, text.split("\n"))) <= width
    assert not re.search(r" +$", text, re.MULTILINE)
    assert " ".join(text.split()).count("39,760") == render(shown, width=200).count("39,760")
    for heading in ("verdict", "worst entry"):
        assert text.count(heading) >= bool(shown.tensors), heading
    for heading in ("digits", "norm ratio", "rel. error"):  # noise, if there is something to mend
        assert (heading in text) is (bool(shown.tensors) and kind != "fail"), heading


def test_a_page_is_never_narrower_than_it_can_be() -> None:
    assert render(result(), width=5) == render(result(), width=NARROWEST)


def test_many_tensors_are_counted_and_those_that_fail_are_shown() -> None:
    passing = {f"b{i}": dataclasses.replace(tensor("b1"), name=f"b{i}") for i in range(200)}
    bad = {f"W{i}": dataclasses.replace(tensor("b2", "nan"), name=f"W{i}") for i in range(3)}
    text = render(result(tensors=passing | bad, verdict="fail"))
    rows = re.findall(r"^(\w+\d+) +\d+ +(?:pass|fail) ", text, re.MULTILINE)
    assert rows == ["W0", "W1", "W2"]
    assert "and 200 more tensors that pass" in text
    worse = {f"W{i}": dataclasses.replace(tensor("b2", "nan"), name=f"W{i}") for i in range(50)}
    assert "and 10 more tensors not shown" in render(result(tensors=worse, verdict="fail"))


def test_a_long_name_is_folded_and_complete() -> None:
    name = "encoder.layers.11.self_attention.input_projection.weight"
    text = render(result(tensors={name: dataclasses.replace(tensor("b1"), name=name)}), width=80)
    assert max(map(len, text.split("\n"))) <= 80
    column = re.findall(r"^([a-z_.0-9]+) ", text, re.MULTILINE)
    assert name in "".join(column)


# ------------------------------------------------------------ characters and colours


@pytest.mark.parametrize("kind", KINDS)
def test_ascii_is_ascii(kind: str) -> None:
    text = render(result(kind), width=100, unicode=False)
    assert text.isascii()
    if kind == "fail":
        assert "+/- " in text
        assert "784 x 50" in text
        assert "-----" in text


@pytest.mark.parametrize("unicode", [True, False])
def test_names_cannot_break_lines_or_send_control_sequences(unicode: bool) -> None:
    name = "W\n1\x1b[2J\u2028θ"
    tensors = {name: dataclasses.replace(tensor("b1"), name=name)}
    finding = Finding("x", "warning", name, "two\nlines [bold]and[/bold] markup")
    text = render(result(tensors=tensors, findings=[finding]), width=140, unicode=unicode)
    assert "\x1b" not in text
    assert re.search(r"^W 1\\x1b\[2J (θ|\\u03b8) ", text, re.MULTILINE)
    assert "two lines [bold]and[/bold] markup" in text


def test_colours_are_escape_sequences_and_nothing_else() -> None:
    plain = render(result("fail"), width=100)
    colored = render(result("fail"), width=100, color=True)
    assert "\x1b" not in plain
    assert colored.startswith("\x1b[1;31mFAIL")
    bare = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    assert [line.rstrip() for line in bare.split("\n")] == plain.split("\n")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Return True."""
        return True


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the terminal that the tests run in."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def test_a_terminal_has_colours_and_a_pipe_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, pipe = Terminal(), io.StringIO()
    print_result(result("fail"), terminal)
    print_result(result("fail"), pipe)
    assert "\x1b[1;31mFAIL" in terminal.getvalue()
    assert "\x1b" not in pipe.getvalue()
    assert pipe.getvalue() == render(result("fail"), width=100) + "\n"
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            quiet = Terminal()
            print_result(result("fail"), quiet)
            assert "\x1b" not in quiet.getvalue(), name


def test_columns_of_the_environment_count_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert width_of(io.StringIO()) == 100
    monkeypatch.setenv("COLUMNS", "72")
    assert width_of(io.StringIO()) == 72
    monkeypatch.setenv("COLUMNS", "wide")
    assert width_of(io.StringIO()) == 100


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_encoding_can_be_printed_to(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tensors = {"θ": dataclasses.replace(tensor("b2", "nan"), name="θ")}
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    shown = result("fail", tensors=tensors)
    print_result(shown)
    print(shown, flush=True)  # noqa: T201
    text = raw.getvalue().decode(encoding)
    assert text.count("FAIL") == 2
    assert ("─" in text) is (encoding == "utf-8")
    assert can_encode(stream) is (encoding == "utf-8")


def test_print_shows_the_whole_report(capsys: pytest.CaptureFixture[str]) -> None:
    print(result("fail"))  # noqa: T201
    assert capsys.readouterr().out == render_plain(result("fail")) + "\n"
    assert str(result("fail")) == render(result("fail"))
