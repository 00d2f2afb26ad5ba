"""What is added to an archive comes back, from parts and from the file that they become."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from fastcheck.errors import DataError, InputError
from fastcheck.nightly.archive import (
    Parts,
    find_run,
    join,
    latest,
    past_runs,
    read_run,
    runs,
    unfinished,
)
from fastcheck.nightly.records import Record, Run
from tests.nightly.nights import NAMES, done, full_night, kept, night, run_of, small
from tests.results import KINDS

END = "2026-01-31T04:00:00+00:00"


def everything() -> Run:
    """Return a run with a record of every kind, arrays in every other one."""
    kinds = [*KINDS[:6], *KINDS[6:], "timeout", "crashed", "not run"]
    records = [
        done(f"case {kind}", "fail" if kind == "error" else kind, 1.5, {"keeps": keeps})
        for kind, keeps in zip(kinds, ["summary", "arrays"] * 6, strict=False)
    ]
    raised = Record(
        replace(records[0].case, name="raises", keeps="arrays"), "error", None, "x\0y \ud800", "T\n"
    )
    return night(records=(*records, raised))


def test_a_run_comes_back_from_its_parts_and_from_its_file(tmp_path: Path) -> None:
    run = everything()
    with Parts.create(
        tmp_path, replace(run, records=tuple(Record(r.case) for r in run.records))
    ) as p:
        for record in run.records:
            p.add(record)
        assert p.run.to_dict() == run.to_dict()
        assert read_run(p.folder).to_dict() == run.to_dict()
        from_parts = read_run(p.folder, arrays=True)
        path = p.finish(END)
    assert path == tmp_path / "night" / f"{run.id}.h5"
    assert read_run(path).to_dict() == replace(run, finished=END).to_dict()
    from_file = read_run(path, arrays=True)
    assert from_file.to_dict(arrays=True) == replace(from_parts, finished=END).to_dict(arrays=True)
    for before, after in zip(run.records, from_file.records, strict=True):
        assert after.case == before.case
        if after.result is None:
            continue
        is_kept = before.case.keeps == "arrays"
        assert after.result.to_dict(arrays=is_kept) == before.result.to_dict(arrays=is_kept)
        assert bool(after.result.numerical) == is_kept
    assert not p.folder.exists()


def test_arrays_come_back_bit_for_bit_in_shape_and_order(tmp_path: Path) -> None:
    verdicts = {"W1": np.arange(12, dtype=np.uint8).reshape(3, 4)}
    analytic = {"W1": np.full((3, 4), 1.0 / 3.0, order="F")}
    record = replace(
        done(NAMES[0], changes={"keeps": "arrays"}),
        arrays={"verdicts": verdicts, "analytic": analytic},
    )
    run = night(records=(Record(record.case),))
    with Parts.create(tmp_path, run) as parts:
        parts.add(record)
        path = parts.finish(END)
    (after,) = read_run(path, arrays=True).records
    assert after.result is not None
    assert list(after.result.numerical)[:2] == ["W1", "b1"]
    for name, array in small().numerical.items():
        for found in (after.result.numerical[name], after.result.bounds[name]):
            assert found.shape == array.shape
            assert found.tobytes() == array.tobytes()
    assert after.arrays["verdicts"]["W1"].dtype == np.uint8
    assert np.array_equal(after.arrays["verdicts"]["W1"], verdicts["W1"])
    assert np.array_equal(after.arrays["analytic"]["W1"], analytic["W1"])


def test_the_file_has_tables_that_any_reader_of_hdf5_shows(tmp_path: Path) -> None:
    with Parts.create(tmp_path, full_night()) as parts:
        failed = done(NAMES[0], "fail", changes={"keeps": "arrays"})
        parts.add(replace(failed, machine="node-7"))
        path = parts.finish(END)
    assert read_run(path).records[0].machine == "node-7"
    with h5py.File(path) as file:
        assert file.attrs["schema_version"] == 1
        assert file.attrs["suite_sha256"] == b"ab" * 32
        first = file["records"][0]
        assert (first["case"], first["status"], first["batch"]) == (b"mnist[seed=0]", b"fail", 100)
        assert list(file["records"]["machine"][:2]) == [b"node-7", b""]
        assert first["data_sha256"] == b"0123456789abcdef" * 4
        assert list(file["records"]["status"][1:]) == [b"not run"] * 4
        assert file["records"][4]["case"].decode() == NAMES[4]
        tensors = file["tensors"]
        assert list(tensors["tensor"]) == [b"W1", b"b1", b"W2", b"b2"]
        assert tensors["n_disagree"][2] == 500
        assert file["diagnosis"][0]["constant"] == 100.0
        assert file["findings"][0]["severity"] == b"note"
        assert dict(zip(*(file["provenance"][c] for c in ("name", "value")), strict=True)) == {
            b"python": b"3.11", b"machine": b"box, 2 cores", b"data:mnist": b"cd" * 32,
        }  # fmt: skip
        assert list(file["cases/00000/indices"]) == [0, 1, 2]
        weights = file["cases/00000/arrays/numerical/W1"]
        assert (weights.shape, weights.compression, weights.chunks) == ((3, 4), "gzip", (3, 4))
        assert "a%2F..%2Fb" in file["cases/00000/arrays/numerical"]


def test_a_record_takes_the_place_of_an_older_one_with_its_arrays(tmp_path: Path) -> None:
    with Parts.create(tmp_path, full_night()) as parts:
        parts.add(done(NAMES[1], "fail", changes={"keeps": "arrays"}))
        other = small("pass", numerical={"W1": np.ones(5)}, bounds={})
        parts.add(replace(done(NAMES[1], changes={"keeps": "arrays"}), result=other))
        assert len(list(parts.folder.glob("*.h5"))) == 1
        assert parts.run.count("pass") == 1
        found = read_run(parts.folder, arrays=True).record(NAMES[1])
        assert found is not None
        assert found.result is not None
        assert list(found.result.numerical["W1"]) == [1.0] * 5


def test_a_run_in_progress_is_joined_on_demand_and_goes_on(tmp_path: Path) -> None:
    with Parts.create(tmp_path, full_night()) as parts:
        parts.add(done(NAMES[0], "fail", changes={"keeps": "arrays"}))
        path = join(parts.folder, tmp_path / "so_far.h5")
        found = read_run(path, arrays=True)
        assert found.to_dict(arrays=True) == read_run(parts.folder, arrays=True).to_dict(
            arrays=True
        )
        assert not found.is_finished
        parts.add(done(NAMES[1], changes={"keeps": "arrays"}))
        with pytest.raises(DataError, match=r"so_far\.h5: exists already"):
            join(parts.folder, path)
        with pytest.raises(DataError, match="is not the folder of a run in progress"):
            join(tmp_path, tmp_path / "other.h5")


def test_names_that_lead_elsewhere_are_refused(tmp_path: Path) -> None:
    for suite in ("../night", "a/b", ".hidden", "", "x\0", "night.", "a" * 300):
        with pytest.raises(InputError, match="`suite` must be a name of letters"):
            Parts.create(tmp_path, night(suite=suite))
        with pytest.raises(InputError, match="`suite` must be a name of letters"):
            runs(tmp_path, suite)
    for name in ("../x", "", "a.b", "a/b"):
        with pytest.raises(InputError, match=r"`run\.id` must be letters"):
            Parts.create(tmp_path, night(id=name))
    assert list(tmp_path.iterdir()) == []


def test_a_record_of_no_case_of_the_run_is_refused(tmp_path: Path) -> None:
    with Parts.create(tmp_path, night()) as parts:
        with pytest.raises(InputError, match=r"`record` must be of a case of run .* got 'other'"):
            parts.add(done("other"))
        with pytest.raises(
            InputError, match=r"'cat' as run .* has it, got one with other settings"
        ):
            parts.add(done("cat", changes={"seed": 5}))
        assert list(parts.folder.iterdir()) == [parts.folder / "run.json"]
    twice = night(names=("a", "a"))
    with pytest.raises(InputError, match="two cases have one name"):
        Parts.create(tmp_path, twice)


def test_an_id_is_used_once(tmp_path: Path) -> None:
    kept(tmp_path, night())
    with pytest.raises(DataError, match=f"has a run {night().id} already; use another id"):
        Parts.create(tmp_path, night())
    Parts.create(tmp_path, night(2)).close()
    with pytest.raises(DataError, match=f"has a run {night(2).id} already"):
        Parts.create(tmp_path, night(2))


def test_runs_are_listed_in_the_order_of_time(tmp_path: Path) -> None:
    assert latest(tmp_path / "none", "night") is None
    paths = [kept(tmp_path, night(k)) for k in (2, 1, 3)]
    Parts.create(tmp_path, night(4)).close()
    (tmp_path / "night" / "notes.txt").write_text("mine")
    (tmp_path / "night" / "not a run.h5").write_text("mine")
    assert [p.stem[6:8] for p in runs(tmp_path, "night")] == ["01", "02", "03", "04"]
    assert latest(tmp_path, "night", before=night(3).id) == paths[0]
    last = latest(tmp_path, "night")
    assert last == unfinished(tmp_path, "night")
    assert last is not None
    assert last.name == f"{night(4).id}.parts"
    assert latest(tmp_path, "night", before=night(1).id) is None


def test_damaged_runs_of_the_past_are_left_out_and_told(tmp_path: Path) -> None:
    for k in range(1, 6):
        path = kept(tmp_path, night(k))
        if k == 3:
            path.write_bytes(path.read_bytes()[:-7])
    found, problems = past_runs(tmp_path, "night", before=night(5).id, most=3)
    assert [run.id[6:8] for run in found] == ["01", "02", "04"]
    assert len(problems) == 1
    assert "is damaged or truncated" in problems[0]


def test_a_run_is_found_by_what_people_call_it(tmp_path: Path) -> None:
    paths = [kept(tmp_path, night(k)) for k in (1, 2)]
    assert find_run(paths[0], tmp_path) == paths[0]
    assert find_run("20260101", tmp_path) == paths[0]
    assert find_run("night", tmp_path) == paths[1]
    with pytest.raises(DataError, match="'202601' may be 2 runs; name more of its id"):
        find_run("202601", tmp_path)
    with pytest.raises(DataError, match="no run or suite 'day'; the suites are night"):
        find_run("day", tmp_path)
    with pytest.raises(DataError, match="there is no such archive"):
        find_run("day", tmp_path / "none")


def test_a_summary_takes_little_space(tmp_path: Path) -> None:
    run = run_of(1, dict.fromkeys([f"case {k}" for k in range(40)], "fail"))
    assert kept(tmp_path, run).stat().st_size < 40 * 12_000
