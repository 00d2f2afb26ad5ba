from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

from fastcheck.datasets import download_data, find_data
from tests.datasets.building import idx_pair
from tests.datasets.download.mirror import IMAGES, Mirror, Publish, refusal


def header(*shape: int) -> bytes:
    """Return the header of an IDX file that claims a shape."""
    return bytes((0, 0, 8, len(shape))) + struct.pack(f">{len(shape)}I", *shape)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header(3, 28, 28) + bytes(30_000_000), "goes on after the 2352 bytes that its header"),
        (header(2**31, 28, 28), "header claims shape (2147483648, 28, 28), 1.5 TiB, and "),
        (header(2**20, 28, 28) + bytes(9), "header claims shape (1048576, 28, 28), 784.0 MiB, "),
        (header(30, 28, 28) + bytes(99), "is truncated, 99 of the 23520 bytes"),
        (header(30, 2, 392) + bytes(30 * 784), "must have images of 28 x 28 pixels, got shape"),
        (header(29, 28, 28) + bytes(29 * 784), "has 30 labels for the 29 images of train-images"),
        (b"\0\0\x0d\x03" + bytes(40), "must begin with 00 00 08 03 (IDX, uint8, axes: 3), got"),
    ],
)
def test_a_file_that_is_published_and_hostile_becomes_no_data_set(
    digits_mirror: Mirror, publish: Publish, cache: Path, content: bytes, message: str
) -> None:
    digits_mirror.files[IMAGES] = gzip.compress(content)
    publish("mnist", digits_mirror.files, digits_mirror.address)
    assert message in refusal("mnist")
    assert not (cache / "mnist.h5").exists()
    assert find_data("mnist").synthetic


def test_only_the_files_that_were_checked_are_converted(digits_mirror: Mirror, cache: Path) -> None:
    raw = cache / "mnist" / "raw"
    idx_pair(raw, "train", 5, zipped=False)  # would be preferred to the gzipped ones
    idx_pair(raw, "letters-train", 6)
    download_data("mnist")
    assert len(find_data("mnist").split("train")) == 30
