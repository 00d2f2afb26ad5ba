"""One file from the first mirror that has it; the one door to pooch and its requests."""

from __future__ import annotations

import hashlib
import logging
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import urlsplit

from fastcheck.errors import DataError, InputError
from fastcheck.files import written_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fastcheck.datasets.published import PublishedFile

    Report = Callable[[int, int], object]

__all__ = ["check_address", "fetch", "require_pooch", "shown"]

PIECE_BYTES: Final = 2**16
SILENCE: Final = 30.0
"""Seconds without a byte after which a mirror is given up."""


class _MirrorError(Exception):
    """Why a mirror did not send the file, as the end of a sentence about it."""


def require_pooch() -> None:
    """Refuse to go on where the extra is not installed.

    Raises
    ------
    InputError
        If pooch is missing.
    """
    try:
        import pooch  # noqa: F401
    except ImportError as problem:
        raise InputError(
            "downloading needs pooch, which is not installed; run "
            "`pip install 'fastcheck[download]'`"
        ) from problem


def check_address(address: str) -> str:
    """Return the address of a folder, without a slash at its end.

    Raises
    ------
    InputError
        If it is no such address.
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port  # the latter is refused where it is no number
        is_folder = bool(host) and not parts.query and not parts.fragment
    except ValueError:
        is_folder = False
    if not is_folder or parts.scheme not in ("http", "https"):
        raise InputError(
            f"`url` must be the address of a folder, http:// or https:// and no query, got "
            f"{address!r}; name the folder that has the files"
        )
    return address.rstrip("/")


def shown(address: str) -> str:
    """Return an address as it may be printed: without a name and a password.

    Examples
    --------
    >>> shown("https://me:secret@example.org/mnist")
    'https://example.org/mnist'
    """
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def fetch(
    file: PublishedFile,
    target: Path,
    mirrors: Sequence[str],
    tell: Callable[[str], object],
    report: Report | None = None,
) -> str:
    """Write a file that a mirror sends, whole and with its published sha256 or not at all.

    Parameters
    ----------
    file : PublishedFile
        Which file.
    target : Path
        Where it is written; what is there is replaced. Its folder exists.
    mirrors : sequence of str
        Addresses of folders. They are asked one after the other until one sends the file.
    tell : callable
        Called with a sentence for each mirror that did not, if another one follows.
    report : callable, optional
        Called as ``report(received, size)`` while bytes arrive.

    Returns
    -------
    str
        The mirror that sent it.

    Raises
    ------
    DataError
        If no mirror sent it, with the reason of each, or it cannot be written.
    """
    failures = []
    with written_whole(target, overwrite=True) as temporary:
        for i, mirror in enumerate(mirrors):
            address = f"{mirror}/{file.name}"
            try:
                _retrieve(address, file, temporary, report)
            except _MirrorError as problem:
                failures.append(f"{shown(address)} {problem}")
                if i + 1 < len(mirrors):
                    tell(f"{failures[-1]}; asking the next mirror")
            else:
                return mirror
        raise DataError(
            f"{target}: could not be fetched ({'; '.join(failures)}); try again later, or name "
            "another mirror with --url"
        )


def _retrieve(address: str, file: PublishedFile, target: Path, report: Report | None) -> None:
    """Let pooch write what is at an address, if it is the file."""
    import pooch
    from requests import RequestException

    transfer = _Transfer(file, report)
    try:
        with _quiet(pooch.get_logger()):
            pooch.retrieve(
                address,
                known_hash=f"sha256:{file.sha256}",
                fname=target.name,
                path=target.parent,
                downloader=transfer,
            )
    except RequestException as problem:
        raise _MirrorError(_reason(problem, transfer)) from problem
    except ValueError as problem:  # such as a length that is no number
        text = " ".join(str(problem).split())
        raise _MirrorError(f"answers in a way that is not understood ({text})") from problem
    except OSError as problem:
        if problem.errno is not None:
            raise  # the disk
        raise _MirrorError(f"cannot be asked ({problem})") from problem


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Let a logger be silent about what goes well."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


class _Transfer:
    """A downloader for pooch that takes no more than was published, and knows what it got.

    Parameters
    ----------
    file : PublishedFile
        What is expected.
    report : callable or None
        Called as ``report(received, size)``.

    Attributes
    ----------
    size : int
        The bytes that were published.
    """

    def __init__(self, file: PublishedFile, report: Report | None) -> None:
        self._n_received = 0
        self.size = file.size
        self._sha256 = file.sha256
        self._report = report
        self._digest = hashlib.sha256()
        self._out: BinaryIO
        self._responses: list[Any] = []

    def __call__(self, address: str, path: str, _: object) -> None:
        """Write what is at `address` to `path`."""
        from pooch import HTTPDownloader

        load = HTTPDownloader(
            chunk_size=PIECE_BYTES,
            timeout=SILENCE,
            headers={"Accept-Encoding": "identity"},
            hooks={"response": self._keep_stored},
        )
        with Path(path).open("wb") as self._out, closing(self):
            load(address, self, None)
        self._check_digest()

    @property
    def has_begun(self) -> bool:
        """Whether a mirror has answered, other than that the file is elsewhere."""
        return bool(self._responses) and not self._responses[-1].is_redirect

    def write(self, piece: bytes) -> None:
        """Take some bytes, on behalf of the file that pooch writes to."""
        self._n_received += len(piece)
        if self._n_received > self.size:
            raise _MirrorError(f"sends more than the {self.size} bytes that were published")
        self._out.write(piece)
        self._digest.update(piece)
        if self._report is not None:
            self._report(self._n_received, self.size)

    def flush(self) -> None:
        """Do nothing: the file is closed before it is used."""

    def close(self) -> None:
        """End the connections, also of transfers that broke off."""
        for response in self._responses:
            response.close()

    def _keep_stored(self, response: Any, **_: object) -> None:
        """Take the bytes as they are stored.

        Some servers call ``.gz`` an encoding of what is in it, and requests would undo it.
        """
        response.raw.headers.pop("Content-Encoding", None)
        self._responses.append(response)

    def _check_digest(self) -> None:
        """Refuse other bytes; pooch does so too, and does not say which it got."""
        digest = self._digest.hexdigest()
        if digest != self._sha256:
            raise _MirrorError(
                f"sends another file: {self._n_received} bytes with sha256 {digest} instead of "
                f"{self.size} bytes with sha256 {self._sha256}"
            )


def _reason(problem: Any, transfer: _Transfer) -> str:
    """Return why a request failed, in words of our own: a mirror's may be anything."""
    from requests import exceptions as known

    if isinstance(problem, known.HTTPError) and problem.response is not None:
        return f"answers {_status(problem.response.status_code)}"
    if transfer.has_begun:
        return f"breaks off before the end of {transfer.size} bytes"
    if isinstance(problem, known.Timeout):
        return f"does not answer within {SILENCE:g} s"
    cause = _system_error(problem)
    if cause is not None and isinstance(problem, known.ConnectionError):
        is_refused = isinstance(problem, known.SSLError)
        return f"cannot be {'trusted' if is_refused else 'reached'} ({cause})"
    return f"answers in a way that is not understood ({type(problem).__name__})"


def _status(code: int) -> str:
    """Return the status of an answer with its usual words."""
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)


def _system_error(problem: BaseException) -> str | None:
    """Return what the system said, below the layers that passed it on, None if nothing."""
    from requests import RequestException

    text = None
    inner: BaseException | None = problem
    while inner is not None:
        if isinstance(inner, OSError) and not isinstance(inner, RequestException):
            text = inner.strerror or str(inner)
        inner = inner.__cause__ or inner.__context__
    return text
