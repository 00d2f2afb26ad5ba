"""Parts in JSON: written whole, with a digest by which damage is noticed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from fastcheck.datasets.digest import stamp_of
from fastcheck.datasets.limits import human_bytes
from fastcheck.errors import DataError
from fastcheck.files import write_text
from fastcheck.nightly.records import MAX_BYTES

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MAX_DOCUMENT_BYTES", "dumped", "loaded", "read_document", "write_document"]

SCHEMA: Final = 1
MAX_DOCUMENT_BYTES: Final = MAX_BYTES
"""The size of a part, which holds one record, or the head of a run."""


def dumped(content: Any) -> str:
    """Return JSON on one line, in ASCII: any text of the user's comes back, and any float."""
    return json.dumps(content, separators=(",", ":"))


def loaded(text: str | bytes, where: str) -> dict[str, Any]:
    """Return what is written in JSON, which must be a dict.

    Raises
    ------
    DataError
        If it is anything else. The message begins with `where`.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise DataError(f"{where}: is damaged, it is no JSON ({problem})") from problem
    if not isinstance(content, dict):
        raise DataError(f"{where}: is damaged, it holds a {type(content).__name__}, not a dict")
    return content


def write_document(path: Path, content: dict[str, Any]) -> None:
    """Write a part; it is on the disk, whole, when this returns. An older one is replaced.

    Raises
    ------
    DataError
        If it cannot be written, or is larger than can be read. An older one stays.
    """
    text = dumped(content)
    digest = hashlib.sha256(text.encode()).hexdigest()
    whole = f'{{"schema":{SCHEMA},"sha256":"{digest}","content":\n{text}\n}}\n'
    if len(whole) > MAX_DOCUMENT_BYTES:  # which is ASCII
        raise DataError(
            f"{path}: would have {human_bytes(len(whole))}, the limit is "
            f"{human_bytes(MAX_DOCUMENT_BYTES)}; make more cases of it, with fewer tensors each"
        )
    write_text(path, whole)


def read_document(path: Path, remedy: str) -> dict[str, Any]:
    """Return what :func:`write_document` wrote.

    Parameters
    ----------
    path : Path
        The file.
    remedy : str
        What to do if it is damaged, for the message.

    Raises
    ------
    DataError
        If it is missing, too large, damaged, or of another version.
    """
    sealed = loaded(_read(path), str(path))
    if sealed.get("schema") != SCHEMA:
        raise DataError(
            f"{path}: must be of schema {SCHEMA}, got schema {sealed.get('schema')!r}; use the "
            "version of fastcheck that wrote it"
        )
    content = sealed.get("content")
    digest = hashlib.sha256(dumped(content).encode()).hexdigest()
    if digest != sealed.get("sha256") or not isinstance(content, dict):
        raise DataError(f"{path}: is damaged, its sha256 is another than it says; {remedy}")
    return content


def _read(path: Path) -> bytes:
    size = stamp_of(path).size
    if size > MAX_DOCUMENT_BYTES:
        raise DataError(
            f"{path}: has {human_bytes(size)}, the limit is {human_bytes(MAX_DOCUMENT_BYTES)}; it "
            "is not a part of a run"
        )
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
        raise DataError(f"{path}: cannot be read ({reason}); check its rights") from problem
