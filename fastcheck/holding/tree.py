"""The structure around parameters: containers, nested in any way, with parameters as leaves."""

from __future__ import annotations

import copy
import functools
import types
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.holding.accessors import Accessors
from fastcheck.holding.attributes import Attributes
from fastcheck.holding.foreign import is_tensor, is_wrapper
from fastcheck.holding.leaves import (
    ALONE,
    ArrayLeaf,
    BufferLeaf,
    ForeignLeaf,
    Leaf,
    TensorLeaf,
    is_buffer,
)
from fastcheck.holding.numbers import NumberLeaf, NumbersLeaf, is_number, shape_of_numbers
from fastcheck.holding.slots import Attribute, Entry, Slot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

FUNCTIONS = (
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    functools.partial,
    np.ufunc,
    type,
)


class Branch:
    """A container and the nodes in it.

    Attributes
    ----------
    parts : list of Leaf, Branch or None
        What it holds, in order; None for what is no parameter: text, flags, functions, None.
    remake : callable
        Returns a container of the same kind from a list of what it is to hold.
    others : list
        What it holds now.
    gather : callable
        The same as `remake`, but with a dict in the place of an object with attributes.
    slot, value : Slot, object
        Its place, and what the place holds.
    """

    slot: Slot
    value: Any

    def __init__(
        self,
        parts: list[Node],
        others: list[Any],
        remake: Callable[..., Any],
        gather: Callable[..., Any] | None = None,
    ) -> None:
        self.parts = parts
        self.others = others
        self.remake = remake
        self.gather = remake if gather is None else gather

    def leaves(self) -> Iterator[Leaf]:
        """Yield the parameters, in order."""
        for part in self.parts:
            if isinstance(part, Leaf):
                yield part
            elif part is not None:
                yield from part.leaves()

    def branches(self) -> Iterator[Branch]:
        """Yield this branch and those in it, from outside in."""
        yield self
        for part in self.parts:
            if isinstance(part, Branch):
                yield from part.branches()


class PairBranch(Branch):
    """What a pair of functions gives and takes.

    Attributes
    ----------
    pair : Accessors
        The functions.
    """

    def __init__(self, part: Node, given: Any, pair: Accessors) -> None:
        super().__init__([part], [given], lambda values: values[0])
        self.pair = pair


Node = Leaf | Branch | None


def remade(node: Node, other: Any, values: Callable[[Leaf], Any]) -> Any:
    """Return a structure like that of `node`, with other values for its leaves."""
    if node is None:
        return other
    if isinstance(node, Leaf):
        return values(node)
    pairs = zip(node.parts, node.others, strict=True)
    return node.remake([remade(part, value, values) for part, value in pairs])


def gathered(node: Node, values: Callable[[Leaf], Any]) -> Any:
    """Return a structure of values in which objects are dicts, and None is what no parameter is."""
    if isinstance(node, Branch):
        return node.gather([gathered(part, values) for part in node.parts])
    return None if node is None else values(node)


def find_tree(params: Any) -> Node:
    """Return the structure of parameters.

    Raises
    ------
    InputError
        If there is none in it, or two have the same name.
    """
    if isinstance(params, Iterator):
        raise InputError(
            f"`params` must be a structure of arrays, got {type(params).__name__}, which can be "
            "read only once; write dict(...) or list(...) around it"
        )
    tree = _node("", Slot(params, None), None)
    names = [leaf.name for leaf in leaves_of(tree)]
    if not names:
        got = "none" if is_container(params) else type(params).__name__
        raise InputError(
            f"`params` must hold an array, got {got}; pass what the loss depends on, such as a "
            "dict of arrays or fc.attributes(layer, 'W', 'b')"
        )
    twice = {name for name in names if names.count(name) > 1} if len({*names}) < len(names) else ()
    if twice:
        raise InputError(
            f"`params` must have different names, got {min(twice)} more than once; dots join the "
            "names of nested containers"
        )
    return tree


def leaves_of(tree: Node) -> list[Leaf]:
    """Return the parameters of a tree, in order."""
    if tree is None:
        return []
    return [tree] if isinstance(tree, Leaf) else list(tree.leaves())


def is_container(value: object) -> bool:
    """Return whether a value holds parameters rather than being one."""
    if isinstance(value, Mapping | list | tuple | Attributes | Accessors):
        return shape_of_numbers(value) is None
    return isinstance(value, np.ndarray) and value.dtype == object


def join(path: str, key: object) -> str:
    """Return the name of what a container holds.

    Examples
    --------
    >>> join("enc", 0), join("", "W")
    ('enc.0', 'W')
    """
    return f"{path}.{key}" if path else str(key)


def _node(path: str, slot: Slot, holder: Any) -> Node:
    """Return the node of what a place holds."""
    value = slot.get()
    if value is None or isinstance(value, str | bool) or _is_function(value):
        return None
    shape = shape_of_numbers(value)
    if shape is not None:
        return NumbersLeaf(path or ALONE, slot, value, holder, shape)
    branch = _branch(path, value)
    if branch is None:
        return _leaf(path or ALONE, slot, value, holder)
    branch.slot, branch.value = slot, value
    return branch


def _is_function(value: object) -> bool:
    return isinstance(value, FUNCTIONS)


def _leaf(name: str, slot: Slot, value: Any, holder: Any) -> Leaf:
    if isinstance(value, np.ndarray):
        return ArrayLeaf(name, slot, value, holder)
    if is_number(value):
        return NumberLeaf(name, slot, value, holder)
    if is_tensor(value):
        return TensorLeaf(name, slot, value, value)
    if is_buffer(value):
        return BufferLeaf(name, slot, value, holder)
    return ForeignLeaf(name, slot, value, holder)


def _branch(path: str, value: Any) -> Branch | None:
    """Return the branch of a container; None of what is none."""
    if isinstance(value, Accessors):
        given = value.read()
        return PairBranch(_node(path, Slot(given, None), None), given, value)
    if isinstance(value, Attributes):
        places = value.slots()
        branch = _branched(path, places, lambda new: value.remade(branch.gather(new)))
        branch.gather = lambda new: dict(zip(places, new, strict=True))
        return branch
    if hasattr(value, "named_parameters"):  # a module of torch
        return _branch(path, dict(value.named_parameters()))
    if isinstance(value, Mapping):
        entries: dict[Any, Slot] = {key: Entry(value, key) for key in value}
        return _branched(path, entries, lambda new: _mapping(value, new))
    if isinstance(value, list | tuple):
        keys = getattr(value, "_fields", range(len(value)))
        kind: Any = type(value)
        make = kind._make if hasattr(value, "_fields") else kind
        slots = {key: Entry(value, place) for place, key in enumerate(keys)}
        return _branched(path, slots, make)
    if isinstance(value, np.ndarray) and value.dtype == object:
        slots = {".".join(map(str, i)): Entry(value, i) for i in np.ndindex(value.shape)}
        return _branched(path, slots, lambda new: _objects(value, new))
    if is_wrapper(value):
        part = _node(path, Attribute(value, "data"), value)
        return Branch([part], [value.data], lambda new: _wrapper(value, new[0]), lambda new: new[0])
    return None


def _branched(path: str, places: Mapping[Any, Slot], remake: Callable[..., Any]) -> Branch:
    parts = [_node(join(path, key), slot, None) for key, slot in places.items()]
    return Branch(parts, [slot.get() for slot in places.values()], remake)


def _mapping(value: Mapping[Any, Any], new: list[Any]) -> Any:
    made = dict(zip(value, new, strict=True))
    if type(value) is dict or not isinstance(value, MutableMapping):
        return made
    other = copy.copy(value)
    other.update(made)
    return other


def _objects(value: Array, new: list[Any]) -> Array:
    made = np.empty(value.shape, object)
    for index, part in zip(np.ndindex(value.shape), new, strict=True):
        made[index] = part
    return made


def _wrapper(value: Any, data: Any) -> Any:
    other = copy.copy(value)
    other.data = data
    if isinstance(getattr(value, "grad", None), np.ndarray):
        other.grad = value.grad.copy()
    return other
