"""A mirror of published files on this machine, which can misbehave, and small files for it."""

from __future__ import annotations

import gzip
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from fastcheck.datasets import download_data, downloads
from fastcheck.datasets.published import PUBLISHED, Published, PublishedFile
from fastcheck.errors import DataError
from tests.datasets.building import cat_file, digits, idx_bytes

IMAGES = "train-images-idx3-ubyte.gz"
CATS = "train_catvnoncat.h5"

Publish = Callable[..., None]
Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


class Mirror:
    """Serves `files` by name, each through its entry in `answers` if there is one.

    ``asked`` lists the paths of all requests.
    """

    def __init__(self, address: str, files: dict[str, bytes]) -> None:
        self.address = address
        self.files = dict(files)
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []


@contextmanager
def mirror(files: dict[str, bytes]) -> Iterator[Mirror]:
    """Run a mirror in a thread."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            served.asked.append(self.path)
            if name not in served.files:
                self.send_error(404)
                return
            served.answers.get(name, whole)(self, served.files[name])

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served = Mirror(f"http://127.0.0.1:{server.server_port}/data", files)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


def whole(handler: BaseHTTPRequestHandler, content: bytes, **headers: str) -> None:
    """Send everything, as it should be, with headers in which ``_`` stands for a hyphen."""
    length = headers.pop("Content_Length", str(len(content)))
    handler.send_response(200)
    for name, value in {"Content_Length": length, **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


def half(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Promise everything and end the connection after one half."""
    whole(handler, content[: len(content) // 2], Content_Length=str(len(content)))


def nothing(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Promise everything and send none of it."""
    whole(handler, b"", Content_Length=str(len(content)))


def stall(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Send one half and then nothing."""
    half(handler, content)
    handler.wfile.flush()
    time.sleep(1.5)


def say_nothing(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Let the client wait."""
    time.sleep(1.5)


def hang_up(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """End the connection without a word."""
    handler.connection.shutdown(socket.SHUT_RDWR)


def no_http(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Answer as another kind of server does."""
    handler.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")
    handler.close_connection = True


def too_much(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Send the file, and go on for as long as somebody listens, 100 MB at most."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(content)
    with suppress(OSError):
        for _ in range(1000):
            handler.wfile.write(bytes(100_000))


def absurd_length(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """State a length that is no number."""
    whole(handler, content, Content_Length="plenty")


def two_lengths(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """State two lengths."""
    whole(handler, content, content_length="7")  # another spelling, hence a second one


def in_circles(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Send the client to where it is."""
    handler.send_response(302)
    handler.send_header("Location", handler.path)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def called_encoded(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Send the stored bytes, and call gzip their encoding, as some servers do for ``.gz``."""
    whole(handler, content, Content_Encoding="x-gzip")


def status(code: int) -> Answer:
    """Return an answer that is a status and no file."""
    return lambda handler, content: handler.send_error(code, "\x1b[31mred words of the mirror")


def packed_on_the_way(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Compress what is sent to a client that takes it so."""
    if "gzip" in handler.headers.get("Accept-Encoding", ""):
        whole(handler, gzip.compress(content), Content_Encoding="gzip")
    else:
        whole(handler, content)


def moved(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Send the client to another folder, where the file is."""
    if handler.path.startswith("/moved/"):
        whole(handler, content)
        return
    handler.send_response(302)
    handler.send_header("Location", f"/moved/{handler.path.rpartition('/')[2]}")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def closed_address() -> str:
    """Return an address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def mnist_files() -> dict[str, bytes]:
    """Return four small files with the names of MNIST's."""
    files = {}
    for part, n in (("train", 30), ("t10k", 12)):
        images, labels = digits(n)
        files[f"{part}-images-idx3-ubyte.gz"] = zipped(np.roll(images, n))
        files[f"{part}-labels-idx1-ubyte.gz"] = zipped(labels)
    return files


def zipped(array: np.ndarray) -> bytes:
    """Return a gzipped IDX file."""
    return gzip.compress(idx_bytes(array), mtime=0)


def cat_files(folder: Path) -> dict[str, bytes]:
    """Return two small files with the names and the layout of the cat-vs-noncat files."""
    folder.mkdir()
    return {
        f"{part}_catvnoncat.h5": cat_file(folder / part, part=part).read_bytes()
        for part in ("train", "test")
    }


def publish(patch: pytest.MonkeyPatch, name: str, files: dict[str, bytes], *addresses: str) -> None:
    """Let these files be what was published under a name, and these folders its mirrors."""
    known = tuple(
        PublishedFile(file, len(content), hashlib.sha256(content).hexdigest())
        for file, content in files.items()
    )
    published = Published(known, addresses, PUBLISHED[name].folder)
    patch.setattr(downloads, "PUBLISHED", {**downloads.PUBLISHED, name: published})


def refusal(name: str, **options: object) -> str:
    """Return the sentence with which a download ends."""
    with pytest.raises(DataError) as caught:
        download_data(name, **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    assert "\x1b" not in message
    return message


def files_in(folder: Path) -> list[str]:
    """Return the names of all files below a folder, also of hidden ones."""
    return sorted(path.name for path in folder.rglob("*") if not path.is_dir())
