"""The operations that torch makes in one run, as NumPy calls."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from fastcheck.errors import TraceError
from fastcheck.frameworks.tape import Ref, Tape
from fastcheck.torch.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

IDLE = {"dtype", "layout", "device", "pin_memory", "memory_format", "non_blocking"}
"""Arguments that say how numbers are kept."""
LIKE = {
    "zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like",
    "new_zeros", "new_ones", "new_full", "new_empty",
}  # fmt: skip
"""Operations that look at nothing but the shape and the type; what is written into their results
afterwards makes them known if it is."""


def record(function: Callable[[], Sequence[Any]], leaves: Mapping[str, Any]) -> Tape:
    """Return what a function does with some tensors.

    Parameters
    ----------
    function : callable
        Called once; returns tensors.
    leaves : mapping of str to Tensor
        The very tensors that it reads.

    Raises
    ------
    TraceError
        If an operation on what depends on them is not known.
    """
    from torch.backends import mkldnn
    from torch.utils._python_dispatch import TorchDispatchMode

    notes = Notes(leaves)

    class Recorder(TorchDispatchMode):  # type: ignore[misc]
        """Sees each operation below autograd, and what it gave."""

        def __torch_dispatch__(
            self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            del types
            returned = operation(*args, **(kwargs or {}))
            notes.take(operation, args, kwargs or {}, returned)
            return returned

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the flags speak of processors that are not there
        with mkldnn.flags(enabled=False), Recorder():  # it makes one operation of a recurrence
            outputs = function()
    return notes.finished(outputs)


class Notes:
    """Which tensors are known, and how they came to be.

    Parameters
    ----------
    leaves : mapping of str to Tensor
        The tensors that are known at first.
    """

    def __init__(self, leaves: Mapping[str, Any]) -> None:
        self.tape = Tape(leaves)
        self.known = {id(tensor): self.tape.leaf(name) for name, tensor in leaves.items()}
        self.kept: list[Any] = [*leaves.values()]  # alive, so that no other gets the same identity
        self.leaves = {*self.known}
        self.problem = ""

    def take(self, operation: Any, args: Any, kwargs: Any, returned: Any) -> None:
        """Note an operation, if something known goes into it."""
        if not any(id(tensor) in self.known for tensor in _tensors([args, [*kwargs.values()]])):
            return
        name = getattr(operation, "overloadpacket", operation).__name__
        if name in LIKE:
            return
        target = args[0] if name.endswith("_") and not name.endswith("__") else None
        function = OPERATIONS.get(name if target is None else name.rstrip("_"))
        if function is None or "out" in kwargs:
            self.problem = self.problem or f"torch's {name} has no counterpart in NumPy here"
            return
        if target is not None and (target._is_view() or id(target) in self.leaves):
            self.problem = self.problem or f"{name} writes into a part of a tensor, or a parameter"
        rest = {key: self._named(value) for key, value in kwargs.items() if key not in IDLE}
        ref = self.tape.add(function, *(self._named(arg) for arg in args), **rest)
        self._keep(ref, returned)

    def finished(self, outputs: Sequence[Any]) -> Tape:
        """Return the tape, unless something was not known."""
        if self.problem:
            raise TraceError(self.problem)
        self.tape.outputs = [self._named(output) for output in outputs]
        return self.tape

    def _named(self, value: Any) -> Any:
        """Return an argument: known tensors as references, others as arrays."""
        if isinstance(value, list | tuple):
            return [self._named(part) for part in value]
        if id(value) in self.known:
            return self.known[id(value)]
        return self._constant(value) if hasattr(value, "detach") else value

    def _constant(self, tensor: Any) -> Any:
        try:
            return constant(tensor)
        except (TypeError, RuntimeError):
            kind = f"{tensor.layout}, {tensor.dtype}".replace("torch.", "")
            self.problem = self.problem or f"a constant tensor ({kind}) has no counterpart in NumPy"
            return None

    def _keep(self, ref: Ref, returned: Any) -> None:
        parts = enumerate(returned) if isinstance(returned, list | tuple) else [(None, returned)]
        for part, tensor in parts:
            if hasattr(tensor, "detach"):
                self.kept.append(tensor)
                if tensor.is_floating_point() and tensor.dtype.itemsize < 4:
                    self.tape.narrow = str(tensor.dtype).removeprefix("torch.")
                self.known[id(tensor)] = Ref(ref.index, part)


def constant(tensor: Any) -> Any:
    """Return a copy of a tensor as an array, numbers of floating point as float64."""
    found = tensor.detach().cpu()
    wide = found.double() if tensor.is_floating_point() else found  # NumPy has no bfloat16
    return wide.numpy().copy()


def _tensors(value: Any) -> list[Any]:
    """Return the tensors in lists and tuples."""
    if isinstance(value, list | tuple):
        return [tensor for part in value for tensor in _tensors(part)]
    return [value] if hasattr(value, "detach") else []
