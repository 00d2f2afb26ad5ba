"""What arrives from a cluster."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Done", "Lost", "Told", "Workers"]


class Told(NamedTuple):
    """What a task told.

    Attributes
    ----------
    message : dict
        Of strings and numbers.
    """

    message: dict[str, Any]


class Done(NamedTuple):
    """A task has ended.

    Attributes
    ----------
    key : str
        Its name.
    value : Any
        What it returned.
    problem : BaseException or None
        What it raised, or why it never will end.
    is_death : bool
        Whether that is because its worker ended, or somebody else cancelled it.
    """

    key: str
    value: Any
    problem: BaseException | None = None
    is_death: bool = False


class Workers(NamedTuple):
    """The workers at some time.

    Attributes
    ----------
    asked : float
        When they were asked for, by :func:`time.perf_counter`.
    threads : dict of str to int
        How many tasks each takes at the same time, by address.
    """

    asked: float
    threads: dict[str, int]


class Lost(NamedTuple):
    """There is no connection any more.

    Attributes
    ----------
    reason : str
        In what way, as the end of a sentence.
    """

    reason: str
