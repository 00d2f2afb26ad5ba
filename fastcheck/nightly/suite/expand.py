"""From the table of a case to cases: defaults, every combination of the matrix, names."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fastcheck.check.options import check_entries
from fastcheck.errors import InputError
from fastcheck.nightly.records import Case
from fastcheck.nightly.suite.keys import DEMOS, KEYS, OPTIONS, checked
from fastcheck.params import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fastcheck.nightly.suite.source import Source

__all__ = ["MOST_CASES", "Place", "expanded", "overlaid", "read_table"]

MOST_CASES = 10_000
"""A matrix that makes more is a slip."""
DATA = ("mnist", "catvnoncat")
LEFT = ("name", "seeds", "matrix")
"""Keys that are not one of a single case."""


class Place(NamedTuple):
    """A table of a file.

    Attributes
    ----------
    source : Source
        The file.
    path : tuple
        Of the table.
    root : Path
        The folder of the suite, to which paths are made relative.
    """

    source: Source
    path: tuple[str | int, ...]
    root: Path


def read_table(place: Place, table: Any, *, unnamed: bool = False) -> dict[str, Any]:
    """Return the checked values of a table of defaults or of a case.

    Parameters
    ----------
    place : Place
        Where it stands.
    table : object
        What stands there.
    unnamed : bool, default False
        Whether it is one of defaults, which has neither name nor matrix.

    Raises
    ------
    SuiteError
        If a key is unknown or a value wrong.
    """
    source, path = place.source, place.path
    if not isinstance(table, dict):
        source.refuse(path, f"`{path[-1]}` must be a table, got {table!r}")
    known = [*KEYS, "matrix"]
    known = [name for name in known if not (unnamed and name in ("name", "matrix"))]
    values = {}
    for name, value in table.items():
        here = (*path, name)
        if name not in known:
            near = did_you_mean([name], known)
            what = "defaults have" if unnamed else "a case has"
            source.refuse(here, f"{what} no key `{name}`{near}; the keys are {', '.join(known)}")
        if name == "matrix":
            values[name] = _matrix(Place(source, here, place.root), value)
        else:
            values[name] = _value(place, here, name, value)
    if "seed" in values and "seeds" in values:
        source.refuse((*path, "seed"), "`seed` and `seeds` cannot both be given; leave one out")
    return values


def _value(place: Place, here: tuple[str | int, ...], name: str, value: Any) -> Any:
    try:
        value = checked(name, KEYS[name], value)
    except InputError as problem:
        place.source.refuse(here, str(problem))
    if name == "target" and value not in DEMOS:
        file, _, function = value.rpartition(":")
        return f"{_moved(place, file)}:{function}"
    return _moved(place, value) if name == "dataset" and value not in DATA else value


def _moved(place: Place, path: str) -> str:
    """Return a path as seen from the folder of the suite."""
    folder = place.source.file.parent
    if Path(path).is_absolute() or folder == place.root:
        return path
    return Path(os.path.relpath(folder / path, place.root)).as_posix()


def _matrix(place: Place, table: Any) -> dict[str, list[Any]]:
    """Return the values of each key over which a case is repeated; of arguments with a dot."""
    source, path = place.source, place.path
    if not isinstance(table, dict) or not table:
        source.refuse(path, f"`matrix` must be a table of keys and lists, got {table!r}")
    known = [name for name in KEYS if name not in LEFT]
    found: dict[str, list[Any]] = {}
    for name, values in table.items():
        here = (*path, name)
        if name not in known:
            near = did_you_mean([name], known) or (" (did you mean seed?)" * (name == "seeds"))
            source.refuse(
                here, f"a matrix has no key `{name}`{near}; the keys are {', '.join(known)}"
            )
        if name != "arguments":
            found[name] = [
                _value(place, here, name, v) for v in _listed(source, here, name, values)
            ]
            continue
        if not isinstance(values, dict):
            source.refuse(here, f"`arguments` must be a table of names and lists, got {values!r}")
        for argument, items in values.items():
            label, there = f"arguments.{argument}", (*here, argument)
            for item in _listed(source, there, label, items):
                _value(place, there, "arguments", {argument: item})
            found[label] = items
    return found


def _listed(source: Source, here: tuple[str | int, ...], name: str, values: Any) -> list[Any]:
    """Return the values over which a matrix runs."""
    if not isinstance(values, list) or not values:
        source.refuse(here, f"`{name}` must be a list with a value for each case, got {values!r}")
    if any(value in values[:k] for k, value in enumerate(values)):
        source.refuse(here, f"`{name}` must have different values, got {values!r}")
    return values


def expanded(
    place: Place, defaults: Mapping[str, Any], values: Mapping[str, Any]
) -> Iterator[Case]:
    """Yield the cases of a table.

    Parameters
    ----------
    place : Place
        Where the table stands.
    defaults, values : mapping
        What :func:`read_table` returned.

    Raises
    ------
    SuiteError
        If a key is missing, or keys contradict each other.
    """
    source, path = place.source, place.path
    matrix = dict(values.get("matrix", {}))
    for name in matrix:
        top, _, inner = name.partition(".")
        beside = values.get(top, {})
        if (inner in beside) if inner else (top in values):
            source.refuse(
                (*path, "matrix", *name.split(".")),
                f"`{name}` cannot stand in the matrix and beside it; leave one out",
            )
    fixed = overlaid({k: v for k, v in defaults.items() if k not in matrix}, values)
    if "seed" in matrix:
        if "seeds" in values:
            source.refuse(
                (*path, "matrix", "seed"),
                "`seed` cannot stand in the matrix beside `seeds`; leave one out",
            )
        fixed.pop("seeds", None)
    if "seeds" in fixed:
        matrix["seed"] = _listed(source, (*path, "seeds"), "seeds", fixed["seeds"])
    if "target" not in fixed and "target" not in matrix:
        source.refuse(path, f"a case must have a `target`: {KEYS['target'].contract}")
    size = 1
    for items in matrix.values():
        size *= len(items)
    if size > MOST_CASES:
        source.refuse(path, f"the matrix makes {size} cases, at most {MOST_CASES} can be run")
    varying = [name for name, items in matrix.items() if len(items) > 1 or name != "seed"]
    for chosen in product(*matrix.values()):
        setting = dict(zip(matrix, chosen, strict=True))
        case = _case(place, fixed, setting)
        inner = ", ".join(f"{_short(name)}={_shown(setting[name])}" for name in varying)
        yield case if not inner else _renamed(case, f"{case.name}[{inner}]")


def overlaid(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return defaults with values over them; arguments one by one, seeds as one with `seed`."""
    is_seeded = bool(values.keys() & {"seed", "seeds"})
    kept = {k: v for k, v in defaults.items() if not (is_seeded and k in ("seed", "seeds"))}
    merged = {**kept, **values}
    if "arguments" in kept and "arguments" in values:
        merged["arguments"] = {**kept["arguments"], **values["arguments"]}
    return merged


def _case(place: Place, fixed: Mapping[str, Any], setting: Mapping[str, Any]) -> Case:
    """Return one case of a matrix."""
    values = {k: v for k, v in fixed.items() if k not in ("seeds", "matrix")}
    arguments = dict(values.pop("arguments", {}))
    for name, value in setting.items():
        _, _, inner = name.partition(".")
        if inner:
            arguments[inner] = value
        else:
            values[name] = value
    options = {name: values.pop(name) for name in OPTIONS if name in values}
    try:
        check_entries(options.get("entries"), options.get("plan", "auto"))
    except InputError as problem:
        place.source.refuse((*place.path, "entries"), str(problem))
    name = values.pop("name", None) or values["target"]
    keeps = values.pop("keep", "summary")
    values.setdefault("expect", "pass" if values.get("fault") is None else "fail")
    return Case(name, options=options, arguments=arguments, keeps=keeps, **values)


def _renamed(case: Case, name: str) -> Case:
    return Case(**{**case.to_dict(), "name": name})


def _short(name: str) -> str:
    return name.removeprefix("arguments.")


def _shown(value: Any) -> str:
    """Return a value as it stands in the name of a case."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "+".join(map(_shown, value)) or "none"
    if isinstance(value, dict):
        return "+".join(f"{k}:{_shown(v)}" for k, v in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
