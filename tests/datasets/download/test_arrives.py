from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from fastcheck.datasets import download_data, find_data
from fastcheck.datasets.digest import stamp_of
from tests.datasets.building import digits
from tests.datasets.download import mirror as mirrors
from tests.datasets.download.mirror import (
    CATS,
    IMAGES,
    Mirror,
    Publish,
    closed_address,
    files_in,
    refusal,
)


def test_mnist_becomes_one_file_in_the_cache_which_is_found(
    digits_mirror: Mirror, cache: Path
) -> None:
    assert find_data("mnist").synthetic
    assert download_data("mnist") == [cache / "mnist.h5"]
    dataset = find_data("mnist")
    assert (dataset.path, dataset.synthetic, dataset.note) == (cache / "mnist.h5", False, "")
    assert [(name, len(split)) for name, split in dataset.splits.items()] == [
        ("train", 30),
        ("test", 12),
    ]
    for split, n in (("train", 30), ("test", 12)):
        batch = dataset.take(range(n), split, scaled=False, flatten=False)
        np.testing.assert_array_equal(batch.x, np.roll(digits(n)[0], n))
        np.testing.assert_array_equal(batch.y, digits(n)[1])
    digest = hashlib.sha256(digits_mirror.files[IMAGES]).hexdigest()
    assert dataset.origin.startswith(f"{IMAGES} sha256 {digest}; ")


def test_the_cats_stay_as_they_were_published(cat_mirror: Mirror, cache: Path) -> None:
    paths = download_data("catvnoncat")
    assert paths == [cache / "catvnoncat" / f"{part}_catvnoncat.h5" for part in ("train", "test")]
    assert [path.read_bytes() for path in paths] == list(cat_mirror.files.values())
    assert find_data("catvnoncat").path == paths[0]
    assert files_in(cache) == ["test_catvnoncat.h5", CATS]


def test_what_is_there_and_whole_is_not_asked_for_again(digits_mirror: Mirror) -> None:
    (path,) = download_data("mnist")
    assert len(digits_mirror.asked) == 4
    stamp, told = stamp_of(path), list[str]()
    assert download_data("mnist", tell=told.append) == [path]
    assert len(digits_mirror.asked) == 4
    assert stamp_of(path) == stamp
    assert len(told) == 5
    assert told[-1] == f"{path}: is there and whole"


def test_what_is_missing_is_all_that_is_asked_for(digits_mirror: Mirror, cache: Path) -> None:
    download_data("mnist")
    (cache / "mnist/raw" / IMAGES).unlink()
    download_data("mnist")
    assert digits_mirror.asked[4:] == [f"/data/{IMAGES}"]


def test_force_fetches_everything_again(digits_mirror: Mirror) -> None:
    download_data("mnist")
    download_data("mnist", force=True)
    assert len(digits_mirror.asked) == 8


def test_a_failure_under_force_leaves_what_was_there(cat_mirror: Mirror, cache: Path) -> None:
    before = [path.read_bytes() for path in download_data("catvnoncat")]
    cat_mirror.answers[CATS] = mirrors.half
    refusal("catvnoncat", force=True)
    assert [path.read_bytes() for path in download_data("catvnoncat")] == before


@pytest.mark.parametrize(
    "answer", [mirrors.called_encoded, mirrors.packed_on_the_way, mirrors.moved]
)
def test_servers_may_call_gzip_an_encoding_or_use_it_or_send_one_elsewhere(
    digits_mirror: Mirror, answer: mirrors.Answer
) -> None:
    digits_mirror.answers[IMAGES] = answer
    download_data("mnist")
    assert len(find_data("mnist").split("train")) == 30


def test_a_mirror_of_ones_own_is_the_only_one_that_is_asked(
    digits_mirror: Mirror, publish: Publish
) -> None:
    publish("mnist", digits_mirror.files, closed_address())
    download_data("mnist", url=f"{digits_mirror.address}/deeper/")
    assert digits_mirror.asked[0] == f"/data/deeper/{IMAGES}"


def test_progress_ends_with_all_bytes(cat_mirror: Mirror) -> None:
    seen: dict[str, list[tuple[int, int]]] = {}

    @contextmanager
    def bar(title: str) -> Iterator[Callable[[int, int], None]]:
        seen[title] = []
        yield lambda done, total: seen[title].append((done, total))

    download_data("catvnoncat", progress=bar)
    for name, content in cat_mirror.files.items():
        assert seen[name][-1] == (len(content), len(content))
        assert seen[name] == sorted(seen[name])


def test_pooch_is_silent_meanwhile_and_as_loud_as_before_afterwards(
    cat_mirror: Mirror,
    pooch: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    logger = pooch.get_logger()
    monkeypatch.setattr(logger, "level", logging.DEBUG)
    download_data("catvnoncat")
    cat_mirror.answers[CATS] = mirrors.half
    refusal("catvnoncat", force=True)
    assert capfd.readouterr() == ("", "")
    assert logger.level == logging.DEBUG
