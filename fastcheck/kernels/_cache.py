"""Numba's disk cache of machine code, made safe; the one place that uses its internals.

Numba's own cache looks at the file of a kernel only. It does not notice that a kernel
which is called lives in another file and has changed, nor that the compile options have,
and then runs the machine code of yesterday. It also raises on a damaged file, and two
processes that compile different signatures at the same moment can leave the code of one
under the name of the other. Here each entry carries what it was made from, and an entry
that does not match is compiled again.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numba.core import config
from numba.core.caching import FunctionCache, IndexDataCacheFile

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KernelCache", "fingerprint"]

_DIGEST_SIZE = hashlib.sha256().digest_size


@functools.cache
def fingerprint() -> str:
    """Return a hash of all kernel sources and of the switches that change their code.

    Raises
    ------
    FileNotFoundError
        When the sources are not on disk; without them no cache can be trusted.
    """
    folder = Path(__file__).parent
    sources = sorted(folder.glob("*.py"))
    if not sources:
        raise FileNotFoundError(f"{folder}: the sources of the kernels are not there")
    digest = hashlib.sha256()
    for source in sources:
        content = source.read_bytes()
        digest.update(f"{source.name} {len(content)}\n".encode())
        digest.update(content)
    switches = (config.BOUNDSCHECK, config.OPT, config.LOOP_VECTORIZE, config.SLP_VECTORIZE)
    digest.update(repr(switches).encode())
    return digest.hexdigest()


class _CheckedFile(IndexDataCacheFile):  # type: ignore[misc]  # numba has no types
    """The files of one kernel; a damaged, stale or mistaken entry counts as absent."""

    def save(self, key: Any, data: Any) -> None:
        """Store `data` together with what it was made from."""
        super().save(key, (self._source_stamp, key, data))

    def load(self, key: Any) -> Any:
        """Return the data stored for `key`, or None."""
        try:
            found = super().load(key)
            if found is None or found[:2] != (self._source_stamp, key):
                return None
            return found[2]
        except Exception:  # unpickling of damaged bytes raises anything
            return None

    def _load_index(self) -> Any:
        """Return the index, empty when it is damaged (and then written anew)."""
        try:
            return super()._load_index()
        except Exception:
            return {}

    def _dump(self, obj: Any) -> bytes:
        """Append a checksum, which unpickling ignores."""
        payload: bytes = super()._dump(obj)
        return payload + hashlib.sha256(payload).digest()

    def _load_data(self, name: str) -> Any:
        """Load an entry only when its checksum holds: damaged machine code may crash."""
        content = Path(self._data_path(name)).read_bytes()
        payload, digest = content[:-_DIGEST_SIZE], content[-_DIGEST_SIZE:]
        if hashlib.sha256(payload).digest() != digest:
            return None
        return super()._load_data(name)


class KernelCache(FunctionCache):  # type: ignore[misc]  # numba has no types
    """The cache of one kernel, stamped with the sources of all kernels.

    Parameters
    ----------
    function : callable
        The Python function of the kernel.
    say : callable
        Called with a sentence when compiled code cannot be stored.

    Raises
    ------
    RuntimeError
        When numba finds no folder that can be written.
    """

    def __init__(self, function: Callable[..., Any], say: Callable[[str], None]) -> None:
        super().__init__(function)
        self._say = say
        self._cache_file = _CheckedFile(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=(self._impl.locator.get_source_stamp(), fingerprint()),
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled code for a signature, or None when it must be compiled."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # an entry that cannot be rebuilt is compiled again
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store compiled code; failing to is said, and is no error."""
        try:
            super().save_overload(sig, data)
        except Exception as problem:  # a full disk, a folder that has gone
            self._say(f"{type(problem).__name__}: {problem}")
