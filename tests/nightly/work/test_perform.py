"""What the process of a case does, called in this one."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

from fastcheck.nightly.records import Case
from fastcheck.nightly.work.outcome import Outcome, read_outcome, write_outcome
from fastcheck.nightly.work.perform import perform, predicted
from tests.nightly.runner.conftest import NET


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("work")
    text = dedent(NET) + dedent(
        """
        def anything(**given):
            assert set(given) == {"batch", "seed", "extra"}, given
            return on_batch(given["batch"], given["seed"])
        def says_much(): raise ValueError("x" * 40_000_000 + "the end")
        def says_much_later():
            def loss(): raise ValueError("y " * 3_000)
            return loss, {"w": np.ones(2)}, {"w": np.ones(2)}
        class Mute(Exception):
            def __str__(self): raise KeyError(1)
        def says_nothing(): raise Mute
        def unsure(): raise KeyboardInterrupt
        def unsure_later():
            w, left = np.linspace(1.0, 2.0, 50), list(range(40))
            def loss():
                if not left: raise KeyboardInterrupt
                left.pop()
                return float(np.sin(w).sum())
            return loss, {"w": w}, {"w": np.cos(w)}, {"engine": "black box"}
        def with_options(): return *right(factor=1.0 + 1e-7), {"strict": True, "rtol": 1e-3}
        def flat():
            w = np.ones(3)
            return lambda: 0.0 * w.sum(), {"w": w}, {"w": np.zeros(3)}
        def plain():
            return *right(width=1000), {"arithmetic": "plain"}
        def fine(n=400):
            w = np.linspace(1.0, 2.0, n)
            return lambda: float(np.sin(w).sum()), {"w": w}, {"w": np.cos(w)}
        """
    )
    (path / "net.py").write_text(text, encoding="utf-8")
    (path / "unsure.py").write_text("raise KeyboardInterrupt('of mine')\n", encoding="utf-8")
    return path


def done(folder: Path, function: str, share: float | None = None, **options: Any) -> Outcome:
    return perform(Case("a", f"net.py:{function}", **options), folder, share)


def test_a_function_that_takes_anything_is_given_batch_seed_and_arguments(folder: Path) -> None:
    found = done(folder, "anything", dataset="mnist", batch=5, arguments={"extra": 1})
    assert (found.status, found.message) == ("pass", "")


def test_options_of_the_case_stand_over_those_of_the_function(folder: Path) -> None:
    assert done(folder, "with_options").status == "fail"
    assert done(folder, "with_options", options={"strict": False}).status == "pass"


def own(file: Path, shape: tuple[int, ...], n_classes: int) -> None:
    """Write a data set."""
    from fastcheck.datasets import write_own

    x, y = np.ones(shape, np.float32), np.arange(shape[0]) % n_classes
    names = [str(k) for k in range(n_classes)]
    write_own(file, {"train": (x, y)}, names, title="own", generator="test", overwrite=True)


def test_data_of_ones_own_are_found_beside_the_suite(folder: Path) -> None:
    from fastcheck.datasets import write_own

    rng = np.random.default_rng(0)
    x, y = rng.random((20, 6)).astype(np.float32), np.arange(20) % 2
    write_own(
        folder / "own.h5", {"train": (x, y)}, ["a", "b"], title="own", generator="test",
        overwrite=True,
    )  # fmt: skip
    found = done(folder, "on_batch", dataset="own.h5", batch=5)
    assert found.status == "pass"
    assert found.result is not None
    assert found.result.batch is not None
    assert Path(found.result.batch.source) == folder / "own.h5"
    assert done(folder, "on_batch", dataset="none.h5").status == "error"


@pytest.mark.parametrize("command", [perform, predicted])
@pytest.mark.parametrize(
    ("target", "dataset", "text"),
    [
        ("demo:cat", "mnist", "like catvnoncat for demo:cat, 12288 numbers for each example and 2"),
        ("demo:mnist", "catvnoncat", "got catvnoncat with 12288 numbers and 2 classes; leave it"),
        ("demo:mnist", "small.h5", "got small.h5 with 36 numbers and 10 classes"),
        ("demo:cat", "many.h5", "got many.h5 with 12288 numbers and 3 classes"),
    ],
)
def test_a_demo_takes_data_like_its_own(
    folder: Path, command: Any, target: str, dataset: str, text: str
) -> None:
    own(folder / "small.h5", (20, 6, 6), 10)
    own(folder / "many.h5", (20, 12288), 3)
    found = command(Case("a", target, dataset=dataset, batch=5), folder)
    assert (found.status, found.traceback) == ("error", "")
    assert found.message.startswith("`dataset` must be data like ")
    assert text in found.message


@pytest.mark.parametrize(
    ("expect", "factor", "status", "message"),
    [
        ("pass", 1.0, "pass", ""),
        ("pass", 2.0, "fail", ""),
        ("fail", 2.0, "expected", ""),
        ("fail", 1.0, "fail", "passes, where a failure is expected: the check does not see this"),
    ],
)
def test_the_verdict_is_compared_with_what_is_expected(
    folder: Path, expect: Any, factor: float, status: str, message: str
) -> None:
    found = done(folder, "right", expect=expect, arguments={"factor": factor})
    assert found.status == status
    assert found.message.startswith(message)
    assert bool(found.message) == bool(message)
    assert found.result is not None
    assert found.result.verdict == ("pass" if factor == 1.0 else "fail")  # as it is, in any case


def test_a_planted_mistake_that_a_sample_does_not_hit_is_no_pass(folder: Path) -> None:
    options: dict[str, Any] = {"plan": "sample", "entries": 1}
    found = done(folder, "right", fault="one entry off W1", expect="fail", options=options)
    assert found.status == "fail"
    assert "does not see this mistake; planted: entry " in found.message


def test_what_cannot_be_decided_is_not_what_was_expected(folder: Path) -> None:
    found = done(folder, "flat", expect="fail")
    assert (found.status, found.message) == ("inconclusive", "")


def test_a_mistake_that_the_budget_left_no_time_for_is_undecided(folder: Path) -> None:
    arguments = {"seconds": 0.005, "n": 4000}
    found = done(folder, "slow", 3.0, expect="fail", arguments=arguments)
    assert found.status == "inconclusive"
    assert found.message.startswith(
        "passes, where a failure is expected, with less than it asks for; 3 s of the budget were"
    )


def test_a_demo_takes_no_arguments(folder: Path) -> None:
    found = perform(Case("a", "demo:mnist", arguments={"x": 1}), folder)
    assert found.status == "error"
    assert found.message == "`arguments` must be left out for demo:mnist, which takes none, got x"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("net.py:unsure", "net.py:unsure raised KeyboardInterrupt"),
        ("unsure.py:any", "unsure.py:any raised KeyboardInterrupt: of mine"),
        ("net.py:unsure_later", "net.py:unsure_later raised KeyboardInterrupt while it was probed"),
    ],
)
def test_code_that_raises_as_if_it_were_stopped_is_in_error(
    folder: Path, target: str, message: str
) -> None:
    found = perform(Case("a", target), folder)
    assert (found.status, found.message) == ("error", message)
    assert "KeyboardInterrupt" in found.traceback


def test_what_is_stopped_in_the_users_code_is_interrupted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastcheck.nightly.work.asked._asked", True)
    found = done(folder, "unsure")
    assert (found.status, found.message) == ("interrupted", "stopped before its first probe")
    assert done(folder, "unsure_later").status == "interrupted"


def test_a_wrong_option_is_an_error_without_a_traceback(folder: Path) -> None:
    found = done(folder, "right", options={"plan": "directions"})
    assert (found.status, found.traceback) == ("error", "")
    assert found.message.startswith("`plan` must be one of auto, exhaustive, units, sample for")


@pytest.mark.parametrize(
    ("function", "beginning", "end"),
    [
        ("says_much", "net.py:says_much raised ValueError: xxx", "x ... and 39,996,007 characters"),
        ("says_much_later", "net.py:says_much_later raised ValueError: y y y", "and 2,000 char"),
        ("says_nothing", "net.py:says_nothing raised Mute: an exception that cannot be pri", ""),
    ],
)
def test_a_long_message_is_cut(folder: Path, function: str, beginning: str, end: str) -> None:
    found = done(folder, function)
    assert found.status == "error"
    assert found.message.startswith(beginning)
    assert end in found.message
    assert len(found.message) < 4_200
    assert found.traceback.startswith("Traceback (most recent call last):")
    assert len(found.traceback) < 33_000


def test_a_long_traceback_keeps_its_beginning_and_its_end(folder: Path) -> None:
    trace = done(folder, "says_much").traceback
    assert "in says_much" in trace
    assert "xxx\n... 39,9" in trace
    assert "characters are left out ...\nxxx" in trace
    assert trace.endswith("xthe end")


# ------------------------------------------------------------ a share of the time


def test_a_check_that_fits_is_made_as_asked(folder: Path) -> None:
    found = done(folder, "right", 60.0, options={"plan": "exhaustive"})
    assert (found.status, found.message) == ("pass", "")


def test_a_check_that_does_not_fit_is_made_smaller_and_says_so(folder: Path) -> None:
    found = done(
        folder, "slow", 3.0, options={"plan": "exhaustive"}, arguments={"seconds": 0.005, "n": 4000}
    )
    assert found.result is not None
    assert found.result.plan in ("directions", "sample")
    assert found.message.startswith("3 s of the budget were left for it, plan exhaustive would ha")
    assert found.result.timings["numerical"] < 4.0


def test_plain_subtraction_has_one_plan(folder: Path) -> None:
    found = done(folder, "plain", 1e-6)
    assert found.result is not None
    assert found.result.plan == "exhaustive"
    assert "of the budget were left for it" in found.message


# ------------------------------------------------------------ predictions


@pytest.mark.parametrize(
    ("options", "plan", "n_checked"),
    [
        ({}, "exhaustive", 26),
        ({"plan": "units"}, "units", 26),
        ({"plan": "sample", "entries": 2}, "sample", 8),
        ({"plan": "sample", "budget": 100.0}, "sample", 26),
        ({"arithmetic": "plain"}, "exhaustive", 26),
        ({"only": "W1"}, "exhaustive", 12),
    ],
)
def test_what_a_graph_would_cost_is_foretold(
    folder: Path, options: dict[str, Any], plan: str, n_checked: int
) -> None:
    found = predicted(Case("a", "net.py:right", options=options), folder)
    assert found.status == "not run"
    assert found.prediction is not None
    assert found.prediction.plan == plan
    assert found.prediction.n_checked == n_checked
    assert 0.0 < found.prediction.seconds < 10.0
    checked = done(folder, "right", options=options)
    assert checked.result is not None
    assert checked.result.coverage.n_checked == n_checked


def test_what_a_function_would_cost_is_foretold(folder: Path) -> None:
    case = Case("a", "net.py:fine", options={"engine": "black box", "plan": "sample", "entries": 9})
    found = predicted(case, folder)
    assert found.prediction is not None
    assert (found.prediction.n_checked, found.prediction.n_entries) == (9, 400)
    assert found.prediction.engine == "black box"


def test_a_loss_that_cannot_be_probed_is_foretold_so(folder: Path) -> None:
    (folder / "nan.py").write_text(
        "import numpy as np\ndef f():\n    w = np.ones(3)\n"
        "    return lambda: float('nan') * w.sum(), {'w': w}, {'w': w}\n"
    )
    found = predicted(Case("a", "nan.py:f"), folder)
    assert found.prediction is not None
    assert (found.prediction.plan, found.prediction.n_checked) == ("none", 0)


# ------------------------------------------------------------ what is written


@pytest.mark.parametrize("arrays", [False, True])
def test_an_outcome_comes_back_as_it_was(folder: Path, arrays: bool) -> None:
    before = done(folder, "right")
    assert before.result is not None
    verdicts = {"verdicts": {"W1": np.arange(12, dtype=np.uint8).reshape(3, 4)}}
    file = io.BytesIO()
    write_outcome(file, replace(before, arrays=verdicts), arrays=arrays)
    after = read_outcome(file)
    assert after is not None
    assert after.result is not None
    assert after.result.to_dict() == before.result.to_dict()
    assert (after.status, after.message) == (before.status, before.message)
    assert bool(after.result.numerical) == arrays
    assert set(after.arrays) == ({"verdicts"} if arrays else set())
    for name, values in after.arrays.get("verdicts", {}).items():
        np.testing.assert_array_equal(values, verdicts["verdicts"][name])
    for name, values in after.result.numerical.items():
        np.testing.assert_array_equal(values, before.result.numerical[name])
        np.testing.assert_array_equal(after.result.bounds[name], before.result.bounds[name])


def test_an_outcome_that_no_archive_takes_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastcheck.nightly.work.outcome.MAX_BYTES", 2**20 + 500)
    file = io.BytesIO()
    write_outcome(file, Outcome("pass", 500 * "x", arrays={"kind": {"W": np.ones(2)}}), arrays=True)
    found = read_outcome(file)
    assert found is not None
    assert found.status == "error"
    assert found.message.startswith("what was found has 601 bytes as JSON, the limit is 500 bytes")


def test_without_all_of_an_outcome_there_is_none() -> None:
    file = io.BytesIO()
    write_outcome(file, Outcome("error", "of mine"), arrays=True)
    whole = file.getvalue()
    assert read_outcome(io.BytesIO(whole)) == Outcome("error", "of mine")
    for n in range(len(whole)):
        assert read_outcome(io.BytesIO(whole[:n])) is None
