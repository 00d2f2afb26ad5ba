from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fastcheck.datasets import download_data, find_data
from tests.datasets.download import mirror as mirrors
from tests.datasets.download.mirror import (
    CATS,
    IMAGES,
    Mirror,
    Publish,
    closed_address,
    files_in,
    mirror,
    refusal,
)

FAULTS = {
    "404": (mirrors.status(404), "answers 404 Not Found"),
    "500": (mirrors.status(500), "answers 500 Internal Server Error"),
    "own-status": (mirrors.status(599), "answers 599"),
    "half": (mirrors.half, "breaks off before the end of {size} bytes"),
    "nothing": (mirrors.nothing, "breaks off before the end of {size} bytes"),
    "stall": (mirrors.stall, "breaks off before the end of {size} bytes"),
    "silence": (mirrors.say_nothing, "does not answer within 1 s"),
    "hang-up": (mirrors.hang_up, "cannot be reached (Remote end closed connection without resp"),
    "no-http": (mirrors.no_http, "answers in a way that is not understood (ConnectionError)"),
    "too-much": (mirrors.too_much, "sends more than the {size} bytes that were published"),
    "length": (mirrors.absurd_length, "answers in a way that is not understood (invalid literal"),
    "lengths": (mirrors.two_lengths, "answers in a way that is not understood (InvalidHeader)"),
    "circles": (mirrors.in_circles, "answers in a way that is not understood (TooManyRedirects"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_only_mirror_is_one_sentence_and_leaves_nothing(
    cat_mirror: Mirror, cache: Path, fault: str
) -> None:
    cat_mirror.answers[CATS], reason = FAULTS[fault]
    size = len(cat_mirror.files[CATS])
    message = refusal("catvnoncat")
    assert message.startswith(
        f"{cache}/catvnoncat/{CATS}: could not be fetched ({cat_mirror.address}/{CATS} "
        + reason.format(size=size)
    )
    assert message.endswith("); try again later, or name another mirror with --url")
    assert files_in(cache) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_the_next_mirror_is_asked(
    cat_mirror: Mirror, publish: Publish, fault: str
) -> None:
    with mirror(cat_mirror.files) as second:
        publish("catvnoncat", second.files, cat_mirror.address, second.address)
        cat_mirror.answers[CATS] = FAULTS[fault][0]
        told: list[str] = []
        paths = download_data("catvnoncat", tell=told.append)
    assert [path.read_bytes() for path in paths] == list(cat_mirror.files.values())
    assert told[0].startswith(f"{cat_mirror.address}/{CATS} ")
    assert told[0].endswith("; asking the next mirror")
    assert second.asked == [f"/data/{CATS}"]  # the first one has the other file
    assert told[1].endswith(f"{CATS}: fetched, 98.1 KiB from {second.address}")


def test_no_network_names_every_mirror(publish: Publish, cache: Path) -> None:
    first, second = closed_address(), closed_address()
    publish("catvnoncat", {CATS: b"cats"}, first, second)
    reason = "cannot be reached (Connection refused)"
    assert refusal("catvnoncat") == (
        f"{cache}/catvnoncat/{CATS}: could not be fetched ({first}/{CATS} {reason}; "
        f"{second}/{CATS} {reason}); try again later, or name another mirror with --url"
    )
    assert files_in(cache) == []


def test_a_mirror_that_does_not_speak_tls_is_not_trusted(cat_mirror: Mirror) -> None:
    address = cat_mirror.address.replace("http:", "https:")
    message = refusal("catvnoncat", url=address)
    assert f"({address}/{CATS} cannot be trusted ([SSL" in message


def test_a_name_and_a_password_are_not_printed(publish: Publish) -> None:
    publish("catvnoncat", {CATS: b"cats"})
    address = closed_address().replace("//", "//me:secret@")
    message = refusal("catvnoncat", url=address)
    assert "secret" not in message
    assert address.replace("me:secret@", "") in message


def test_a_wrong_checksum_names_the_file_and_both_digests(cat_mirror: Mirror, cache: Path) -> None:
    right = cat_mirror.files[CATS]
    wrong = right[:-1] + bytes([right[-1] ^ 1])
    cat_mirror.files[CATS] = wrong
    digests = [hashlib.sha256(content).hexdigest() for content in (wrong, right)]
    size = len(right)
    assert (
        f"{CATS} sends another file: {size} bytes with sha256 {digests[0]} instead of {size} "
        f"bytes with sha256 {digests[1]})"
    ) in refusal("catvnoncat")
    assert files_in(cache) == []


def test_a_page_in_the_place_of_the_file_is_refused(cat_mirror: Mirror, cache: Path) -> None:
    cat_mirror.files[CATS] = b"<html>please log in</html>"
    assert "sends another file: 26 bytes with sha256 " in refusal("catvnoncat")
    assert files_in(cache) == []


def test_pooch_checks_the_digest_as_well(
    cat_mirror: Mirror, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastcheck.datasets.transfer._Transfer._check_digest", lambda self: None)
    cat_mirror.files[CATS] = b"other"
    assert "does not match the known hash" in refusal("catvnoncat").replace("\n", " ")
    assert files_in(cache) == []


def test_a_full_disk_is_one_sentence_and_no_fault_of_the_mirror(
    cat_mirror: Mirror, publish: Publish, cache: Path
) -> None:
    publish("catvnoncat", cat_mirror.files, cat_mirror.address, closed_address())

    @contextmanager
    def full(title: str) -> Iterator[Callable[[int, int], None]]:
        def report(done: int, total: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        yield report

    assert refusal("catvnoncat", progress=full) == (
        f"{cache}/catvnoncat/{CATS}: cannot be written (No space left on device); choose another "
        "place"
    )
    assert files_in(cache) == []
    assert len(cat_mirror.asked) == 1


def test_a_folder_that_cannot_be_made_is_one_sentence(cat_mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    message = refusal("catvnoncat", folder=tmp_path / "file")
    assert message == (
        f"{tmp_path}/file/catvnoncat: cannot be made (Not a directory); choose another place "
        "with --to"
    )
    assert cat_mirror.asked == []


def test_an_interruption_leaves_nothing_and_spoils_nothing(
    digits_mirror: Mirror, cache: Path
) -> None:
    @contextmanager
    def impatient(title: str) -> Iterator[Callable[[int, int], None]]:
        def report(done: int, total: int) -> None:
            if title.startswith("t10k-images"):
                raise KeyboardInterrupt

        yield report

    with pytest.raises(KeyboardInterrupt):
        download_data("mnist", progress=impatient)
    assert files_in(cache) == [IMAGES, "train-labels-idx1-ubyte.gz"]
    assert find_data("mnist").synthetic  # half a data set is none
    download_data("mnist")
    assert len(digits_mirror.asked) == 5
    assert find_data("mnist").path == cache / "mnist.h5"
