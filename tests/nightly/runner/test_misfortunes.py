"""Whatever a case does costs only itself, and is told."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter, sleep

import pytest

from fastcheck.nightly.records import Run
from tests.nightly.runner.conftest import RunText

NAMES = (
    "raises", "raises_later", "quits", "leaves", "falls", "leaves_a_thread", "leaves_a_process",
    "gone",
)  # fmt: skip


@pytest.fixture(scope="module")
def night(run_text: RunText, folder: Path) -> Run:
    """Return a run in which most goes wrong, with two jobs."""
    text = "".join(f'[[case]]\nname = "{name}"\ntarget = "net.py:{name}"\n' for name in NAMES)
    text += """
[[case]]
name = "hangs"
target = "net.py:hangs"
timeout = 4
[[case]]
name = "eats"
target = "net.py:eats"
memory = "400MB"
[[case]]
name = "right"
target = "net.py:right"
[[case]]
name = "wrong"
target = "net.py:right"
arguments = {factor = 2.0}
[[case]]
name = "missing"
target = "none.py:f"
[[case]]
name = "planted"
target = "net.py:right"
fault = "negated"
[[case]]
name = "kept"
target = "net.py:on_batch"
dataset = "mnist"
batch = 5
seed = 3
keep = "arrays"
[[case]]
name = "few"
target = "net.py:on_batch"
dataset = "mnist"
batch = 400
split = "train"
plan = "units"
[[case]]
name = "no such fault"
target = "net.py:right"
fault = "negatd"
[[case]]
name = "no batch"
target = "net.py:right"
dataset = "mnist"
[[case]]
name = "no argument"
target = "net.py:right"
arguments = {widht = 3}
"""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("FASTCHECK_DATA", raising=False)  # the synthetic data have 300 examples
        return run_text(text, jobs=2)


@pytest.mark.parametrize(
    ("name", "status", "message", "trace"),
    [
        ("raises", "error", "net.py:raises raised ZeroDivisionError: of mine", "def raises(): "),
        ("raises_later", "error", "net.py:raises_later raised KeyError: 'in the", "def loss()"),
        ("leaves", "error", "net.py:leaves raised SystemExit: 3", "sys.exit(3)"),
        ("quits", "crashed", "its process ended with status 0 before the check did", "last words"),
        ("falls", "crashed", "its process was ended by signal 11 (SIGSEGV)", "in falls"),
        ("hangs", "timeout", "it took longer than its time-out of 4 s", "in hangs"),
        ("eats", "error", "net.py:eats raised MemoryError", "kept.append"),
        ("gone", "error", "net.py: has no function 'gone'; it has right, ", ""),
        ("missing", "error", "none.py: no such file; give the path of a Python file", ""),
        ("no such fault", "error", "`fault` must be the title of a mistake that can be", ""),
        ("no batch", "error", "net.py:right must have a parameter `batch`, because the case", ""),
        ("no argument", "error", "net.py:right has no parameter `widht` (did you mean width?)", ""),
    ],
)  # fmt: skip
def test_a_misfortune_is_one_sentence(
    night: Run, name: str, status: str, message: str, trace: str
) -> None:
    record = night.record(name)
    assert record is not None
    assert (record.status, record.result) == (status, None)
    assert record.message.startswith(message)
    assert "\n" not in record.message
    assert trace in record.traceback
    assert bool(trace) == bool(record.traceback)
    assert record.started
    assert record.seconds < 20.0


def test_a_mistake_that_cannot_be_planted_is_told_with_what_was_meant(night: Run) -> None:
    record = night.record("no such fault")
    assert record is not None
    assert "got 'negatd' (did you mean negated" in record.message


def test_memory_that_a_case_may_not_have_is_told(night: Run) -> None:
    record = night.record("eats")
    assert record is not None
    assert record.message.endswith("; `memory` allows it 400 MB")


def test_the_others_are_checked_as_if_nothing_had_happened(night: Run) -> None:
    found = {name: night.record(name) for name in ("right", "wrong", "planted", "kept", "few")}
    assert {name: r and r.status for name, r in found.items()} == {
        "right": "pass", "wrong": "fail", "planted": "expected", "kept": "pass", "few": "pass",
    }  # fmt: skip
    wrong = found["wrong"]
    assert wrong
    assert wrong.result is not None
    assert wrong.result.diagnosis[0].constant == 2.0
    planted = found["planted"]
    assert planted
    assert planted.message.startswith("planted: ")


def test_what_a_case_leaves_behind_ends_with_it(night: Run, folder: Path) -> None:
    for name in ("leaves_a_thread", "leaves_a_process"):
        record = night.record(name)
        assert record
        assert record.status == "pass"
    pid = int((folder / "child").read_text())
    deadline = perf_counter() + 5.0
    while perf_counter() < deadline and Path(f"/proc/{pid}").exists():
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "Z":  # nobody has buried it yet
            break
        sleep(0.05)
    else:
        assert not Path(f"/proc/{pid}").exists()


def test_a_minibatch_is_that_of_the_case_and_arrays_are_kept_on_request(night: Run) -> None:
    kept, few = night.record("kept"), night.record("few")
    assert kept
    assert kept.result is not None
    assert kept.result.batch
    assert (kept.result.batch.seed, len(kept.result.batch.indices)) == (3, 5)
    assert kept.result.numerical["W1"].shape == (784, 10)
    assert kept.result.bounds["b1"].shape == (10,)
    assert few
    assert few.result is not None
    assert not few.result.numerical
    assert few.message == "the data have 300 examples, 400 were asked for"
    assert few.result.plan == "units"


def test_every_case_has_a_record(night: Run) -> None:
    assert night.count("not run") == 0
    assert len(night.records) == len(NAMES) + 11
