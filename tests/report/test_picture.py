"""Pictures of where a tensor is wrong can be read off, in any characters and at any width."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from fastcheck.judge import judge_tensor
from fastcheck.report.picture import draw_places
from fastcheck.report.text import render
from fastcheck.result import CheckResult, TensorResult
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
        "0 │··········",
        "1 │··········",
        "2 │██████████",
        "3 │··········",
        "4 │··········",
        "5 │··········",
        "  └──────────",
        "   0 1 2 3 4",
        "· right   █ wrong",
    ]


def test_two_entries_of_a_large_matrix_show() -> None:
    lines = draw_places(wrong_in((784, 512), (3, 500), (500, 20)))
    assert lines[0] == "W1 (784 × 512): 2 of 401,408 entries wrong"
    assert lines[1] == "   0-64 │" + "·" * 39 + "░"
    assert lines[8] == "457-521 │·░" + "·" * 38
    assert lines[12] == "718-783 │" + "·" * 40
    assert "".join(lines[1:13]).count("░") == 2
    assert lines[14] == "         0    64   128  192  256  320  384  448"
    assert lines[15:] == ["· right   ░▒▓ some wrong", "one cell: 65-66 × 12-13 entries"]


def test_a_vector_is_one_row_without_numbers_on_its_left() -> None:
    lines = draw_places(wrong_in((1000,), slice(25, 60), name="b1"))
    assert lines[1] == " │·█▒" + "·" * 37
    assert lines[-1] == "one cell: 25 entries"


def test_axes_of_a_kernel_are_named() -> None:
    lines = draw_places(wrong_in((16, 3, 5, 5), (slice(None), 0, 0)))
    assert lines[1].startswith("    0 │▒▒▒▒▒····")
    assert lines[3].startswith("  2-3 │")
    assert lines[-3] == "       0,0  1,0  2,0  3,0  4,0"
    assert lines[-1] == "one cell: 3-6 × 1 entries; down: axes 0 and 1, across: axes 2 and 3"


def test_what_was_not_checked_is_blank() -> None:
    numerical = np.random.default_rng(0).normal(size=(6, 5))
    analytic = numerical + 3.0 * (np.arange(30).reshape(6, 5) == 7)
    analytic[4] = 9.0
    checked = np.arange(30).reshape(6, 5) % 5 != 3
    found = judge_tensor("W", analytic, numerical, np.full((6, 5), 1e-12), checked=checked)
    lines = draw_places(found)
    assert lines[0] == "W (6 × 5): 5 of 24 entries wrong"
    assert lines[2] == "1 │····██  ··"
    assert lines[5] == "4 │██████  ██"
    assert lines[-1] == "· right   █ wrong   blank: not checked"


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
    for fine, plain in list(pairs)[1:-2]:
        assert plain == fine.translate(translated)
    text = render(failing(shown), unicode=False)
    assert text.isascii()
    assert "one cell: 65-66 x 12-13 entries" in text


def test_without_places_there_is_no_picture() -> None:
    assert draw_places(tensor("b1")) == []
    assert draw_places(tensor("W2", "factor")) == []


# ------------------------------------------------------------ in the report


def failing(*tensors: TensorResult) -> CheckResult:
    return result("fail", tensors={t.name: t for t in tensors}, diagnosis=[])


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_a_picture_is_whole_at_every_width(width: int) -> None:
    shown = wrong_in((100_000, 64), (slice(None), 3))
    lines = [line.strip() for line in render(failing(shown), width=width).split("\n")]
    for line in draw_places(shown):
        assert line.strip() in lines
    assert max(map(len, render(failing(shown), width=width).split("\n"))) <= width


def test_a_long_name_is_wrapped_and_the_drawing_is_not() -> None:
    name = "encoder.layers.11.self_attention.input_projection.weight"
    text = render(failing(wrong_in((6, 5), 2, name=name)), width=80)
    assert max(map(len, text.split("\n"))) <= 80
    assert f"\n {name} (6 × 5): " in text
    assert "\n 2 │██████████\n" in text


def test_a_picture_is_right_without_colours_and_red_with_them() -> None:
    shown = failing(wrong_in((784, 512), (slice(0, 100), slice(0, 50))))
    colored = render(shown, width=100, color=True)
    assert re.search(r"\x1b\[31m[░▒▓█]+\x1b\[0m·", colored)
    bare = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    assert [line.rstrip() for line in bare.split("\n")] == render(shown, width=100).split("\n")


def test_a_result_that_was_saved_and_read_draws_the_same() -> None:
    before = failing(wrong_in((784, 512), (slice(0, 100), slice(0, 50))), wrong_in((40,), 3, 5))
    after = CheckResult.from_json(before.to_json())
    assert after.tensors["W1"].places == before.tensors["W1"].places
    assert render(after) == render(before)
    assert "░" in render(after) or "█" in render(after)


def test_three_tensors_are_drawn_and_the_others_named() -> None:
    names = [f"W{k}" for k in range(1, 6)]
    text = render(failing(*(wrong_in((6, 5), 2, name=name) for name in names), tensor("b1")))
    assert re.findall(r"(W\d) \(6 × 5\): 5 of 30", text) == names[:3]
    assert "              not drawn: W4 and W5, wrong in part too\n" in text


def test_pictures_stand_between_addresses_and_table() -> None:
    text = render(failing(wrong_in((6, 5), 2)))
    places = [text.index(part) for part in ("worst entries", "W1 (6 × 5): 5 of", "\ntensor ")]
    assert places == sorted(places)


def test_what_passes_has_no_picture() -> None:
    accepted = dataclasses.replace(
        wrong_in((6, 5), 2), verdict="pass", reason="accepted: clip, by which 5 entries differ"
    )
    assert "█" not in render(failing(accepted, tensor("b2", "nan")))
