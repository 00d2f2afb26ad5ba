"""``fastcheck run``: the main job, functions of users, and the files that are written."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

import fastcheck as fc
from fastcheck.datasets import embedded
from tests.cli.conftest import Run

small = pytest.mark.interpreted
pytestmark = pytest.mark.usefixtures("empty_folder")


# ------------------------------------------------------------ the main job


def test_the_main_job_runs_in_an_empty_folder(run: Run, empty_folder: Path) -> None:
    found = run("run")
    assert found.status == 0
    assert found.stderr == ""
    titles = re.findall(r"^.*: SYNTHETIC data, .*$", found.stdout, re.MULTILINE)
    assert [title.split(":")[0] for title in titles] == [
        "cat-vs-noncat 12288-5-5-1, tanh",
        "MNIST 784-50-10, ReLU",
    ]
    assert all(title.endswith(", 100 examples") for title in titles)
    assert found.stdout.count("PASS ") == 2
    assert "all 61,481 entries of 6 tensors agree" in found.stdout
    assert "all 39,760 entries of 4 tensors agree" in found.stdout
    assert found.stdout.count("set FASTCHECK_DATA to the folder of the real data") == 2
    assert found.stdout.count("exhaustive, engine graph: asked for") == 2
    assert found.stdout.count("mnist_synthetic.h5") == 1
    assert list(empty_folder.iterdir()) == []


def test_the_main_job_takes_options(run: Run) -> None:
    found = run("run", "--batch", 7, "--seed", 3, "--plan", "units", "--jobs", 2, "--strict")
    assert found.status == 0
    assert found.stdout.count(", 7 examples") == 2
    assert found.stdout.count("seed 3") == 2
    assert found.stdout.count("units, engine graph: asked for") == 2
    assert found.stdout.count("probed one by one agree") == 2


def test_a_batch_larger_than_the_data_is_all_of_them(run: Run) -> None:
    found = run("run", "--batch", 10_000, "--plan", "units")
    assert found.status == 0
    assert re.findall(r"(\d+) examples$", found.stdout, re.MULTILINE) == ["120", "300"]


def test_the_main_job_uses_real_data(
    run: Run, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTCHECK_DATA", str(data_folder))
    found = run("run", "--plan", "units")
    assert found.status == 0
    assert found.stdout.count(": real data, ") == 2
    assert "SYNTHETIC" not in found.stdout
    assert found.stdout.count(str(data_folder)) == 2
    assert re.findall(r"(\d+) examples$", found.stdout, re.MULTILINE) == ["100", "100"]


def test_a_damaged_data_file_is_one_line(run: Run, empty_folder: Path) -> None:
    (empty_folder / "data").mkdir()
    (empty_folder / "data" / "mnist.h5").write_bytes(embedded("mnist").read_bytes()[:5000])
    found = run("run", "--plan", "units")
    assert found.status == 2
    assert found.stderr.startswith("Error: data/mnist.h5: ")
    assert found.stderr.count("\n") == 1
    assert "61,481 entries" in found.stdout  # the other network was checked before


# ------------------------------------------------------------ a function of the user's


@small
@pytest.mark.parametrize(
    ("function", "status", "word"),
    [
        ("right", 0, "PASS "),
        ("doubled", 1, "FAIL "),
        ("slightly_off", 0, "PASS "),
        ("zero", 3, "INCONCLUSIVE "),
        ("in_units", 0, "units, engine graph"),
        ("tolerant", 0, "PASS "),
    ],
)
def test_a_function_is_checked(run: Run, mine: Path, function: str, status: int, word: str) -> None:
    found = run("run", f"{mine.name}:{function}")
    assert found.status == status
    assert found.stderr == ""
    assert found.stdout.startswith(f"mine.py:{function}\n")
    assert word in found.stdout


@small
def test_strict_lets_a_close_entry_fail(run: Run, mine: Path) -> None:
    found = run("run", f"{mine}:slightly_off", "--strict")
    assert found.status == 1
    assert re.search(r"close +\w\d\[\d", found.stdout)


@small
def test_a_failure_is_short_unless_all_is_asked_for(run: Run, mine: Path) -> None:
    short = run("run", "mine.py:doubled").stdout
    assert "engine graph" not in short
    for flag in ("-v", "--verbose"):
        found = run("run", "mine.py:doubled", flag)
        assert found.status == 1
        assert "engine graph" in found.stdout
        assert re.search(r"^versions +fastcheck", found.stdout, re.MULTILINE)
        assert "digits" in found.stdout


@small
def test_the_plan_and_the_budget_are_handed_on(run: Run, mine: Path) -> None:
    assert "auto" not in run("run", "mine.py:right").stdout
    assert "units, engine graph: asked for" in run("run", "mine.py:right", "--plan", "units").stdout
    found = run("run", "mine.py:right", "--plan", "auto", "--budget", "1e-12")
    assert re.search(r"above the budget of 1e-09 ms", found.stdout.replace("\n" + 16 * " ", " "))


@small
def test_the_command_line_has_the_last_word(run: Run, mine: Path) -> None:
    found = run("run", "mine.py:in_units", "--plan", "exhaustive")
    assert "exhaustive, engine graph: asked for" in found.stdout


@small
def test_a_cause_is_accepted_by_its_name(run: Run, mine: Path) -> None:
    with mine.open("a") as file:
        file.write(
            "\n\ndef clipped():\n"
            "    objective, params, grads = right()\n"
            "    limit = 0.3 * max(np.abs(g).max() for g in grads.values())\n"
            "    return objective, params, {n: g.clip(-limit, limit) for n, g in grads.items()}\n"
        )
    plain = run("run", "mine.py:clipped")
    assert plain.status == 1
    assert re.search(r"^what is wrong .*clipped: ", plain.stdout, re.MULTILINE)
    found = run("run", "mine.py:clipped", "--accept", "guard", "--accept", "clip")
    assert found.status == 0
    assert re.search(r"^accepted +.*clipped: ", found.stdout, re.MULTILINE)


@small
def test_the_file_may_import_its_neighbours(run: Run, mine: Path, empty_folder: Path) -> None:
    (empty_folder / "sub").mkdir()
    shutil.copy(mine, empty_folder / "sub" / "neighbour_of_a_check.py")
    (empty_folder / "sub" / "other.py").write_text(
        "from neighbour_of_a_check import right\n"
        "def late():\n"
        "    import neighbour_of_a_check as mine\n"
        "    return mine.right()\n"
    )
    path = list(sys.path)
    try:
        assert run("run", "sub/other.py:right").status == 0
        sys.modules.pop("neighbour_of_a_check")
        assert run("run", "sub/other.py:late").status == 0
    finally:
        sys.modules.pop("neighbour_of_a_check", None)
    assert sys.path == path


# ------------------------------------------------------------ files


@small
def test_results_are_written_as_json(run: Run, mine: Path, empty_folder: Path) -> None:
    path = empty_folder / "result.json"
    path.write_text("older")
    assert run("run", "mine.py:doubled", "--json", path).status == 1

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    data = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert data["schema"] == 1
    (case,) = data["cases"]
    assert case.pop("title") == "mine.py:doubled"
    result = fc.CheckResult.from_dict(case)
    assert result.verdict == "fail"
    assert result.tensors["W1"].worst is not None
    assert [p.name for p in empty_folder.iterdir() if p.suffix == ".tmp"] == []


def test_the_main_job_writes_both_networks(run: Run, empty_folder: Path) -> None:
    assert run("run", "--plan", "units", "--json", "r.json").status == 0
    cases = json.loads((empty_folder / "r.json").read_text(encoding="utf-8"))["cases"]
    assert [len(case["tensors"]) for case in cases] == [6, 4]
    assert [case["batch"]["n_batch"] for case in cases] == [100, 100]
    assert len(cases[1]["batch"]["sha256"]) == 64


@small
def test_nothing_is_written_where_nothing_was_checked(run: Run, empty_folder: Path) -> None:
    assert run("run", "none.py:f", "--json", "r.json").status == 2
    assert list(empty_folder.iterdir()) == []


@small
@pytest.mark.parametrize("path", ["nowhere/r.json", "mine.py/r.json", "sub"])
def test_a_path_that_cannot_be_written_is_one_line(
    run: Run, mine: Path, path: str, empty_folder: Path
) -> None:
    (empty_folder / "sub").mkdir()
    found = run("run", "mine.py:right", "--json", path)
    assert found.status == 2
    assert found.stderr.startswith(f"Error: {path}: ")
    assert found.stderr.count("\n") == 1
    assert "PASS " in found.stdout


@small
@pytest.mark.parametrize("path", [".", "/"])
def test_a_path_without_a_name_is_one_line(run: Run, mine: Path, path: str) -> None:
    found = run("run", "mine.py:right", "--json", path)
    assert found.status == 2
    assert found.stderr.startswith(f"Error: {path}: ")
