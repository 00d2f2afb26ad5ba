"""Whose code a module, a class or a function is."""

from __future__ import annotations

import os
import sys
import sysconfig
import types
from functools import lru_cache
from typing import Any

__all__ = ["is_foreign_function", "is_foreign_module", "is_user_class", "is_user_globals"]

_PATHS = sysconfig.get_paths()
_STDLIB = tuple(os.path.realpath(_PATHS[k]) + os.sep for k in ("stdlib", "platstdlib"))
_COMPILED = (".so", ".pyd")


@lru_cache(maxsize=4096)
def _kind(name: str, file: str | None) -> str:
    """Return "user", "stdlib", "numpy", "ours" or "foreign" for a module."""
    top = name.partition(".")[0]
    if top == "numpy":
        return "numpy"
    if top == "fastcheck":
        return "ours"
    if file is None:
        return "stdlib" if top in sys.stdlib_module_names and top != "__main__" else "user"
    if file.endswith(_COMPILED):
        return "stdlib" if top in sys.stdlib_module_names else "foreign"
    path = os.path.realpath(file)
    if "site-packages" in path or "dist-packages" in path:
        return "foreign"
    return "stdlib" if path.startswith(_STDLIB) else "user"


def _kind_of_name(name: str) -> str:
    module = sys.modules.get(name)
    return _kind(name, getattr(module, "__file__", None))


def is_user_globals(scope: dict[str, Any]) -> bool:
    """Return whether the globals of a function or a module belong to the user."""
    name = scope.get("__name__")
    return _kind(name if isinstance(name, str) else "", scope.get("__file__")) == "user"


def is_user_class(kind: type) -> bool:
    """Return whether a class was written by the user."""
    return _kind_of_name(str(kind.__module__)) == "user"


def is_foreign_module(module: types.ModuleType) -> bool:
    """Return whether a module belongs to an installed package other than NumPy."""
    return _kind(module.__name__, getattr(module, "__file__", None)) == "foreign"


def is_foreign_function(x: Any) -> bool:
    """Return whether something is a function of an installed package, or compiled code."""
    if isinstance(x, type) or not callable(x):
        return False
    if type(x).__name__ in ("cython_function_or_method", "CPUDispatcher"):
        return True
    if not isinstance(x, (types.FunctionType, types.BuiltinFunctionType)):
        return False
    name = getattr(x, "__module__", None)
    return isinstance(name, str) and _kind_of_name(name) == "foreign"
