"""The figures of the page on numerics are drawn by a command, and show what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.conftest import ROOT

PAGE = (ROOT / "docs/numerics.md").read_text("utf-8")
COMMITTED = ROOT / "docs/figures"
SHOWN = re.findall(r"!\[[^\]]{40,}\]\(figures/(\w+)\.svg\)", PAGE)  # with words for who cannot see

Tables = dict[str, list[list[str]]]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tables]:
    """Draw all figures from few measurements; return where, and what was measured."""
    pytest.importorskip("matplotlib", reason="figures need pip install 'fastcheck[report]'")
    pytest.importorskip("mpmath", reason="figures are measured against 50 digits")
    from benchmarks.figures.__main__ import draw_all

    folder = tmp_path_factory.mktemp("figures")
    return folder, draw_all(folder, quick=True)


def words(path: Path) -> set[str]:
    """Return the words in a picture, without what has numbers."""
    texts = [text.strip() for text in ET.parse(path).getroot().itertext()]
    return {text for text in texts if re.search(r"[a-z]{4}", text) and not re.search(r"\d", text)}


def test_what_the_page_shows_is_drawn_and_committed(drawn: tuple[Path, Tables]) -> None:
    folder, tables = drawn
    names = sorted(f"{name}.svg" for name in SHOWN)
    assert sorted(tables) == sorted(SHOWN)
    assert sorted(path.name for path in folder.iterdir()) == names
    assert sorted(path.name for path in COMMITTED.iterdir()) == names
    for name in names:
        assert words(folder / name) == words(COMMITTED / name) != set()


def test_a_figure_has_no_background_and_needs_no_font(drawn: tuple[Path, Tables]) -> None:
    for name in SHOWN:
        for folder in (drawn[0], COMMITTED):
            text = (folder / f"{name}.svg").read_text("utf-8")
            assert set(re.findall(r"font-family: ([^;\"]+)", text)) == {"sans-serif"}
            assert re.search(r'id="patch_1">\s*<path [^>]*style="fill: none', text)


def test_rules_are_right_where_subtraction_is_not(drawn: tuple[Path, Tables]) -> None:
    _, *rows = drawn[1]["operations"]
    assert len(rows) == 6
    assert all(float(rule) < 2e-14 < float(plain) for _, rule, plain in rows)


def test_networks_are_right_to_twelve_digits_and_the_median_to_more(
    drawn: tuple[Path, Tables],
) -> None:
    for _, worst, median, plain in drawn[1]["steps"][1:]:
        assert float(median) < 1e-14
        assert float(worst) < 1e-11 < float(plain)


def test_errors_fall_as_the_page_says(drawn: tuple[Path, Tables]) -> None:
    _, *rows = drawn[1]["order"]
    assert [int(expected) for _, expected, _ in rows] == [1, 2, 4]
    assert all(abs(float(observed) - int(expected)) < 0.3 for _, expected, observed in rows)


def test_kinks_are_crossed_at_large_steps_only_and_spoil_the_derivative(
    drawn: tuple[Path, Tables],
) -> None:
    (_, first, spoilt), *_, (_, last, right) = drawn[1]["kinks"][1:]
    assert first.endswith("%")
    assert float(first.rstrip("%")) > 50
    assert last == "0.00%"
    assert float(right) < 1e-13 < 0.1 < float(spoilt)


def test_bounds_tell_right_from_wrong(drawn: tuple[Path, Tables]) -> None:
    *_, (_, right, wrong, _) = drawn[1]["bounds"]
    assert float(right) < 1.0 < 1e3 < float(wrong)


def test_the_command_draws_into_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    from benchmarks.figures import __main__ as command

    name, draw = "order", command.figures(quick=True)["order"]
    monkeypatch.setattr(command, "figures", lambda quick: {name: draw})
    assert command.main(["--quick", "--to", str(tmp_path / "new")]) == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["order.svg"]
    assert capsys.readouterr().out.startswith("order.svg\ndifference ")
