"""A failing report says which tensors are wrong as a whole, in part, and not at all."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fastcheck.report.examples import examples, examples_label
from fastcheck.report.text import render
from fastcheck.report.where import pictures, where
from fastcheck.result import Diagnosis, TensorResult
from tests.report.test_picture import failing, wrong_in
from tests.results import result, tensor

LABELS = ("FAIL", "what is wrong", "where", "examples")


def scaled(name: str, shape: tuple[int, ...], n_zero: int = 0) -> TensorResult:
    numerical = np.random.default_rng(1).normal(size=shape)
    numerical.flat[:n_zero] = 0.0
    found = failing_tensor(name, 3.0 * numerical, numerical)
    assert found.n_zero == n_zero
    return found


def failing_tensor(name: str, analytic: np.ndarray, numerical: np.ndarray) -> TensorResult:
    from fastcheck.judge import judge_tensor

    return judge_tensor(name, analytic, numerical, np.full(numerical.shape, 1e-12))


def test_tensors_are_told_apart_by_how_much_of_them_is_wrong() -> None:
    shown = failing(
        scaled("W1", (4, 3)), scaled("W2", (3, 5)), wrong_in((6, 5), 2, name="W3"),
        wrong_in((6, 5), (2, 1), name="W4"), tensor("b1"), tensor("b2"),
    )  # fmt: skip
    assert where(shown) == [
        (
            "every entry of W1 and W2; one entry of W4; some entries of W3 (5 of 30); "
            "b1 and b2 are right"
        ),
        "W3: row 2 is wrong in every column, rows 0 to 1 and 3 to 5 are right",
    ]


def test_entries_that_are_zero_do_not_hide_that_all_others_are_wrong() -> None:
    shown = failing(scaled("W1", (4, 5), n_zero=4))
    assert shown.tensors["W1"].places == ()
    (told,) = where(shown)
    assert told == (
        "every entry of W1 whose true gradient is not 0 (16 of 20; the others are 0 in both "
        "gradients)"
    )
    two = failing(scaled("W1", (4, 5)), scaled("W2", (50, 40), n_zero=1))
    (told,) = where(two)
    assert told == (
        "every entry of W1; every entry of W2 whose true gradient is not 0 (1,999 of 2,000; the "
        "other is 0 in both gradients)"
    )


def test_entries_that_are_zero_in_both_gradients_are_told_of_a_part_too() -> None:
    numerical = np.random.default_rng(1).normal(size=(6, 5))
    numerical[:, 0] = 0.0
    analytic = numerical.copy()
    analytic[2] *= 3.0
    lines = where(failing(failing_tensor("W1", analytic, numerical)))
    assert lines == [
        "some entries of W1 (4 of 30; 6 of the others are 0 in both gradients)",
    ]


@pytest.mark.parametrize(
    ("index", "told"),
    [
        ((slice(None), slice(1, 5)), "columns 1 to 4 are wrong in every row, column 0 is right"),
        ((slice(3, 9), slice(None)), "rows 3 to 8 are wrong in every column, rows 0 to 2 and 9 "),
        ((slice(None), [0, 2]), "columns 0 and 2 are wrong in every row, columns 1 and 3 to 4 are"),
    ],
)
def test_whole_rows_and_columns_take_a_line_and_no_picture(index: object, told: str) -> None:
    shown = failing(wrong_in((12, 5), index))
    assert where(shown)[1].startswith(f"W1: {told}")
    assert pictures(shown) == ([], "")
    assert f"\n{'':<14}W1: {told[:30]}" in render(shown)
    known = Diagnosis("wrong-part", "W1", None, f"W1: only {told.split(' are')[0]}", ("W1",), False)
    again = result("fail", tensors=shown.tensors, diagnosis=[known])
    assert len(where(again)) == 1, "the diagnosis says it"


def test_columns_of_a_long_matrix_and_runs_of_a_vector_take_a_line_too() -> None:
    shown = failing(wrong_in((12288, 5), (slice(None), slice(1, 5))))
    assert where(shown)[1] == "W1: columns 1 to 4 are wrong in every row, column 0 is right"
    shown = failing(wrong_in((40,), slice(7, 20), name="b1"))
    assert where(shown)[1] == "b1: entries 7 to 19 are wrong, entries 0 to 6 and 20 to 39 are right"


def test_many_runs_are_drawn() -> None:
    shown = failing(wrong_in((6, 30), (slice(None), slice(0, 30, 3))))
    assert len(where(shown)) == 1
    assert len(pictures(shown)[0]) == 1


def test_where_only_a_part_was_checked_it_is_said() -> None:
    numerical = np.random.default_rng(1).normal(size=(4, 5))
    from fastcheck.judge import judge_tensor

    part = judge_tensor(
        "W1", 2 * numerical, numerical, np.full((4, 5), 1e-12),
        checked=np.arange(20).reshape(4, 5) % 2 == 0,
    )  # fmt: skip
    assert where(failing(part)) == ["every checked entry of W1"]


def test_nothing_is_said_where_nothing_fails() -> None:
    assert where(result()) == []
    assert "where" not in render(result("close"))


def test_entries_of_an_explained_tensor_are_examples_and_do_not_hide_others() -> None:
    explained, other = scaled("W1", (10, 9)), wrong_in((10, 9), (2, 1), (3, 3), name="W2")
    diagnosis = [Diagnosis("factor", "W1", 3.0, "W1: every entry is 3 times", ("W1",))]
    both = result("fail", tensors={"W1": explained, "W2": other}, diagnosis=diagnosis)
    lines = examples(both)
    assert sum(line.startswith("W1[") for line in lines) == 3
    assert sum(line.startswith("W2[") for line in lines) == 2
    assert lines[-1] == "and 87 more"
    alone = result("fail", tensors={"W1": explained}, diagnosis=diagnosis)
    assert len(examples(alone)) == 4
    unknown = result("fail", tensors={"W1": explained}, diagnosis=[])
    assert len(examples(unknown)) == 4, "all are off by one factor"


def test_what_nothing_explains_has_more_examples_and_few_entries_are_all_listed() -> None:
    analytic, numerical = np.random.default_rng(5).normal(size=(2, 20, 9))
    many = failing(failing_tensor("W1", analytic, numerical))
    assert (examples_label(many), len(examples(many))) == ("examples", 6)
    analytic[numerical < 1.8] = numerical[numerical < 1.8]
    few = failing(failing_tensor("W1", analytic, numerical))
    n = few.tensors["W1"].n_disagree
    assert 5 < n <= 10
    assert (examples_label(few), len(examples(few))) == ("wrong entries", n)


def test_examples_are_of_the_tensor_where_the_mistake_is() -> None:
    tensors = {name: scaled(name, (6, 5)) for name in ("W1", "b1", "W2", "b2")}
    told = [
        Diagnosis("slope-missing", "W2", None, "W2: on the way back", ("W2", "b2", "W1", "b1")),
    ]
    lines = examples(result("fail", tensors=tensors, diagnosis=told))
    assert [line[:3] for line in lines] == ["W2[", "W2[", "W2[", "and"]
    worst = tensors["W2"].worst
    assert worst is not None
    assert lines[0] == str(worst)
    whole = [Diagnosis("factor", None, 3.0, "every entry", tuple(tensors))]
    lines = examples(result("fail", tensors=tensors, diagnosis=whole))
    assert [line[:3] for line in lines] == ["W1[", "b1[", "W2[", "and"]
    two = [
        Diagnosis("sign", "b2", -1.0, "b2: a sign", ("b2",)),
        Diagnosis("factor", "W1", 3.0, "W1: a factor", ("W1", "b1")),
    ]
    lines = examples(
        result("fail", tensors={k: tensors[k] for k in ("W1", "b1", "b2")}, diagnosis=two)
    )
    assert [line[:3] for line in lines] == ["b2[", "b2[", "W1[", "and"]


def test_a_failing_report_leads_with_what_and_where_and_ends_with_the_machinery() -> None:
    text = render(result("fail"))
    order = [text.index(f"\n{label} ") for label in (*LABELS[1:], "tensor", "checked")]
    assert text.startswith("FAIL ")
    assert order == sorted(order)


def test_the_notebook_says_the_same_in_the_same_order() -> None:
    html = failing(wrong_in((6, 5), 2, (3, 3)), tensor("b1"))._repr_html_()
    parts = [
        "FAIL",
        "where",
        "wrong entries",
        "<pre",
        "2 │██████████",
        "<table",
        "all 39,760 entries",
    ]
    assert [html.index(part) for part in parts] == sorted(html.index(part) for part in parts)
    assert "<pre" not in result()._repr_html_()
    assert "what is wrong" in result("fail")._repr_html_()


def test_entries_that_are_off_by_little_do_not_hide_it_either() -> None:
    numerical = np.random.default_rng(1).normal(size=(4, 5))
    analytic = 1.01 * numerical
    analytic[0, :2] = numerical[0, :2] * (1 + 1e-8)
    found = failing_tensor("W1", analytic, numerical)
    assert (found.n_disagree, found.n_close) == (18, 2)
    assert where(failing(found)) == ["every entry of W1"]


def test_what_does_not_explain_all_is_told_as_what_is_known() -> None:
    told = [
        Diagnosis("sign", "W2", -1.0, "W2: a sign", ("W2",)),
        Diagnosis("unexplained", "W1", None, "W1: wrong from here on", ("W1",), is_exact=False),
        Diagnosis("clipped", "b1", 0.5, "b1: clipped", ("b1",), accepted=True),
    ]
    text = render(result("fail", diagnosis=told))
    lines = text.split("\n")[1:5]
    assert lines == [
        "what is wrong W2: a sign",
        "              cause not identified, in W1",
        "what is known W1: wrong from here on",
        "accepted      b1: clipped",
    ]
    (vague,) = (d for d in told if d.kind == "unexplained")
    said = dataclasses.replace(vague, message="W1: cause not identified; wrong from here on")
    assert render(result("fail", diagnosis=[said])).count("not identified") == 1
    seen = [Diagnosis("only-sample", "W1", 0.0, "W1: a sample", ("W1",), is_exact=False)]
    assert "not identified" not in render(result("fail", diagnosis=seen))
    html = result("fail", diagnosis=told)._repr_html_()
    assert html.index("what is wrong") < html.index("what is known") < html.index("accepted")


def test_causes_that_are_often_meant_come_with_the_option_that_accepts_them() -> None:
    found = [
        Diagnosis("guard-ignored", "W1", 1e-7, "W1: a guard", ("W1",)),
        Diagnosis("precision", "b1", None, "b1: computed in float32: every entry", ("b1",)),
        Diagnosis("clipped", "W2", 1.0, "W2: clipped", ("W2",), is_exact=False),
        Diagnosis("mean-for-sum", "b2", 0.01, "b2: a mean", ("b2",)),
    ]
    text = render(result("fail", diagnosis=found))
    assert '\n              (if that is meant, pass accept=("guard", "float32"))\n' in text
    assert "if that is meant" not in render(result("fail", diagnosis=found[2:]))
