from __future__ import annotations

from pathlib import Path

import pytest

from fastcheck.datasets import embedded, find, find_data, import_mnist
from fastcheck.errors import DataError, InputError
from tests.datasets.building import cat_file, idx_pair

pytestmark = pytest.mark.interpreted


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, without the environment variable."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("FASTCHECK_DATA", raising=False)
    return folder


@pytest.fixture
def there(tmp_path: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that the environment variable names."""
    folder = tmp_path / "there"
    folder.mkdir()
    monkeypatch.setenv("FASTCHECK_DATA", str(folder))
    return folder


@pytest.mark.parametrize("name", ["mnist", "catvnoncat"])
def test_without_real_data_the_synthetic_ones_are_taken_and_said_to_be(
    here: Path, name: str
) -> None:
    dataset = find_data(name)
    assert dataset.synthetic
    assert dataset.path == embedded(name)
    title = {"mnist": "MNIST", "catvnoncat": "cat-vs-noncat"}[name]
    assert dataset.note.startswith(f"synthetic data stand in for {title}; set FASTCHECK_DATA")


def test_a_folder_without_the_data_is_mentioned(there: Path) -> None:
    dataset = find_data("mnist")
    assert dataset.synthetic
    assert dataset.note.startswith(f"FASTCHECK_DATA={there} has no MNIST data; synthetic data")


def test_data_of_the_current_folder_are_taken(here: Path) -> None:
    (here / "data").mkdir()
    import_mnist(idx_pair(here / "raw"), here / "data" / "mnist.h5")
    cat_file(here / "data" / "train_catvnoncat.h5")
    assert find_data("mnist").path == Path("data/mnist.h5")
    assert find_data("catvnoncat").path == Path("data/train_catvnoncat.h5")
    assert find_data("mnist").note == ""


def test_the_variable_comes_before_the_current_folder(here: Path, there: Path) -> None:
    (here / "data").mkdir()
    cat_file(here / "data" / "train_catvnoncat.h5")
    dataset = find_data("catvnoncat")
    assert dataset.path == Path("data/train_catvnoncat.h5")
    assert dataset.note == (
        f"FASTCHECK_DATA={there} has no cat-vs-noncat data; data/train_catvnoncat.h5 is used"
    )
    cat_file(there / "train_catvnoncat.h5")
    assert find_data("catvnoncat").path == there / "train_catvnoncat.h5"
    (there / "catvnoncat").mkdir()
    cat_file(there / "catvnoncat" / "train_catvnoncat.h5")
    dataset = find_data("catvnoncat")
    assert dataset.path == there / "catvnoncat" / "train_catvnoncat.h5"
    assert (dataset.note, dataset.synthetic, dataset.title) == ("", False, "Cat-vs-noncat")


def test_idx_files_serve_until_they_are_imported(there: Path) -> None:
    images = idx_pair(there / "mnist")
    assert find_data("mnist").path == images
    assert sorted(p.name for p in there.iterdir()) == ["mnist"]
    path = import_mnist(images, there / "mnist.h5")
    assert find_data("mnist").path == path
    assert find_data("mnist").note == ""


def test_a_bad_file_is_not_passed_over(there: Path) -> None:
    (there / "mnist.h5").write_bytes(b"rubbish")
    with pytest.raises(DataError, match=rf"^{there}/mnist\.h5: is not an HDF5 file"):
        find_data("mnist")


def test_an_unknown_name_lists_the_choices(here: Path) -> None:
    for function in (find_data, embedded):
        with pytest.raises(InputError, match="must be 'mnist' or 'catvnoncat', got 'cifar'"):
            function("cifar")


def test_the_installed_files_come_before_those_of_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find, "__file__", str(tmp_path / "fastcheck" / "datasets" / "find.py"))
    with pytest.raises(DataError, match=r"mnist_synthetic\.h5: is missing; install fastcheck aga"):
        embedded("mnist")
    for folder in (tmp_path / "data", tmp_path / "fastcheck" / "_data"):
        folder.mkdir(parents=True)
        (folder / "mnist_synthetic.h5").touch()
        assert embedded("mnist") == folder / "mnist_synthetic.h5"
