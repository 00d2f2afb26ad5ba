"""Calling the user's ``FILE.py:FUNCTION`` for a command."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from fastcheck.cli.problems import Refusal
from fastcheck.nightly.target import (
    SHAPE,
    TargetError,
    UserCodeError,
    call_function,
    find_function,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SHAPE", "call_target", "restored_path"]


class RaisedError(click.ClickException):
    """The user's code raised: its traceback, exit status 4."""

    exit_code = 4


def call_target(target: str) -> tuple[Any, Any, Any, dict[str, Any]]:
    """Import the file, call the function, and return what it gives.

    Parameters
    ----------
    target : str
        ``FILE.py:FUNCTION``; the function takes no arguments.

    Raises
    ------
    Refusal
        If there is no such file or function, or it returns something else.
    RaisedError
        If importing or calling raises.
    """
    try:
        return call_function(*find_function(target))
    except TargetError as problem:
        raise Refusal(str(problem)) from problem
    except UserCodeError as problem:
        raise RaisedError(f"{problem}\n{problem.traceback}") from problem


@contextmanager
def restored_path() -> Iterator[None]:
    """Put back where modules are looked for, once nothing of a target is called any more."""
    before = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = before
