"""The options of checks: those of the project, of markers, and of a call."""

from __future__ import annotations

import inspect
import tomllib
from typing import TYPE_CHECKING, Any

from fastcheck.errors import InputError
from fastcheck.params import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pytest

__all__ = ["known_options", "options_of", "refuse_unknown"]


def known_options(*checks: Callable[..., Any]) -> list[str]:
    """Return the names of the options of some functions, that is of what they take by name only."""
    only = inspect.Parameter.KEYWORD_ONLY
    parameters = (p for check in checks for p in inspect.signature(check).parameters.values())
    return list(dict.fromkeys(p.name for p in parameters if p.kind is only))


def refuse_unknown(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Refuse an option that there is not.

    Raises
    ------
    InputError
        Naming the first, and those that there are.
    """
    listed = list(known)
    for name in names:
        if name not in listed:
            near = did_you_mean([name], listed)
            raise InputError(
                f"{what} has no option `{name}`{near}; the options are {', '.join(listed)}"
            )


def options_of(item: pytest.Item) -> dict[str, Any]:
    """Return the options of the checks of a test.

    Those of its markers stand over those of the project, and among markers that of the test over
    that of its class, and this over that of the module.

    Raises
    ------
    InputError
        If one of them is unknown, or one of the project wrong.
    """
    from fastcheck.check import check_gradients
    from fastcheck.layers import check_layer

    known = known_options(check_gradients, check_layer)
    options = _of_project(item.config.getini("fastcheck_options"))
    for mark in reversed([*item.iter_markers("fastcheck")]):
        if mark.args:
            raise InputError(
                f"@pytest.mark.fastcheck must have options by name, got {mark.args[0]!r}; write "
                "rtol=1e-6"
            )
        refuse_unknown("@pytest.mark.fastcheck", mark.kwargs, known)
        options |= mark.kwargs
    return options


def _of_project(lines: Iterable[str]) -> dict[str, Any]:
    """Return the options in the settings of a project, each of which is a line of TOML."""
    from fastcheck.nightly.suite.keys import KEYS, OPTIONS, checked

    known = {**OPTIONS, "seed": KEYS["seed"]}
    options: dict[str, Any] = {}
    for line in lines:
        try:
            found = tomllib.loads(line)
        except tomllib.TOMLDecodeError:
            raise InputError(
                f"fastcheck_options must be lines of TOML, got {line!r}; write them as in "
                'rtol = 1e-6 and plan = "units"'
            ) from None
        refuse_unknown("fastcheck_options", found, known)
        options |= {name: checked(name, known[name], value) for name, value in found.items()}
    return options
