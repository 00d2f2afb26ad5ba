"""What is said cannot be encoded, or nobody listens: the run, its reports and its status stay."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from fastcheck.nightly.archive import read_run, runs
from tests.cli.conftest import ENVIRONMENT, Run, command

pytestmark = pytest.mark.usefixtures("empty_folder")

HALVES = """
from mine import right
def raises(): raise ValueError("cannot read \\udcff.npy")
def named():
    objective, params, grads = right()
    return lambda p: sum(float((v**2).sum()) for v in p.values()), {"c\\ud800": params["b1"]}, {
        "c\\ud800": 2 * params["b1"]}
"""
"""Names of files that are not UTF-8 come to Python with such characters."""
SUITE = """
[[case]]
target = "halves.py:raises"
[[case]]
target = "halves.py:named"
keep = "arrays"
"""
RIGHT = '[[case]]\ntarget = "mine.py:right"\n'


def piped(*arguments: str) -> tuple[int, str]:
    """Run a command whose output is closed before it says anything; return status and errors."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command(*arguments), env=ENVIRONMENT, stdout=writer, stderr=subprocess.PIPE, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    os.close(writer)
    return done.returncode, done.stderr


@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict"])
def test_half_a_character_ends_no_run(mine: Path, encoding: str) -> None:
    Path("halves.py").write_text(HALVES)
    Path("night.toml").write_text(SUITE)
    environment = {**ENVIRONMENT, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = [
        subprocess.run(
            command(*arguments), env=environment, capture_output=True, timeout=60, check=False
        )
        for arguments in (
            ("run", "night.toml", "--json", "run.json", "--report", "out"),
            ("history", "halves*", "--json", "history.json"),
        )
    ]
    assert [one.returncode for one in done] == [4, 0]
    assert b"cannot read \\udcff.npy" in done[0].stdout
    assert json.loads(Path("run.json").read_text("utf-8"))["records"][0]["message"].endswith(
        "cannot read \udcff.npy"
    )
    moments = json.loads(Path("history.json").read_text("utf-8"))["cases"][0]["runs"]
    assert moments[0]["remark"].endswith("cannot read \udcff.npy")
    (path,) = runs("fastcheck-archive", "night")
    record = read_run(path, arrays=True).records[1]
    assert record.status == "pass"
    assert record.result is not None
    assert list(record.result.numerical) == ["c\ud800"]


STEERING = """
def forge(msg=""):
    raise ValueError("\\x1b]0;title\\x07\\x1b[2K\\r9/9 all pass\\x00")
"""


def test_what_user_code_says_steers_no_terminal_and_breaks_no_report(
    run: Run, empty_folder: Path
) -> None:
    Path("forging.py").write_text(STEERING)
    Path("night.toml").write_text('[[case]]\nname = "a"\ntarget = "forging.py:forge"\n')
    found = run("run", "night.toml", "--report", "out")
    assert found.status == 4
    told = found.stdout + found.stderr
    assert r"\x1b]0;title\x07\x1b[2K 9/9 all pass\x00" in told
    assert all(line.isprintable() for line in told.splitlines())
    for name in ("run.md", "run.html", "run.xml"):
        text = (Path("out") / name).read_text("utf-8")
        assert "9/9 all pass" in text
        assert all(line.replace("\t", "").isprintable() for line in text.split("\n")), name


def test_json_that_cannot_be_written_is_refused_before_anything_runs(run: Run, mine: Path) -> None:
    Path("night.toml").write_text(RIGHT)
    for place in (".", "none/run.json"):
        refused = run("run", "night.toml", "--json", place)
        assert refused.status == 2
        assert refused.stdout == ""
        assert not Path("fastcheck-archive").exists()


def test_a_run_nobody_listens_to_comes_to_its_end(mine: Path) -> None:
    Path("night.toml").write_text(RIGHT)
    status, errors = piped("run", "night.toml", "--report", "out")
    (path,) = runs("fastcheck-archive", "night")
    assert (status, errors) == (0, f"kept in {path}\n")
    assert Path("out/run.md").exists()


def test_a_comparison_nobody_reads_does_not_end_as_a_regression(run: Run, mine: Path) -> None:
    Path("night.toml").write_text(RIGHT)
    for _ in range(2):
        assert run("run", "night.toml").status == 0
    assert piped("compare", "night") == (141, "")


def test_a_mistake_of_fastcheck_is_no_verdict_and_what_was_kept_is_told(
    run: Run, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of fastcheck")

    Path("night.toml").write_text(RIGHT)
    monkeypatch.setattr("fastcheck.nightly.archive.Parts.finish", fails)
    found = run("run", "night.toml")
    assert found.status == 70
    assert "night: 1 case: 1 pass" in found.stdout
    assert found.stderr.startswith("Traceback")
    assert found.stderr.endswith("ZeroDivisionError: of fastcheck\n")
