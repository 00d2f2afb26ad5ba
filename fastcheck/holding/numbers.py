"""Parameters that are numbers, which have no memory to share: they are written through."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.holding.leaves import Leaf, plain_array

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastcheck.holding.slots import Slot

    Array = NDArray[Any]

REAL = (float, np.number, Decimal, Fraction)
"""Types of numbers that can be perturbed; and integers, which are refused by name later."""


def is_number(value: object) -> bool:
    """Return whether a value is a single number, as Python or NumPy know them."""
    return isinstance(value, (*REAL, int)) and not isinstance(value, bool)


def shape_of_numbers(value: Any) -> tuple[int, ...] | None:
    """Return the shape of numbers in lists, or in an array of objects; None if it is none.

    Examples
    --------
    >>> shape_of_numbers([[1.0, 2.0], [3.0, 4.0]]), shape_of_numbers([[1.0], [2.0, 3.0]])
    ((2, 2), None)
    """
    if isinstance(value, np.ndarray):
        all_numbers = value.dtype == object and value.size and all(map(is_number, value.flat))
        return value.shape if all_numbers else None
    if not isinstance(value, list | tuple) or hasattr(value, "_fields") or not value:
        return None
    if all(map(is_number, value)):
        return (len(value),)
    inner = {shape_of_numbers(part) if isinstance(part, list | tuple) else None for part in value}
    shape = inner.pop()
    return None if inner or shape is None else (len(value), *shape)


class NumberLeaf(Leaf):
    """A number of Python or NumPy, in an entry or attribute that can hold another."""

    is_written = True

    def __init__(self, name: str, slot: Slot, value: Any, holder: Any) -> None:
        super().__init__(name, slot, value, holder)
        self.put = value

    def live(self) -> Array:
        """Return an array whose value is written through."""
        if not self.slot.is_mutable:
            raise self.refused(
                "in a dict, a list or an attribute, so that the loss reads it there",
                f"a {type(self.value).__name__} on its own or in a tuple",
                "make it an array, or pass a loss that takes the parameters",
            )
        return self.private()

    def private(self) -> Array:
        """Return an array of one number."""
        return _as_array(self.value)

    def like(self, array: Any) -> Any:
        """Return a number of the same type; the user's own object where it has that value."""
        if type(array) is not np.ndarray:  # a recorded one, which may be a subclass
            return array
        return number_like(self.value, array[()])

    def publish(self) -> None:
        """Write the number into its place."""
        self.put = self.like(self.array)
        self.slot.put(self.put)

    def is_replaced(self) -> bool:
        """Return whether the loss has put another number there than we did."""
        if not self.slot.is_mutable:
            return False
        try:
            here = self.slot.get()
        except (LookupError, AttributeError):
            return True
        return here is not self.put and not _same(here, self.put)

    def restore(self) -> None:
        """Put the user's own number back."""
        self.put = self.value
        if self.slot.is_mutable and self.slot.get() is not self.value:
            self.slot.put(self.value)


class NumbersLeaf(Leaf):
    """Numbers in lists, nested in any way that makes a rectangle, or in an array of objects."""

    is_written = True

    def __init__(self, name: str, slot: Slot, value: Any, holder: Any, shape: Any) -> None:
        super().__init__(name, slot, value, holder)
        self.shape: tuple[int, ...] = shape
        self.cells = list(_cells(value))
        self.originals = [owner[key] for owner, key in self.cells]
        self.put = [*self.originals]
        self.last = self.private().reshape(-1)

    def live(self) -> Array:
        """Return an array whose values are written through."""
        if any(isinstance(owner, tuple) for owner, _ in self.cells):
            raise self.refused(
                "numbers in lists, so that the loss reads them there",
                "numbers in a tuple",
                "make it a list or an array, or pass a loss that takes the parameters",
            )
        return self.private()

    def private(self) -> Array:
        """Return an array of the numbers."""
        kinds = {type(number) for number in self.originals}
        if kinds <= {int}:
            return np.array(self.originals).reshape(self.shape)
        kind = kinds.pop() if len(kinds) == 1 else float
        dtype = kind if issubclass(kind, np.number) else np.float64
        return np.array([dtype(n) for n in self.originals], dtype).reshape(self.shape)

    def like(self, array: Any) -> Any:
        """Return the same nest of lists of numbers."""
        if isinstance(self.value, np.ndarray):
            made = np.empty(self.shape, object)
            flat = zip(self.originals, plain_array(self.name, array).reshape(-1), strict=True)
            made.reshape(-1)[:] = [number_like(original, number) for original, number in flat]
            return made
        return _nested(self.value, array)

    def publish(self) -> None:
        """Write the numbers that are others than before into their lists."""
        flat = self.array.reshape(-1)
        for place in np.flatnonzero(flat != self.last):
            owner, key = self.cells[place]
            owner[key] = self.put[place] = number_like(self.originals[place], flat[place])
        self.last = flat.copy()

    def is_replaced(self) -> bool:
        """Return whether the loss has put other numbers there than we did."""
        if super().is_replaced():
            return True
        try:
            here = [owner[key] for owner, key in self.cells]
        except LookupError:
            return True
        return not all(map(_same, here, self.put))

    def cell_ids(self) -> list[Any]:
        """Return what tells the places of the numbers apart, in C order."""
        return [(id(owner), key) for owner, key in self.cells]

    def restore(self) -> None:
        """Put the user's own numbers and lists back."""
        if self.slot.is_mutable and self.slot.get() is not self.value:
            self.slot.put(self.value)
        self.put = [*self.originals]
        self.last = self.private().reshape(-1)
        for (owner, key), number in zip(self.cells, self.originals, strict=True):
            if not isinstance(owner, tuple) and owner[key] is not number:
                owner[key] = number


def number_like(original: Any, number: Any) -> Any:
    """Return a number of the type of another; the other itself if it has that value.

    An integer among numbers gives way to a float.
    """
    if number == (original if isinstance(original, float | np.number) else float(original)):
        return original
    kind = type(original)
    return float(number) if kind is int else kind(float(number))


def _as_array(value: Any) -> Array:
    if isinstance(value, np.number):
        return np.array(value)
    return np.array(float(value))


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _cells(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the places of all numbers, as owner and key, in C order."""
    if isinstance(value, np.ndarray):
        yield from ((value, index) for index in np.ndindex(value.shape))
        return
    for key, part in enumerate(value):
        if isinstance(part, list | tuple):
            yield from _cells(part)
        else:
            yield value, key


def _nested(value: Any, array: Any) -> Any:
    """Return lists like those of `value`; `array` may be a recorded one."""
    is_plain = type(array) is np.ndarray
    parts = [
        _nested(part, array[key])
        if isinstance(part, list | tuple)
        else (number_like(part, array[key]) if is_plain else array[key])
        for key, part in enumerate(value)
    ]
    return type(value)(parts)
