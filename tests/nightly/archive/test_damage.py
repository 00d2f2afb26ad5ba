"""Files that are damaged, of something else, or made to do harm: one sentence each."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from fastcheck.errors import DataError
from fastcheck.nightly.archive import Parts, joining, read_run
from fastcheck.nightly.archive.documents import MAX_DOCUMENT_BYTES, read_document, write_document
from fastcheck.nightly.archive.seal import BLOCK, _block, _digest
from tests.nightly.nights import NAMES, done, full_night, night, small

END = "2026-01-31T04:00:00+00:00"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a file with two results and their arrays."""
    with Parts.create(tmp_path_factory.mktemp("whole"), full_night()) as parts:
        for name, kind in zip(NAMES[:2], ("fail", "pass"), strict=True):
            parts.add(done(name, kind, changes={"keeps": "arrays"}))
        return parts.finish(END).read_bytes()


def refused(path: Path) -> str:
    """Return the one sentence with which a run is refused."""
    with pytest.raises(DataError) as refusal:
        read_run(path, arrays=True)
    text = str(refusal.value)
    assert text.startswith(f"{path}")
    assert "\n" not in text
    return text


# ------------------------------------------------------------ accidents


def test_every_flipped_byte_is_noticed(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "run.h5"
    path.write_bytes(whole)
    read_run(path, arrays=True)
    places = [*range(0, BLOCK, 13), *range(BLOCK, len(whole), 401), len(whole) - 1]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        assert "is damaged" in refused(path) or "does not begin" in refused(path)


def test_every_truncated_file_is_noticed(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "run.h5"
    for size in [0, 1, 17, 100, BLOCK, BLOCK + 8, *range(600, len(whole), 977), len(whole) - 1]:
        path.write_bytes(whole[:size])
        refused(path)
    path.write_bytes(whole + b"\0")
    assert "is damaged or truncated" in refused(path)


def test_other_files_are_told_from_runs(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    assert "No such file" in refused(path)
    path.write_text("a text")
    assert "does not begin as a file of an archive does; name the file of a run" in refused(path)
    with h5py.File(path, "w") as file:
        file["x"] = np.zeros(3)
    assert "does not begin as a file of an archive does" in refused(path)
    path.write_bytes(b"")
    assert "is empty" in refused(path)
    assert "is a folder, not a run" in refused(tmp_path)


def test_a_damaged_part_is_named_with_the_remedy(tmp_path: Path) -> None:
    with Parts.create(tmp_path, full_night()) as parts:
        parts.add(done(NAMES[1], changes={"keeps": "arrays"}))
    path = parts.folder / "00001.json"
    whole, before = path.read_bytes(), read_run(parts.folder, arrays=True).to_dict(arrays=True)
    for place in [*range(120), *range(120, len(whole), 61)]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 7)
        path.write_bytes(damaged)
        with suppress(DataError):  # unless a space has become another
            assert read_run(parts.folder, arrays=True).to_dict(arrays=True) == before
            continue
        assert refused(parts.folder).startswith(f"{path}: ")
    path.write_bytes(whole.replace(b'"pass"', b'"fail"', 1))
    with pytest.raises(DataError, match="remove this file and resume the run: its case is run aga"):
        Parts.open(parts.folder)
    path.unlink()
    with Parts.open(parts.folder) as again:
        assert again.run.count("not run") == len(NAMES)


def test_arrays_that_do_not_belong_to_their_record_are_noticed(tmp_path: Path) -> None:
    with Parts.create(tmp_path, full_night()) as parts:
        parts.add(done(NAMES[0], changes={"keeps": "arrays"}))
        parts.add(done(NAMES[1], "fail", changes={"keeps": "arrays"}))
        (arrays,) = parts.folder.glob("00001.*.h5")
        arrays.write_bytes(arrays.read_bytes()[:-1])
        with pytest.raises(DataError, match="is damaged or truncated"):
            read_run(parts.folder, arrays=True)
        with pytest.raises(DataError, match=r"is damaged or truncated.*nothing is lost") as problem:
            parts.finish(END)
        assert "\n" not in str(problem.value)
        arrays.unlink()
        with pytest.raises(DataError, match="No such file"):
            parts.finish(END)
        assert read_run(parts.folder).count("fail") == 1


def test_arrays_of_another_record_are_noticed(tmp_path: Path) -> None:
    with Parts.create(tmp_path, full_night()) as parts:
        parts.add(done(NAMES[0], changes={"keeps": "arrays"}))
        other = small("pass", numerical={"W1": np.zeros(3)})
        parts.add(replace(done(NAMES[1], changes={"keeps": "arrays"}), result=other))
    first, second = (next(parts.folder.glob(f"0000{k}.*.h5")) for k in (0, 1))
    first.write_bytes(second.read_bytes())
    with pytest.raises(DataError, match=r"has the sha256 [0-9a-f]{12}\.\.\., not [0-9a-f]{12}"):
        read_run(parts.folder, arrays=True)


@pytest.mark.parametrize("what", ["arrays", "records"])
def test_a_file_that_reads_back_as_something_else_does_not_take_the_place_of_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    with Parts.create(tmp_path, full_night()) as parts:
        parts.add(done(NAMES[0], changes={"keeps": "arrays"}))
        with monkeypatch.context() as patch:
            if what == "arrays":
                empty: list[dict[str, Any]] = [{}] * len(NAMES)
                patch.setattr(joining, "each_arrays", lambda path: iter(empty))
            else:
                patch.setattr(joining, "read_file", lambda path: full_night(5))
            with pytest.raises(DataError, match="reads back as something else; check the disk"):
                parts.finish(END)
        assert [path.name for path in parts.folder.parent.iterdir()] == [parts.folder.name]
        assert read_run(parts.finish(END)).count("pass") == 1


# ------------------------------------------------------------ made to do harm


def resealed(path: Path, whole: bytes, change: Callable[[Any], None]) -> None:
    """Write a file that was changed by somebody who knows how to seal it."""
    path.write_bytes(whole)
    with h5py.File(path, "r+") as file:
        change(file)
    with path.open("r+b") as sealed:
        sealed.write(_block(_digest(sealed)))


def _soft(file: Any) -> None:
    del file["cases/00000/json"]
    file["cases/00000/json"] = h5py.SoftLink("/json")


def _external(file: Any) -> None:
    del file["cases/00000/arrays"]
    file["cases/00000/arrays"] = h5py.ExternalLink("/etc/passwd", "/")


def _soft_array(file: Any) -> None:
    file["cases/00000/arrays/numerical/W2"] = h5py.SoftLink("/cases/00000/arrays/numerical/W1")


def _root_link(file: Any) -> None:
    file["more"] = h5py.ExternalLink("other.h5", "/")


def _virtual(file: Any) -> None:
    layout = h5py.VirtualLayout(shape=(4,), dtype="<f8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(4,))
    file["cases/00000/arrays/numerical"].create_virtual_dataset("W2", layout)


def _elsewhere(file: Any) -> None:
    file["cases/00000/arrays/numerical"].create_dataset(
        "W2", (4,), "<f8", external=[("/etc/passwd", 0, 32)]
    )


def _huge(file: Any) -> None:
    file["cases/00000/arrays/numerical"].create_dataset("W2", (2**40,), "<f8", chunks=(2**10,))


def _hollow(file: Any) -> None:
    file["cases/00000/arrays/numerical"].create_dataset("W2", (2**20,), "<f8", chunks=(2**10,))


def _objects(file: Any) -> None:
    kind = h5py.special_dtype(vlen=np.float64)
    file["cases/00000/arrays/numerical"].create_dataset("W2", (2,), kind)


def _big_endian(file: Any) -> None:
    file["cases/00000/arrays/numerical"]["W2"] = np.zeros(3, ">f8")


def _text(content: bytes) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        del file["cases/00000/json"]
        file["cases/00000/json"] = np.array([content], f"S{max(1, len(content))}")

    return change


def _nested(file: Any) -> None:
    _text(b"[" * 200_000)(file)


def _variable(file: Any) -> None:
    del file["json"]
    file["json"] = np.array([b"{}"], object).astype(h5py.string_dtype())


def _numbers_for_texts(file: Any) -> None:
    head = json.loads(file["json"][0]) | {"provenance": {"numpy": 2}}
    del file["json"]
    file["json"] = np.array([json.dumps(head).encode()], "S4000")


def _many(file: Any) -> None:
    del file["json"]
    file["json"] = np.array([b"{}", b"{}"], "S2")


def _bomb(place: str) -> Callable[[Any], None]:
    """Let a chunk inflate to more than it says."""

    def change(file: Any) -> None:
        array = file[place]
        corner = (0,) * array.ndim
        array.id.write_direct_chunk(corner, zlib.compress(bytes(10**7), 9))

    return change


def _array_for_group(file: Any) -> None:
    del file["cases/00000/arrays"]
    file["cases/00000/arrays"] = np.zeros(3)


def _group_for_array(file: Any) -> None:
    file["cases/00000/arrays/numerical"].create_group("W2")


def _array_for_kind(file: Any) -> None:
    file["cases/00000/arrays/more"] = np.zeros(3)


def _array_for_case(file: Any) -> None:
    del file["cases/00000"]
    file["cases/00000"] = np.zeros(3)


def _gap(file: Any) -> None:
    del file["cases/00001"]


def _no_cases(file: Any) -> None:
    del file["cases"]


def _no_json(file: Any) -> None:
    del file["json"]


def _newer(file: Any) -> None:
    file.attrs["schema_version"] = 2


def _newer_run(file: Any) -> None:
    head = json.loads(file["json"][0]) | {"schema": 99}
    del file["json"]
    file["json"] = np.array([json.dumps(head).encode()], "S4000")


HARM: list[tuple[Callable[[Any], None], str]] = [
    (_soft, "`/cases/00000/json` is a soft link"),
    (_external, "`/cases/00000/arrays` is an external link"),
    (_soft_array, "`/cases/00000/arrays/numerical/W2` is a soft link"),
    (_root_link, "`/more` is an external link"),
    (_virtual, "is a virtual dataset, put together from other files"),
    (_elsewhere, "is kept in another file"),
    (_huge, "the limit is 8.0 GiB"),
    (_hollow, "of which only 0 bytes"),
    (_objects, "must be float64 or uint8, got object"),
    (_big_endian, "little-endian"),
    (_text(b"{}"), "does not hold a record ('result' is missing)"),
    (_text(b"[1]"), "holds a list, not a dict"),
    (_text(b"not json"), "is damaged, it is no JSON"),
    (_text(b"1" * 10_000), "is damaged, it is no JSON"),
    (_text(b"\xff\xfe"), "is damaged, it is no JSON"),
    (_nested, "is damaged, it is no JSON"),
    (_variable, "`json` must be bytes"),
    (_many, "`json` must be one text, got shape (2,)"),
    (_array_for_group, "`/cases/00000/arrays` must be a group"),
    (_group_for_array, "`/cases/00000/arrays/numerical/W2` must be an array"),
    (_array_for_kind, "`/cases/00000/arrays/more` must be a group"),
    (_array_for_case, "`cases/00000` must be a group"),
    (_gap, "`cases` must hold 00000, 00001 and so on"),
    (_no_cases, "`cases` is missing"),
    (_no_json, "`json` is missing"),
    (_bomb("json"), "`json` has a chunk at row 0 that inflates to more than the "),
    (_bomb("cases/00001/json"), "`cases/00001/json` has a chunk at row 0 that inflates to more"),
    (_bomb("cases/00000/arrays/bounds/W1"), "bounds/W1` has a chunk at row 0 that inflates"),
    (_newer, "must be of schema 1, got schema 2; read it with the version"),
    (_numbers_for_texts, "does not hold a run (`provenance` has a int at 'numpy')"),
    (_newer_run, "must be a run of schema 1, got schema 99"),
]


@pytest.mark.parametrize(("change", "text"), HARM, ids=[f"{k}" for k in range(len(HARM))])
def test_a_file_that_was_made_to_do_harm_is_refused(
    tmp_path: Path, whole: bytes, change: Callable[[Any], None], text: str
) -> None:
    path = tmp_path / "run.h5"
    resealed(path, whole, change)
    assert text in refused(path)


def test_a_part_that_was_made_to_do_harm_is_refused(tmp_path: Path) -> None:
    with Parts.create(tmp_path, night()) as parts:
        parts.add(done(NAMES[0]))
    path = parts.folder / "00000.json"
    part = read_document(path, "")

    def written(**changes: Any) -> str:
        write_document(path, part | changes)
        with pytest.raises(DataError) as refusal:
            read_run(parts.folder, arrays=True)
        assert "\n" not in str(refusal.value)
        return str(refusal.value)

    assert "`arrays` must be a sha256, got '../../x'; remove this file" in written(arrays="../../x")
    assert "No such file" in written(arrays="0" * 64)
    assert "does not hold a record" in written(record={})
    assert "does not hold a record" in written(record=[1])
    good = part["record"]
    assert "(`seconds` is a str)" in written(record=good | {"seconds": "1"})
    assert "(status 'maybe')" in written(record=good | {"status": "maybe"})
    assert "(`name` is a int)" in written(record=good | {"case": good["case"] | {"name": 1}})
    result = good["result"]
    weights = result["tensors"]["W1"]
    for change, text in (
        ({"coverage": result["coverage"] | {"n_checked": "1"}}, "(`n_checked` is a str)"),
        ({"tensors": {"W1": weights | {"digits": []}}}, "float() argument"),
        ({"tensors": {"W1": weights | {"reason": None}}}, "(`reason` is a NoneType)"),
        ({"tensors": {"W1": 1}}, "not subscriptable"),
        ({"findings": [{"kind": 1}]}, "missing 3 required positional arguments"),
        ({"interrupted": 0}, "(`interrupted` is a int)"),
        ({"batch": result["batch"] | {"source": True}}, "(`source` is a bool)"),
        ({"timings": {"judging": 10**400}}, "(int too large to convert to float)"),
        ({"coverage": result["coverage"] | {"n_checked": 10**40}}, "(`n_checked` is too large)"),
        ({"versions": {"numpy": 2}}, "(`versions` has a int at 'numpy')"),
        ({"verdict": "maybe"}, "(verdict 'maybe')"),
        ({"tensors": {"W1": weights | {"verdict": "maybe"}}}, "(verdict 'maybe')"),
        ({"tensors": {"W1": weights | {"shape": ["2"]}}}, "(`shape` has a str at 0)"),
        ({"tensors": {"W1": weights | {"name": "b1"}}}, "('W1' is called 'b1')"),
    ):
        assert text in written(record=good | {"result": result | change})
    other = done(NAMES[1]).to_dict()
    assert "is of the case 'mnist[seed=1]', not 'mnist[seed=0]'" in written(record=other)
    path.write_text(json.dumps({"schema": 2}))
    with pytest.raises(DataError, match="must be of schema 1, got schema 2; use the version"):
        read_run(parts.folder)
    path.unlink()
    os.mkfifo(path)  # of which a reader would wait for ever
    with pytest.raises(DataError, match="is neither a file nor a folder"):
        read_run(parts.folder)
    path.unlink()
    with pytest.raises(DataError, match=r"would have 64\.0 MiB, the limit is 64\.0 MiB; make mor"):
        write_document(path, {"record": MAX_DOCUMENT_BYTES * "x"})
    assert not path.exists()
    with path.open("wb") as file:
        file.truncate(MAX_DOCUMENT_BYTES + 1)
    with pytest.raises(DataError, match=r"has 64\.0 MiB, the limit is 64\.0 MiB; it is not a part"):
        read_run(parts.folder)
