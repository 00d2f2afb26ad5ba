from __future__ import annotations

import gzip
import struct
from pathlib import Path

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcheck.datasets.idx import read_idx
from fastcheck.errors import DataError
from tests.datasets.building import digits, idx_bytes

pytestmark = pytest.mark.interpreted

IMAGES = idx_bytes(digits(3)[0])


def refusal(folder: Path, content: bytes, n_axes: int = 3) -> str:
    """Return the message of a file that is refused."""
    path = folder / "x.idx"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_idx(path, n_axes)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value).removeprefix(f"{path}: ")


def claim(*shape: int) -> bytes:
    """Return a header."""
    return bytes((0, 0, 8, len(shape))) + struct.pack(f">{len(shape)}I", *shape)


@given(
    array=arrays.arrays(np.uint8, arrays.array_shapes(min_dims=1, max_dims=3, max_side=9)),
    zipped=st.booleans(),
)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, zipped: bool
) -> None:
    path = tmp_path_factory.mktemp("idx") / "array"
    content = idx_bytes(array)
    path.write_bytes(gzip.compress(content) if zipped else content)
    read = read_idx(path, array.ndim)
    np.testing.assert_array_equal(read, array)
    assert not read.flags.writeable


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, pack: type[bytes]) -> None:
    content = pack(IMAGES)
    for length in [*range(40), len(content) // 2, len(content) - 1]:
        refusal(tmp_path, content[: min(length, len(content) - 1)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must begin with 00 00 08 03 (IDX, uint8, axes: 3), got nothing; name another"),
        (
            b"\0\0\x08\x01" + bytes(20),
            "must begin with 00 00 08 03 (IDX, uint8, axes: 3), got 00 00 0",
        ),
        (b"\0\0\x0d\x03" + bytes(20), "got 00 00 0d 03; name another file"),
        (IMAGES[:9], "is truncated, 9 of the 16 bytes of its header are there; fetch it again"),
        (IMAGES[:-1], "claims shape (3, 28, 28), 2.3 KiB, and 2.3 KiB can be there at most"),
        (IMAGES + b"\0", "goes on after the 2352 bytes that its header claims; fetch it again"),
        (claim(0, 28, 28), "the header claims shape (0, 28, 28), no element; fetch it again"),
        (claim(2**31, 2**31, 2**31), f"claims shape ({2**31}, {2**31}, {2**31}), 9007199254740992"),
        (
            claim(10**6, 28, 28) + bytes(99),
            "claims shape (1000000, 28, 28), 747.7 MiB, and 99 bytes",
        ),
    ],
)
def test_a_bad_file_is_described(tmp_path: Path, content: bytes, message: str) -> None:
    assert message in refusal(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (IMAGES[:-7], "is truncated, 2345 of the 2352 bytes that its header claims are there"),
        (IMAGES + bytes(50_000_000), "goes on after the 2352 bytes that its header claims"),
        (claim(10**6, 28, 28), "claims shape (1000000, 28, 28), 747.7 MiB, and "),
        (claim(2**20, 2**10, 2), "claims shape (1048576, 1024, 2), 2.0 GiB, and "),
    ],
)
def test_a_bad_file_in_gzip_is_described(tmp_path: Path, content: bytes, message: str) -> None:
    assert message in refusal(tmp_path, gzip.compress(content))


def test_a_damaged_checksum_of_gzip_is_noticed(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(IMAGES))
    content[-8] ^= 1
    assert refusal(tmp_path, bytes(content)).startswith("gzip is damaged or truncated (CRC check")


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "x.idx"
    path.write_bytes(IMAGES)
    assert read_idx(path, 3) is read_idx(path, 3)
    path.write_bytes(idx_bytes(digits(4)[0]))
    assert len(read_idx(path, 3)) == 4


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none: No such file or directory; check the name"):
        read_idx(tmp_path / "none", 3)
