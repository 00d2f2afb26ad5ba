"""A run that was interrupted is continued; two at once are not; what has changed is noticed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from fastcheck.errors import DataError
from fastcheck.nightly.archive import Parts, read_run, runs, unfinished
from fastcheck.result import Provenance
from tests.cli.conftest import ENVIRONMENT
from tests.nightly.nights import NAMES, done, full_night, kept, night, small

END = "2026-01-31T04:00:00+00:00"
HOLD = dedent(
    """
    import sys
    from pathlib import Path
    from fastcheck.nightly.archive import Parts
    from fastcheck.nightly.records import Run
    parts = Parts.create(Path(sys.argv[1]), Run("9", "night", "", ""))
    print("held", flush=True)
    sys.stdin.read()
    """
)


def begun(archive: Path) -> Path:
    """Begin a run, add two records, and leave it."""
    with Parts.create(archive, full_night()) as parts:
        for name in NAMES[:2]:
            parts.add(done(name, "fail", changes={"keeps": "arrays"}))
        return parts.folder


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def other_process(archive: Path) -> Iterator[subprocess.Popen[str]]:
    """Let another process begin a run, and hold it until it is told to end."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(archive)],
        env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


# ------------------------------------------------------------ continuing


def test_an_interrupted_run_goes_on_with_what_it_had(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    before = read_run(folder, arrays=True)
    with Parts.open(folder) as parts:
        assert parts.run.to_dict() == before.to_dict()
        assert [r.status for r in parts.run.records] == ["fail"] * 2 + ["not run"] * 3
        parts.add(done(NAMES[2], changes={"keeps": "arrays"}))
        path = parts.finish(END)
    after = read_run(path, arrays=True)
    assert after.records[0].to_dict() == before.records[0].to_dict()
    assert after.count("pass") == 1


def test_what_was_not_written_to_its_end_is_ignored_and_swept(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    before, names = read_run(folder).to_dict(), names_in(folder)
    (folder / f".{'0' * 16}.tmp").write_text('{"schema":1,"sha')
    (folder.parent / f".{'1' * 16}.tmp").mkdir()
    (folder.parent / f".{'1' * 16}.tmp" / "run.json").write_text("{")
    (folder / "notes of mine.txt").write_text("stay")
    (folder / "99999.json").write_text("of no case")
    assert read_run(folder).to_dict() == before
    Parts.open(folder).close()
    assert names_in(folder) == sorted([*names, "notes of mine.txt", "99999.json"])
    assert names_in(folder.parent) == [folder.name]


def test_a_run_that_ended_before_its_parts_were_removed_has_ended(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    copy = tmp_path / "copy"
    folder.rename(copy)
    copy.rename(folder)
    parts = Parts.open(folder)
    saved = {path.name: path.read_bytes() for path in folder.iterdir()}
    path = parts.finish(END)
    folder.mkdir()
    for name, content in list(saved.items())[1:]:  # a removal in the middle
        (folder / name).write_bytes(content)
    assert runs(tmp_path, "night") == [path]
    assert unfinished(tmp_path, "night") is None
    assert read_run(folder).finished == END
    with pytest.raises(DataError, match="this run has ended; begin a new one"):
        Parts.open(folder)
    assert not folder.exists()
    folder.mkdir()
    kept(tmp_path, night(2))
    assert not folder.exists()
    assert read_run(path).finished == END


@pytest.mark.parametrize("name", ["nothing.parts", "night", "x.h5"])
def test_what_is_no_run_in_progress_is_not_opened(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"{name}: is not the folder of a run in progress"):
        Parts.open(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------ two at once


def test_a_second_run_is_refused_in_one_sentence_that_says_who(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    with other_process(tmp_path) as process:
        for attempt in (
            lambda: Parts.create(tmp_path, night(2)),
            lambda: Parts.open(folder),
        ):
            with pytest.raises(DataError) as refusal:
                attempt()
            text = str(refusal.value)
            assert text.startswith(f"{tmp_path}: is being written to by process {process.pid} on ")
            assert text.endswith("or keep this one in another archive")
            assert "\n" not in text
        assert read_run(folder).count("fail") == 2  # reading is not refused


def test_the_lock_of_a_killed_process_does_not_refuse(tmp_path: Path) -> None:
    with other_process(tmp_path) as process:
        process.kill()
        process.wait()
        assert (tmp_path / ".holder").exists()
        with Parts.create(tmp_path, night(2)) as parts:
            parts.add(done(NAMES[0]))


def test_one_process_does_not_write_twice_at_once(tmp_path: Path) -> None:
    with (
        Parts.create(tmp_path, night(1)),
        pytest.raises(DataError, match="is being written to by process"),
    ):
        Parts.create(tmp_path, night(2))
    Parts.create(tmp_path, night(2)).close()


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("night", "{run}.parts"),
        ("", "night/{run}.parts"),
        ("night/{run}.parts", "../{run}.parts"),
        ("linked", "night/{run}.parts"),
    ],
)
def test_one_archive_has_one_lock_however_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, name: str
) -> None:
    folder = begun(tmp_path)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "night").symlink_to(folder.parent)
    monkeypatch.chdir(tmp_path / place.format(run=folder.stem))
    archive = tmp_path / "linked" if place == "linked" else tmp_path
    with (
        Parts.open(name.format(run=folder.stem)) as parts,
        pytest.raises(DataError, match="is being written to by process"),
    ):
        Parts.create(archive, night(2))
    assert not list(tmp_path.rglob(".holder"))
    assert (parts.folder.resolve(), {p.parent for p in tmp_path.rglob(".lock")}) == (
        folder.resolve(), {archive, tmp_path},
    )  # fmt: skip


def test_a_refused_run_lets_others_write(tmp_path: Path) -> None:
    kept(tmp_path, night())
    for _ in range(2):
        with pytest.raises(DataError, match="has a run"):
            Parts.create(tmp_path, night())
    kept(tmp_path, night(2))


def test_who_holds_a_lock_is_said_in_printable_characters(tmp_path: Path) -> None:
    with Parts.create(tmp_path, night()):
        (tmp_path / ".holder").write_bytes(b"\x1b[31m\xff")
        with pytest.raises(DataError, match="is being written to by another process; wait"):
            Parts.create(tmp_path, night(2))


# ------------------------------------------------------------ what has changed


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"suite_sha256": "cd" * 32}, "the suite 'night' has changed"),
        ({"options": {"jobs": 8, "seed": 1}}, "the option 'seed' has changed from 0 to 1"),
        ({"options": {"jobs": 1, "seed": 0, "only": "mnist*"}}, "the option 'only' has changed"),
        (
            {"provenance": {"python": "3.11", "data:mnist": "ef" * 32}},
            r"the data set \(data:mnist\) has changed",
        ),
        (
            {"provenance": {"python": "3.12", "data:mnist": "cd" * 32}},
            r"the version \(python\) has changed",
        ),
        (
            {"provenance": {"python": "3.11", "data:mnist": "cd" * 32, "code net.py": "0"}},
            r"the file \(code net\.py\) has changed",
        ),
    ],
)
def test_a_run_does_not_go_on_with_something_else(
    tmp_path: Path, change: dict[str, object], text: str
) -> None:
    folder = begun(tmp_path)
    files = names_in(folder)
    with pytest.raises(DataError, match=f"{text}.*since this run was begun; restore it to resume"):
        Parts.open(folder, expected=replace(full_night(2), **change))
    assert names_in(folder) == files
    Parts.open(folder).close()


def test_another_choice_of_cases_is_noticed_and_another_place_is_not(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    other = full_night(2)
    with pytest.raises(DataError, match=r"the cases \(cat\) have changed since"):
        Parts.open(
            folder, expected=replace(other, records=(*other.records[:2], *other.records[3:]))
        )
    with pytest.raises(DataError, match=r"the cases \(their order\) have changed since"):
        Parts.open(folder, expected=replace(other, records=other.records[::-1]))
    moved = {"python": "3.11", "data:mnist": "cd" * 32 + " /another/place", "machine": "another"}
    same = replace(other, options={"jobs": 7, "seed": 0}, provenance=moved)
    Parts.open(folder, expected=same).close()


def test_a_data_file_that_has_changed_is_noticed(tmp_path: Path) -> None:
    data = tmp_path / "mine.h5"
    data.write_bytes(b"old")
    sha256 = hashlib.sha256(b"old").hexdigest()
    batch = Provenance(str(data), sha256, "train", 7, (1, 2), 2)
    with Parts.create(tmp_path / "a", night()) as parts:
        parts.add(replace(done(NAMES[0], "fail"), result=small("fail", batch=batch)))
    Parts.open(parts.folder).close()
    data.write_bytes(b"new, and longer")
    with pytest.raises(DataError, match=r"the data set .*mine\.h5 has changed since"):
        Parts.open(parts.folder)
    assert read_run(parts.folder).count("fail") == 1
