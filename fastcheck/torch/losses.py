"""A loss that torch computes, over parameters wherever the user holds them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.blackbox import BlackBox
from fastcheck.blackbox.arguments import as_one_argument
from fastcheck.blackbox.loss import takes_nothing
from fastcheck.check.gradient_of import gradient_of
from fastcheck.errors import InputError, TraceError
from fastcheck.frameworks.function import Function
from fastcheck.holding import find_aliases, named_gradients, taken
from fastcheck.torch.modes import values_only
from fastcheck.torch.recording import record
from fastcheck.tracing.outcome import loss_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from fastcheck.frameworks.tape import Tape

    Array = NDArray[Any]


class TorchLoss(Function):
    """A loss and its parameters.

    Parameters
    ----------
    loss : callable
        Without arguments, reading the tensors of `params`, or of the parameters.
    params : object
        A module, or tensors in any structure.
    before_each : callable, optional
        Called before each evaluation.

    Attributes
    ----------
    box : BlackBox
        The same loss, as it is called.
    tensors : dict of str to Tensor
        What is differentiated: the user's tensors, or private ones.

    Raises
    ------
    InputError
        If a parameter is no tensor.
    """

    library = "torch"
    name = "the loss"
    in_double = "call double() of the module and of the data"
    is_double = False
    shows_values = True

    def __init__(
        self, loss: Any, params: Any, before_each: Callable[[], Any] | None = None
    ) -> None:
        self.loss = as_one_argument(loss, params)
        self.params = params
        self.before_each = before_each
        self.box = BlackBox(quiet(self.loss), params, before_each)
        held = self.box.held
        odd = [name for name, leaf in held.leaves.items() if not hasattr(leaf.value, "detach")]
        if odd:
            raise InputError(
                f"`params[{odd[0]!r}]` must be a tensor of torch, got "
                f"{type(held.leaves[odd[0]].value).__name__}; pass the module, or its tensors in a "
                "dict or list"
            )
        self.arrays = self.box.arrays
        self.tensors = {name: _tensor_of(held.leaves[name]) for name in self.arrays}

    def move(self, arrays: Mapping[str, Array]) -> None:
        """Write other values into the tensors; as before after ``box.restoring()``."""
        for name, values in arrays.items():
            if values is not self.arrays[name]:
                self.arrays[name][...] = values

    # ------------------------------------------------------------ what a check needs

    def outputs(self, arrays: Mapping[str, Array]) -> list[Array]:
        """Return the loss, computed in the types of the parameters."""
        with self.box.restoring():
            self.move(arrays)
            value = self.box.loss()
        return [np.asarray(value, np.float32 if self.box.unit > 2.0**-53 else np.float64)]

    def gradients(
        self, arrays: Mapping[str, Array], cotangents: Sequence[Array]
    ) -> dict[str, Array | None]:
        """Return the gradient by autograd at the point; nothing is added to ``.grad``."""
        import torch

        del arrays, cotangents
        with _requiring(self.tensors.values()) as wanted:
            loss = loss_of(self._called())
            if not getattr(loss, "requires_grad", False):
                raise InputError(
                    "`loss` must depend on a parameter that requires a gradient, got one that "
                    "autograd does not know; look for detach(), .data, .item() and no_grad() on "
                    "the way to it, or pass `grads`"
                )
            found = torch.autograd.grad(loss.sum(), wanted, allow_unused=True)
        if all(g is None for g in found) and not any(t.requires_grad for t in wanted):
            raise InputError(
                "`params` must hold tensors that autograd reaches from the loss, got "
                f"{len(wanted)} that it does not, as those of state_dict() are; pass the module, "
                "or dict(module.named_parameters())"
            )
        by_tensor = dict(zip(map(id, wanted), found, strict=True))
        return {name: _array(by_tensor, tensor) for name, tensor in self.tensors.items()}

    def given(self, grads: Any) -> dict[str, Any]:
        """Return gradients that the user computes, by name, at the point."""
        kept = [(tensor, tensor.grad) for tensor in self.tensors.values()]
        point = self.box.held.point()
        if not callable(grads) or hasattr(grads, "detach"):
            return named_gradients(taken(grads, self.params), [*self.arrays])
        for tensor, _ in kept:
            tensor.grad = None
        try:
            self.prepare()
            returned = gradient_of(grads, point)
            return named_gradients(taken(returned, point), [*self.arrays])
        finally:
            for tensor, grad in kept:
                tensor.grad = grad

    def record(self, arrays: Mapping[str, Array] | None = None) -> Tape:
        """Return the operations of one run."""
        if find_aliases(self.arrays) is not None:
            raise TraceError("parameters share memory")
        try:
            with self.box.restoring(), values_only():
                self.move(arrays or {})
                return record(lambda: [loss_of(self._called())], self.tensors)
        except RuntimeError as problem:
            if isinstance(problem, TraceError):
                raise
            first = str(problem).strip().splitlines()[0]
            raise TraceError(f"it does not run without autograd: {first}") from problem

    def _called(self) -> Any:
        """Return what the user's function returns for the tensors that are differentiated."""
        self.prepare()
        return self.loss() if self.box.is_closure else self.loss(self.box.held.point())


def quiet(loss: Callable[..., Any]) -> Callable[..., Any]:
    """Return a loss that records nothing for a backward pass, unless it makes one itself."""
    needs_grad = False

    def run(*point: Any) -> Any:
        nonlocal needs_grad
        if not needs_grad:
            try:
                with values_only():
                    return loss(*point)
            except RuntimeError as problem:
                if "grad" not in str(problem):
                    raise
                needs_grad = True
        return loss(*point)

    return (lambda: run()) if takes_nothing(loss) else (lambda params: run(params))


@contextmanager
def preserved(params: Any) -> Iterator[None]:
    """Put back the buffers of modules, and torch's random state."""
    import torch

    buffers = _buffers(params)
    kept = [buffer.clone() for buffer in buffers]
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            with torch.no_grad():
                for buffer, copy in zip(buffers, kept, strict=True):
                    buffer.copy_(copy)


def _buffers(params: Any) -> list[Any]:
    """Return the buffers of a module, or of modules in containers."""
    if hasattr(params, "buffers"):
        return [*params.buffers()]
    if not isinstance(params, Mapping | list | tuple):
        return []
    parts = params.values() if isinstance(params, Mapping) else params
    return [buffer for part in parts for buffer in _buffers(part)]


def _tensor_of(leaf: Any) -> Any:
    """Return the tensor that a loss sees in the place of a parameter."""
    return getattr(leaf, "own", leaf.value)


@contextmanager
def _requiring(tensors: Any) -> Iterator[list[Any]]:
    """Give the tensors that are differentiated: those that ask for it, or all if none does."""
    found = [*tensors]
    wanted = [tensor for tensor in found if tensor.requires_grad]
    if wanted:
        yield wanted
        return
    try:
        for tensor in found:
            tensor.requires_grad_(True)
        yield found
    finally:
        for tensor in found:
            tensor.requires_grad_(False)


def _array(found: Mapping[int, Any], tensor: Any) -> Array | None:
    """Return a gradient as an array: zeros of a tensor that is not used, None of a frozen one."""
    if id(tensor) not in found:
        return None
    gradient = found[id(tensor)]
    if gradient is None:
        return np.zeros(tuple(tensor.shape), tensor.detach().numpy().dtype)
    dense = gradient.to_dense() if gradient.is_sparse else gradient
    array: Array = dense.detach().numpy()
    return array
