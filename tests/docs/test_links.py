"""Links of all Markdown files lead somewhere, on a code host as on the site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.pages import markdown

FENCED = re.compile(r"^(`{3,}).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def links(text: str) -> Iterator[tuple[str, str]]:
    """Yield path and anchor of each relative link of a page, outside code."""
    for link in LINK.findall(FENCED.sub("", text)):
        if not re.match(r"[a-z]+:", link):
            path, _, anchor = link.partition("#")
            yield path, anchor


def anchors(path: Path) -> set[str]:
    """Return the anchors of the headings of a page, as code hosts make them."""
    titles = re.findall(r"^#+ (.*)$", FENCED.sub("", path.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken(path: Path, text: str) -> list[str]:
    """Return what is wrong with the links of a page."""
    wrong = []
    for link, anchor in links(text):
        target = (path.parent / link).resolve() if link else path
        if not target.exists():
            wrong.append(f"{link}: there is no such file")
        elif anchor and anchor not in anchors(target):
            wrong.append(f"{link}#{anchor}: there is no such heading")
    return wrong


@pytest.mark.parametrize("path", markdown(ROOT), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    assert broken(path, path.read_text("utf-8")) == []


def test_a_broken_link_is_seen() -> None:
    text = "[a](README.md) [b](docs/nothing.md) [c](docs/plans.md#samples)\n[d](docs/plans.md#no)"
    assert broken(ROOT / "x.md", text) == [
        "docs/nothing.md: there is no such file",
        "docs/plans.md#no: there is no such heading",
    ]
    assert broken(ROOT / "x.md", "```python\na[0](b)\n```") == []
