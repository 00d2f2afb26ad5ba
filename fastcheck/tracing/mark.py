"""Giving a name to an intermediate value."""

from __future__ import annotations

from typing import TypeVar

from fastcheck.tracing.handle import Handle

__all__ = ["mark"]

T = TypeVar("T")


def mark(name: str, value: T) -> T:
    """Return a value unchanged, and give it a name if the code is being traced.

    Parameters
    ----------
    name : str
        For instance ``"z1"``; a later mark of the same name replaces an earlier one.
    value : array or number
        Any value; only traced ones are marked.

    Examples
    --------
    >>> import fastcheck as fc
    >>> fc.mark("z1", 2.0)
    2.0
    """
    if isinstance(value, Handle):
        index = value._node()
        if index is not None:
            value._tape.marks[name] = index
    return value
