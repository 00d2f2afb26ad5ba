"""Counting how often somebody asks for the end of a run."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["Interrupts"]


class Interrupts:
    """A context in which Ctrl-C is counted in place of raising; SIGTERM counts twice.

    Attributes
    ----------
    n : int
        How often: with 1 what runs is finished, with 2 it is not.
    """

    def __init__(self) -> None:
        self.n = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # elsewhere there are no signals
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._count)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _count(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.n += 1 if number == signal.SIGINT else 2
