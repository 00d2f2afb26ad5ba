"""The reference shows all that is public, once; each page has its place on the site."""

from __future__ import annotations

import re
from collections import Counter

import fastcheck as fc
from tests.conftest import ROOT

DOCS = ROOT / "docs"


def shown() -> Counter[str]:
    """Return the objects that the reference shows, and how often."""
    pages = [path.read_text("utf-8") for path in (DOCS / "api").glob("*.md")]
    return Counter(
        name for page in pages for name in re.findall(r"^::: (\S+)$", page, re.MULTILINE)
    )


def test_each_public_name_is_shown_once() -> None:
    names = {name for name in fc.__all__ if name not in ("__version__", "ops")}
    found = shown()
    n_ops = found.pop("fastcheck.ops")  # one part for each kind of operation
    assert n_ops > 1
    assert set(found.values()) == {1}
    assert {name.partition(".")[2] for name in found if name.count(".") == 1} == names


def test_each_operation_is_shown_once() -> None:
    page = (DOCS / "api/operations.md").read_text("utf-8")
    assert sorted(re.findall(r"^ {8}- (\w+)$", page, re.MULTILINE)) == sorted(fc.ops.__all__)


def test_each_page_has_its_place_on_the_site() -> None:
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    navigation = text.partition("\nnav:\n")[2].partition("\n\n")[0]
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    named = re.findall(r"(\S+\.md)$", navigation, re.MULTILINE)
    missing = sorted(pages - set(named))
    assert missing == [], f"give {', '.join(missing)} a place in the navigation of mkdocs.yml"
    assert Counter(named) == Counter(pages | {"changelog.md"})
