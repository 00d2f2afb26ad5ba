"""The page on findings lists what the code can find, and nothing else."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "fastcheck"
LAYERS = PACKAGE / "layers"
SEVERITIES = {"error", "warning", "note"}
Kinds = dict[str, set[str]]


def kinds_in(*folders: Path, without: Path | None = None) -> Kinds:
    """Return the kinds of findings that code makes, with the severities that it writes down."""
    found: Kinds = defaultdict(set)
    for path in (p for folder in folders for p in folder.rglob("*.py")):
        if without is not None and path.is_relative_to(without):
            continue
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and call.args:
                name = getattr(call.func, "id", getattr(call.func, "attr", ""))
                kind = getattr(call.args[0], "value", None)
                if name == "Finding" and isinstance(kind, str):
                    found[kind] |= severities_in(call.args[1])
                elif name == "refuse" and isinstance(kind, str):
                    found[kind].add("error")
    return found


def severities_in(expression: ast.expr) -> set[str]:
    """Return the severities that an expression names; all of them if it is a variable."""
    named = {n.value for n in ast.walk(expression) if isinstance(n, ast.Constant)} & SEVERITIES
    return named or {"unknown"}


def kinds_told(page: str) -> Kinds:
    """Return the kinds in the tables of a page with their severities."""
    text = (ROOT / page).read_text("utf-8")
    rows = re.findall(r"^\| (`[a-z].*?) \| ([a-z, ]+) \|", text, re.MULTILINE)
    return {
        kind: set(severities.split(", "))
        for names, severities in rows
        for kind in re.findall(r"`([a-z0-9-]+)`", names)
    }


def test_the_page_lists_each_kind_with_its_severities() -> None:
    assert kinds_told("docs/findings.md") == kinds_in(PACKAGE, without=LAYERS)


def test_the_page_on_layers_lists_what_is_found_there() -> None:
    told = kinds_told("docs/layers.md").keys()
    assert kinds_in(LAYERS).keys() <= told <= kinds_in(PACKAGE).keys()


@pytest.mark.parametrize("kind", sorted(kinds_in(PACKAGE)))
def test_a_test_expects_each_kind(kind: str) -> None:
    texts = (p.read_text("utf-8") for p in (ROOT / "tests").rglob("test_*.py"))
    assert any(f'"{kind}"' in text for text in texts)


def test_each_row_says_what_to_do() -> None:
    text = (ROOT / "docs/findings.md").read_text("utf-8")
    rows = [row for row in text.splitlines() if row.startswith("| `")]
    assert len(rows) == len(kinds_told("docs/findings.md"))
    assert all(all(cell.strip() for cell in row.strip("|").split("|")) for row in rows)
    assert {row.count("|") for row in rows} == {6}


def test_the_example_prints_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs/findings.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(code, {"__name__": "page"})
    first, second = capsys.readouterr().out.splitlines()
    assert f"This prints `{first}` and `{second}`" in text
