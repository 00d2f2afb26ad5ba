"""Pictures of where a tensor is wrong can be read off, in any characters and at any width."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from fastcheck.judge import judge_tensor
from fastcheck.report.picture import draw_places
from fastcheck.report.text import render
from fastcheck.result import CheckResult, Diagnosis, TensorResult
from tests.results import result, tensor
from tests.test_places import SHAPES


def wrong_in(shape: tuple[int, ...], *places: object, name: str = "W1") -> TensorResult:
    """Return a tensor that is wrong in some places, given as indices."""
    numerical = np.random.default_rng(0).normal(size=shape)
    analytic = numerical.copy()
    for place in places:
        analytic[place] = 5.0  # type: ignore[index]
    return judge_tensor(name, analytic, numerical, np.full(shape, 1e-12))


def test_a_row_of_a_small_matrix_is_drawn_entry_by_entry() -> None:
    assert draw_places(wrong_in((6, 5), 2)) == [
        "W1 (6 × 5): 5 of 30 entries wrong",
        "down: rows 0 to 5; across: columns 0 to 4",
        "0-1 │··········",
        "  2 │██████████",
        "3-5 │··········",
        "    └──────────",
        "     0 1 2 3 4",
        "· right   █ wrong",
    ]


def test_two_entries_of_a_large_matrix_show() -> None:
    lines = draw_places(wrong_in((784, 512), (3, 500), (500, 20)))
    assert lines[0] == "W1 (784 × 512): 2 of 401,408 entries wrong"
    assert lines[2] == "   0-64 │" + "·" * 39 + "░"
    assert lines[3] == " 65-456 │" + "·" * 40
    assert lines[4] == "457-521 │·░" + "·" * 38
    assert lines[5] == "522-783 │" + "·" * 40
    assert lines[7] == "         0      100     200     300     400     500"
    assert lines[8:] == [
        "wrong: · none   ░ <1/3",
        "one character: 65-66 × 12-13 entries",
    ]


@pytest.mark.parametrize("length", [5, 20, 21, 50, 64, 99, 512, 12288])
def test_numbers_below_a_picture_are_even_and_below_their_column(length: int) -> None:
    lines = draw_places(wrong_in((12, length), (0, 0), (5, length - 1)))
    axis = next(k for k, line in enumerate(lines) if "└" in line)
    start = lines[axis].index("└") + 1
    cells = len(lines[axis]) - start
    found = [(m.start() - start, int(m[0])) for m in re.finditer(r"\d+", lines[axis + 1])]
    steps = np.diff([number for _, number in found])
    assert len(set(steps)) == 1
    assert str(steps[0]).rstrip("0") in ("1", "2", "5")
    for place, number in found:
        assert abs(place / cells - number / length) < 2 / min(cells, length)


def test_a_shade_is_of_what_is_not_zero_in_both_gradients() -> None:
    numerical = np.random.default_rng(0).normal(size=(600, 50))
    numerical[:, ::2] = 0.0
    analytic = numerical.copy()
    analytic[100:300, :20] *= 2.0
    lines = draw_places(judge_tensor("W1", analytic, numerical, np.full((600, 50), 1e-12)))
    assert lines[-1] == "(those that are 0 in both gradients are not counted)"
    assert lines[-3].endswith("█ all")


def test_a_vector_is_one_row_without_numbers_on_its_left() -> None:
    lines = draw_places(wrong_in((1000,), slice(25, 60), name="b1"))
    assert lines[1] == "across: entries 0 to 999"
    assert lines[2] == " │·█▒" + "·" * 37
    assert lines[-1] == "one character: 25 entries"


def test_axes_of_a_kernel_are_named() -> None:
    lines = draw_places(wrong_in((16, 3, 5, 5), (slice(None), 0, 0)))
    assert lines[1] == "down: axes 0 and 1 (16 × 3); across: axes 2 and 3 (5 × 5)"
    assert lines[2].startswith("0-15 │▒▒▒▒▒····")
    assert lines[4] == "      0,0 0,4 1,3 2,2 3,1 4,0 4,4"
    assert lines[-1] == "one character: 3-6 × 1 entries"
    parts = draw_places(wrong_in((16, 3, 5, 5), (slice(3, 7), 0, 0)))
    assert [line.split(" │")[0].strip() for line in parts[2:5]] == ["0-1", "2-3", "4-5"]


def test_what_was_not_checked_is_blank() -> None:
    numerical = np.random.default_rng(0).normal(size=(6, 5))
    analytic = numerical + 3.0 * (np.arange(30).reshape(6, 5) == 7)
    analytic[4] = 9.0
    checked = np.arange(30).reshape(6, 5) % 5 != 3
    found = judge_tensor("W", analytic, numerical, np.full((6, 5), 1e-12), checked=checked)
    lines = draw_places(found)
    assert lines[0] == "W (6 × 5): 5 of 24 entries wrong"
    assert "  1 │····██  ··" in lines
    assert "  4 │██████  ██" in lines
    assert lines[-2:] == ["· right   █ wrong", "blank: not checked"]


def ends(shape: tuple[int, ...]) -> object:
    """Return the indices of the first and the last entry."""
    return tuple(np.array([[0] * len(shape), [n - 1 for n in shape]]).T)


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_no_picture_is_larger_than_it_may_be(shape: tuple[int, ...], unicode: bool) -> None:
    lines = draw_places(wrong_in(shape, ends(shape)), unicode=unicode)
    rows = [line for line in lines if re.search(r"[│|]", line)]
    assert 1 <= len(rows) <= 12
    assert all(len(re.split(r"[│|]", row)[1]) <= 40 for row in rows)
    widths = {re.search(r"[│|]", row).start() for row in rows}  # type: ignore[union-attr]
    assert len(widths) == 1, "the axis is straight"


def test_in_ascii_the_same_picture_has_other_characters() -> None:
    shown = wrong_in((784, 512), (slice(0, 40), slice(100, 300)), (400, 20))
    translated = str.maketrans("·░▒▓█│└─", ".-+*#|+-")
    pairs = zip(draw_places(shown), draw_places(shown, unicode=False), strict=True)
    for fine, plain in list(pairs)[2:-2]:
        assert plain == fine.translate(translated)
    text = render(failing(shown), unicode=False)
    assert text.isascii()
    assert "one character: 65-66 x 12-13 entries" in text


def test_without_places_there_is_no_picture() -> None:
    assert draw_places(tensor("b1")) == []
    assert draw_places(tensor("W2", "factor")) == []


# ------------------------------------------------------------ in the report


def failing(*tensors: TensorResult) -> CheckResult:
    return result("fail", tensors={t.name: t for t in tensors}, diagnosis=[])


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_a_picture_is_whole_at_every_width(width: int) -> None:
    shown = wrong_in((100_000, 64), (slice(0, 50_000), 3))
    lines = [line.strip() for line in render(failing(shown), width=width).split("\n")]
    for line in draw_places(shown):
        assert line.strip() in lines
    assert max(map(len, render(failing(shown), width=width).split("\n"))) <= width


def test_a_long_name_is_wrapped_and_the_drawing_is_not() -> None:
    name = "encoder.layers.11.self_attention.input_projection.weight"
    text = render(failing(wrong_in((6, 5), 2, (3, 3), name=name)), width=80)
    assert max(map(len, text.split("\n"))) <= 80
    assert f"\n {name} (6 × 5): " in text
    assert "\n   2 │██████████\n" in text


def test_a_picture_is_right_without_colours_and_red_with_them() -> None:
    shown = failing(wrong_in((784, 512), (slice(0, 100), slice(0, 50))))
    colored = render(shown, width=100, color=True)
    assert re.search(r"\x1b\[31m[░▒▓█]+\x1b\[0m·", colored)
    bare = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    assert [line.rstrip() for line in bare.split("\n")] == render(shown, width=100).split("\n")


def test_a_result_that_was_saved_and_read_draws_the_same() -> None:
    before = failing(
        wrong_in((784, 512), (slice(0, 100), slice(0, 50))), wrong_in((40,), slice(3, 30, 3))
    )
    after = CheckResult.from_json(before.to_json())
    assert after.tensors["W1"].places == before.tensors["W1"].places
    assert render(after) == render(before)
    assert "░" in render(after) or "█" in render(after)


def test_two_tensors_are_drawn_and_the_others_named() -> None:
    names = [f"W{k}" for k in range(1, 5)]
    some = (wrong_in((6, 5), 2, (3, 3), name=name) for name in names)
    text = render(failing(*some, tensor("b1")))
    assert re.findall(r"(W\d) \(6 × 5\): 6 of 30", text) == names[:2]
    assert "              not drawn: W3 and W4, wrong in part too\n" in text


def test_no_vector_is_drawn_beside_a_matrix_and_nothing_that_is_explained() -> None:
    vector = wrong_in((40,), slice(0, 40, 3), name="b1")
    matrix = wrong_in((6, 5), 2, (3, 3))
    assert "b1 (40): 14 of 40" in render(failing(vector))
    both = render(failing(vector, matrix))
    assert "b1 (40): 14 of 40" not in both
    assert "not drawn" not in both
    told = [Diagnosis("slope-missing", "W1", None, "W1: a slope", ("W1",))]
    explained = result("fail", tensors={"W1": matrix}, diagnosis=told)
    assert "█" not in render(explained)
    located = [Diagnosis("unexplained", "W1", None, "W1: some", ("W1",), is_exact=False)]
    assert "█" in render(result("fail", tensors={"W1": matrix}, diagnosis=located))


def test_pictures_stand_between_addresses_and_table() -> None:
    text = render(failing(wrong_in((6, 5), 2, (3, 3))))
    places = [text.index(part) for part in ("wrong entries", "W1 (6 × 5): 6 of", "\ntensor ")]
    assert places == sorted(places)


def test_what_passes_has_no_picture() -> None:
    accepted = dataclasses.replace(
        wrong_in((6, 5), 2), verdict="pass", reason="accepted: clip, by which 5 entries differ"
    )
    assert "█" not in render(failing(accepted, tensor("b2", "nan")))
