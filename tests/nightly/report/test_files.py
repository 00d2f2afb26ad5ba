"""Reports as files: the end of the name says which, and they appear whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fastcheck.errors import DataError, InputError
from fastcheck.nightly.report import files, write_report, write_reports
from tests.nightly.report.nights import night, record, run_of

BEGINNINGS = {
    "a.html": "<!DOCTYPE html>",
    "a.md": "# ❌ FAIL: night",
    "a.xml": "<?xml",
    "a.json": "{\n",
    "a.TXT": "FAIL          night",
}


@pytest.mark.parametrize(("name", "beginning"), BEGINNINGS.items())
def test_the_end_of_the_name_says_which_report_is_written(
    tmp_path: Path, name: str, beginning: str
) -> None:
    (tmp_path / name).write_text("older")
    write_report(tmp_path / name, *night())
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert text.startswith(beginning)
    assert text.endswith("\n")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_another_end_is_refused_with_the_choices(tmp_path: Path) -> None:
    contract = r"\.html, \.md, \.xml, \.json or \.txt, got '.*a\.pdf'"
    with pytest.raises(InputError, match=contract):
        write_report(tmp_path / "a.pdf", *night())


def test_all_reports_are_written_into_a_folder(tmp_path: Path) -> None:
    paths = write_reports(tmp_path, *night())
    assert [path.name for path in paths] == ["run.html", "run.md", "run.xml", "run.json"]
    assert json.loads(paths[3].read_text(encoding="utf-8"))["suite"] == "night"


def test_a_page_that_cannot_be_made_does_not_cost_the_other_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> str:
        raise ZeroDivisionError("of a test")

    monkeypatch.setitem(files.WRITERS, ".html", fails)
    with pytest.raises(ZeroDivisionError):
        write_reports(tmp_path, *night())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.json", "run.md", "run.xml"]


def test_a_folder_is_made_or_said_to_be_impossible(tmp_path: Path) -> None:
    assert len(write_reports(tmp_path / "a" / "b", *night())) == 4
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file/reports: cannot be made \\(Not a directory\\)"):
        write_reports(tmp_path / "file" / "reports", *night())


@pytest.mark.parametrize("name", ["a.html", "a.md", "a.xml", "a.json", "a.txt"])
def test_half_a_character_in_a_message_is_spelled_out(tmp_path: Path, name: str) -> None:
    write_report(tmp_path / name, run_of(record("a", "error", message="half \udc80 of one")))
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert "half" in text
    assert "udc80" in text
