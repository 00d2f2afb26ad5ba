"""Stand-ins for ``np``, ``math`` and ``float`` in the user's modules while a loss is traced.

NumPy itself is never changed. Its functions do not see traced values in lists, and what they
create is ordinary; the names by which the user's code knows them are therefore bound to wrappers
for the time of the trace. Whatever a function creates becomes a traced constant, so that values
that depend on parameters can be written into it, and so that its compiled methods, such as
``x.dot(w)``, do not meet a traced array unprepared.
"""

from __future__ import annotations

import functools
import math
import types
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.tracing.apply import apply, has_traced, is_live, plain, stacked
from fastcheck.tracing.dispatch import along_axis, astype, call_function, reshape
from fastcheck.tracing.functions import copied, number
from fastcheck.tracing.handle import Handle
from fastcheck.tracing.owners import is_foreign_function, is_foreign_module
from fastcheck.tracing.write import assign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastcheck.tracing.tape import Tape

__all__ = ["Proxies"]

# They look into lists themselves, by NEP 18.
SEQUENCES = {
    np.block, np.broadcast_arrays, np.choose, np.column_stack, np.concatenate, np.dstack,
    np.hstack, np.linalg.multi_dot, np.select, np.stack, np.vstack,
}  # fmt: skip


class ModuleProxy(types.ModuleType):
    """A module whose functions are wrapped when they are looked up."""

    def __init__(self, module: types.ModuleType, wrap: Callable[[Any], Any]) -> None:
        super().__init__(module.__name__, module.__doc__)
        self.__dict__["_module"], self.__dict__["_wrap"] = module, wrap

    def __getattr__(self, name: str) -> Any:
        value = self.__dict__["_wrap"](getattr(self.__dict__["_module"], name))
        self.__dict__[name] = value
        return value


class Proxies:
    """The stand-ins of one trace.

    Parameters
    ----------
    tape : Tape
        Where constants and calls belong.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.float = _float_class(tape)
        self._known: dict[int, tuple[Any, Any]] = {}
        for original, own in self._specials().items():
            self._remember(original, own)
        for original, own in ((np.r_, Joiner(0, np.r_)), (np.c_, Joiner(1, np.c_))):
            self._remember(original, own)

    def _remember(self, original: Any, own: Any) -> Any:
        self._known[id(original)] = (original, own)
        return own

    def __call__(self, x: Any) -> Any:
        """Return the stand-in for a module or a function, or what was given."""
        known = self._known.get(id(x))
        if known is not None and known[0] is x:
            return known[1]
        if isinstance(x, types.ModuleType):
            return self._module(x)
        if isinstance(x, (type, np.ufunc)) or not callable(x):
            return x
        if isinstance(x, np.vectorize):
            return self._remember(x, self._opaque(x))
        name = getattr(x, "__module__", None) or ""
        owner = type(getattr(x, "__self__", None)).__module__ or ""
        if _is_numpy(name) or _is_numpy(owner):
            if isinstance(x, NUMPY_FUNCTIONS):
                return self._remember(x, self._numpy(x))
        elif isinstance(x, types.BuiltinFunctionType) and name == "math":
            return self._remember(x, self._opaque(x))
        elif is_foreign_function(x):
            return self._remember(x, self._opaque(x, has_note=True))
        return x

    def _module(self, x: types.ModuleType) -> Any:
        name = x.__name__
        if _is_numpy(name) or x is math or is_foreign_module(x):
            return self._remember(x, ModuleProxy(x, self))
        return x

    def lift(self, result: Any, args: tuple[Any, ...] = ()) -> Any:
        """Return a result with new arrays of numbers as traced constants."""
        if type(result) is np.ndarray:
            if result.dtype.kind not in "fiubc" or any(
                type(a) is np.ndarray and np.may_share_memory(a, result) for a in args
            ):
                return result
            return self.tape.kind._new_root(self.tape, None, result)
        if type(result) in (tuple, list):
            return type(result)([self.lift(r, args) for r in result])
        return result

    def _numpy(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function of NumPy that takes lists of traced values and returns constants."""

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not self.tape.is_open:
                return function(*args, **kwargs)
            if not has_traced((args, kwargs)):
                return self.lift(function(*args, **kwargs), args)
            if type(args[0] if args else None) in (list, tuple) and function not in SEQUENCES:
                args = (stacked(args[0]), *args[1:])
            return call_function(function, args, kwargs)

        return wrapper

    def _opaque(self, function: Callable[..., Any], *, has_note: bool = False) -> Any:
        """Return a function that is recorded as a whole."""

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not self.tape.is_open or not has_traced((args, kwargs)):
                return self.lift(function(*args, **kwargs), args)
            if has_note and is_live((args, kwargs)):
                name = getattr(function, "__name__", str(function))
                self.tape.note("opaque", f"compiled or library function `{name}` is called whole")
            return apply(self.tape, function, args, kwargs)

        return wrapper

    # ------------------------------------------------------------ functions with rules of their own

    def _specials(self) -> dict[Any, Any]:
        return {
            np.array: self._array,
            np.asarray: functools.partial(self._as_array, np.asarray),
            np.asanyarray: functools.partial(self._as_array, np.asanyarray),
            np.ascontiguousarray: functools.partial(self._as_array, np.ascontiguousarray),
            np.asfortranarray: functools.partial(self._as_array, np.asfortranarray),
            np.full: self._full,
            np.reshape: self._reshape,
            np.apply_along_axis: along_axis,
            np.vectorize: self._vectorize,
            np.ndenumerate: self._ndenumerate,
            np.random.shuffle: self._shuffle,
        }

    def _array(self, x: Any, dtype: Any = None, **kwargs: Any) -> Any:
        """Stand for ``np.array``."""
        if not has_traced(x):
            return self.lift(np.array(x, dtype=dtype, **kwargs))
        whole = isinstance(x, Handle)
        new = stacked(x)
        if dtype is not None and np.dtype(dtype) != new.dtype:
            new = astype(new, dtype)
        elif whole and kwargs.get("copy", True):
            new = apply(self.tape, copied, (x, kwargs.get("order", "K")), fresh=True)
        missing = kwargs.get("ndmin", 0) - np.ndim(new)
        return reshape(new, (1,) * missing + np.shape(new)) if missing > 0 else new

    def _as_array(self, function: Any, x: Any, dtype: Any = None, **kwargs: Any) -> Any:
        """Stand for ``np.asarray`` and its like."""
        if not has_traced(x):
            return self.lift(function(x, dtype=dtype, **kwargs), (x,))
        new = stacked(x)
        if dtype is not None and np.dtype(dtype) != new.dtype:
            return astype(new, dtype)
        return apply(self.tape, function, (new,), kwargs)

    def _full(self, shape: Any, fill_value: Any, dtype: Any = None, **kwargs: Any) -> Any:
        """Stand for ``np.full``."""
        if not has_traced(fill_value):
            return self.lift(np.full(plain(shape), fill_value, dtype, **kwargs))
        new = self.lift(np.empty(plain(shape), dtype or fill_value.dtype, **kwargs))
        assign(new, Ellipsis, fill_value)
        return new

    def _reshape(self, a: Any, *args: Any, **kwargs: Any) -> Any:
        """Stand for ``np.reshape``."""
        if has_traced(a):
            return reshape(a, *args, **kwargs)
        return self.lift(np.reshape(a, *plain(args), **plain(kwargs)), (a,))

    def _vectorize(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """Stand for ``np.vectorize``: calls that can be traced."""
        original = np.vectorize(function, *args, **kwargs)

        def call(*inputs: Any, **named: Any) -> Any:
            if not has_traced(inputs) or kwargs.get("signature"):
                return original(*inputs, **named)
            arrays = np.broadcast_arrays(*(stacked(x) for x in inputs))
            shape = arrays[0].shape
            results = [function(*(a[i] for a in arrays), **named) for i in np.ndindex(*shape)]
            return np.reshape(stacked(results), shape) if shape else results[0]

        return call

    def _ndenumerate(self, x: Any) -> Iterator[Any]:
        """Stand for ``np.ndenumerate``."""
        return ((i, x[i]) for i in np.ndindex(*np.shape(x)))

    def _shuffle(self, x: Any) -> None:
        """Stand for ``np.random.shuffle``."""
        if has_traced(x) and type(x) is not list:
            order = np.arange(len(x))
            np.random.shuffle(order)  # noqa: NPY002
            assign(x, Ellipsis, x[order])
        else:
            np.random.shuffle(x)  # noqa: NPY002


NUMPY_FUNCTIONS = (
    types.FunctionType, types.BuiltinFunctionType, types.MethodType, type(np.sum), type(np.where),
    type(np.random.rand),
)  # fmt: skip


def _is_numpy(name: str) -> bool:
    return name == "numpy" or name.startswith("numpy.")


class Joiner:
    """Stands for ``np.r_`` (axis 0) or ``np.c_`` (axis 1)."""

    def __init__(self, axis: int, original: Any) -> None:
        self.axis, self.original = axis, original

    def __getitem__(self, key: Any) -> Any:
        if not has_traced(key):
            return self.original[key]
        keys = key if isinstance(key, tuple) else (key,)
        parts = [self._part(k) for k in keys]
        return np.concatenate(parts, axis=self.axis)

    def _part(self, k: Any) -> Any:
        k = k if isinstance(k, Handle) else np.atleast_1d(self.original[k] if _is_range(k) else k)
        if np.ndim(k) < self.axis + 1:
            return np.reshape(k, (-1,) if self.axis == 0 else (-1, 1))
        return k


def _is_range(k: Any) -> bool:
    return isinstance(k, slice)


def _float_class(tape: Tape) -> Any:
    """Return a stand-in for ``float`` that keeps traced numbers traced."""

    class Meta(type):
        def __call__(cls, *args: Any) -> Any:
            x = args[0] if args else None
            return apply(tape, number, args) if tape.is_open and is_live(x) else float(*args)

        def __instancecheck__(cls, x: Any) -> bool:
            return isinstance(x, float)

        def __subclasscheck__(cls, x: Any) -> bool:
            return issubclass(x, float)

        def __eq__(cls, other: object) -> bool:
            return other is float or other is cls

        def __hash__(cls) -> int:
            return hash(float)

        def __getattr__(cls, name: str) -> Any:
            return getattr(float, name)

    return Meta("float", (), {"dtype": np.dtype(float)})
