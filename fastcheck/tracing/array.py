"""A stand-in for an array that records what is done with it.

It is no subclass of ``ndarray``, since compiled code takes one for an array and reads its memory
without a word. ``isinstance(x, np.ndarray)`` is true all the same, for the user's code asks it.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from fastcheck.errors import TraceError
from fastcheck.tracing.apply import apply, has_traced
from fastcheck.tracing.dispatch import astype, call_function, call_ufunc, reshape
from fastcheck.tracing.flat import Flat
from fastcheck.tracing.functions import copied, picked, powered
from fastcheck.tracing.handle import Handle
from fastcheck.tracing.places import stores_item, user_frame
from fastcheck.tracing.write import assign, operate, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastcheck.tracing.recording import Note

__all__ = ["Traced"]

KNOWN = (Handle, np.ndarray, np.generic, int, float, complex, list, tuple, type(None), str, bytes)


def _foreign(other: Any) -> bool:
    """Return whether an operand has operators of its own, to which ndarray would give way."""
    if isinstance(other, KNOWN):
        return False
    kind = type(other)
    if hasattr(kind, "__array_ufunc__"):
        return kind.__array_ufunc__ is None
    return hasattr(kind, "__radd__") or hasattr(kind, "__array_priority__")


def _operator(function: Any) -> tuple[Any, Any, Any]:
    """Return the methods of an operator: itself, reflected and in place."""

    def forward(self: Traced, other: Any) -> Any:
        if _foreign(other):
            return NotImplemented
        return _binary(self, function, (self, other))

    def reflected(self: Traced, other: Any) -> Any:
        if _foreign(other):
            return NotImplemented
        return _binary(self, function, (other, self))

    def in_place(self: Traced, other: Any) -> Any:
        if _foreign(other):
            return NotImplemented
        if not isinstance(self._concrete(), np.ndarray):
            return _binary(self, function, (self, other))
        if type(other) in (list, tuple) and has_traced(other):
            other = np.stack(other)
        operate(self, function, (self, other), {})
        return self

    return forward, reflected, in_place


def _binary(self: Traced, function: Any, inputs: tuple[Any, ...]) -> Any:
    if isinstance(function, np.ufunc):
        return call_ufunc(function, "__call__", inputs, {})
    return apply(self._tape, function, inputs)


def _comparison(function: np.ufunc) -> Any:
    def compare(self: Traced, other: Any) -> Any:
        if _foreign(other):
            return NotImplemented
        return call_ufunc(function, "__call__", (self, other), {})

    return compare


def _unary(function: np.ufunc) -> Any:
    def method(self: Traced) -> Any:
        return apply(self._tape, function, (self,))

    return method


class Traced(Handle):
    """An array, or a number that depends on something, of which the tape knows the history."""

    __slots__ = ("__weakref__",)
    __array_priority__ = 1e6
    __hash__ = None  # type: ignore[assignment]

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        return call_ufunc(ufunc, method, inputs, keywords)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return call_function(func, args, dict(kwargs))

    @property  # type: ignore[misc]  # what `isinstance` asks if the type does not answer
    def __class__(self) -> Any:
        return type(self._concrete())

    __add__, __radd__, __iadd__ = _operator(np.add)
    __sub__, __rsub__, __isub__ = _operator(np.subtract)
    __mul__, __rmul__, __imul__ = _operator(np.multiply)
    __truediv__, __rtruediv__, __itruediv__ = _operator(np.true_divide)
    __floordiv__, __rfloordiv__, __ifloordiv__ = _operator(np.floor_divide)
    __mod__, __rmod__, __imod__ = _operator(np.remainder)
    __pow__, __rpow__, __ipow__ = _operator(powered)
    __matmul__, __rmatmul__, __imatmul__ = _operator(np.matmul)
    __and__, __rand__, __iand__ = _operator(np.bitwise_and)
    __or__, __ror__, __ior__ = _operator(np.bitwise_or)
    __xor__, __rxor__, __ixor__ = _operator(np.bitwise_xor)
    __lshift__, __rlshift__, __ilshift__ = _operator(np.left_shift)
    __rshift__, __rrshift__, __irshift__ = _operator(np.right_shift)
    __divmod__, __rdivmod__, _ = _operator(np.divmod)
    __lt__, __le__ = _comparison(np.less), _comparison(np.less_equal)
    __gt__, __ge__ = _comparison(np.greater), _comparison(np.greater_equal)
    __eq__, __ne__ = _comparison(np.equal), _comparison(np.not_equal)
    __neg__, __pos__ = _unary(np.negative), _unary(np.positive)
    __abs__, __invert__ = _unary(np.absolute), _unary(np.invert)

    # ------------------------------------------------------------ leaving the trace

    def _leak(self, how: str, text: str) -> Note | None:
        """Note that the value is used as an ordinary one from here on."""
        index = self._node()
        if index is None or not self._tape.depends[index]:
            return None
        value = np.asarray(self._concrete())
        if value.dtype.kind in "biu":
            self._tape.guard("array", index, value.copy())
            return None
        if stores_item(user_frame()):
            how, text = "store", "a value that depends on the parameters goes to an ordinary array"
        return self._tape.note(how, text)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        self._leak("array", "a value that depends on the parameters becomes an ordinary array")
        result = np.array(self._concrete(), dtype=dtype)
        result.flags.writeable = False
        return result

    def __float__(self) -> float:
        value = 1.0 * float(self._concrete())  # a new object, so that its identity tells it
        note = self._leak("float", "`float()` breaks the dependence on the parameters")
        index = self._node()
        if index is not None:
            self._tape.leaks.append((value, index, note))
        return value

    def __complex__(self) -> complex:
        self._leak("float", "`complex()` breaks the dependence on the parameters")
        return complex(self._concrete())

    def __bool__(self) -> bool:
        return bool(self._seen_as("branch", bool(self._concrete())))

    def __int__(self) -> int:
        return int(self._seen_as("int", int(self._concrete())))

    def __index__(self) -> int:
        return int(self._seen_as("index", operator.index(self._concrete())))

    def _seen_as(self, kind: str, value: Any) -> Any:
        index = self._node()
        if index is not None:
            self._tape.guard(kind, index, value)
        return value

    def item(self, *args: Any) -> Any:
        """Return one entry; a number that depends on something stays a traced one."""
        if self._node() is None:
            return self._concrete().item(*args)
        if args:
            return reshape(self, -1)[args[0]] if len(args) == 1 else self[args]
        return reshape(self, (1,))[0]

    def tolist(self) -> Any:
        """Return nested lists of numbers, traced ones if they depend on something."""
        if self._node() is None:
            return self._concrete().tolist()
        if self.ndim == 0:
            return self
        return [row.tolist() for row in self]

    def __repr__(self) -> str:
        self._tell()
        return repr(self._concrete())

    def __str__(self) -> str:
        self._tell()
        return str(self._concrete())

    def __format__(self, spec: str) -> str:
        self._tell()
        return format(self._concrete(), spec)

    def _tell(self) -> None:
        if self.dtype.kind == "f":
            self._leak("text", "a value that depends on the parameters becomes text")

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TraceError('a traced array cannot be pickled; use engine="black box"')

    # ------------------------------------------------------------ a container

    def __len__(self) -> int:
        return len(self._concrete())

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        return apply(self._tape, picked, (self, key))

    def __setitem__(self, key: Any, value: Any) -> None:
        assign(self, key, value)

    def __contains__(self, x: Any) -> bool:
        return bool((self == x).any())

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy("K")

    # ------------------------------------------------------------ attributes

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape."""
        return np.shape(self._concrete())

    @shape.setter
    def shape(self, shape: Any) -> None:
        whole = object.__new__(Traced)
        for slot in Handle.__slots__:
            setattr(whole, slot, getattr(self, slot))
        new = reshape(whole, shape)
        for slot in ("_index", "_value", "_parent", "_root", "_move", "_seen", "_made"):
            setattr(self, slot, getattr(new, slot))

    @property
    def ndim(self) -> int:
        """Count of axes."""
        return np.ndim(self._concrete())

    @property
    def size(self) -> int:
        """Count of entries."""
        return int(np.size(self._concrete()))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the entries."""
        value = self._concrete()
        return value.dtype if hasattr(value, "dtype") else np.dtype(type(value))

    @property
    def base(self) -> Any:
        """The array of which this one is a view, or None."""
        return self._parent

    @property
    def T(self) -> Any:  # noqa: N802 - the name is NumPy's
        """Axes reversed."""
        return apply(self._tape, np.transpose, (self,))

    @property
    def mT(self) -> Any:  # noqa: N802
        """The last two axes swapped."""
        return apply(self._tape, np.swapaxes, (self, -1, -2))

    @property
    def real(self) -> Any:
        """Real part."""
        return apply(self._tape, np.real, (self,))

    @property
    def imag(self) -> Any:
        """Imaginary part."""
        return apply(self._tape, np.imag, (self,))

    @property
    def flat(self) -> Flat:
        """All entries, as one axis."""
        return Flat(self)

    def __getattr__(self, name: str) -> Any:
        if name in ("nbytes", "itemsize", "strides", "flags"):
            return getattr(self._concrete(), name)
        message = f"a traced array has no `{name}`"
        if not name.startswith("_") and hasattr(np.ndarray, name):
            self._tape.note("attribute", message)
        raise AttributeError(message)

    # ------------------------------------------------------------ methods with rules of their own

    def reshape(self, *shape: Any, order: str = "C", **kwargs: Any) -> Any:
        """Return the entries in another shape."""
        return reshape(self, shape[0] if len(shape) == 1 else shape, order, **kwargs)

    def transpose(self, *axes: Any) -> Any:
        """Return the axes in another order."""
        if len(axes) == 1 and (axes[0] is None or np.iterable(axes[0])):
            axes = () if axes[0] is None else tuple(axes[0])
        extra = (tuple(int(a) for a in axes),) if axes else ()
        return apply(self._tape, np.transpose, (self, *extra))

    def ravel(self, order: str = "C") -> Any:
        """Return the entries along one axis, as a view if possible."""
        return (
            reshape(self, -1, order) if order == "C" else call_function(np.ravel, (self, order), {})
        )

    def flatten(self, order: str = "C") -> Any:
        """Return a copy of the entries along one axis."""
        return reshape(self, -1, order, copy=True)

    def copy(self, order: str = "C") -> Any:
        """Return a copy."""
        return apply(self._tape, copied, (self, order), fresh=True)

    def astype(self, dtype: Any, *args: Any, copy: bool = True, **_: Any) -> Any:
        """Return the entries as another type."""
        return astype(self, dtype, copy=copy)

    def view(self, *args: Any) -> Any:
        """Return a view of the same type."""
        if args:
            self._tape.note("attribute", "`view` of another type cannot be followed")
            raise TypeError("view of another type of a traced array")
        return self[...]

    def dot(self, b: Any, out: Any = None) -> Any:
        """Return the dot product."""
        return np.dot(self, b, out)

    def compress(self, condition: Any, axis: Any = None, out: Any = None) -> Any:
        """Return the slices for which the condition is true."""
        return np.compress(condition, self, axis, out)

    def fill(self, value: Any) -> None:
        """Set all entries."""
        assign(self, Ellipsis, value)

    def sort(self, axis: int = -1, **kwargs: Any) -> None:
        """Sort in place."""
        replace(self, np.sort(self, axis, **kwargs))

    def partition(self, kth: Any, axis: int = -1, **kwargs: Any) -> None:
        """Sort partially in place."""
        replace(self, np.partition(self, kth, axis, **kwargs))

    def put(self, indices: Any, values: Any, mode: str = "raise") -> None:
        """Set entries by flat index."""
        call_function(np.put, (self, indices, values, mode), {})

    def __round__(self, digits: int | None = None) -> Any:
        return np.round(self, digits or 0)


def _method(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def method(self: Traced, *args: Any, **kwargs: Any) -> Any:
        return call_function(function, (self, *args), kwargs)

    method.__name__ = name
    method.__doc__ = f"Return ``np.{name}`` of the array."
    return method


METHODS = (
    "all any argmax argmin argpartition argsort choose clip conj conjugate cumprod cumsum diagonal "
    "max mean min nonzero prod repeat round searchsorted squeeze std sum swapaxes take trace var"
)
for _name in METHODS.split():
    setattr(Traced, _name, _method(_name))
