from __future__ import annotations

import gzip
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import h5py
import pytest

from fastcheck.datasets import download_data, find_data, import_mnist, open_dataset
from fastcheck.datasets.folders import cache_folder
from fastcheck.errors import InputError
from tests.conftest import FreshPython
from tests.datasets.building import idx_pair
from tests.datasets.download.mirror import CATS, IMAGES, Mirror, refusal

# ------------------------------------------------------------ where they are kept


def test_the_cache_folder_is_that_of_pooch(pooch: ModuleType, cache: Path) -> None:
    assert cache == pooch.os_cache("fastcheck")


def test_the_variable_names_the_folder_and_an_argument_another(
    cat_mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTCHECK_DATA", str(tmp_path / "mine"))
    (path, _) = download_data("catvnoncat")
    assert path == tmp_path / "mine" / "catvnoncat" / CATS
    assert find_data("catvnoncat").path == path
    assert download_data("catvnoncat", "data")[0] == Path("data/catvnoncat") / CATS
    assert not cache_folder().exists()


def test_the_cache_comes_after_the_folders_of_the_user(
    cat_mirror: Mirror, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    download_data("catvnoncat")
    monkeypatch.setenv("FASTCHECK_DATA", str(tmp_path / "mine"))
    dataset = find_data("catvnoncat")
    assert dataset.path == cache / "catvnoncat" / CATS
    assert dataset.note == (
        f"FASTCHECK_DATA={tmp_path}/mine has no cat-vs-noncat data; {dataset.path} is used"
    )
    download_data("catvnoncat", "data")
    assert find_data("catvnoncat").path == Path("data/catvnoncat") / CATS


def test_other_data_of_the_user_are_not_replaced_without_force(
    digits_mirror: Mirror, cat_mirror: Mirror, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    (folder / "catvnoncat").mkdir(parents=True)
    (folder / "catvnoncat" / CATS).write_bytes(b"precious")
    import_mnist(idx_pair(tmp_path / "other"), folder / "mnist.h5")
    mine = (folder / "mnist.h5").read_bytes()
    message = refusal("catvnoncat", folder=folder)
    digests = [hashlib.sha256(c).hexdigest() for c in (b"precious", cat_mirror.files[CATS])]
    assert message == (
        f"{folder}/catvnoncat/{CATS}: is another file, sha256 {digests[0]} instead of "
        f"{digests[1]}; move it away, or replace it with --force"
    )
    assert refusal("mnist", folder=folder).startswith(
        f"{folder}/mnist.h5: has other examples than the files in {folder}/mnist/raw, or is da"
    )
    assert (folder / "mnist.h5").read_bytes() == mine
    for name in ("mnist", "catvnoncat"):
        download_data(name, folder, force=True)
    assert len(open_dataset(folder / "mnist.h5").split("train")) == 30
    assert (folder / "catvnoncat" / CATS).read_bytes() == cat_mirror.files[CATS]


def test_a_file_that_holds_the_same_examples_stays(digits_mirror: Mirror, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for name, content in digits_mirror.files.items():
        (raw / name.removesuffix(".gz")).write_bytes(gzip.decompress(content))
    path = import_mnist(raw, tmp_path)
    before = path.read_bytes()
    assert download_data("mnist", tmp_path) == [path]
    assert path.read_bytes() == before


def spoil_pixel(path: Path) -> None:
    """Change one pixel of a data file, which stays readable."""
    with h5py.File(path, "r+") as file:
        file["test/x"][3, 4, 5] ^= 1


def spoil_label(path: Path) -> None:
    """Change one label of a data file, which stays readable."""
    with h5py.File(path, "r+") as file:
        file["train/y"][3] ^= 1


def widen(path: Path) -> None:
    """Store the same pixels as numbers that would not be scaled."""
    with h5py.File(path, "r+") as file:
        pixels = file["train/x"][:]
        del file["train/x"]
        file["train/x"] = pixels.astype(float)


def add_split(path: Path) -> None:
    """Store the training examples once more."""
    with h5py.File(path, "r+") as file:
        file.copy("train", "more")


def cut(path: Path) -> None:
    """Cut a file in the middle."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [spoil_pixel, spoil_label, widen, add_split, cut])
def test_what_was_damaged_in_the_cache_is_made_again(
    digits_mirror: Mirror, damage: Callable[[Path], None]
) -> None:
    (path,) = download_data("mnist")
    before = path.read_bytes()
    damage(path)
    assert download_data("mnist") == [path]
    assert path.read_bytes() == before
    assert len(digits_mirror.asked) == 4


@pytest.mark.parametrize("name", ["mnist", "catvnoncat"])
def test_what_was_cut_in_the_cache_is_fetched_again(
    digits_mirror: Mirror, cat_mirror: Mirror, cache: Path, name: str
) -> None:
    download_data(name)
    file, served = (
        (cache / "mnist/raw" / IMAGES, digits_mirror)
        if name == "mnist"
        else (cache / "catvnoncat" / CATS, cat_mirror)
    )
    n_asked = len(served.asked)
    cut(file)
    download_data(name)
    assert file.read_bytes() == served.files[file.name]
    assert len(served.asked) == n_asked + 1


# ------------------------------------------------------------ arguments


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mirror",
        "/folder",
        "ftp://host/mnist",
        "file:///folder",
        "http://",
        "http://[",
        "http://host:port/",
        "https://host/mnist?key=1",
        "https://host/mnist#part",
    ],
)
def test_a_wrong_address_is_refused(url: str) -> None:
    with pytest.raises(InputError, match=r"^`url` must be the address of a folder, http://"):
        download_data("mnist", url=url)


def test_an_unknown_name_lists_the_choices() -> None:
    with pytest.raises(InputError, match="must be 'mnist' or 'catvnoncat', got 'cifar'"):
        download_data("cifar")


def test_without_pooch_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(InputError) as caught:
        download_data("mnist")
    assert str(caught.value) == (
        "downloading needs pooch, which is not installed; run `pip install 'fastcheck[download]'`"
    )
    assert not cache.exists()


def test_downloaded_data_are_found_without_pooch(
    digits_mirror: Mirror, cache: Path, fresh_python: FreshPython
) -> None:
    download_data("mnist")
    code = (
        "import sys; sys.modules['pooch'] = sys.modules['requests'] = None\n"
        "from fastcheck.datasets import find_data; print(find_data('mnist').path)"
    )
    assert fresh_python(code).stdout.strip() == str(cache / "mnist.h5")
