"""What a command says, whatever is in it and whoever still listens."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

import click

__all__ = ["drain", "say"]


def say(text: str, *, err: bool = False) -> None:
    """Print a line; what cannot be seen or encoded, such as half a character, is escaped.

    Parameters
    ----------
    text : str
        The line.
    err : bool, default False
        Whether it goes to the standard error; that this is closed is no reason to end.
    """
    from fastcheck.result.wording import visible

    stream = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    with suppress(*[OSError] * err):
        click.echo(visible(text).encode(encoding, "backslashreplace").decode(encoding), err=err)


def drain() -> None:
    """Write out what is left of the output, or drop it where nobody reads on.

    Otherwise the interpreter would complain at its end, and change the exit status.
    """
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
