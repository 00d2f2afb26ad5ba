from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fastcheck.cli.data import data
from fastcheck.datasets import describe, embedded, open_dataset
from tests.conftest import FreshPython
from tests.datasets.building import idx_pair

pytestmark = pytest.mark.interpreted


def run(*arguments: object) -> Result:
    """Run `fastcheck data` with these arguments."""
    return CliRunner().invoke(data, [str(argument) for argument in arguments])


def test_mnist_is_imported_and_described(tmp_path: Path) -> None:
    images = idx_pair(tmp_path / "raw")
    result = run("import", "mnist", images.parent, tmp_path / "m.h5")
    assert result.exit_code == 0
    assert result.stdout == describe(tmp_path / "m.h5") + "\n"
    assert "12 examples" in result.stdout


def test_an_existing_file_needs_the_switch(tmp_path: Path) -> None:
    images, path = idx_pair(tmp_path / "raw"), tmp_path / "m.h5"
    path.write_text("mine")
    result = run("import", "mnist", images, path)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"Error: {path}: exists already; ")
    assert result.stderr.count("\n") == 1
    assert run("import", "mnist", images, path, "--overwrite").exit_code == 0


def test_a_file_is_inspected() -> None:
    result = run("inspect", embedded("mnist"))
    assert result.exit_code == 0
    assert "synthetic   yes" in result.stdout
    assert open_dataset(embedded("mnist")).sha256 in result.stdout


def test_a_bad_file_is_one_line_and_status_two(tmp_path: Path) -> None:
    result = run("inspect", tmp_path / "none.h5")
    assert result.exit_code == 2
    assert (
        result.stderr
        == f"Error: {tmp_path}/none.h5: No such file or directory; check the name of the file\n"
    )


def test_synthetic_data_are_made_with_their_sha256(tmp_path: Path) -> None:
    result = run("make", tmp_path / "new", "--seed", 3)
    assert result.exit_code == 0
    for name, line in zip(("mnist", "catvnoncat"), result.stdout.splitlines(), strict=True):
        path = tmp_path / "new" / f"{name}_synthetic.h5"
        assert line == f"{open_dataset(path).sha256}  {path}"
        assert open_dataset(path).seed == 3


def test_synthetic_data_go_to_the_folder_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("make").exit_code == 0
    assert Path("data/mnist_synthetic.h5").read_bytes() == embedded("mnist").read_bytes()
    assert "data/mnist_synthetic.h5: exists already" in run("make").stderr
    assert run("make", "--seed", "-1", "--overwrite").exit_code == 2


@pytest.mark.parametrize("arguments", [[], ["import"], ["import", "mnist"], ["inspect"], ["bake"]])
def test_wrong_usage_is_status_two(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_help_does_not_import_what_takes_time(fresh_python: FreshPython) -> None:
    slow = {"h5py", "numpy", "pooch", "requests", "rich"}
    code = f"import fastcheck.cli.data, sys; print({slow} & set(sys.modules))"
    assert fresh_python(code).stdout.strip() == "set()"
