"""The parameters of a loss, wherever the user holds them, as arrays that can be perturbed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import DtypeError, InputError
from fastcheck.holding.aliases import find_aliases
from fastcheck.holding.foreign import plain
from fastcheck.holding.leaves import same_memory
from fastcheck.holding.tree import Branch, PairBranch, find_tree, leaves_of, remade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from fastcheck.holding.leaves import Leaf
    from fastcheck.holding.tree import Node

    Array = NDArray[Any]


class Held:
    """Parameters in any structure.

    Parameters
    ----------
    params : object
        Arrays, tensors, buffers or numbers; or a dict, list, tuple or object array of such, nested
        in any way; or what :func:`attributes` and :func:`accessors` return.
    is_live : bool
        Whether the memory that the user's code reads is perturbed, for a loss without arguments.
        Else private copies are, for a loss that takes the parameters.

    Attributes
    ----------
    arrays : dict of str to ndarray
        What is perturbed, by the user's names.
    fixed : dict of str to object
        What consists of integers, and so cannot be moved a little, if that is not all.
    structure : object
        `params`.

    Raises
    ------
    InputError
        If something in `params` cannot be perturbed, or is not finite.
    DtypeError
        If it consists of integers.
    """

    def __init__(self, params: Any, *, is_live: bool) -> None:
        self.structure = params
        self.is_live = is_live
        self.tree = find_tree(params)
        self.leaves = {leaf.name: leaf for leaf in leaves_of(self.tree)}
        self.pairs = [_Pair(branch) for branch in _pairs(self.tree)]
        private = {leaf.name for pair in self.pairs for leaf in pair.leaves}
        self.fixed = _integers(self.leaves, private)
        self.arrays: dict[str, Array] = {
            name: leaf.hold(is_live and name not in private)
            for name, leaf in self.leaves.items()
            if name not in self.fixed
        }
        _check_values(self.arrays)
        self._containers = [*_containers(self.tree)] if is_live else []
        apart = private | self.fixed.keys()
        self._placed = [leaf for name, leaf in self.leaves.items() if name not in apart]
        self._written = [leaf for leaf in self._placed if is_live and leaf.is_written]
        _tie(self._written, self.arrays)

    @property
    def is_written(self) -> bool:
        """Whether values must be written through before the loss reads them."""
        return self.is_live and bool(self._written or self.pairs)

    @property
    def obstacle(self) -> str:
        """Why the code that reads these parameters cannot be recorded; empty if it may be."""
        if not self.is_live:
            return ""
        if self.pairs:
            return "its parameters are behind a pair of functions"
        odd = next((leaf for leaf in self._placed if not leaf.is_numpy), None)
        return f"{odd.name} is {_kind(odd.value)}" if odd else ""

    def publish(self) -> None:
        """Write what is not memory of the loss to where the loss reads it; nothing by default."""
        if self.is_live:
            for leaf in self._written:
                leaf.publish()
            for pair in self.pairs:
                pair.publish()

    def argument(self, arrays: dict[str, Any]) -> Any:
        """Return `arrays` in the structure and of the kinds of the user's.

        They are not copied where that can be avoided. Of a recording, arrays may be others than
        NumPy's.
        """
        return remade(self.tree, self.structure, self._of_kind(arrays))

    def _of_kind(self, arrays: dict[str, Any]) -> Callable[[Leaf], Any]:
        def part(leaf: Leaf) -> Any:
            return leaf.value if leaf.name in self.fixed else leaf.like(arrays[leaf.name])

        return part

    def point(self) -> Any:
        """Return what a function of the parameters gets: the user's own, or private copies."""
        return self.structure if self.is_live else self.argument(self.arrays)

    def replaced(self) -> list[str]:
        """Return the names of parameters in whose places the user's code put something else."""
        if not self.is_live:
            return []
        found = {leaf.name for leaf in self._placed if leaf.is_replaced()}
        found |= {leaf.name for branch in self._containers if _is_other(branch)
                  for leaf in branch.leaves()}  # fmt: skip
        found |= {leaf.name for pair in self.pairs if pair.is_changed() for leaf in pair.leaves}
        return [name for name in self.arrays if name in found]

    def restore(self) -> None:
        """Put the user's own objects back where they were. The bits of arrays are not ours here."""
        if self.is_live:
            for branch in self._containers:
                if _is_other(branch):
                    branch.slot.put(branch.value)
            for leaf in self._placed:
                leaf.restore()
            for pair in self.pairs:
                pair.restore()

    def shared(self) -> tuple[tuple[str, ...], ...]:
        """Return the names of parameters that share memory where the user has them, in groups."""
        views = {name: leaf.view() for name, leaf in self.leaves.items()}
        try:
            found = find_aliases({name: view for name, view in views.items() if view is not None})
        except InputError:  # views of another dtype: copies are independent all the same
            return ()
        return found.groups if found is not None else ()

    def now(self) -> dict[str, Array]:
        """Return copies of what the user's places hold at present, whoever put it there.

        Raises
        ------
        InputError
            If it is not the same structure.
        """
        found = {
            leaf.name: leaf.hold(is_live=False) for leaf in leaves_of(find_tree(self.structure))
        }
        if found.keys() != self.arrays.keys():
            raise InputError(
                f"`params` must keep its structure, got {', '.join(found)} after "
                f"{', '.join(self.arrays)}; leave out what comes and goes"
            )
        return found


class _Pair:
    """A pair of functions and the arrays between them."""

    def __init__(self, branch: PairBranch) -> None:
        self.branch = branch
        self.leaves = list(branch.leaves())
        given = [leaf.view() for leaf in self.leaves]
        self.kept = [(view, view.copy()) for view in given if view is not None]
        self.put: list[bytes] | None = None

    def publish(self) -> None:
        structure = remade(
            self.branch, None, lambda leaf: leaf.like(np.array(leaf.array, order="K"))
        )
        self.put = [leaf.array.tobytes() for leaf in self.leaves]
        self.branch.pair.write(structure)

    def is_changed(self) -> bool:
        """Return whether the model holds something else than was written."""
        if self.put is None:
            return False
        found = leaves_of(find_tree(self.branch.pair.read()))
        if len(found) != len(self.leaves):
            raise InputError(
                f"`get` must return the same structure each time, got {len(found)} arrays and "
                f"{len(self.leaves)} before; return all weights"
            )
        return [leaf.hold(is_live=False).tobytes() for leaf in found] != self.put

    def restore(self) -> None:
        """Give back what there was at first, the very objects."""
        if self.put is None:
            return
        for view, bits in self.kept:
            if view.flags.writeable:
                view[...] = bits
        self.branch.pair.write(self.branch.others[0])
        self.put = None


def _kind(value: Any) -> str:
    """Return what numbers are held in, as a sentence goes on after "is"."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        return f"an array of {type(value.flat[0]).__name__} objects"
    return f"of type {type(value).__name__}"


def _pairs(tree: Node) -> Iterator[PairBranch]:
    if isinstance(tree, PairBranch):
        yield tree
    elif isinstance(tree, Branch):
        for part in tree.parts:
            yield from _pairs(part)


def _containers(tree: Node) -> Iterator[Branch]:
    """Yield containers in whose places the user's code could put others, from outside in."""
    for branch in tree.branches() if isinstance(tree, Branch) else ():
        if not isinstance(branch, PairBranch) and branch.slot.is_mutable:
            yield branch


def _is_other(branch: Branch) -> bool:
    """Return whether a container was replaced, and not by one of the same parameters."""
    try:
        here = branch.slot.get()
        if here is branch.value:
            return False
        found = leaves_of(find_tree(here))
    except (LookupError, AttributeError, InputError):
        return True
    own = [*branch.leaves()]
    same = (one.value is new.value or same_memory(one.value, new.value)
            for one, new in zip(own, found, strict=False))  # fmt: skip
    return len(found) != len(own) or not all(same)


def _tie(written: Sequence[Leaf], arrays: dict[str, Array]) -> None:
    """Let numbers that are in one place have one array, so that they are known to be tied.

    Raises
    ------
    InputError
        If they are so in part, or a list is in several places of one parameter.
    """
    seen: dict[Any, Leaf] = {}
    for leaf in written:
        cells = leaf.cell_ids()
        other = seen.get(cells[0])
        if other is not None and other.cell_ids() == cells:
            leaf.array = arrays[leaf.name] = other.array
        elif len({*cells}) < len(cells) or any(cell in seen for cell in cells):
            raise leaf.refused(
                "lists of its own",
                "the same list in several places, as [[0.0] * 3] * 4 makes it",
                "make each row a list, or use an array",
            )
        seen |= dict.fromkeys(cells, leaf)


def _integers(leaves: dict[str, Leaf], private: set[str]) -> dict[str, Any]:
    """Return what consists of integers or is a mask, unless everything does."""
    found = {
        name: leaf.value
        for name, leaf in leaves.items()
        if name not in private and _is_integer(leaf.value)
    }
    return found if len(found) < len(leaves) else {}


def _is_integer(value: Any) -> bool:
    """Return whether a value is an array of integers; a number of Python is a number."""
    if type(value) is int:
        return False
    try:
        return np.asarray(plain(value)).dtype.kind in "iub"
    except Exception:  # a ragged list, a tensor without memory: refused with its reason later
        return False


def _check_values(arrays: dict[str, Array]) -> None:
    """Refuse what cannot be perturbed."""
    odd = [name for name, array in arrays.items() if array.dtype.kind != "f"]
    if odd:
        raise DtypeError(
            f"`params[{odd[0]!r}]` must be of floating point, got dtype {arrays[odd[0]].dtype}; "
            "convert it to float64, or leave it out",
            odd,
        )
    for name, array in arrays.items():
        wrong = np.argwhere(~np.isfinite(array))
        if wrong.size:
            place = tuple(int(i) for i in wrong[0])
            raise InputError(
                f"`params[{name!r}]` must be finite, got {array[place]} at {list(place)}; look at "
                "how it was initialised or updated"
            )
