"""Whether somebody asked for the end of a check, or its code raised as if somebody had."""

from __future__ import annotations

import signal
import traceback
from typing import TYPE_CHECKING, Final, NoReturn

from fastcheck.nightly.work.outcome import Outcome

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["EARLY", "listen", "stopped", "was_asked"]

EARLY: Final = "stopped before its first probe"
"""What is said of a case that ended before anything was known."""
LOST: Final = "the check took it for Ctrl-C and ended with what it had, so that the place is lost"
"""What stands for the traceback of a KeyboardInterrupt that ended the probing of a loss."""
_asked = False


def listen() -> None:
    """Let SIGINT raise KeyboardInterrupt and take note of it, also where a shell has it ignored.

    One that came before, and was held back since this process was started, does so now.
    """
    signal.signal(signal.SIGINT, _interrupt)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def was_asked() -> bool:
    """Return whether there was a SIGINT since :func:`listen`."""
    return _asked


def stopped(target: str, problem: KeyboardInterrupt | None = None) -> Outcome:
    """Return what became of a case that ended as by Ctrl-C: interrupted, or wrong itself.

    Parameters
    ----------
    target : str
        Of the case.
    problem : KeyboardInterrupt, optional
        With what it ended; None while it was probed.
    """
    if was_asked():
        return Outcome("interrupted", EARLY)
    if problem is None:
        what = "KeyboardInterrupt while it was probed"
        return Outcome("error", f"{target} raised {what}", f"{what}; {LOST}")
    what = " ".join(f"KeyboardInterrupt: {problem}".removesuffix(": ").split())
    trace = "".join(traceback.format_exception(problem)).rstrip()
    return Outcome("error", f"{target} raised {what}", trace)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    global _asked  # a signal has no other place to be noted
    _asked = True
    raise KeyboardInterrupt
