"""Which line of the user's code is being executed."""

from __future__ import annotations

import dis
import linecache
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.tracing.recording import Place

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["is_operator", "place_of", "place_of_error", "stores_item", "user_frame"]

_OURS = str(Path(__file__).resolve().parent)
_NUMPY = str(Path(np.__file__).resolve().parent)
_SCIPY = str(Path(np.__file__).resolve().parent.parent / "scipy")
_STORES = {code for name, code in dis.opmap.items() if name in ("STORE_SUBSCR", "STORE_SLICE")}


@lru_cache(maxsize=4096)
def _is_internal(file: str) -> bool:
    return file.startswith((_OURS, _NUMPY, _SCIPY, "<__array_function__", "<frozen"))


def user_frame() -> FrameType | None:
    """Return the innermost frame that belongs neither to the tracer nor to NumPy or SciPy."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_internal(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def place_of(frame: FrameType | None) -> Place | None:
    """Return the line that a frame executes."""
    if frame is None:
        return None
    return _place(frame.f_code.co_filename, frame.f_lineno)


@lru_cache(maxsize=65536)
def _place(file: str, line: int) -> Place:
    return Place(file, line, linecache.getline(file, line).strip())


def stores_item(frame: FrameType | None) -> bool:
    """Return whether a frame is at ``x[key] = value``, judged by its instruction."""
    if frame is None or frame.f_lasti < 0:
        return False
    return frame.f_code.co_code[frame.f_lasti] in _STORES


def is_operator(frame: FrameType | None) -> bool:
    """Return whether a frame is at an operator such as ``+=``, rather than at a call."""
    if frame is None or frame.f_lasti < 0:
        return False
    return dis.opname[frame.f_code.co_code[frame.f_lasti]].startswith(("BINARY_OP", "INPLACE"))


def place_of_error(error: BaseException) -> Place | None:
    """Return the innermost line of the user's code that an exception came through."""
    place, trace = None, error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not _is_internal(file):
            place = _place(file, trace.tb_lineno)
        trace = trace.tb_next
    return place
