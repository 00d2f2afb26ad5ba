"""The exceptions of the package; a leaf that imports nothing of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcheck.result import CheckResult

__all__ = ["DataError", "FastcheckError", "GradientMismatchError", "InputError", "TraceError"]


class FastcheckError(Exception):
    """Base class of the errors that fastcheck raises about its use."""


class InputError(FastcheckError, ValueError):
    """An argument breaks its contract; the message names it and what it got."""


class DtypeError(InputError):
    """Parameters are integers, which cannot be perturbed.

    Parameters
    ----------
    message : str
        The sentence.
    names : sequence of str
        The parameters.

    Attributes
    ----------
    names : tuple of str
        As given.
    """

    def __init__(self, message: str, names: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.names = tuple(names)


class DataError(FastcheckError, ValueError):
    """A data file cannot be read as promised; the message begins with its path."""


class TraceError(FastcheckError, RuntimeError):
    """NumPy code cannot be traced; the message names the line, the reason and a remedy."""


class NotRepeatableError(TraceError):
    """Two calls of a loss with the same parameters differ."""


class GradientMismatchError(AssertionError):
    """An asserted gradient did not pass.

    Parameters
    ----------
    message : str
        What disagrees, where, and by how much.
    result : CheckResult or None
        The whole outcome of the check, for a closer look.

    Attributes
    ----------
    result : CheckResult or None
        As given.
    """

    def __init__(self, message: str, result: CheckResult | None = None) -> None:
        super().__init__(message, result)
        self.result = result

    def __str__(self) -> str:
        """Return the message alone."""
        return str(self.args[0])
