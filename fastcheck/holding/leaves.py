"""What a parameter can be: an array, a tensor that shares memory, a buffer of numbers."""

from __future__ import annotations

import array as arrays_of_python
import ctypes
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError, TraceError
from fastcheck.holding.foreign import tensor_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.holding.slots import Slot

    Array = NDArray[Any]


ALONE = "theta"
"""The name of parameters that are one array, without a name of their own."""


class Leaf(ABC):
    """One parameter in the place where the user keeps it.

    Parameters
    ----------
    name : str
        What messages call it.
    slot : Slot
        Its place.
    value : object
        What the place holds.
    holder : object or None
        What may have its gradient as ``.grad``.

    Attributes
    ----------
    array : ndarray
        What is perturbed, after :meth:`hold`.
    """

    is_written = False
    """Whether values must be written through to where the loss reads them."""
    is_numpy = False
    """Whether NumPy code that reads it can be recorded."""

    def __init__(self, name: str, slot: Slot, value: Any, holder: Any) -> None:
        self.name = name
        self.slot = slot
        self.value = value
        self.holder = holder
        self.array: Array = np.empty(0)

    def hold(self, is_live: bool) -> Array:
        """Set and return `array`: the memory that the loss reads, or a private copy."""
        self.array = self.live() if is_live else self.private()
        return self.array

    @abstractmethod
    def live(self) -> Array:
        """Return an array over the user's own memory.

        Raises
        ------
        InputError
            If there is none that can be written to.
        """

    @abstractmethod
    def private(self) -> Array:
        """Return a copy."""

    def view(self) -> Array | None:
        """Return the user's memory, to look at; None where there is none."""
        return None

    @abstractmethod
    def like(self, array: Any) -> Any:
        """Return `array` as the kind of thing that the user has."""

    def publish(self) -> None:
        """Write `array` to where the loss reads it."""
        return

    def is_replaced(self) -> bool:
        """Return whether the user's code has put something else into the place."""
        if not self.slot.is_mutable:
            return False
        try:
            return self.slot.get() is not self.value
        except (LookupError, AttributeError):
            return True

    def restore(self) -> None:
        """Put the user's own object back into its place."""
        if self.is_replaced():
            self.slot.put(self.value)

    def cell_ids(self) -> list[Any]:
        """Return what tells the places of written numbers apart, in C order."""
        return [(id(self.slot.owner), self.slot.key)]

    def refused(self, contract: str, got: str, remedy: str) -> InputError:
        """Return an error about this parameter."""
        who = "params" if self.name == ALONE else f"params[{self.name!r}]"
        return InputError(f"`{who}` must be {contract}, got {got}; {remedy}")


class ArrayLeaf(Leaf):
    """A NumPy array, with any strides."""

    is_numpy = True

    def live(self) -> Array:
        """Return the array itself."""
        value: Array = self.value
        if not value.flags.writeable:
            raise self.refused(
                "writeable, because the loss reads it while it is perturbed in place",
                "a read-only array",
                "pass a loss that takes the parameters",
            )
        if self.slot.is_mutable and not same_memory(self.slot.get(), value):
            raise self.refused(
                "the array that the loss reads",
                "another one at each access",
                "name the attribute behind it, or use fc.accessors(get, set)",
            )
        return value

    def view(self) -> Array | None:
        """Return the array itself."""
        array: Array = self.value
        return array

    def private(self) -> Array:
        """Return a copy in the same order."""
        return np.array(self.value, order="K", subok=True)

    def like(self, array: Any) -> Any:
        """Return `array`, which is of the user's kind."""
        return array

    def is_replaced(self) -> bool:
        """Return whether another array is in the place; another view of the same will do."""
        return super().is_replaced() and not same_memory(self.slot.get(), self.value)


class TensorLeaf(Leaf):
    """A torch tensor, or one that behaves so; torch itself is never imported."""

    def live(self) -> Array:
        """Return an array that shares its memory."""
        return tensor_view(self.name, self.value)

    def view(self) -> Array | None:
        """Return an array that shares its memory."""
        return tensor_view(self.name, self.value)

    def private(self) -> Array:
        """Return an array that shares the memory of a private tensor."""
        tensor_view(self.name, self.value)
        self.own = self._copy()
        return tensor_view(self.name, self.own)

    def _copy(self) -> Any:
        copied = self.value.detach().clone()
        kind = type(self.value)
        if type(copied) is kind:
            return copied.requires_grad_(self.value.requires_grad)
        return kind(copied, requires_grad=self.value.requires_grad)

    def like(self, array: Any) -> Any:
        """Return a tensor of the same kind."""
        if array is self.array:
            return self.own
        copied = self._copy()
        tensor_view(self.name, copied)[...] = plain_array(self.name, array)
        return copied


class BufferLeaf(Leaf):
    """Whatever exports a buffer of floating-point numbers: ctypes, ``array.array``, memoryview."""

    def view(self) -> Array | None:
        """Return an array over the buffer."""
        return np.asarray(memoryview(self.value))

    def live(self) -> Array:
        """Return an array over the buffer."""
        view = np.asarray(memoryview(self.value))
        if not view.flags.writeable:
            raise self.refused(
                "writeable", f"a read-only {type(self.value).__name__}", "pass the buffer itself"
            )
        return view

    def private(self) -> Array:
        """Return an array over a private buffer of the same kind."""
        self.own = self._copy(np.asarray(memoryview(self.value)))
        return np.asarray(memoryview(self.own))

    def _copy(self, view: Array) -> Any:
        if isinstance(self.value, ctypes.Array):
            return type(self.value).from_buffer_copy(view.tobytes())
        if isinstance(self.value, arrays_of_python.array):
            return arrays_of_python.array(self.value.typecode, view.tobytes())
        copied: Any = view.copy()
        return memoryview(copied) if isinstance(self.value, memoryview) else copied

    def like(self, array: Any) -> Any:
        """Return a buffer of the same kind."""
        if array is self.array:
            return self.own
        return self._copy(np.asarray(plain_array(self.name, array), self.array.dtype))


class ForeignLeaf(Leaf):
    """Anything else that NumPy can copy; only a loss of its parameters can be given that."""

    def live(self) -> Array:
        """Refuse it: there is no memory to write to."""
        raise self.refused(
            "the array that the loss reads",
            type(self.value).__name__,
            "pass the array itself, name attributes with fc.attributes(layer, 'W', 'b'), or pass a "
            "loss that takes the parameters",
        )

    def private(self) -> Array:
        """Return a copy."""
        try:
            copied = np.array(self.value)
        except (TypeError, ValueError) as problem:
            raise self.refused("an array", str(problem), "convert it to one") from None
        if copied.dtype.kind not in "fiucb":
            raise self.refused(
                "an array",
                type(self.value).__name__,
                "name the attributes that are parameters with fc.attributes(layer, 'W', 'b')",
            )
        return copied

    def like(self, array: Any) -> Any:
        """Return an array, since nothing is known of the user's kind."""
        return array


def same_memory(one: Any, other: Any) -> bool:
    """Return whether two arrays are the same entries of memory in the same order."""
    if one is other:
        return True
    both = isinstance(one, np.ndarray) and isinstance(other, np.ndarray)
    return both and _layout(one) == _layout(other)


def _layout(array: Array) -> tuple[Any, ...]:
    address = array.__array_interface__["data"][0]
    return address, array.shape, array.strides, array.dtype


def plain_array(name: str, array: Any) -> Array:
    """Return `array` if it is an ordinary one.

    Raises
    ------
    TraceError
        If it is a recorded one, with which the user's kind cannot be made.
    """
    if type(array) is not np.ndarray:  # a recorded array may be a subclass
        raise TraceError(f"params[{name!r}] is no NumPy array; NumPy code is needed to follow it")
    return array


def is_buffer(value: object) -> bool:
    """Return whether an object exports a buffer of numbers."""
    try:
        view = memoryview(value)  # type: ignore[arg-type]
    except (TypeError, BufferError):
        return False
    return view.format.lstrip("@=<>!") in tuple("defghilqBHILQ")
