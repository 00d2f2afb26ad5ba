"""Each mistake in a suite file is one line that names the file, the line and the key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fastcheck.nightly.archive import Parts
from fastcheck.nightly.beginning import new_run
from fastcheck.nightly.suite import SuiteError, read_suite

pytestmark = pytest.mark.interpreted

BASE = '[[case]]\ntarget = "demo:mnist"\n'


def problem(folder: Path, text: str | bytes) -> str:
    """Return what is said of a suite file."""
    file = folder / "night.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SuiteError) as caught:
        read_suite(file)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(f"{file}:")


def test_a_mark_of_the_encoding_is_not_part_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "night.toml"
    file.write_text(BASE, encoding="utf-8-sig")
    assert [case.name for case in read_suite(file).cases] == ["demo:mnist"]
    told = problem(tmp_path, f"\ufeff{BASE}rtoll = 1")
    assert told.startswith("3: a case has no key `rtoll`")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("name = 3", "`name` must be one line of at most 200 characters, got 3"),
        ('name = "a::b[c]"', "`name` must be without `::`, by which pytest tells a case from"),
        ('name = " a"', "`name` must be one line of at most 200 characters, got ' a'"),
        ("split = 1", "`split` must be the name of a part of the data, such as \"train\", got 1"),
        ("dataset = 1", '`dataset` must be "mnist", "catvnoncat" or the path of a data file, got'),
        ("batch = 0", "`batch` must be a whole number from 1, got 0"),
        ("batch = true", "`batch` must be a whole number from 1, got True"),
        ("seed = -1", "`seed` must be a whole number from 0, got -1"),
        ("seeds = 3", "`seeds` must be a list of whole numbers from 0, such as [0, 1, 2], got 3"),
        ("seeds = []", "`seeds` must be a list of whole numbers from 0"),
        ("seeds = [1, 1]", "`seeds` must have different values, got [1, 1]"),
        ('keep = "all"', "`keep` must be \"summary\" or \"arrays\", got 'all'"),
        ('timeout = "2 days"', '`timeout` must be a time such as 90, "90s", "5m", "1h30m" or "2h"'),
        ("timeout = 0", "`timeout` must be a time such as 90"),
        ('memory = "60MB"', "`memory` must be at least 64MB, which a check of little takes"),
        ('memory = "2"', '`memory` must be a size such as "500MB", "2GB" or "2GiB", got \'2\''),
        ("fault = 1", "`fault` must be the title of a mistake, as `fastcheck selftest --list`"),
        ("arguments = [1]", "`arguments` must be a table of names and values, such as {wi"),
        ("arguments = {seed = 1}", "`arguments` must not hold `seed`, which the case sets"),
        ("arguments = {at = 2026-01-31}", "`arguments.at` must be finite numbers, text, booleans,"),
        ("arguments = {c = inf}", "`arguments.c` must be finite numbers, text, booleans, or"),
        ("arguments = {c = [1, nan]}", "`arguments.c` must be finite numbers, text, booleans, or"),
        ("loss_value = inf", "`loss_value` must be a finite number, got inf; leave it out"),
        (f"timeout = 1{400 * '0'}", '`timeout` must be a time such as 90, "90s"'),
        ('plan = "quick"', "`plan` must be one of auto, exhaustive, units, sample, directions"),
        ('engine = "fast"', "`engine` must be one of auto, graph, trace, compiled, black box, got"),
        ('arithmetic = "exact"', "`arithmetic` must be one of difference, plain, got 'exact'"),
        ("step = 0", "`step` must be a positive number, got 0; leave it out to have one chosen"),
        ("n_jobs = 0", "`n_jobs` must be a number of threads, or -1, got 0; -1 takes one per core"),
        ('budget = "soon"', '`budget` must be a time such as 90, "90s"'),
        ("entries = 0", "`entries` must be a whole number from 1, got 0"),
        ("rtol = 2", "`rtol` must be in [0, 1), got 2; the default is 1e-5"),
        ('rtol = "tight"', "`rtol` must be in [0, 1), got 'tight'"),
        ("strict = 1", "`strict` must be true or false, got 1"),
        ('loss_value = "x"', "`loss_value` must be a number, got 'x'"),
        ("jitter = 2.0", "`jitter` must be between 0 and 1, such as 1e-3, got 2.0"),
        ('accept = "clipp"', "`accept` must hold some of "),
        ("accept = 5", "`accept` must be a name or a list of names, such as \"clip\", got 5"),
        ("only = []", "`only` must be a pattern of names or a list of patterns, such as \"W*\""),
        ("skip = [1]", "`skip` must be a pattern of names or a list of patterns"),
        ("matrix = 1", "`matrix` must be a table of keys and lists, got 1"),
        ("matrix = {}", "`matrix` must be a table of keys and lists, got {}"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    said = problem(tmp_path, f"# a night\n{BASE}\n{line}\n")
    assert said.startswith(f"5: {message}")


@pytest.mark.parametrize(
    "target", ["demo:dog", "net.py", "net:f", ":f", "net.py:", "net.py:a-b", ""]
)
def test_a_target_is_a_demo_or_a_function_of_a_file(tmp_path: Path, target: str) -> None:
    said = problem(tmp_path, f'[[case]]\ntarget = "{target}"\n')
    assert said == (f"2: `target` must be demo:mnist, demo:cat or FILE.py:FUNCTION, got {target!r}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{BASE}rtoll = 1e-6", "3: a case has no key `rtoll` (did you mean rtol?); the keys are "),
        (f"{BASE}xyzzy = 1", "3: a case has no key `xyzzy`; the keys are name, target, dataset, "),
        (f"[suite]\nnme = 'a'\n{BASE}", "2: [suite] has no key `nme` (did you mean name?); the"),
        (f"[suite]\nrtol = 0.1\n{BASE}",
         "2: [suite] has no key `rtol` (is it meant for [suite.defaults]?); the keys are name, "),
        (f"[suite.defaults]\nname = 'a'\n{BASE}", "2: defaults have no key `name`; the keys are "),
        (f"[[cases]]\n{BASE}", "1: a suite has no `cases` (did you mean case?); it has include, "),
        (f"rtol = 0.1\n{BASE}", "1: a suite has no `rtol` (is it meant for [suite.defaults]?)"),
        (f"{BASE}[case.matrix]\nrtl = [0.1]", "4: a matrix has no key `rtl` (did you mean rtol?)"),
        (f"{BASE}[case.matrix]\nname = ['a']", "4: a matrix has no key `name`; the keys are "),
        (f"{BASE}[case.matrix]\nrtol = 0.1", "4: `rtol` must be a list with a value for each case"),
        (f"{BASE}[case.matrix]\nrtol = [\n0.1,\n7]", "4: `rtol` must be in [0, 1), got 7; "),
        (f"{BASE}[case.matrix]\nrtol = [0.1, 0.1]", "4: `rtol` must have different values, got "),
        (f"{BASE}[case.matrix]\narguments.k = 1", "4: `arguments.k` must be a list with a value"),
        (f"{BASE}[case.matrix]\narguments = [1]", "4: `arguments` must be a table of names and"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_told_with_what_was_meant(
    tmp_path: Path, text: str, message: str
) -> None:
    assert problem(tmp_path, text).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1: has no case; add a table [[case]] with a `target`"),
        ("[[case]]\nname = 'a'", "1: a case must have a `target`: demo:mnist, demo:cat or FILE.py"),
        (f"{BASE}seed = 1\nseeds = [1]", "3: `seed` and `seeds` cannot both be given; leave one"),
        (f"{BASE}rtol = 0.1\n[case.matrix]\nrtol = [0.1]",
         "5: `rtol` cannot stand in the matrix and beside it; leave one out"),
        (f"{BASE}seeds = [1]\n[case.matrix]\nseed = [2]",
         "5: `seed` cannot stand in the matrix beside `seeds`; leave one out"),
        (f"{BASE}entries = 5", "3: `entries` must be None unless plan=\"sample\", got 5 with "),
        (f"{BASE}{BASE}", "3: two cases are called 'demo:mnist', the other in "),
        ("case = 5", "1: `case` must be tables in double brackets, [[case]]"),
        ("suite = 5", "1: `suite` must be a table, [suite], got 5"),
        (f"[suite]\nname = 'a/b'\n{BASE}", "2: `name` must be letters, digits, blanks, dots, "),
        (f"[suite]\ndefaults = 1\n{BASE}", "2: `defaults` must be a table, got 1"),
        (f"{BASE}rtol = 0,5", "3: is not TOML: "),
        (f"{BASE}[case", "3: is not TOML: "),
    ],
)  # fmt: skip
def test_what_contradicts_itself_or_is_no_suite_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    assert problem(tmp_path, text).startswith(message)


def test_a_matrix_of_too_many_cases_is_refused_before_it_is_made(tmp_path: Path) -> None:
    numbers = list(range(101))
    text = f"{BASE}[case.matrix]\nseed = {numbers}\nbatch = {numbers[1:]}\n"
    assert problem(tmp_path, text).startswith("1: the matrix makes 10100 cases, at most 10000")


def test_what_is_no_text_is_refused_with_its_line(tmp_path: Path) -> None:
    said = problem(tmp_path, b"# a\n# \xff\n")
    assert said == "2: is not UTF-8; save it in that encoding"


def test_what_no_parser_can_read_is_one_line(tmp_path: Path) -> None:
    deep = problem(tmp_path, f"{BASE}arguments = {{x = {100_000 * '['}")
    assert deep == " has lists or tables too deep inside each other; take some out"
    assert problem(tmp_path, f"{BASE}batch = {9_999 * '9'}").startswith(" is not TOML: Exceeds ")


@pytest.mark.parametrize("name", ["名" * 67, "a" * 201, "a/b", " a", "a.", ""])
def test_a_name_that_no_folder_can_have_is_refused(tmp_path: Path, name: str) -> None:
    said = problem(tmp_path, f'[suite]\nname = "{name}"\n{BASE}')
    assert said.startswith("2: `name` must be letters, digits, blanks, dots, dashes and undersc")
    assert "at most 200 bytes" in said


def test_a_name_may_be_as_long_as_a_folder_takes(tmp_path: Path) -> None:
    (tmp_path / "night.toml").write_text(f'[suite]\nname = "{"名" * 66}"\n{BASE}', "utf-8")
    suite = read_suite(tmp_path / "night.toml")
    with Parts.create(tmp_path / "archive", new_run(suite)) as parts:
        assert parts.finish("2026-01-31T04:00:00+00:00").exists()


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    with pytest.raises(SuiteError, match=re.escape(f"{missing}: cannot be read (No such file")):
        read_suite(missing)


# ------------------------------------------------------------ includes


def include(folder: Path, name: str, **files: str) -> str:
    for file, text in files.items():
        (folder / f"{file}.toml").write_text(text)
    return problem(folder, f'\ninclude = ["{name}"]\n{BASE}')


def test_an_include_stays_in_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "other.toml").write_text(BASE)
    (folder / "link.toml").symlink_to(tmp_path / "other.toml")
    for name in ("../other.toml", str(tmp_path / "other.toml"), "link.toml"):
        assert include(folder, name).startswith("2: `include` must stay in the folder of the suite")


def test_an_include_exists_and_is_not_circular(tmp_path: Path) -> None:
    assert include(tmp_path, "gone.toml").startswith(
        "2: `include` must name files, and there is no"
    )
    said = problem(tmp_path, f'include = ["night.toml"]\n{BASE}')
    assert said.endswith("night.toml includes itself; leave it out")


def test_a_file_is_included_once(tmp_path: Path) -> None:
    """Else 22 files that each include the next one twice were read four million times."""
    for k in range(22):
        (tmp_path / f"{k}.toml").write_text(f'include = ["{k + 1}.toml", "./{k + 1}.toml"]\n')
    (tmp_path / "22.toml").write_text("")
    said = include(tmp_path, "0.toml")
    twice = tmp_path / "22.toml"
    assert said == (
        f"{tmp_path / '21.toml'}:1: {twice} is included already, as {twice}; its cases would be "
        "there twice; leave it out"
    )


def test_a_mistake_in_an_include_is_told_with_that_file(tmp_path: Path) -> None:
    said = include(tmp_path, "other.toml", other=f"{BASE}rtol = 5")
    assert said.startswith(f"{tmp_path / 'other.toml'}:3: `rtol` must be in [0, 1), got 5")


def test_an_include_is_a_list_of_names(tmp_path: Path) -> None:
    assert (
        problem(tmp_path, f"include = 5\n{BASE}") == "1: `include` must be a list of files, got 5"
    )
