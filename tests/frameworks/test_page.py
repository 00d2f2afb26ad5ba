"""The page on frameworks: its examples are short, run, and print what it shows."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT, FreshPython

PAGE = (ROOT / "docs" / "frameworks.md").read_text("utf-8")
SECTIONS = {s.partition("\n")[0]: s for s in re.split(r"^## ", PAGE, flags=re.MULTILINE)}
LIBRARIES = {"PyTorch": "torch", "JAX": "jax", "TensorFlow": "tensorflow"}
MOST_LINES = 5
ROUNDING = r"(?<=± )\S+| +"


def blocks(section: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL)


def hookups(section: str) -> list[str]:
    return [code for code in blocks(section, "python") if "fc." in code and "print(" in code]


@pytest.mark.parametrize("title", LIBRARIES)
def test_the_examples_print_what_the_page_shows(title: str, fresh_python: FreshPython) -> None:
    pytest.importorskip(LIBRARIES[title], reason=f"examples of {title}")
    section = SECTIONS[title]
    code = "\n".join(blocks(section, "python"))
    environment = {"COLUMNS": "100", "TF_CPP_MIN_LOG_LEVEL": "3"}
    printed = fresh_python(code, **environment).stdout.splitlines()
    shown = "".join(blocks(section, "text")).splitlines()
    assert [re.sub(ROUNDING, "", line) for line in printed] == [
        re.sub(ROUNDING, "", line) for line in shown
    ]


@pytest.mark.parametrize("title", LIBRARIES)
def test_a_hookup_takes_at_most_five_lines(title: str) -> None:
    found = hookups(SECTIONS[title])
    assert len(found) == len(blocks(SECTIONS[title], "text")) >= 2
    for code in found:
        assert f"fc.{LIBRARIES[title]}.check_" in code
        assert len([line for line in code.splitlines() if line.strip()]) <= MOST_LINES


def test_the_files_that_the_page_names_exist() -> None:
    folder = ""
    for name in re.findall(r"`((?:fastcheck/\w+/)?\w+\.py)`", SECTIONS["What is followed"]):
        folder = name.rpartition("/")[0] or folder
        assert (ROOT / folder / name.rpartition("/")[2]).exists(), name
