from __future__ import annotations

from io import StringIO

import pytest

import fastcheck as fc
from fastcheck.report.selftest import print_selftest, render
from fastcheck.result import Diagnosis
from fastcheck.result.selftest import Outcome, Planted, SelfTest
from tests.results import result

pytestmark = pytest.mark.interpreted


def planted(
    name: str, place: str = "", outcome: Outcome = "caught", kind: str = "", reason: str = "",
    *, named: bool = False,
) -> Planted:  # fmt: skip
    diagnosis = Diagnosis(kind, place, None, "", (place,)) if kind else None
    return Planted(
        name=name, place=place, description="", expected=("x",), outcome=outcome, reason=reason,
        tensors=(place,), is_named=named, diagnosis=diagnosis,
    )  # fmt: skip


MISTAKES = (
    planted("doubled", "", kind="factor", named=True),
    planted("doubled", "W1", kind="factor", named=True),
    planted("zero", "W1"),
    planted("one entry off", "W1", "missed", reason="1 of the 39,200 entries of W1 is wrong"),
    planted("one entry off", "b1", kind="one-entry", named=True),
    planted("in float32", outcome="tolerated", reason="within rtol"),
    planted("guard ignored", outcome="unresolvable", reason="everywhere within the error bounds"),
    planted("slope squared", "a1", "equivalent"),
)


def test(*mistakes: Planted) -> SelfTest:
    return SelfTest(result=result("pass"), planted=mistakes or MISTAKES, seconds=1.25)


test.__test__ = False  # type: ignore[attr-defined]


def rows(text: str) -> dict[str, str]:
    """Return the rows of the table by their mistake."""
    lines = text.split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith("mistake"))
    table = lines[start + 2 : lines.index("", start)]
    return {line[:14].strip(): " ".join(line[14:].split()) for line in table}


def test_the_outcome_comes_first_then_a_row_for_each_mistake() -> None:
    text = render(test(), width=100)
    assert text.startswith(
        "MISSED        4 of 5 planted mistakes caught, 3 of these rightly named; the present plan "
    )
    assert rows(text) == {
        "doubled": "all and W1 2 caught factor yes",
        "zero": "W1 caught - no",
        "one entry off": "W1 and b1 1 caught, 1 missed one-entry yes",
        "in float32": "all tolerated",
        "guard ignored": "all not visible",
        "slope squared": "a1 no change",
    }


def test_what_is_not_caught_is_told_with_its_reason() -> None:
    text = render(test(), width=100)
    assert "\nmissed        one entry off W1: 1 of the 39,200 entries of W1 is wrong\n" in text
    assert "\ntolerated     in float32: within rtol\n" in text
    assert "\nnot visible   guard ignored: everywhere within the error bounds\n" in text
    assert "\nno change     1 mistake changes nothing on this network: slope squared a1\n" in text


def test_a_long_list_is_cut_and_counted() -> None:
    many = [planted("zero", f"W{k}", "missed", reason="why") for k in range(25)]
    text = render(test(*many), width=100)
    assert text.count(": why") == 20
    assert "and 5 more" in text
    assert "W0, W1, W2, W3, W4 and 20 more" in " ".join(text.split())


@pytest.mark.parametrize(("mistakes", "label"), [
    (MISTAKES[:2], "PASS"), (MISTAKES[3:4], "MISSED"), (MISTAKES[5:], "INCONCLUSIVE"),
])  # fmt: skip
def test_the_label_says_whether_all_were_caught(mistakes: tuple[Planted, ...], label: str) -> None:
    assert render(test(*mistakes)).startswith(label)
    assert bool(test(*mistakes)) == (label == "PASS")


def test_a_gradient_that_does_not_pass_is_told_instead_of_a_table() -> None:
    text = render(SelfTest(result=result("fail")))
    assert text.startswith("FAIL          nothing was planted, because the check of the gradient")
    assert "mistake  " not in text


def test_it_prints_itself_in_ascii_where_nothing_else_can_be_written() -> None:
    assert "──" in str(test())
    text = render(test(), unicode=False)
    assert text.isascii()
    assert rows(text).keys() == rows(str(test())).keys()


def test_it_is_written_to_a_file_and_in_colour_to_a_terminal() -> None:
    file = StringIO()
    print_selftest(test(), file)
    assert file.getvalue().startswith("MISSED")
    assert "\x1b[" not in file.getvalue()
    assert "\x1b[1;31m" in render(test(), color=True)


def test_a_narrow_page_keeps_all_words() -> None:
    text = render(test(), width=60)
    assert max(map(len, text.split("\n"))) <= 60
    for word in ("doubled", "one-entry", "tolerated"):
        assert word in text


def test_the_time_and_the_plan_of_the_check_are_told() -> None:
    text = render(test())
    assert "8 mistakes 1.2 s" in text
    assert isinstance(test(), fc.SelfTest)
