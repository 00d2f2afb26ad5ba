"""The site is built from the pages without a warning, and holds what they link to."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow
LOADED = re.compile(
    r"<(?:script|img|iframe)[^>]* src=\"(?:https?:)?//|<link[^>]* href=\"(?:https?:)?//"
)
REASON = "the site needs pip install '.[docs]'"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site, strictly."""
    pytest.importorskip("material", reason=REASON)
    pytest.importorskip("mkdocstrings", reason=REASON)
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return folder


def page(site: Path, name: str) -> str:
    return (site / name).read_text("utf-8")


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    assert [path for path in pages if LOADED.search(path.read_text("utf-8"))] == []


def test_what_stands_outside_the_folder_of_pages_is_shown(site: Path) -> None:
    assert 'href="files/examples/nightly/nightly.toml.html"' in page(site, "suites.html")
    shown = page(site, "files/examples/nightly/nightly.toml.html")
    assert "[[case]]" in re.sub(r"<[^>]+>", "", shown)
    assert "Unreleased" in page(site, "changelog.html")


def test_the_machinery_is_not_part_of_the_site(site: Path) -> None:
    assert [path for path in site.rglob("*") if path.suffix in (".py", ".jinja")] == []


def test_commands_are_described_with_their_options(site: Path) -> None:
    text = page(site, "commands.html")
    assert 'id="fastcheck-data-import-mnist"' in text
    assert "<code>--budget TIME</code>" in text
    assert "the commands -->" not in text


def test_docstrings_refer_to_each_other(site: Path) -> None:
    text = page(site, "api/checking.html")
    assert ":func:" not in text
    assert 'href="#fastcheck.numerical_gradient"' in text
    assert 'href="../plans.html"' in text
    assert re.search(r'href="results\.html#fastcheck\.CheckResult"', text)


def test_parameters_that_are_described_together_stand_together(site: Path) -> None:
    text = page(site, "api/checking.html")
    together = r"<dt>\s*(<code>loss</code>, <code>params</code>, <code>plan.*?)</dt>"
    (names,) = re.findall(together, text, re.DOTALL)
    assert "<code>progress</code>" in names
    assert "float" not in names
