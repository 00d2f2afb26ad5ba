"""How a command ends that does not come to its end: one line on stderr, and a status."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from fastcheck.errors import FastcheckError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["INTERRUPTED", "Refusal", "refusing"]

INTERRUPTED: Final = 130
"""The exit status after Ctrl-C."""


class Refusal(click.ClickException):
    """A wrong argument or bad data: one line on stderr, exit status 2."""

    exit_code = 2


@contextmanager
def refusing() -> Iterator[None]:
    """Turn an error of the package into one line."""
    try:
        yield
    except FastcheckError as problem:
        raise Refusal(str(problem)) from problem
