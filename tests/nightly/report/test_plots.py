"""Pictures: a single wrong entry can be seen, and nothing from outside is written into them."""

from __future__ import annotations

import base64
import io
import math
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from fastcheck.nightly.report.plots import draw_heat, draw_scatter, draw_steps
from fastcheck.result import Entry, StepErrors
from fastcheck.result.pictures import Picture
from tests.test_pictures import check, picture

pytest.importorskip("matplotlib")
ORANGE = "#d55e00"


def raster(svg: str) -> np.ndarray:
    """Return the first image in a picture, as red, green, blue and opacity from 0 to 1."""
    from matplotlib.image import imread

    data = re.findall(r"data:image/png;base64,([^\"]+)", svg)[0]
    return np.asarray(imread(io.BytesIO(base64.b64decode(data)), format="png"))


def one_wrong(shape: tuple[int, ...], place: tuple[int, ...]) -> Picture:
    """Return the picture of a tensor with one wrong entry."""
    numerical = np.random.default_rng(0).normal(size=shape)
    analytic, wrong = numerical * (1 + 1e-15), np.zeros(shape, bool)
    analytic[place] += 0.1
    wrong[place] = True
    return picture(analytic, numerical, wrong)


@pytest.mark.parametrize(
    ("shape", "place", "cell"),
    [
        ((784, 512), (783, 0), (63, 0)),
        ((50, 10), (20, 3), (20, 3)),
        ((300,), (299,), (0, 63)),
    ],
)
def test_one_wrong_entry_is_a_light_cell_with_a_ring(
    shape: tuple[int, ...], place: tuple[int, ...], cell: tuple[int, int]
) -> None:
    drawn = one_wrong(shape, place)
    svg = draw_heat(drawn, shape)
    light = raster(svg)[..., :3].mean(axis=-1)
    grid = (len(drawn.deviations), len(drawn.deviations[0]))
    if light.shape == grid:
        assert light[cell] == light.max()
        assert np.sum(light > 0.4) == 1
    assert ORANGE in svg


def test_a_cell_that_is_not_finite_is_orange_and_an_unknown_one_is_clear() -> None:
    checked = np.ones((3, 3), bool)
    checked[2, 2] = False
    analytic = np.ones((3, 3))
    analytic[0, 0] = math.nan
    colors = raster(draw_heat(picture(analytic, np.ones((3, 3)), None, checked), (3, 3)))
    assert colors.shape[:2] == (3, 3)
    np.testing.assert_allclose(colors[0, 0], [0xD5 / 255, 0x5E / 255, 0.0, 1.0], atol=0.01)
    assert colors[2, 2, 3] == 0.0


def test_colours_grow_lighter_with_the_deviation() -> None:
    off = 10.0 ** np.arange(-16.0, 0.0)
    svg = draw_heat(picture(np.ones((2, 16)) - off, np.ones((2, 16))), (2, 16))
    light = raster(svg)[0, :, :3] @ [0.2126, 0.7152, 0.0722]
    assert np.all(np.diff(light) > 0.0)


def test_pictures_are_elements_of_a_page_in_its_colours() -> None:
    found = check()
    assert found.steps is not None
    drawings = [
        draw_heat(found.pictures["W1"], (6, 8)),
        draw_steps(found.steps, found.tensors["W1"].worst),
        draw_scatter(found.pictures["W1"]),
    ]
    ids: list[str] = []
    for svg in drawings:
        root = ET.fromstring(svg)
        assert root.get("role") == "img"
        assert "currentColor" in svg
        assert "#000000" not in svg
        assert "<style" not in svg
        assert "font-family" not in svg
        ids += re.findall(r' id="([^"]+)"', svg)
        assert set(re.findall(r'(?:url\(|href=")#([^")]+)', svg)) <= set(ids)
    assert len(ids) == len(set(ids))
    texts = ["".join(t.itertext()) for t in ET.fromstring(drawings[1]).iter() if "text" in t.tag]
    assert {"difference arithmetic", "two losses subtracted", "your gradient", "10⁻⁸"} <= set(texts)


@pytest.mark.parametrize(
    "worst",
    [
        None,
        Entry("W1", (0, 1), 1.0, 1.0, 1e-9, "disagree"),
        Entry("W1", (0, 0), math.nan, 0.0, 1e-9, "disagree"),
        Entry("W1", (0, 0), 0.0, 0.0, 0.0, "agree"),
    ],
)
def test_steps_are_drawn_whatever_is_known_of_the_entry(worst: Entry | None) -> None:
    steps = StepErrors("W1", (0, 0), (1e-1, 1e-2), (math.nan, 0.5), (math.inf, 0.25))
    assert draw_steps(steps, worst).startswith("<svg ")


def test_values_that_are_not_finite_are_left_out_of_a_scatter() -> None:
    analytic = np.array([math.nan, math.inf, 1.0, 2.0])
    drawn = picture(analytic, np.ones(4), ~np.isfinite(analytic), name="b1")
    root = ET.fromstring(draw_scatter(drawn))
    assert "wrong" not in {"".join(t.itertext()) for t in root.iter() if t.tag.endswith("text")}
    assert draw_scatter(Picture("b1", ("0",))).startswith("<svg ")
