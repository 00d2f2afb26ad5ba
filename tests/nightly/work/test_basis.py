"""What a result rests on, and in which way another machine differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastcheck.nightly.records import Case
from fastcheck.nightly.work.basis import (
    basis_of,
    difference,
    files_of,
    source_of,
    versions,
)

CASE = Case("a", "net.py:f", dataset="catvnoncat")
OTHER = Case("b", "other.py:f")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a file of code, and none with real data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FASTCHECK_DATA", raising=False)
    (tmp_path / "net.py").write_text("x = 1\n")
    return tmp_path


def known(folder: Path) -> dict[str, str]:
    here = {**versions(), "source": source_of(), "machine": "m"}
    return here | files_of([CASE, OTHER], folder)


def test_the_basis_of_a_case_is_its_own(folder: Path) -> None:
    names = {"python", "fastcheck", "numpy", "numba", "source"}
    assert set(basis_of([CASE], folder, known(folder))) == names | {
        "code net.py",
        "data catvnoncat",
    }
    assert set(basis_of([OTHER], folder, known(folder))) == names | {"code other.py"}


def test_nothing_differs_where_all_is_the_same(folder: Path) -> None:
    assert difference(basis_of([CASE, OTHER], folder, known(folder)), folder) == ""
    assert difference({}, folder) == ""


@pytest.mark.parametrize("name", ["python", "fastcheck", "numpy", "numba"])
def test_another_version_is_told(folder: Path, name: str) -> None:
    found = difference(basis_of([CASE], folder, known(folder) | {name: "0.1"}), folder)
    assert found == f"{name} is {versions()[name]} there and 0.1 here; install the same version"


def test_other_files_of_one_version_are_told(folder: Path) -> None:
    found = difference(basis_of([CASE], folder, known(folder) | {"source": "ab" * 32}), folder)
    assert found == "the files of fastcheck are not those from here; install the same ones"


def test_a_file_that_is_another_or_missing_is_told(folder: Path) -> None:
    before = basis_of([CASE], folder, known(folder))
    (folder / "net.py").write_text("x = 2\n")
    found = difference(before, folder)
    old, new = before["code net.py"][:12], files_of([CASE], folder)["code net.py"][:12]
    assert found == (
        f"{folder}/net.py has the sha256 {new}… and not {old}…; let all machines see the same file"
    )
    (folder / "net.py").unlink()
    assert difference(before, folder).startswith(f"{folder}/net.py cannot be read; let all")
    assert difference(basis_of([OTHER], folder, before), folder) == ""


def test_data_that_are_others_are_told(folder: Path) -> None:
    before = basis_of([CASE], folder, known(folder)) | {
        "data catvnoncat": f"{'ab' * 32} /there/cat.h5"
    }
    assert "the data set catvnoncat has the sha256 " in difference(before, folder)
    missing = {"data gone.h5": f"{'ab' * 32} /there/gone.h5"}
    gone = basis_of([CASE], folder, known(folder)) | missing
    assert "the data set gone.h5 cannot be read: " in difference(gone, folder)
