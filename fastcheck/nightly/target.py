"""Calling a user's ``FILE.py:FUNCTION``."""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastcheck.errors import FastcheckError, InputError
from fastcheck.nightly.saying import text_of, trace_of
from fastcheck.parallel import send_by_value
from fastcheck.params import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

__all__ = ["SHAPE", "TargetError", "UserCodeError", "call_function", "find_function"]

SHAPE = "(objective, params, grads) or (objective, params, grads, options)"


class TargetError(InputError):
    """A target names no function, or one that returns something else."""


class UserCodeError(FastcheckError):
    """The user's code raised.

    Attributes
    ----------
    traceback : str
        Where.
    """

    def __init__(self, problem: BaseException, label: str) -> None:
        self.traceback = trace_of(problem)
        what = type(problem).__name__
        super().__init__(f"{label} raised {what}: {text_of(problem)}".removesuffix(": "))


def find_function(target: str, folder: Path | None = None) -> tuple[Callable[..., Any], str]:
    """Import the file of a target; return its function, and what it is called in messages.

    What stands beside the file can be imported from now on.

    Parameters
    ----------
    target : str
        ``FILE.py:FUNCTION``.
    folder : Path, optional
        Where a relative path starts; by default the current folder.

    Raises
    ------
    TargetError
        If there is no such file or function.
    UserCodeError
        If importing raises.
    """
    name, _, function_name = target.rpartition(":")
    if not name or not function_name:
        raise TargetError(f"the target must be FILE.py:FUNCTION, got {target!r}")
    path = Path(name)
    file = path if folder is None else folder / path
    if not file.is_file():
        raise TargetError(f"{path}: no such file; give the path of a Python file")
    module = _imported(file, path)
    function = getattr(module, function_name, None)
    if not callable(function):
        known = [k for k, v in vars(module).items() if callable(v) and not k.startswith("_")]
        raise TargetError(
            f"{path}: has no function {function_name!r}; it has {', '.join(known) or 'none'}"
        )
    return function, f"{path}:{function_name}"


def call_function(
    function: Callable[..., Any], label: str, arguments: Mapping[str, Any] | None = None
) -> tuple[Any, Any, Any, dict[str, Any]]:
    """Return the objective, parameters, gradients and options that a function gives.

    Raises
    ------
    TargetError
        If it has not such arguments, or returns something else.
    UserCodeError
        If calling it raises.
    """
    given = dict(arguments or {})
    check_arguments(function, label, given)
    try:
        returned = function(**given)
    except (Exception, SystemExit) as problem:
        raise UserCodeError(problem, label) from problem
    if not isinstance(returned, tuple) or len(returned) not in (3, 4):
        raise TargetError(
            f"{label} must return {SHAPE}, got {type(returned).__name__}"
            + (f" of {len(returned)}" if isinstance(returned, tuple) else "")
        )
    objective, params, grads = returned[:3]
    return objective, params, grads, _options(returned[3:], label)


def check_arguments(function: Callable[..., Any], label: str, given: Mapping[str, Any]) -> None:
    """Refuse arguments that a function does not have.

    Raises
    ------
    TargetError
        Naming the first.
    """
    names, is_open = parameters_of(function)
    for name in given:
        if name not in names and not is_open:
            has = ", ".join(names) or "none"
            raise TargetError(
                f"{label} has no parameter `{name}`{did_you_mean([name], names)}; it has {has}"
            )


def parameters_of(function: Callable[..., Any]) -> tuple[list[str], bool]:
    """Return the names that a function can be called with, and whether it takes any."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # of compiled code
        return [], True
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    is_open = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
    return [p.name for p in parameters if p.kind in named], is_open


def _options(returned: tuple[Any, ...], label: str) -> dict[str, Any]:
    """Return the options that the function gave, if it gave any."""
    from fastcheck.check import check_gradients

    known = list(inspect.signature(check_gradients).parameters)[3:]
    options = returned[0] if returned else {}
    unknown = set(options) - set(known) if isinstance(options, dict) else {options}
    if unknown:
        raise TargetError(
            f"{label} must return options of check_gradients, got {sorted(map(str, unknown))}; "
            f"they are {', '.join(known)}"
        )
    return dict(options)


def _imported(file: Path, path: Path) -> ModuleType:
    """Return the module of a file, which stays known to Python, as that of an import.

    Its name is one that no import has, so that it hides no other module; its folder stays in front
    of where modules are looked for, because functions may import when they are called.
    """
    name = re.sub(r"\W", "_", f"_fastcheck_{path.stem}")
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path}: not a Python file; give the path of one that ends in .py")
    module = importlib.util.module_from_spec(spec)
    folder = str(file.resolve().parent)
    sys.path.insert(0, folder)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as problem:
        sys.modules.pop(name, None)
        with suppress(ValueError):  # the file itself may have taken it away
            sys.path.remove(folder)
        if isinstance(problem, (Exception, SystemExit)):
            raise UserCodeError(problem, str(path)) from problem
        raise
    send_by_value(module)
    return module
