"""What the tests of downloads share: a machine without a network, and mirrors on it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from fastcheck.datasets import transfer
from fastcheck.datasets.folders import cache_folder
from tests.datasets.download import mirror as mirrors
from tests.datasets.download.mirror import Mirror, Publish, mirror


@pytest.fixture(autouse=True)
def this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test look for another machine, nor at a proxy."""
    look_up = socket.getaddrinfo

    def local(host: str, *rest: object, **options: object) -> object:
        assert host == "127.0.0.1"
        return look_up(host, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", local)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with an empty cache folder, and return that."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("FASTCHECK_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return cache_folder()


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up a silent mirror soon."""
    monkeypatch.setattr(transfer, "SILENCE", 1.0)


@pytest.fixture
def pooch() -> ModuleType:
    """Return pooch, or skip the test."""
    module = pytest.importorskip("pooch", reason="downloading needs fastcheck[download]")
    assert isinstance(module, ModuleType)
    return module


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch, pooch: ModuleType) -> Publish:
    """Return a function that replaces a published data set by small files."""
    return partial(mirrors.publish, monkeypatch)


@pytest.fixture
def digits_mirror(publish: Publish) -> Iterator[Mirror]:
    """Run the one mirror of four small files with the names of MNIST's."""
    with mirror(mirrors.mnist_files()) as served:
        publish("mnist", served.files, served.address)
        yield served


@pytest.fixture
def cat_mirror(publish: Publish, tmp_path: Path) -> Iterator[Mirror]:
    """Run the one mirror of two small files of cats."""
    with mirror(mirrors.cat_files(tmp_path / "published")) as served:
        publish("catvnoncat", served.files, served.address)
        yield served
