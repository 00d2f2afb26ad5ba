"""Functions that are sent by their names, so that only workers must be able to import them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["by_name", "by_name_at_once"]


def by_name(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is sent by value, and imports another where it is called."""
    module, name = function.__module__, function.__qualname__

    def fastcheck_case(*args: Any) -> Any:
        from importlib import import_module

        return getattr(import_module(module), name)(*args)

    return fastcheck_case


def by_name_at_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same as a coroutine function, for what is called beside tasks."""
    module, name = function.__module__, function.__qualname__

    async def fastcheck_call(*args: Any) -> Any:
        from importlib import import_module
        from inspect import isawaitable

        found = getattr(import_module(module), name)(*args)
        return await found if isawaitable(found) else found

    return fastcheck_call
