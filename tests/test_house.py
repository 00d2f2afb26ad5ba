"""The order of the house: public names, cost of import, layers, and rules for all files."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fastcheck
from tests.conftest import ROOT, FreshPython

PACKAGE = ROOT / "fastcheck"
FRAMEWORKS = ["jax", "tensorflow", "torch"]
HEAVY = [
    "click", "h5py", "joblib", "llvmlite", "numba", "numpy", "rich", "threadpoolctl", *FRAMEWORKS,
]  # fmt: skip


def python_files(*folders: str) -> list[Path]:
    """Return the Python files below some folders of the checkout."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield the path inside the package and the syntax tree of each of its modules."""
    for path in python_files("fastcheck"):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> set[str]:
    """Return the full names of all modules that a module imports, at any depth."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


# ------------------------------------------------------------ public names


@pytest.mark.parametrize("name", fastcheck.__all__)
def test_a_public_name_resolves(name: str) -> None:
    home = "fastcheck.graph" if name == "ops" else fastcheck._HOME_OF.get(name, "fastcheck")
    if importlib.util.find_spec(home) is None:
        pytest.skip(f"{home} does not exist yet")
    assert getattr(fastcheck, name) is not None
    assert name in vars(fastcheck)
    assert name in dir(fastcheck)


def test_the_names_for_type_checkers_are_the_names_at_run_time() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    guard = next(node for node in tree.body if isinstance(node, ast.If))
    static = {
        alias.name: node.module
        for node in guard.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert static.pop("ops") == "fastcheck.graph"
    assert {static.pop(name) for name in FRAMEWORKS} == {"fastcheck"}
    assert static == fastcheck._HOME_OF
    assert {*static, "ops", "__version__"} == set(fastcheck.__all__)


def test_an_unknown_name_is_refused_in_the_usual_words() -> None:
    with pytest.raises(AttributeError, match="module 'fastcheck' has no attribute 'chek'"):
        _ = fastcheck.chek  # type: ignore[attr-defined]


# ------------------------------------------------------------ cost of import


def test_importing_the_package_imports_nothing_heavy(fresh_python: FreshPython) -> None:
    code = f"import fastcheck, sys; print([m for m in {HEAVY} if m in sys.modules])"
    assert fresh_python(code).stdout.strip() == "[]"


def test_the_checks_of_a_framework_are_there_without_it_being_imported(
    fresh_python: FreshPython,
) -> None:
    code = (
        "import fastcheck as fc, sys\n"
        f"for name in {FRAMEWORKS}:\n"
        "    assert callable(getattr(fc, name).check_gradients), name\n"
        "    assert callable(getattr(fc, name).check_layer), name\n"
        f"print([m for m in {FRAMEWORKS} if m in sys.modules])"
    )
    assert fresh_python(code).stdout.strip() == "[]"


def test_a_star_import_does_not_hide_a_framework() -> None:
    assert not {*fastcheck.__all__} & {*FRAMEWORKS}


def test_importing_the_package_takes_less_than_400_ms(fresh_python: FreshPython) -> None:
    code = (
        "import time; start = time.perf_counter(); import fastcheck\n"
        "print(time.perf_counter() - start)"
    )
    assert min(float(fresh_python(code).stdout) for _ in range(3)) < 0.4


def test_importing_every_module_compiles_nothing(fresh_python: FreshPython) -> None:
    code = """
import importlib, pkgutil, fastcheck
from numba.core.dispatcher import Dispatcher
for module in pkgutil.walk_packages(fastcheck.__path__, "fastcheck."):
    if not module.name.endswith("__main__"):
        found = vars(importlib.import_module(module.name)).values()
        kernels = [k for k in found if isinstance(k, Dispatcher)]
        assert not any(k.signatures for k in kernels), module.name
"""
    fresh_python(code)


# ------------------------------------------------------------ layers


def contract(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the layering contract of a checkout."""
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_layering_contract_holds() -> None:
    pytest.importorskip("importlinter")
    outcome = contract(ROOT)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("kernels/upwards.py", "import fastcheck.graph"),
        ("errors.py", "import fastcheck.kernels"),
        ("graph/second_door.py", "import numba"),
        ("graph/second_door.py", "from h5py import File"),
        ("kernels/second_door.py", "import joblib"),
        ("datasets/second_door.py", "from pooch import retrieve"),
        ("holding/second_door.py", "import torch"),
        ("frameworks/second_door.py", "import jax"),
        ("jax/second_door.py", "import tensorflow"),
        ("frameworks/upwards.py", "import fastcheck.torch"),
    ],
)
def test_the_layering_contract_fails_when_it_must(tmp_path: Path, module: str, line: str) -> None:
    pytest.importorskip("importlinter")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(PACKAGE, tmp_path / "fastcheck", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "fastcheck" / "graph" / "__init__.py").touch()
    (tmp_path / "fastcheck" / module).write_text(line)
    outcome = contract(tmp_path)
    assert outcome.returncode == 1
    assert "BROKEN" in outcome.stdout


def test_every_folder_of_the_package_is_a_package() -> None:
    folders = {path.parent for path in python_files("fastcheck")}
    assert [f for f in sorted(folders) if not (f / "__init__.py").exists()] == []


# ------------------------------------------------------------ kernels


def test_kernels_live_in_the_folder_of_kernels_and_nowhere_else() -> None:
    for path, tree in modules():
        if path.startswith("kernels/"):
            continue
        assert "fastcheck.kernels._jit" not in imported(tree), path
        decorators = [
            ast.unparse(decorator)
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
            for decorator in node.decorator_list
        ]
        assert not [d for d in decorators if re.search(r"\b(n?jit|vectorize|stencil)\b", d)], path


def test_no_unsafe_switch_of_the_compiler_is_used() -> None:
    for path, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg in ("fastmath", "parallel"):
                unsafe = isinstance(node.value, ast.Constant) and node.value.value is True
                assert not unsafe, f"{path}:{node.value.lineno}: {node.arg}=True"


# ------------------------------------------------------------ rules for all files


def test_no_pickle_is_read_or_written() -> None:
    for path, tree in modules():
        found = {name.partition(".")[0] for name in imported(tree)}
        assert not found & {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}, path


def test_no_python_file_is_longer_than_400_lines() -> None:
    files = python_files("fastcheck", "tests", "benchmarks", "docs", ".ci")
    lengths = {str(f.relative_to(ROOT)): len(f.read_text("utf-8").splitlines()) for f in files}
    assert {name: n for name, n in lengths.items() if n > 400} == {}


def test_the_changelog_keeps_its_grammar() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert releases[0].startswith("[Unreleased]\n")
    order = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
    for release in releases:
        title, *sections = re.split(r"^### ", release, flags=re.MULTILINE)
        heading = title.splitlines()[0]
        assert re.fullmatch(r"\[Unreleased\]|\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading), heading
        names = [section.splitlines()[0] for section in sections]
        assert names == [name for name in order if name in names]
        for section in sections:
            items = [line for line in section.splitlines()[1:] if line]
            assert items, section
            assert all(re.fullmatch(r"- .+\.", item) for item in items), section


def test_the_continuous_check_runs_the_test_command_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"&& \.venv/bin/(python -m pytest.*)$", readme, flags=re.MULTILINE)
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert commands
    for command in commands:
        assert f'"$tools/bin/"{command}' in script


def test_the_example_of_the_readme_runs(fresh_python: FreshPython) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```$", readme, flags=re.MULTILINE | re.DOTALL)
    assert examples
    fresh_python("\n".join(examples))  # each goes on where the one before ended
