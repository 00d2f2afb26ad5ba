"""``fastcheck data download`` and ``fastcheck data list``."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from textwrap import dedent

import pytest

from fastcheck.datasets import embedded, open_dataset
from fastcheck.datasets.folders import cache_folder
from fastcheck.datasets.published import PUBLISHED
from tests.cli.conftest import ENVIRONMENT, Run, command
from tests.datasets.building import cat_file
from tests.datasets.download import mirror as mirrors
from tests.datasets.download.mirror import Mirror, mirror, publish

CATS = "train_catvnoncat.h5"


@pytest.fixture(autouse=True)
def cache(empty_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return cache_folder()


@pytest.fixture
def cat_mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Mirror]:
    """Run the one mirror of two small files of cats."""
    pytest.importorskip("pooch", reason="downloading needs fastcheck[download]")
    with mirror(mirrors.cat_files(tmp_path / "published")) as served:
        publish(monkeypatch, "catvnoncat", served.files, served.address)
        yield served


# ------------------------------------------------------------ download


def test_each_file_is_told_with_what_is_in_it(run: Run, cat_mirror: Mirror, cache: Path) -> None:
    found = run("data", "download", "catvnoncat")
    paths = [cache / "catvnoncat" / f"{part}_catvnoncat.h5" for part in ("train", "test")]
    assert found.status == 0
    assert found.stdout.splitlines() == [
        line
        for path, part in zip(paths, ("train", "test"), strict=True)
        for line in (f"{path}", f"  {part} 8 examples; sha256 {open_dataset(path).sha256}")
    ]
    assert found.stderr.splitlines() == [
        f"{path}: fetched, 98.1 KiB from {cat_mirror.address}" for path in paths
    ]


def test_the_second_time_nothing_is_fetched(run: Run, cat_mirror: Mirror, cache: Path) -> None:
    first, second = (run("data", "download", "catvnoncat") for _ in range(2))
    assert (second.status, second.stdout) == (0, first.stdout)
    assert len(cat_mirror.asked) == 2
    assert second.stderr.splitlines() == [
        f"{cache}/catvnoncat/{part}_catvnoncat.h5: is there and whole" for part in ("train", "test")
    ]
    assert run("data", "download", "catvnoncat", "--force").status == 0
    assert len(cat_mirror.asked) == 4


def test_mnist_is_one_file(
    run: Run, monkeypatch: pytest.MonkeyPatch, cache: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pooch", reason="downloading needs fastcheck[download]")
    with mirror(mirrors.mnist_files()) as served:
        publish(monkeypatch, "mnist", served.files)
        found = run("data", "download", "mnist", "--to", tmp_path / "new", "--url", served.address)
    assert found.status == 0
    path = tmp_path / "new" / "mnist.h5"
    name, content, remark = found.stdout.splitlines()
    assert name == str(path)
    assert content == (f"  train 30 examples, test 12 examples; sha256 {open_dataset(path).sha256}")
    assert remark == (
        f"`fastcheck run` takes {embedded('mnist')}; set FASTCHECK_DATA to the folder of the new "
        "files to use them"
    )
    assert found.stderr.splitlines()[-1] == f"{path}: written"
    assert not cache.exists()


def test_what_goes_wrong_is_one_line_and_status_two(
    run: Run, cat_mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    cat_mirror.answers[CATS] = mirrors.status(404)
    found = run("data", "download", "catvnoncat")
    assert (found.status, found.stdout) == (2, "")
    assert found.stderr.startswith("Error: ")
    assert "answers 404 Not Found); try again later" in found.stderr
    assert found.stderr.count("\n") == 1
    publish(monkeypatch, "catvnoncat", cat_mirror.files, cat_mirror.address, cat_mirror.address)
    found = run("data", "download", "catvnoncat")
    assert found.status == 2
    told, failed = found.stderr.splitlines()
    assert told == f"{cat_mirror.address}/{CATS} answers 404 Not Found; asking the next mirror"
    assert failed.count("404 Not Found") == 2


def test_without_pooch_it_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    found = run("data", "download", "mnist")
    assert (found.status, found.stdout) == (2, "")
    assert found.stderr == (
        "Error: downloading needs pooch, which is not installed; run "
        "`pip install 'fastcheck[download]'`\n"
    )


@pytest.mark.parametrize("arguments", [[], ["cifar"], ["mnist", "--url", "ftp://host/mnist"]])
def test_wrong_usage_is_status_two(run: Run, arguments: list[str]) -> None:
    assert run("data", "download", *arguments).status == 2


def test_a_terminal_sees_a_bar(
    run: Run, cat_mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    found = run("data", "download", "catvnoncat")
    assert found.status == 0
    assert "100%" in found.stderr
    assert CATS in found.stderr
    assert "\x1b" not in found.stdout


def test_ctrl_c_in_the_middle_of_a_file_leaves_nothing(tmp_path: Path) -> None:
    pytest.importorskip("pooch", reason="downloading needs fastcheck[download]")
    sent: list[int] = []

    def begin(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(PUBLISHED["catvnoncat"].files[0].size))
        handler.end_headers()
        handler.wfile.write(content)
        handler.wfile.flush()
        sent.append(len(content))
        time.sleep(1.0)

    folder = tmp_path / "new"
    with mirror({CATS: bytes(500_000)}) as served:
        served.answers[CATS] = begin
        arguments = ("download", "catvnoncat", "--url", served.address, "--to", str(folder))
        with subprocess.Popen(
            command("data", *arguments),
            env={**ENVIRONMENT, "NO_PROXY": "127.0.0.1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            end = time.monotonic() + 30
            while not (sent and partial_files(folder)) and time.monotonic() < end:
                time.sleep(0.01)
            assert partial_files(folder)
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr.strip()) == (130, "", "interrupted")
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def partial_files(folder: Path) -> list[Path]:
    """Return the files below a folder that have something in them."""
    return [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]


# ------------------------------------------------------------ list


def sha256(path: Path) -> str:
    """Return the digest of a data file."""
    return open_dataset(path).sha256


def test_the_list_says_where_and_what(
    run: Run, cat_mirror: Mirror, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("data", "download", "catvnoncat").status == 0
    monkeypatch.setitem(sys.modules, "pooch", None)  # not needed to find what is there
    found = run("data", "list")
    assert (found.status, found.stderr) == (0, "")
    cats, digits = cache / "catvnoncat" / CATS, embedded("mnist")
    remark = "set FASTCHECK_DATA to the folder of the real data, or run `fastcheck data download"
    note = f"synthetic data stand in for MNIST; {remark} mnist`"
    assert found.stdout == dedent(
        f"""\
        FASTCHECK_DATA  not set
        here            data
        cache           {cache}

        mnist           {digits}
                        SYNTHETIC, train 300 examples, test 100 examples; sha256 {sha256(digits)}
                        {note}

        catvnoncat      {cats}
                        train 8 examples; sha256 {sha256(cats)}
        """
    )


def test_the_list_names_a_bad_file_and_goes_on(run: Run, empty_folder: Path) -> None:
    (empty_folder / "data").mkdir()
    (empty_folder / "data" / "mnist.h5").write_bytes(b"rubbish")
    cat_file(empty_folder / "data" / CATS)
    found = run("data", "list")
    assert found.status == 2
    assert "\nmnist           data/mnist.h5: is not an HDF5 file (" in found.stdout
    assert f"\ncatvnoncat      data/{CATS}\n" in found.stdout


def test_the_list_shows_the_folder_of_the_variable(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FASTCHECK_DATA", str(tmp_path / "mine"))
    found = run("data", "list")
    assert found.stdout.startswith(f"FASTCHECK_DATA  {tmp_path}/mine\n")
    assert f"FASTCHECK_DATA={tmp_path}/mine has no MNIST data; synthetic" in found.stdout
