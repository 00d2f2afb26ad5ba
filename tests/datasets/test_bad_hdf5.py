from __future__ import annotations

import re
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from fastcheck.datasets import open_dataset
from fastcheck.errors import DataError
from tests.conftest import FreshPython
from tests.datasets.building import IMAGES, cat_file, own_file, replace

pytestmark = pytest.mark.interpreted
Edit = Callable[[Any], object]


def refusal(path: Path) -> str:
    """Return the message of a file that is refused when it is opened or read as a whole."""
    with pytest.raises(DataError) as caught:
        open_dataset(path).sample(60)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


# ------------------------------------------------------------ no HDF5 at all


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is not an HDF5 file \(it is empty"),
        (b"a,b\n1,2\n", r"is not an HDF5 file \(its first bytes are 61 2c 62 0a"),
        (
            b"\x1f\x8b\x08\x00",
            r"begins as gzip does; unpack it, or .* `fastcheck data import mnist`",
        ),
        (b"\0\0\x08\x03" + bytes(20), r"begins as IDX does; run `fastcheck data import mnist`"),
    ],
)
def test_a_file_that_is_not_hdf5_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "data.h5"
    path.write_bytes(content)
    assert re.match(f".*{message}", refusal(path))


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.h5") == "No such file or directory; check the name of the file"
    assert refusal(tmp_path) == "is a folder; name a file"


def test_a_truncated_file_says_how_much_is_there(tmp_path: Path) -> None:
    path = own_file(tmp_path / "a.h5")
    content = path.read_bytes()
    path.write_bytes(content[:-1000])
    expected = f"is truncated: {len(content) - 1000} of {len(content)} bytes are there; fetch"
    assert refusal(path).startswith(expected)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = own_file(tmp_path / "a.h5").read_bytes()
    for length in range(0, len(content), 97):
        path = tmp_path / "cut.h5"
        path.write_bytes(content[:length])
        refusal(path)


@pytest.mark.slow
def test_a_file_with_wrong_bytes_never_does_worse_than_being_refused(
    fresh_python: FreshPython, tmp_path: Path
) -> None:
    code = """
import sys
from pathlib import Path
import numpy as np
from fastcheck.datasets import open_dataset
from fastcheck.errors import DataError
content, random, n_refused = Path(sys.argv[1]).read_bytes(), np.random.default_rng(0), 0
for _ in range(1500):
    spoilt = bytearray(content)
    for place in random.integers(len(spoilt), size=3):
        spoilt[place] = random.integers(256)
    Path("spoilt.h5").write_bytes(spoilt)
    try:
        open_dataset("spoilt.h5").sample(60)
    except DataError:
        n_refused += 1
print(n_refused)
"""
    process: subprocess.CompletedProcess[str]
    process = fresh_python(code, str(own_file(tmp_path / "a.h5")))
    assert 100 < int(process.stdout) < 1500


# ------------------------------------------------------------ keys, types, shapes


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (replace("train/x", data=IMAGES.astype(">f8")), "`train/x` must be uint8 or float32 or fl"),
        (replace("train/x", data=IMAGES.astype(int)), "got int64 of shape (60, 4, 4); convert it"),
        (replace("train/x", data=IMAGES.astype(complex)), "float64, got complex128 of shape"),
        (
            replace("train/x", data=IMAGES[:59]),
            "each of the 59 examples of `train/x`, got shape (60",
        ),
        (replace("train/x", data=IMAGES[:, 0, 0]), "`train/x` must have examples along its first"),
        (replace("train/x", data=np.uint8(3)), "`train/x` must hold examples, got shape ()"),
        (replace("train/x", shape=(0, 4), dtype="u1"), "must hold examples, got shape (0, 4)"),
        (replace("train/y", data=np.zeros((60, 3), int)), "`train/y` must have one label for each"),
        (replace("train/y", data=np.zeros(60)), "`train/y` must be int8 or int16 or"),
        (replace("train/y", data=np.arange(60)), "from 0 to 2, got 3 at 3 and 57 such in all"),
        (replace("train/y", data=np.arange(60) - 1), "from 0 to 2, got -1 at 0 and 57 such in"),
        (replace("train/y", data=np.full(60, 2**64 - 1)), f"got {2**64 - 1} at 0 and 60 such"),
        (replace("classes", data=["a", "b"], dtype=h5py.string_dtype()), "`classes` must be bytes"),
        (replace("classes", data=np.array([[b"a"]])), "`classes` must be a list of 65536 names"),
        (replace("classes", data=np.array([b"x" * 2000])), "of 1024 bytes at most, got |S2000 of"),
        (replace("classes", data=np.array([b"\xff"])), "`classes` must be UTF-8, got b'\\xff'"),
        (lambda f: f.__delitem__("classes"), "`classes` is missing; write the file again"),
        (lambda f: f["train"].__delitem__("y"), "`train/y` is missing; write the file again"),
        (lambda f: [f.__delitem__(k) for k in ("train", "test")], "has no split, only ['classes']"),
        (
            lambda f: [f["train"].__delitem__("x"), f.create_group("train/x")],
            "`train/x` must be an array, got a group",
        ),
    ],
)
def test_an_array_that_breaks_a_rule_is_named(tmp_path: Path, edit: Edit, message: str) -> None:
    assert message in refusal(own_file(tmp_path / "a.h5", edit))


def test_big_endian_numbers_are_refused(tmp_path: Path) -> None:
    edit = replace("train/y", data=np.zeros(60, ">i4"))
    assert "little-endian, got >i4; convert it" in refusal(own_file(tmp_path / "a.h5", edit))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda f: f.__delitem__("train_set_y"), "`train_set_y` is missing"),
        (lambda f: f.__delitem__("train_set_x"), "`train_set_x` is missing"),
        (lambda f: f.__delitem__("list_classes"), "`list_classes` is missing"),
        (
            replace("train_set_x", data=np.zeros((8, 64, 64, 3))),
            "`train_set_x` must be uint8, got f",
        ),
        (
            replace("train_set_x", data=np.zeros((8, 32, 32, 3), np.uint8)),
            "`train_set_x` must have shape (n, 64, 64, 3), got (8, 32, 32, 3)",
        ),
        (replace("train_set_y", data=np.full(8, 2)), "`train_set_y` must be labels from 0 to 1"),
    ],
)
def test_a_cat_file_that_is_not_as_published_is_refused(
    tmp_path: Path, edit: Edit, message: str
) -> None:
    assert message in refusal(cat_file(tmp_path / "a.h5", edit))


def test_a_file_of_another_layout_lists_what_it_holds(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["weights"], file["biases"] = 1.0, 2.0
    message = refusal(tmp_path / "a.h5")
    assert "`schema_version` is missing, and so are `train_set_x`" in message
    assert "it holds biases, weights." in message


# ------------------------------------------------------------ attributes


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("schema_version", 2, "schema_version 2, this fastcheck reads up to 1; install a newer"),
        ("schema_version", 0, "attribute `schema_version` must be 1 or more, got 0"),
        ("schema_version", 1.5, "attribute `schema_version` must be one int, got float64 of shape"),
        ("schema_version", [1, 1], "must be one int, got int64 of shape (2,)"),
        (
            "schema",
            np.bytes_("fastcheck.archive"),
            "be 'fastcheck.dataset', got 'fastcheck.archive'",
        ),
        ("title", "Träume", "`title` must be one text of fixed length (`np.bytes_`), 1024 bytes"),
        ("title", np.bytes_("x" * 5000), "at most, got |S5000 of shape ()"),
        ("title", np.bytes_(b"\xff\xfe"), "is damaged, HDF5 says: utf-8"),
        ("synthetic", 1.0, "attribute `synthetic` must be one bool, got float64"),
    ],
)
def test_an_attribute_that_breaks_a_rule_is_named(
    tmp_path: Path, name: str, value: Any, message: str
) -> None:
    assert message in refusal(
        own_file(tmp_path / "a.h5", lambda f: f.attrs.__setitem__(name, value))
    )


def test_attributes_that_only_describe_may_be_missing(tmp_path: Path) -> None:
    def edit(file: Any) -> None:
        for name in ("title", "generator", "created_by", "synthetic"):
            del file.attrs[name]
        file.attrs["seed"] = h5py.Empty("<i8")

    dataset = open_dataset(own_file(tmp_path / "a.h5", edit))
    assert (dataset.title, dataset.synthetic, dataset.seed) == ("a.h5", False, None)


# ------------------------------------------------------------ what is not in the file


@pytest.mark.parametrize(
    ("place", "link", "kind"),
    [
        ("/train/x", h5py.ExternalLink("other.h5", "/x"), "an external link"),
        ("/train/x", h5py.SoftLink("/test/x"), "a soft link"),
        ("/other", h5py.ExternalLink("/etc/passwd", "/"), "an external link"),
        ("/other", h5py.SoftLink("/nowhere"), "a soft link"),
    ],
)
def test_links_are_refused(tmp_path: Path, place: str, link: Any, kind: str) -> None:
    def edit(file: Any) -> None:
        if place in file:
            del file[place]
        file[place] = link

    own_file(tmp_path / "other.h5")
    message = refusal(own_file(tmp_path / "a.h5", edit))
    assert message.startswith(f"`{place}` is {kind}, which may lead out of the file; store")


def test_a_cat_file_with_a_link_is_refused(tmp_path: Path) -> None:
    path = cat_file(tmp_path / "a.h5", lambda f: f.__setitem__("z", h5py.SoftLink("/train_set_x")))
    assert refusal(path).startswith("`/z` is a soft link")


def test_an_array_in_another_file_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(960))
    edit = replace("train/x", shape=(60, 16), dtype="u1", external=[(str(secret), 0, 960)])
    message = refusal(own_file(tmp_path / "a.h5", edit))
    assert message == f"`train/x` is kept in another file ({secret}); store the array itself"


def test_a_virtual_array_is_refused(tmp_path: Path) -> None:
    def edit(file: Any) -> None:
        layout = h5py.VirtualLayout((60, 16), np.uint8)
        layout[:] = h5py.VirtualSource("elsewhere.h5", "x", (60, 16))
        del file["train/x"]
        file.create_virtual_dataset("train/x", layout)

    message = refusal(own_file(tmp_path / "a.h5", edit))
    assert message.startswith("`train/x` is a virtual dataset, put together from other files")


# ------------------------------------------------------------ claims that cannot be true


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"shape": (10**6, 10**7), "chunks": (1, 10**6)},
            "9.1 TiB for the whole, the limit is 64.0",
        ),
        (
            {"shape": (60, 10**8), "chunks": (1, 10**6)},
            "95.4 MiB for one example, the limit is 64.0",
        ),
        (
            {"shape": (60, 10**7), "chunks": (60, 10**7)},
            "572.2 MiB for one chunk, the limit is 64.0",
        ),
        ({"shape": (10**8, 2), "chunks": (10**4, 2)}, "claims 100000000 examples, the limit is"),
        (
            {"shape": (10**5, 10**5), "chunks": (1, 10**5)},
            "9.3 GiB, of which only 0 bytes in a file",
        ),
        ({"shape": (60, 16)}, "claims shape (60, 16), 960 bytes, of which only 0 bytes"),
    ],
)
def test_a_small_file_that_claims_much_is_refused_before_it_is_read(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    path = own_file(tmp_path / "a.h5", replace("train/x", dtype="u1", **options))
    assert path.stat().st_size < 20_000
    assert message in refusal(path)


def test_an_array_of_which_chunks_are_missing_is_refused(tmp_path: Path) -> None:
    def edit(file: Any) -> None:
        del file["train/x"]
        file.create_dataset("train/x", (60, 16), np.uint8, chunks=(10, 16), compression="gzip")
        file["train/x"][:50] = 1

    message = refusal(own_file(tmp_path / "a.h5", edit))
    assert re.match(
        r"`train/x` claims shape \(60, 16\), 960 bytes, of which only \d+ bytes", message
    )


def spoil_chunk(file: Any, chunk: bytes) -> None:
    """Replace the rows 10 to 19 by a compressed stream."""
    file["train/x"].id.write_direct_chunk((10, 0, 0), chunk)


def test_a_chunk_that_inflates_to_more_than_it_claims_is_refused(tmp_path: Path) -> None:
    bomb = zlib.compress(bytes(1_000_000), 9)
    path = own_file(tmp_path / "a.h5", lambda f: spoil_chunk(f, bomb))
    message = "`train/x` has a chunk at row 10 that inflates to more than the 160 bytes of a chunk"
    assert refusal(path).startswith(message)
    noise = bytes(np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8))
    path = own_file(tmp_path / "b.h5", lambda f: spoil_chunk(f, zlib.compress(noise)))
    assert refusal(path).startswith(message)


def test_a_damaged_chunk_is_refused_only_when_its_rows_are_read(tmp_path: Path) -> None:
    path = own_file(tmp_path / "a.h5", lambda f: spoil_chunk(f, b"no zlib stream"))
    dataset = open_dataset(path)
    for rows in (range(10), range(20, 60)):
        np.testing.assert_array_equal(
            dataset.take(rows, scaled=False).x[0], IMAGES[rows[0]].ravel()
        )
    with pytest.raises(DataError, match=r"a\.h5: `train/x` is damaged between rows 12 and 14"):
        dataset.take([3, 12, 14, 30])


@pytest.mark.parametrize(
    "options", [{"shuffle": True}, {"fletcher32": True}, {"shuffle": True, "fletcher32": True}]
)
def test_the_built_in_filters_are_read(tmp_path: Path, options: dict[str, Any]) -> None:
    for compression in ("gzip", None):
        edit = replace("train/x", data=IMAGES, chunks=(7, 3, 4), compression=compression, **options)
        batch = open_dataset(own_file(tmp_path / "a.h5", edit)).take(range(60), scaled=False)
        np.testing.assert_array_equal(batch.x, IMAGES.reshape(60, 16))


def test_other_filters_are_refused(tmp_path: Path) -> None:
    edit = replace("train/x", data=IMAGES, compression="lzf")
    message = refusal(own_file(tmp_path / "a.h5", edit))
    assert message.startswith("`train/x` is compressed by filter 32000, only gzip, shuffle, ")


def test_a_filter_that_is_applied_twice_is_refused(tmp_path: Path) -> None:
    def edit(file: Any) -> None:
        del file["train/x"]
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((60, 16))
        properties.set_deflate(9)
        properties.set_deflate(9)
        space = h5py.h5s.create_simple((60, 16))
        array = h5py.h5d.create(file["train"].id, b"x", h5py.h5t.NATIVE_UINT8, space, properties)
        h5py.Dataset(array)[:] = IMAGES.reshape(60, 16)

    message = refusal(own_file(tmp_path / "a.h5", edit))
    assert message.startswith("`train/x` is compressed 2 times over; run `h5repack -f GZIP=4`")


# ------------------------------------------------------------ values, and time


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_refused_when_they_are_read(
    tmp_path: Path, value: float
) -> None:
    x = np.ones((60, 2, 2), np.float32)
    x[[31, 40], 1, 0] = value
    dataset = open_dataset(own_file(tmp_path / "a.h5", replace("train/x", data=x)))
    assert len(dataset.take(range(30))) == 30
    message = rf"`train/x`\[31, 1, 0\] is {value}, and 2 of the 120 features read are not finite"
    with pytest.raises(DataError, match=message.replace("`train/x`", "train/x")):
        dataset.take(range(30, 60))


def test_a_file_that_changes_after_it_was_opened_is_refused(tmp_path: Path) -> None:
    path = own_file(tmp_path / "a.h5")
    dataset = open_dataset(path)
    with h5py.File(path, "r+") as file:
        file["more"] = np.zeros(1000)
    with pytest.raises(DataError, match=r"a\.h5: has changed since it was opened; open it again"):
        dataset.sample(3)
