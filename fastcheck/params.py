"""Matching analytic gradients to parameters by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence


def select_names(
    names: Sequence[str],
    only: str | Iterable[str] | None,
    skip: str | Iterable[str] | None,
    optional: Sequence[str] = (),
) -> list[str]:
    """Return the `names` that match a pattern of `only` (all by default) and none of `skip`.

    Parameters
    ----------
    names : sequence of str
        Names of tensors.
    only, skip : str or iterable of str, optional
        Shell patterns such as ``"W*"``.
    optional : sequence of str
        Names that are returned only if a pattern of `only` means them and none of `names`.

    Raises
    ------
    InputError
        If a pattern matches nothing, or nothing is left.
    """
    wanted, unwanted = _patterns("only", only), _patterns("skip", skip)
    for argument, patterns in (("only", wanted), ("skip", unwanted)):
        for pattern in patterns or ():
            if not any(fnmatchcase(name, pattern) for name in (*names, *optional)):
                raise InputError(
                    f"`{argument}` must match names of parameters, got {pattern!r}; they are "
                    f"{', '.join((*names, *optional))}"
                )
    special = [p for p in wanted or () if not any(fnmatchcase(name, p) for name in names)]
    kept = [name for name in names if matches(name, wanted, unwanted)]
    kept += [name for name in optional if matches(name, special, unwanted)]
    if not kept:
        raise InputError(
            f"`only` and `skip` must leave a parameter to check, got none of {', '.join(names)}; "
            "relax the patterns"
        )
    return kept


def matches(name: str, only: Any, skip: Any) -> bool:
    """Return whether a name matches a pattern of `only`, if that is given, and none of `skip`."""
    wanted, unwanted = _patterns("only", only), _patterns("skip", skip)
    if any(fnmatchcase(name, p) for p in unwanted or ()):
        return False
    return wanted is None or any(fnmatchcase(name, p) for p in wanted)


def _patterns(argument: str, given: Any) -> list[str] | None:
    if given is None:
        return None
    patterns = (
        list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    )
    if not all(isinstance(pattern, str) for pattern in patterns):
        raise InputError(f"`{argument}` must be names or patterns, got {given!r}; write 'W*'")
    return patterns


def keys_of(grads: Mapping[Any, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return under which key of `grads` the gradient of each name is: ``W1`` or ``dW1``.

    Examples
    --------
    >>> keys_of({"dW1": 1.0, "b1": 2.0, "dA1": 3.0}, ["W1", "b1", "W2"])
    {'W1': 'dW1', 'b1': 'b1'}
    """
    known = set(names)
    return {
        name: key
        for name in names
        for key in (f"d{name}", name)
        if key in grads and (key == name or key not in known)
    }


def did_you_mean(unknown: Iterable[str], known: Iterable[str]) -> str:
    """Return a remark on the `known` names that are like the `unknown` ones, empty if none is.

    Examples
    --------
    >>> did_you_mean(["dZ1"], ["W1", "z1"])
    ' (did you mean z1?)'
    """
    by_key = {name.lower(): name for name in known}
    found: dict[str, None] = {}
    for name in map(str.lower, unknown):
        bare = name.removeprefix("d").lstrip("_")
        near = [k for k in (name, bare) if k in by_key] or get_close_matches(name, by_key, 1)
        found |= dict.fromkeys(by_key[k] for k in near)
    return f" (did you mean {' or '.join([*found][:3])}?)" if found else ""


def check_mapping(argument: str, value: object) -> None:
    """Refuse what does not map names to arrays."""
    if not isinstance(value, Mapping):
        shape = f" of shape {value.shape}" if isinstance(value, np.ndarray) else ""
        raise InputError(
            f"`{argument}` must map names to arrays, got {type(value).__name__}{shape}; write "
            '{"W1": ..., "b1": ...}'
        )
