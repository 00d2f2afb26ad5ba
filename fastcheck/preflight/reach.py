"""What a loss or a gradient function reaches: its arrays, kept, and the names of its parts."""

from __future__ import annotations

import random
import types
from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.tracing.walk import MISSING, Slot, Walk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Array = NDArray[Any]

MOST_BYTES = 2**30
"""Arrays are copied up to this sum, the smallest first; larger ones are not watched."""
DEEPEST = 4
"""How many containers an address names, from the inside."""


class Reach:
    """Everything that can be reached from some functions, as it was at first.

    Parameters
    ----------
    roots : iterable of object
        Functions; closure cells, globals, defaults and attributes are followed.
    own : iterable of ndarray
        Parameters; arrays that share memory with them are left out.

    Attributes
    ----------
    walk : Walk
        The places that were found.
    kept : list of tuple of ndarray
        Arrays with copies of what they held.
    """

    def __init__(self, roots: Iterable[Any], own: Iterable[Array] = ()) -> None:
        self.walk = Walk(roots)
        self._python = random.getstate()
        params = list(own)
        self.kept: list[tuple[Array, Array]] = []
        n_bytes = 0
        for array in sorted(self.walk.arrays(), key=lambda a: a.nbytes):
            n_bytes += array.nbytes
            if n_bytes > MOST_BYTES:
                break
            if array.flags.writeable and not any(np.may_share_memory(array, p) for p in params):
                self.kept.append((array, array.copy(order="K")))

    # ------------------------------------------------------------ arrays

    def changed(self) -> list[Array]:
        """Return the arrays that are not the same bit for bit as at first."""
        return [array for array, copy in self.kept if not is_same_bits(array, copy)]

    def restore(self) -> None:
        """Write back what arrays held at first; nothing is written to those that are the same."""
        for array, copy in self.kept:
            if array.flags.writeable and not is_same_bits(array, copy):
                array[...] = copy

    def restore_all(self) -> None:
        """Put back arrays, attributes, variables, containers and random states."""
        self.walk.restore()
        random.setstate(self._python)
        self.restore()

    def moved(self) -> list[Slot]:
        """Return the places that hold another object than at first."""
        found = []
        for slot in self.walk.slots:
            now = _content(slot)
            if now is not MISSING and now is not slot.value and not _is_equal(now, slot.value):
                found.append(slot)
        return found

    # ------------------------------------------------------------ names

    @cached_property
    def _owners(self) -> dict[int, tuple[str, str]]:
        """What is known of containers by their identity: a name, and how entries follow it."""
        found: dict[int, tuple[str, str]] = {}
        for x in self.walk.objects:
            if isinstance(x, types.FunctionType):
                found[id(x.__globals__)] = ("", "")
                cells = zip(x.__code__.co_freevars, x.__closure__ or (), strict=True)
                found |= {id(cell): (name, "cell") for name, cell in cells}
            elif isinstance(x, types.ModuleType):
                found[id(x.__dict__)] = ("", "")
            elif isinstance(getattr(x, "__dict__", None), dict):
                found[id(x.__dict__)] = (type(x).__name__, ".")
        return found

    @cached_property
    def _holders(self) -> dict[int, Slot]:
        """The first place that holds an object, by its identity."""
        found: dict[int, Slot] = {}
        for slot in self.walk.slots:
            found.setdefault(id(slot.value), slot)
            if isinstance(slot.value, tuple):
                for part in slot.value:
                    found.setdefault(id(part), slot)
        return found

    def name_of(self, x: object) -> str:
        """Return how the user's code calls an object, as in ``Net.h`` or ``cache['x']``."""
        slot = self._holders.get(id(x))
        if slot is None and isinstance(x, np.ndarray) and x.base is not None:
            slot = self._holders.get(id(x.base))
        return "an array" if slot is None else self.name_of_slot(slot)

    def name_of_slot(self, slot: Slot, depth: int = DEEPEST) -> str:
        """Return how the user's code calls a place."""
        owner, key = slot.owner, slot.key
        name, joint = self._owners.get(id(owner), ("", None))
        if joint == "cell":
            return name
        if isinstance(owner, types.FunctionType):
            return f"a default of {owner.__name__}"
        if isinstance(owner, type):
            return f"{owner.__name__}.{key}"
        if isinstance(key, types.MemberDescriptorType):
            return f"{type(owner).__name__}.{key.__name__}"
        if joint is not None:
            return f"{name}{joint}{key}"
        above = self._holders.get(id(owner))
        outer = self.name_of_slot(above, depth - 1) if above is not None and depth else "..."
        return f"{outer}[{key!r}]"


def is_same_bits(one: Array, other: Array) -> bool:
    """Return whether two arrays of one layout have the same bits."""
    if one.flags.f_contiguous and not one.flags.c_contiguous:
        one, other = one.T, other.T
    if one.flags.c_contiguous and other.flags.c_contiguous:
        first, second = (a.reshape(-1).view(np.uint8) for a in (one, other))
        return bool(np.array_equal(first, second))
    return one.tobytes() == other.tobytes()


def _content(slot: Slot) -> Any:
    """Return what a place holds now; MISSING where that is not known."""
    owner, key = slot.owner, slot.key
    if isinstance(owner, dict):
        return dict.get(owner, key, MISSING)
    if isinstance(owner, list | deque):
        return owner[key] if key < len(owner) else MISSING
    if isinstance(owner, types.CellType):
        try:
            return owner.cell_contents
        except ValueError:
            return MISSING
    if isinstance(key, types.MemberDescriptorType):
        try:
            return key.__get__(owner)
        except AttributeError:
            return MISSING
    if isinstance(owner, type) and isinstance(key, str):
        return vars(owner).get(key, MISSING)
    return MISSING


def _is_equal(one: Any, other: Any) -> bool:
    """Return whether two objects are equal, as numbers or bit for bit."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        same_kind = one.shape == other.shape and one.dtype == other.dtype
        return same_kind and not one.dtype.hasobject and one.tobytes() == other.tobytes()
    if isinstance(one, bool | int | float | complex | str | bytes | np.generic):
        return bool(one == other)
    return False
