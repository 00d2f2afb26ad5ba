"""The page on reports tells what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fastcheck.nightly.compare import compare
from tests.conftest import ROOT
from tests.nightly.nights import run_of

PAGE = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")


def test_the_code_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    old, run = run_of(1, {"a": "pass"}), run_of(2, {"a": "fail"})
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(code, {"run": run, "comparison": compare(old, run), "history": [old]})
    assert capsys.readouterr().out.startswith("FAIL")
    written = sorted(path.name for path in (tmp_path / "reports").iterdir())
    assert written == ["run.html", "run.json", "run.md", "run.xml"]
    assert all(name in code for name in written)
