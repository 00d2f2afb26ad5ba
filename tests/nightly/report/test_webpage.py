"""A run as one page: it needs nothing beside itself, and shows what cases wrote as it is."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from time import perf_counter
from typing import Any

import pytest

from fastcheck.nightly.records import Record, Run
from fastcheck.nightly.report import html
from fastcheck.nightly.report.drawing import Drawer
from fastcheck.nightly.report.view import Drawing
from fastcheck.result import Diagnosis, Finding
from tests.conftest import ROOT
from tests.nightly.report.nights import (
    STARTED,
    Change,
    Comparison,
    many,
    night,
    pictured,
    record,
    run_of,
)
from tests.results import result, tensor
from tests.test_pictures import check

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
VOID = {"meta", "input", "br", "link", "img"}
FOLDER = ROOT / "fastcheck" / "nightly" / "report"


class Reader(HTMLParser):
    """Collects the elements, the texts by class or element, and what is not closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that is opened."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element without content."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text that is shown."""
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        """All text, without that of script and style."""
        return " ".join(filter(None, self.texts))

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        """Return the attributes of the elements that have some."""
        return [a for t, a in self.elements if t == tag and attributes.items() <= a.items()]


def read(page: str) -> Reader:
    """Return a page that was read, all of its elements closed."""
    reader = Reader(page)
    assert reader.open == []
    return reader


def with_pictures() -> Run:
    """Return a run with a case that failed with pictures and one that passed."""
    drawn = check()
    return run_of(record("a"), replace(record("b[1]", "fail"), result=drawn))


def test_the_first_screen_says_what_changed_and_what_did_not_run() -> None:
    page = read(html(*night()))
    sections = [a["data-section"] for a in page.all("section")]
    assert sections == [
        "regressed", "gone", "new-finding", "fixed", "broken", "open", "not-run", "other",
    ]  # fmt: skip
    wanted = [
        "FAIL night",
        "10 cases: 2 fail, 1 error, 1 timed out, 1 inconclusive, 2 not run, 3 pass",
        "Since 20260130T021500-9c1d: 1 regressed, 1 no longer run, 1 with a new finding, 1 fixed",
        "regressed 1 mnist[seed=1] : pass → fail; W2: dW2 is 100 times too large",
        "no longer run 1 cat[seed=2] : pass → not run; the budget was used up before it",
        "new finding 1 cat[seed=1] : aliasing: W1 and W2 share memory",
        "fixed 1 cat[seed=0] : fail → pass",
        "broken too 3",
        "not run too 1 later : it was not run",
        "Cases",
    ]
    places = [page.text.index(text) for text in wanted]
    assert places == sorted(places)


def test_every_case_is_listed_the_regression_first() -> None:
    run, comparison = night()
    page = read(html(run, comparison))
    cases = page.all("details")
    assert [a["data-status"] for a in cases] == [
        "fail", "fail", "error", "timeout", "inconclusive", "not run", "not run", "pass", "pass",
        "pass",
    ]  # fmt: skip
    assert "mnist[seed=1]" in (cases[0]["data-words"] or "")
    changed = ["data-changed" in a for a in cases]
    assert changed == [True, False, False, False, True, True, False, True, True, False]
    assert "ValueError: bad shape" in page.text


def test_links_lead_to_places_and_no_two_have_one_name() -> None:
    page = read(html(with_pictures(), night()[1]))
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    links = [a["href"] for a in page.all("a")]
    assert links
    assert {link.removeprefix("#") for link in links if link} <= set(ids)
    used = re.findall(r"url\(#([^)]+)\)", html(with_pictures()))
    assert len(used) > 10


def test_nothing_is_loaded_and_only_its_own_script_may_run() -> None:
    text = html(with_pictures())
    page = read(text)
    for tag, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "action", "data"):
            target = attributes.get(name) or "#"
            assert target.startswith(("#", "data:image/png;base64,")), (tag, name, target)
    assert not re.search(r"@import|url\((?!#)", text)
    ((_, policy),) = [(a, a["content"]) for a in page.all("meta") if "http-equiv" in a]
    assert (policy or "").startswith("default-src 'none'")
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in (policy or "")


def test_text_from_outside_is_shown_as_it_is() -> None:
    evil = "</details><script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7 * 7 }}$x_1$"
    found = result(
        "fail",
        tensors={evil: tensor(evil, "factor", (4, 3))},
        diagnosis=[Diagnosis("factor", evil, 2.0, evil, (evil,))],
        findings=[Finding(evil, "warning", evil, evil)],
        versions={evil: evil},
        plan=evil,
    )
    run = run_of(
        replace(record(evil, "fail"), result=found),
        record("b", "error", message=evil, traceback=evil),
        suite=evil,
        provenance={evil: evil},
        options={evil: evil},
    )
    changes = (Change(evil, "regressed", evil, evil, evil), Change("b", evil, "", "", evil))
    text = html(run, Comparison(changes, old=evil, environment=((evil, evil, evil),)), [run])
    page = read(text)
    assert len(page.all("script")) == 1
    assert page.all("img") == []
    assert not [name for _, a in page.elements for name in a if name.startswith("on")]
    assert "{{ 7 * 7 }}" in page.text
    assert page.text.count("<script>alert(1)</script>") > 10


def test_a_case_shows_tensors_diagnosis_coverage_and_history() -> None:
    now = with_pictures()
    earlier = [
        replace(now, id=f"202601{day}T021500-0000", started=f"2026-01-{day}T02:15:00+00:00",
                records=now.records[:1] if day == 10 else now.records)
        for day in (12, 10, 11)
    ]  # fmt: skip
    page = read(html(now, None, [*earlier, now]))
    titles = [a["title"] for a in page.all("i") if (a.get("title") or "").startswith("2026")]
    assert titles[:4] == [
        "2026-01-10 02:15: no such case", "2026-01-11 02:15: fail", "2026-01-12 02:15: fail",
        f"{STARTED[:10]} 02:15: fail",
    ]  # fmt: skip
    assert len(titles) == 8
    for text in (
        "W1[2, 5]", "all 83 entries checked, 83 resolved (100 %)", "tensor shape verdict",
        "W1 6 × 8 fail 48 47 1 W1[2, 5]", "target net.py:check", "seed 1", "plan='units'",
    ):  # fmt: skip
        assert text in page.text, text


def test_a_case_that_failed_has_its_pictures() -> None:
    page = read(html(with_pictures()))
    labels = [a["aria-label"] for a in page.all("svg")]
    assert labels == [
        *["deviations of the entries, on a logarithmic scale"] * 2,
        "error of the numerical derivative at many steps",
        "analytic against numerical values",
    ]
    assert "W1 (6 × 8): fail largest deviation in each cell" in page.text
    assert "W1[2, 5] at many steps analytic" in page.text
    assert "no step gives your value" in page.text


def test_a_case_that_passes_now_has_pictures_because_it_changed() -> None:
    run = run_of(replace(record("a"), result=check(fault=False)))
    fixed = Comparison((Change("a", "fixed", "fail", "pass", ""),))
    slower = Comparison((Change("a", "slower", "1", "2", ""),))
    assert len(read(html(run, fixed)).all("svg")) == 3
    assert read(html(run, slower)).all("svg") == []
    assert read(html(run)).all("svg") == []


def test_a_failure_without_pictures_says_how_to_get_them() -> None:
    assert "the check kept none (pictures=True)" in read(html(run_of(record("a", "fail")))).text


@pytest.mark.parametrize("damage", [("deviations", (1,)), ("wrong", (2.5,)), ("deviations", ())])
def test_a_picture_that_is_damaged_costs_only_itself(damage: tuple[str, Any]) -> None:
    name, value = damage
    result = check()
    tensor = next(iter(result.pictures))
    spoilt = replace(result.pictures[tensor], **{name: value})
    whole = record("a", "fail")
    page = read(html(run_of(
        replace(whole, result=replace(result, pictures=result.pictures | {tensor: spoilt}))
    )))  # fmt: skip
    assert f"not drawn, because what was kept is damaged: {tensor}" in page.text
    before = read(html(run_of(replace(whole, result=result))))
    assert len(page.all("svg")) == len(before.all("svg")) - 1


def test_thirty_cases_are_shown_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def draw(self: Drawer, record: Record) -> tuple[list[Drawing], str]:
        drawn.append(record.case.name)
        return [Drawing("<svg></svg>", "W1", "its entries")], ""

    monkeypatch.setattr(Drawer, "draw", draw)
    cases = [record(f"case {k}", "fail" if k % 2 else "pass") for k in range(80)]
    regressed = Comparison((Change("case 77", "regressed", "pass", "fail", ""),))
    page = read(html(run_of(*cases), regressed))
    assert drawn == ["case 77", *(f"case {k}" for k in range(1, 59, 2))]
    assert len(page.all("svg")) == 30
    assert len(page.all("details")) == 80


def test_five_hundred_cases_are_written_soon_and_stay_small() -> None:
    start = perf_counter()
    text = html(many(500))
    assert perf_counter() - start < 10.0
    assert len(text.encode()) < 3_000_000
    assert len(read(text).all("details")) == 500


@pytest.mark.slow
def test_the_largest_page_stays_below_ten_megabytes() -> None:
    run = pictured(500, 60)
    long = "a long line of text " * 1000
    records = [
        replace(r, message=long, traceback="\n".join([long] * 20)) if k % 2 else r
        for k, r in enumerate(run.records)
    ]
    text = html(replace(run, records=tuple(records)), None, [replace(run, id="0")] * 30)
    assert 3_000_000 < len(text.encode()) < 10_000_000


def test_more_cases_than_fit_are_counted() -> None:
    run = run_of(*(record(f"case {k}", "not run") for k in range(1502)))
    assert "and 2 more cases, which passed or were not run" in read(html(run)).text


def test_a_run_without_cases_is_a_page() -> None:
    page = read(html(run_of()))
    assert "INCOMPLETE" in page.text
    assert "This run has no cases." in page.text


def test_without_the_library_that_draws_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    page = read(html(with_pictures()))
    assert page.all("svg") == []
    assert "no pictures: this needs matplotlib: pip install 'fastcheck[report]'" in page.text
    assert "W1[2, 5]" in page.text


def test_without_the_template_engine_the_page_is_the_summary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    text = html(*night())
    assert "this needs jinja2: pip install &#x27;fastcheck[report]&#x27;" in text.lower()
    assert "regressed     mnist[seed=1]: pass → fail" in text


def luminance(color: str) -> float:
    """Return the relative luminance of a colour, as WCAG 2 defines it."""
    parts = (int(color[k : k + 2], 16) / 255.0 for k in (1, 3, 5))
    linear = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_all_text_can_be_read_in_both_themes() -> None:
    css = (FOLDER / "page.css").read_text(encoding="utf-8")
    blocks = re.findall(r"color-scheme: (\w+);(.*?)}", css, re.DOTALL)
    assert [scheme for scheme, _ in blocks] == ["light", "dark", "dark"]
    assert "".join(blocks[1][1].split()) == "".join(blocks[2][1].split())
    for scheme, block in blocks:
        colors = dict(re.findall(r"--([\w-]+): (#\w{6})", block))
        pairs = [(k, back) for k in ("ink", "quiet", "link") for back in ("back", "card")]
        pairs += [(k, back) for k in ("pass", "fail", "open", "none") for back in (
            "back", "card", f"{k}-back")]  # fmt: skip
        for ink, back in pairs:
            low, high = sorted(luminance(colors[name]) for name in (ink, back))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (scheme, ink, back)
