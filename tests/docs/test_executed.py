"""All Python code in the documents is executed by a test; a new block must be entered here."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.pages import markdown

LESSONS = "tests/docs/test_lessons.py::test_a_lesson_prints_what_it_shows"
EXECUTED = {
    "README.md": (3, "tests/test_house.py::test_the_example_of_the_readme_runs"),
    "docs/accept.md": (
        1,
        "tests/test_docs.py::test_the_page_on_accepting_shows_what_its_code_prints",
    ),
    "docs/architecture.md": (6, "tests/test_docs.py::architecture"),
    "docs/archive.md": (1, "tests/nightly/archive/test_page.py::test_the_code_of_the_page_runs"),
    "docs/diagnosis.md": (
        3,
        "tests/test_docs.py::test_the_page_on_diagnosis_shows_what_its_code_prints",
    ),
    "docs/findings.md": (
        1,
        "tests/test_findings_page.py::test_the_example_prints_what_the_page_says",
    ),
    "docs/frameworks.md": (
        16,
        "tests/frameworks/test_page.py::test_the_examples_print_what_the_page_shows",
    ),
    "docs/hookups.md": (37, "tests/test_hookups.py::test_a_right_gradient_passes"),
    "docs/layers.md": (6, "tests/test_docs.py::test_the_page_on_layers_runs"),
    "docs/numerics.md": (1, LESSONS),
    "docs/parallel.md": (2, "tests/docs/test_cluster.py::test_both_ways_give_the_same_bits"),
    "docs/plans.md": (2, "tests/test_docs.py::test_the_page_on_plans_shows_what_its_code_prints"),
    "docs/pytest.md": (
        4,
        "tests/pytest_plugin/test_page.py::test_the_page_shows_what_its_commands_print",
    ),
    "docs/quickstart.md": (5, LESSONS),
    "docs/reports.md": (1, "tests/nightly/report/test_page.py::test_the_code_of_the_page_runs"),
    "docs/selftest.md": (
        1,
        "tests/test_docs.py::test_the_page_on_the_self_test_shows_what_its_commands_print",
    ),
    "docs/suites.md": (  # the third in tests/nightly/runner/test_dask.py
        3,
        "tests/nightly/test_suites_page.py::test_the_page_shows_what_its_suite_prints",
    ),
    "docs/tracing.md": (4, "tests/test_docs.py::test_the_page_on_tracing_runs"),
    "docs/tutorial.md": (8, LESSONS),
}
"""By page: how many blocks of Python it has, and the test or fixture that executes all of them."""


def n_blocks(path: Path) -> int:
    """Return how many blocks of Python a page has."""
    return len(re.findall(r"^ *```+ *(?:python|py|pycon)\b", path.read_text("utf-8"), re.MULTILINE))


def not_entered(root: Path, entered: dict[str, int]) -> list[str]:
    """Return the pages below a folder whose blocks are not those that were entered."""
    found = {path.relative_to(root).as_posix(): n_blocks(path) for path in markdown(root)}
    names = sorted(name for name, n in found.items() if n or name in entered)
    names += sorted(entered.keys() - found.keys())
    return [
        f"{name} has {found.get(name, 0)} blocks of Python, {entered.get(name, 0)} are entered: "
        "execute all of them in a test, and enter it in tests/docs/test_executed.py"
        for name in names
        if found.get(name, 0) != entered.get(name, 0)
    ]


def test_all_code_of_all_pages_is_entered() -> None:
    assert not_entered(ROOT, {name: n for name, (n, _) in EXECUTED.items()}) == []


@pytest.mark.parametrize("page", EXECUTED)
def test_the_test_that_executes_a_page_exists_and_reads_it(page: str) -> None:
    file, _, name = EXECUTED[page][1].partition("::")
    text = (ROOT / file).read_text("utf-8")
    functions = [
        node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)
    ]
    assert name in functions
    assert Path(page).name in text


def test_a_page_that_nobody_executes_is_seen(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for name, n in (("docs/new.md", 1), ("docs/grown.md", 3), ("docs/plain.md", 0)):
        (tmp_path / name).write_text("text\n\n```python\n1\n```\n" * n, encoding="utf-8")
    found = not_entered(tmp_path, {"docs/grown.md": 2, "docs/gone.md": 1})
    assert [line.partition(":")[0] for line in found] == [
        "docs/grown.md has 3 blocks of Python, 2 are entered",
        "docs/new.md has 1 blocks of Python, 0 are entered",
        "docs/gone.md has 0 blocks of Python, 1 are entered",
    ]
