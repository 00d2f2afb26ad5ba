"""Whether somebody asked for the end of a check, or its code raised as if somebody had."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["listen", "was_asked"]

_asked = False


def listen() -> None:
    """Let SIGINT raise KeyboardInterrupt and take note of it, also where a shell has it ignored."""
    signal.signal(signal.SIGINT, _interrupt)


def was_asked() -> bool:
    """Return whether there was a SIGINT since :func:`listen`."""
    return _asked


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    global _asked  # a signal has no other place to be noted
    _asked = True
    raise KeyboardInterrupt
