"""What is kept of an exception of the user's, however much it says."""

from __future__ import annotations

import traceback
from typing import Final

from fastcheck.result.wording import count

__all__ = ["text_of", "trace_of"]

MOST_SAID: Final = 4_000
"""Characters of a message that are kept."""
MOST_TRACED: Final = 16_000
"""Characters of a traceback that are kept at its beginning, and as many at its end."""


def text_of(problem: BaseException) -> str:
    """Return what an exception says, its end left out where it is long.

    Examples
    --------
    >>> text_of(ValueError("of mine"))
    'of mine'
    >>> text_of(ValueError(9000 * "x"))[3990:]
    'xxxxxxxxxx ... and 5,000 characters more'
    """
    try:
        text = str(problem)
    except Exception:  # in a class of the user's
        return "an exception that cannot be printed"
    left = len(text) - MOST_SAID
    return text if left <= 0 else f"{text[:MOST_SAID]} ... and {count(left)} characters more"


def trace_of(problem: BaseException) -> str:
    """Return the traceback of an exception, its middle left out where it is long."""
    text = "".join(traceback.format_exception(problem)).rstrip()
    left = len(text) - 2 * MOST_TRACED
    if left <= 0:
        return text
    cut = f"... {count(left)} characters are left out ..."
    return f"{text[:MOST_TRACED]}\n{cut}\n{text[-MOST_TRACED:]}"
