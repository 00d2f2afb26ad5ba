"""Calling the user's ``FILE.py:FUNCTION``."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from types import ModuleType

SHAPE = "(objective, params, grads) or (objective, params, grads, options)"


class BadTarget(click.ClickException):
    """The argument names no function: exit status 2."""

    exit_code = 2


class UserCodeError(click.ClickException):
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
    BadTarget
        If there is no such file or function, or it returns something else.
    UserCodeError
        If importing or calling raises.
    """
    name, _, function_name = target.rpartition(":")
    if not name or not function_name:
        raise BadTarget(f"the target must be FILE.py:FUNCTION, got {target!r}")
    path = Path(name)
    if not path.is_file():
        raise BadTarget(f"{path}: no such file; give the path of a Python file")
    module = _imported(path)
    function = getattr(module, function_name, None)
    if not callable(function):
        known = [k for k, v in vars(module).items() if callable(v) and not k.startswith("_")]
        raise BadTarget(
            f"{path}: has no function {function_name!r}; it has {', '.join(known) or 'none'}"
        )
    returned = _called(function, f"{path}:{function_name}")
    if not isinstance(returned, tuple) or len(returned) not in (3, 4):
        raise BadTarget(
            f"{path}:{function_name} must return {SHAPE}, got {type(returned).__name__}"
            + (f" of {len(returned)}" if isinstance(returned, tuple) else "")
        )
    objective, params, grads = returned[:3]
    return objective, params, grads, _options(returned[3:], f"{path}:{function_name}")


def _options(returned: tuple[Any, ...], label: str) -> dict[str, Any]:
    """Return the options that the function gave, if it gave any."""
    from fastcheck.check import check_gradients

    known = list(inspect.signature(check_gradients).parameters)[3:]
    options = returned[0] if returned else {}
    unknown = set(options) - set(known) if isinstance(options, dict) else {options}
    if unknown:
        raise BadTarget(
            f"{label} must return options of check_gradients, got {sorted(map(str, unknown))}; "
            f"they are {', '.join(known)}"
        )
    return dict(options)


def _imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise BadTarget(f"{path}: not a Python file; give the path of one that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as problem:
        raise UserCodeError(_report(problem, str(path))) from problem
    finally:
        sys.path.pop(0)
    return module


def _called(function: Any, label: str) -> Any:
    try:
        return function()
    except (Exception, SystemExit) as problem:
        raise UserCodeError(_report(problem, label)) from problem


def _report(problem: BaseException, label: str) -> str:
    lines = traceback.format_exception(problem)
    return f"{label} raised {type(problem).__name__}: {problem}\n{''.join(lines).rstrip()}"
