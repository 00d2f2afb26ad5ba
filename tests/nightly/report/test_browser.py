"""The page in a browser: summary, a failing case, search and filter, light and dark."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastcheck.nightly.records import Run
from fastcheck.nightly.report import html
from tests.nightly.example import as_expected, example_run
from tests.nightly.report.nights import Comparison, many, night, pictured
from tests.nightly.report.test_webpage import with_pictures

playwright = pytest.importorskip(
    "playwright.sync_api", reason="there is no playwright: pip install 'fastcheck[browser]'"
)
pytest.importorskip("jinja2")
pictures = pytest.importorskip("matplotlib.image")
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTH, HEIGHT = 1280, 800
VISIBLE = ".case:not([hidden])"
Opener = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return the Chromium of the machine, or skip the test."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"no browser is installed: none of {', '.join(NAMES)}")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Opener]:
    """Return a function that opens a run from a file, offline; nothing may go wrong on the page."""
    problems: list[str] = []

    def opened(run: Run, comparison: Comparison | None = None, scheme: str = "light") -> Any:
        file = tmp_path / "run.html"
        file.write_text(html(run, comparison), encoding="utf-8")
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme, offline=True
        )
        page.on("pageerror", lambda problem: problems.append(str(problem)))
        page.on("console", lambda said: problems.append(said.text))
        page.on("requestfailed", lambda request: problems.append(request.url))
        page.goto(file.as_uri())
        return page

    yield opened
    for context in browser.contexts:
        context.close()
    assert problems == []


def background(page: Any) -> int:
    """Return how light the page is, from 0 to 255."""
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return int(color.removeprefix("rgb(").split(",")[0])


def listed(page: Any, names: list[str]) -> None:
    """Wait until the list shows these cases and no others."""
    playwright.expect(page.locator(VISIBLE + " .name")).to_have_text(names)


def test_the_first_screen_shows_what_changed_and_what_did_not_run(opened: Opener) -> None:
    page = opened(*night())
    for key in ("regressed", "gone", "new-finding", "fixed", "broken", "open", "not-run"):
        box = page.locator(f"[data-section={key}]").bounding_box()
        assert box["y"] + box["height"] < HEIGHT, key
    assert page.locator(".word").inner_text().split() == ["✗", "FAIL"]
    regressed = page.locator("[data-section=regressed]")
    assert regressed.locator("a").inner_text() == "mnist[seed=1]"
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH


def test_a_link_of_the_summary_opens_the_case(opened: Opener) -> None:
    page = opened(with_pictures())
    case = page.locator(".case", has_text="b[1]").first
    table = playwright.expect(case.locator("table"))
    table.to_be_hidden()
    page.click("[data-section=broken] a")
    table.to_be_visible()  # after the event that tells of the new address
    assert "W1[2, 5]" in case.inner_text()
    assert case.locator("svg").count() == 4
    for number in range(4):
        box = case.locator("svg").nth(number).bounding_box()
        assert box["width"] > 200
        assert box["height"] > 80
    page.locator("summary").first.click()
    table.to_be_hidden()


def test_search_and_filter_show_the_cases_that_fit(opened: Opener) -> None:
    run, comparison = night()
    page = opened(run, comparison)
    playwright.expect(page.locator("#shown")).to_have_text("10 of 10 shown")
    page.keyboard.press("/")
    page.keyboard.type("CAT aliasing")
    listed(page, ["cat[seed=1] new-finding"])
    page.keyboard.press("Escape")
    assert page.locator(VISIBLE).count() == 10
    page.click("[data-filter=fail]")
    page.click("[data-filter=error]")
    playwright.expect(page.locator("#shown")).to_have_text("3 of 10 shown")
    page.click("[data-filter=changed]")
    listed(page, ["mnist[seed=1] regressed"])
    page.fill("#search", "nothing has this name")
    playwright.expect(page.locator("#shown")).to_have_text("0 of 10 shown")
    page.click("[data-section=fixed] a")
    listed(page, ["cat[seed=0] fixed"])


def test_a_cause_is_found_by_its_kind(opened: Opener) -> None:
    page = opened(with_pictures())
    page.fill("#search", "one-entry")
    listed(page, ["b[1]"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_system_and_its_switch(opened: Opener, scheme: str) -> None:
    page = opened(with_pictures(), scheme=scheme)
    is_light = {"auto": scheme == "light", "light": True, "dark": False}
    for theme in ("auto", "light", "dark", "auto"):
        assert page.inner_text("#theme") == f"theme: {theme}"
        assert (background(page) > 200) is is_light[theme]
        assert (background(page) < 50) is not is_light[theme]
        page.click("#theme")


def test_lines_and_texts_of_pictures_have_the_colour_of_the_page(opened: Opener) -> None:
    page = opened(with_pictures(), scheme="dark")
    page.click("[data-section=broken] a")
    fill = page.locator("svg text").first.evaluate("e => getComputedStyle(e).fill")
    ink = page.evaluate("getComputedStyle(document.querySelector('figure')).color")
    assert fill == ink


def test_it_fits_a_telephone(opened: Opener) -> None:
    page = opened(*night())
    page.set_viewport_size({"width": 390, "height": 800})
    page.click("summary")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(
    "make", [many, pytest.param(pictured, marks=pytest.mark.slow)], ids=["mixed", "pictures"]
)
def test_five_hundred_cases_open_within_two_seconds(
    opened: Opener, make: Callable[[int], Run]
) -> None:
    page = opened(make(500))
    times = []
    for _ in range(3):
        page.reload()
        timing = "performance.getEntriesByType('navigation')[0].loadEventEnd"
        times.append(page.evaluate(timing))
    assert 0.0 < min(times) < 2000.0
    page.fill("#search", "seed=499")
    assert page.locator(VISIBLE).count() == 1


def test_a_night_on_real_data_is_read_in_both_themes(
    opened: Opener, data_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FASTCHECK_DATA", str(data_folder))
    run = example_run(is_known=False)
    as_expected(run, "fail")
    assert "synthetic" not in run.provenance["data mnist"] + run.provenance["data catvnoncat"]
    for scheme in ("light", "dark"):
        page = opened(run, scheme=scheme)
        n = len(run.records)
        playwright.expect(page.locator("#shown")).to_have_text(f"{n} of {n} shown")
        page.click("[data-section=broken] a >> text=one entry off W1")
        case = page.locator(".case[open]")
        assert "only W1[549, 30] is wrong" in case.inner_text()
        assert case.locator("svg").count() == 4
        seen = Pixels(case.screenshot())
        assert (seen.lightness > 200) is (scheme == "light")
        assert seen.n_colors > 100  # the heat maps are drawn
        page.click("[data-filter=fail]")
        playwright.expect(page.locator("#shown")).to_have_text(f"11 of {n} shown")


class Pixels:
    """What is seen on a picture.

    Attributes
    ----------
    lightness : float
        Median over the picture, from 0 to 255.
    n_colors : int
        How many colours it has.
    """

    def __init__(self, png: bytes) -> None:
        image = pictures.imread(io.BytesIO(png))[..., :3]
        self.lightness = 255.0 * float(np.median(image))
        self.n_colors = len(np.unique(image.reshape(-1, 3), axis=0))
