"""The page on the archive tells what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fastcheck.nightly.compare import KINDS
from tests.conftest import ROOT
from tests.nightly.nights import kept, run_of

PAGE = (ROOT / "docs" / "archive.md").read_text(encoding="utf-8")


def test_the_code_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    kept(tmp_path / "fastcheck-archive", run_of(1, {"a": "pass", "b": "fail"}))
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(code, {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == ["a pass", "b fail"]
    assert "b'W1'" in printed[2]


def test_all_kinds_of_changes_are_on_the_page() -> None:
    table = PAGE.partition("| change | when |")[2]
    told = re.findall(r"`([a-z-]+)`", "".join(re.findall(r"^\|(.*?)\|", table, re.MULTILINE)))
    assert told == list(KINDS)
