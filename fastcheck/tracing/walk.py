"""Everything that a loss function can reach: which places hold what.

A *slot* is a place that holds an object and can hold another one for a while. Containers are
remembered as they are, so that everything can be put back (`Walk.restore`).
"""

from __future__ import annotations

import functools
import types
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.tracing.owners import is_user_class, is_user_globals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["MISSING", "Slot", "Walk"]

MAX_OBJECTS = 300_000
LONG = 500  # a list of more entries is looked through for its types first
MISSING = object()
ATOMS = (
    type(None), bool, int, float, complex, str, bytes, bytearray, range, slice, np.generic,
    np.dtype, np.ufunc, types.CodeType, types.FrameType, types.GeneratorType,
)  # fmt: skip


@dataclass(slots=True)
class Slot:
    """A place that holds an object.

    Parameters
    ----------
    owner : object
        The container, cell, function, class or instance.
    key : object
        Which place of it.
    value : object
        What it held, or `MISSING`.
    put : callable
        ``put(owner, key, value)``.
    """

    owner: Any
    key: Any
    value: Any
    put: Callable[[Any, Any, Any], None]


def put_key(owner: dict[Any, Any], key: Any, value: Any) -> None:
    """Set or delete an entry of a dictionary, whatever its class makes of that."""
    if value is MISSING:
        dict.pop(owner, key, None)
    else:
        dict.__setitem__(owner, key, value)


def put_entry(owner: Any, key: int, value: Any) -> None:
    """Set an entry of a list, a deque or an array of objects."""
    if isinstance(owner, list):
        list.__setitem__(owner, key, value)
    elif isinstance(owner, np.ndarray):
        owner[np.unravel_index(key, owner.shape)] = value
    else:
        owner[key] = value


def put_cell(owner: Any, _: Any, value: Any) -> None:
    """Set the variable of a closure."""
    owner.cell_contents = value


def put_defaults(owner: Any, name: str, value: Any) -> None:
    """Set the default arguments of a function."""
    setattr(owner, name, value)


def put_class(owner: type, name: str, value: Any) -> None:
    """Set an attribute of a class."""
    type.__setattr__(owner, name, value)


def put_member(owner: Any, member: Any, value: Any) -> None:
    """Set an attribute that has a slot of its own."""
    member.__set__(owner, value)


def put_partial(owner: Any, _: Any, value: Any) -> None:
    """Set the arguments of a partial function."""
    owner.__setstate__((owner.func, value, owner.keywords, owner.__dict__ or None))


class Walk:
    """The slots that can be reached from some objects.

    Attributes
    ----------
    slots : list of Slot
        Places whose objects may be exchanged.
    scopes : list of tuple
        ``(globals, names)`` for each reachable function of the user: what it looks up.
    caches : list
        Functions that remember their results.
    generators : list
        Random generators, with their states.
    """

    def __init__(self, roots: Iterable[Any]) -> None:
        self.slots: list[Slot] = []
        self.scopes: list[tuple[dict[str, Any], set[str]]] = []
        self.generators: list[tuple[Any, Any]] = [(np.random, np.random.get_state())]  # noqa: NPY002
        self.caches: list[Any] = []
        self._contents: list[tuple[Any, Any]] = []
        self._seen: set[Any] = set()
        self._keep: list[Any] = []
        self._queue = list(roots)
        while self._queue and len(self._seen) < MAX_OBJECTS:
            self._visit(self._queue.pop())

    # ------------------------------------------------------------ finding

    def _once(self, x: Any) -> bool:
        if id(x) in self._seen:
            return False
        self._seen.add(id(x))
        self._keep.append(x)
        return True

    def _slot(self, owner: Any, key: Any, value: Any, put: Callable[[Any, Any, Any], None]) -> None:
        self.slots.append(Slot(owner, key, value, put))
        self._queue.append(value)

    def _visit(self, x: Any) -> None:
        if isinstance(x, ATOMS) or not self._once(x):
            return
        if hasattr(x, "cache_clear") and hasattr(x, "__wrapped__"):  # functools.lru_cache
            self.caches.append(x)
            self._queue.append(x.__wrapped__)
            return
        for kind, visit in VISITS:
            if isinstance(x, kind):
                visit(self, x)
                return
        self._instance(x)

    def _array(self, x: np.ndarray) -> None:
        if x.dtype.hasobject and x.dtype.kind == "O":
            for k, value in enumerate(x.flat):
                if not isinstance(value, ATOMS):
                    self._slot(x, k, value, put_entry)

    def _module(self, x: types.ModuleType) -> None:
        if is_user_globals(x.__dict__):
            self._remember(x.__dict__)
            for name, value in list(x.__dict__.items()):
                if not name.startswith("__"):
                    self._name(x.__dict__, name, value)

    def _name(self, scope: dict[str, Any], name: str, value: Any) -> None:
        key = (id(scope), name)
        if key not in self._seen:
            self._seen.add(key)
            self._slot(scope, name, value, put_key)

    def _remember(self, container: Any) -> None:
        key = ("contents", id(container))
        if key not in self._seen:
            self._seen.add(key)
            self._contents.append((container, container.copy()))

    def _function(self, x: types.FunctionType) -> None:
        for cell in x.__closure__ or ():
            if self._once(cell):
                try:
                    self._slot(cell, None, cell.cell_contents, put_cell)
                except ValueError:  # not assigned yet
                    continue
        if x.__defaults__:
            self._slot(x, "__defaults__", x.__defaults__, put_defaults)
        if x.__kwdefaults__:
            self._queue.append(x.__kwdefaults__)
        if is_user_globals(x.__globals__):
            names = _names(x.__code__)
            self.scopes.append((x.__globals__, names))
            self._remember(x.__globals__)
            for name in names & x.__globals__.keys():
                self._name(x.__globals__, name, x.__globals__[name])
        self._queue.append(getattr(x, "__wrapped__", None))
        if x.__dict__:
            self._queue.append(x.__dict__)

    def _method(self, x: types.MethodType) -> None:
        self._queue += [x.__self__, x.__func__]

    def _partial(self, x: functools.partial[Any]) -> None:
        self._slot(x, None, x.args, put_partial)
        self._queue += [x.func, x.keywords]

    def _dict(self, x: dict[Any, Any]) -> None:
        self._remember(x)
        for key, value in x.items():
            self._slot(x, key, value, put_key)
        if type(x) is not dict:
            self._instance(x)

    def _list(self, x: Any) -> None:
        self._remember(x)
        if len(x) < LONG or not all(issubclass(kind, ATOMS) for kind in set(map(type, x))):
            for k, value in enumerate(x):
                self._slot(x, k, value, put_entry)
        if type(x) not in (list, deque):
            self._instance(x)

    def _tuple(self, x: tuple[Any, ...]) -> None:
        self._queue += x

    def _set(self, x: Any) -> None:
        if isinstance(x, set):
            self._remember(x)
        self._queue += x

    def _class(self, x: type) -> None:
        if not is_user_class(x):
            return
        for name, value in list(vars(x).items()):
            inner = getattr(value, "__func__", None) or getattr(value, "func", None)
            if isinstance(value, property):
                self._queue += [value.fget, value.fset]
            elif isinstance(value, (staticmethod, classmethod, functools.cached_property)):
                self._queue.append(inner)
            elif isinstance(value, types.FunctionType):
                self._queue.append(value)
            elif not name.startswith("__") and not _is_descriptor(value):
                self._slot(x, name, value, put_class)
        self._queue += x.__bases__

    def _random(self, x: Any) -> None:
        holder = getattr(x, "bit_generator", None) or getattr(x, "_bit_generator", x)
        self.generators.append((holder, holder.state))

    def _instance(self, x: Any) -> None:
        kind = type(x)
        if not is_user_class(kind) and kind not in PLAIN:
            wrapped = getattr(x, "__wrapped__", None)  # functools.lru_cache
            if isinstance(wrapped, types.FunctionType):
                self._queue.append(wrapped)
            return
        try:
            attributes = object.__getattribute__(x, "__dict__")
        except AttributeError:
            attributes = None
        if type(attributes) is dict:
            self._queue.append(attributes)
        for base in kind.__mro__:
            for member in vars(base).values():
                if isinstance(member, types.MemberDescriptorType) and is_user_class(base):
                    self._member(x, member)
        self._queue.append(kind)

    def _member(self, x: Any, member: Any) -> None:
        try:
            value = member.__get__(x)
        except AttributeError:
            return
        self._slot(x, member, value, put_member)

    @property
    def objects(self) -> list[Any]:
        """All objects that were visited, but for numbers and strings."""
        return self._keep

    # ------------------------------------------------------------ exchanging and putting back

    def exchange(self, new: Callable[[Any], Any]) -> None:
        """Put ``new(value)`` in the place of each value, where that is another object."""
        self._forget()
        for slot in self.slots:
            value = new(slot.value)
            if value is not slot.value:
                _put(slot, value)

    def arrays(self) -> list[np.ndarray]:
        """Return the arrays of numbers that were found, each once, tuples included."""
        found: dict[int, np.ndarray] = {}
        stack = [slot.value for slot in self.slots]
        while stack:
            x = stack.pop()
            if isinstance(x, tuple):
                stack += x
            elif isinstance(x, np.ndarray) and not x.dtype.hasobject:
                found[id(x)] = x
        return list(found.values())

    def restore(self) -> None:
        """Put everything back as it was when the walk was made."""
        for slot in reversed(self.slots):
            if not isinstance(slot.owner, (dict, list, deque)):
                _put(slot, slot.value)
        for container, copy in self._contents:
            _refill(container, copy)
        for holder, state in self.generators:
            if holder is np.random:
                np.random.set_state(state)  # noqa: NPY002
            else:
                holder.state = state
        self._forget()

    def _forget(self) -> None:
        """Empty the caches of functions, in which values of another run would be found."""
        for cached in self.caches:
            cached.cache_clear()


PLAIN = (types.SimpleNamespace,)


def _put(slot: Slot, value: Any) -> None:
    """Write into a slot; one that cannot be written to keeps what it has."""
    with suppress(AttributeError, TypeError):
        slot.put(slot.owner, slot.key, value)


def _is_descriptor(x: Any) -> bool:
    return hasattr(type(x), "__set__") or isinstance(
        x, (types.WrapperDescriptorType, types.MethodDescriptorType, types.BuiltinFunctionType)
    )


def _names(code: types.CodeType) -> set[str]:
    """Return the names that a function and those inside it look up."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names


def _refill(container: Any, copy: Any) -> None:
    """Give a container the contents of an earlier copy, and write nothing if it has them."""
    if isinstance(container, dict):
        _refill_dict(container, copy)
    elif isinstance(container, set):
        if container != copy:
            container.clear()
            container.update(copy)
    elif len(container) != len(copy) or any(
        a is not b for a, b in zip(container, copy, strict=True)
    ):
        container.clear()
        container.extend(copy)


def _refill_dict(container: dict[Any, Any], copy: dict[Any, Any]) -> None:
    for key in [k for k in dict.keys(container) if k not in copy]:
        dict.__delitem__(container, key)
    is_complete = len(container) == len(copy)
    for key, value in dict.items(copy):
        if dict.get(container, key, MISSING) is not value:
            dict.__setitem__(container, key, value)
    if not is_complete and list(container) != list(copy):  # an entry was deleted: keep the order
        dict.clear(container)
        dict.update(container, copy)


VISITS: list[tuple[Any, Callable[[Walk, Any], None]]] = [
    (np.ndarray, Walk._array),
    (dict, Walk._dict),
    ((list, deque), Walk._list),
    (types.FunctionType, Walk._function),
    (tuple, Walk._tuple),
    (types.MethodType, Walk._method),
    (types.ModuleType, Walk._module),
    (functools.partial, Walk._partial),
    (type, Walk._class),
    ((set, frozenset), Walk._set),
    ((np.random.Generator, np.random.RandomState, np.random.BitGenerator), Walk._random),
]
