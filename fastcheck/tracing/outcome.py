"""What a loss function returns: the loss, and perhaps more."""

from __future__ import annotations

from typing import Any

from fastcheck.errors import TraceError
from fastcheck.tracing.handle import Handle

__all__ = ["loss_of", "marks_of"]

NAMES = ("loss", "cost", "L", "J", "error", "objective")


def loss_of(result: Any) -> Any:
    """Return the loss: the result, its first part, or the entry of a dictionary that is called so.

    Raises
    ------
    TraceError
        If a dictionary has no such entry, or nothing was returned.
    """
    if isinstance(result, Handle):
        return result
    if isinstance(result, (tuple, list)) and result:
        return loss_of(result[0])
    if isinstance(result, dict):
        for name in NAMES:
            if name in result:
                return result[name]
        raise TraceError(
            f"the loss returned a dictionary with {', '.join(map(repr, result))}; one entry must "
            'be called "loss"'
        )
    if result is None:
        raise TraceError("the loss returned None; end it with `return loss`")
    return result


def marks_of(result: Any) -> dict[str, Any]:
    """Return the named intermediate values that came with the loss."""
    if isinstance(result, tuple):
        return {k: v for part in result for k, v in marks_of(part).items()}
    if isinstance(result, dict):
        return {
            name: value
            for name, value in result.items()
            if isinstance(name, str) and name not in NAMES and isinstance(value, Handle)
        }
    return {}
