"""A module, a custom autograd function or any other function of tensors."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.frameworks.follow import is_near
from fastcheck.frameworks.function import Function
from fastcheck.frameworks.layers import named_inputs
from fastcheck.holding.foreign import tensor_view
from fastcheck.torch.modes import values_only
from fastcheck.torch.recording import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.frameworks.tape import Tape

    Array = NDArray[Any]


BASE = "torch.autograd.function"
"""Where the classes are that custom functions derive from."""


class TorchLayer(Function):
    """A function of tensors, at its inputs.

    Parameters
    ----------
    layer : type, Module or callable
        A subclass of ``torch.autograd.Function``, a module, or a function.
    inputs : Tensor, tuple or dict
        What it is called with. Tensors that require a gradient are differentiated; if none does,
        all that consist of numbers of floating point.
    before_each : callable, optional
        Called before each evaluation.

    Attributes
    ----------
    optional : set of str
        The inputs that do not ask for a gradient: None in its place makes them constants.
    constant : list of str
        The inputs of floating point that are not differentiated, because others ask for it.
    parameters : dict of str to Parameter
        Those of a module.

    Raises
    ------
    InputError
        If there is nothing to differentiate, or no output depends on it.
    """

    library = "torch"
    in_double = "call double() of the inputs, and of a module"
    shows_values = True

    def __init__(
        self, layer: Any, inputs: Any, before_each: Callable[[], Any] | None = None
    ) -> None:
        self.layer = layer
        self.before_each = before_each
        self.name = getattr(layer, "__name__", type(layer).__name__).strip("<>")
        self.given, self.by_keyword = named_inputs(_signed(layer), inputs)
        own = _parameters(layer)
        clash = own.keys() & self.given.keys()
        if clash:
            raise InputError(
                f"`inputs` must have other names than the parameters of {self.name}, got "
                f"{', '.join(sorted(clash))}; rename the arguments"
            )
        real = {name: value for name, value in self.given.items() if _is_real(value)}
        asking = {name: value for name, value in real.items() if value.requires_grad}
        self.optional = set() if asking else {*real}
        self.constant = [name for name in real if name not in asking] if asking else []
        self.parameters = own
        self._choose((asking or real) | own)

    def _choose(self, tensors: Mapping[str, Any]) -> None:
        """Set what is differentiated, and find which outputs depend on it."""
        if not tensors:
            raise InputError(
                "`inputs` must hold a tensor of floating point, or the module parameters, got "
                "neither; pass tensors"
            )
        self.arrays = {n: tensor_view(n, tensor, "inputs") for n, tensor in tensors.items()}
        self.is_double = True
        outputs = _tensors(self._called(self._leaves(self.arrays)))
        self.places = [k for k, out in enumerate(outputs) if out.requires_grad]
        if not self.places:
            raise InputError(
                f"`layer` must have an output that autograd can differentiate, got {len(outputs)} "
                f"of {self.name} that it cannot; look for detach(), no_grad() and "
                "mark_non_differentiable"
            )

    def alone(self, name: str) -> TorchLayer:
        """Return the same function where only one input or parameter requires a gradient."""
        other = object.__new__(TorchLayer)
        vars(other).update(vars(self))
        other.optional = set()
        other.arrays = {name: self.arrays[name]}
        return other

    # ------------------------------------------------------------ calling it

    def outputs(self, arrays: Mapping[str, Array]) -> list[Array]:
        """Return the outputs that autograd can differentiate."""
        with values_only():
            if self.is_double:
                try:
                    return self._evaluated(arrays)
                except RuntimeError:  # a type is written down in it
                    if not self._is_wider(arrays):
                        raise
                    self.is_double = False
            own = {name: np.asarray(a, self.arrays[name].dtype) for name, a in arrays.items()}
            return self._evaluated(own)

    def _is_wider(self, arrays: Mapping[str, Array]) -> bool:
        return any(a.dtype.itemsize > self.arrays[n].dtype.itemsize for n, a in arrays.items())

    def _evaluated(self, arrays: Mapping[str, Array]) -> list[Array]:
        import torch

        outputs = _tensors(self._called({n: torch.from_numpy(a) for n, a in arrays.items()}))
        return [outputs[place].numpy() for place in self.places]

    def gradients(
        self, arrays: Mapping[str, Array], cotangents: Sequence[Array]
    ) -> dict[str, Array | None]:
        """Return what the backward pass gives; zeros where a tensor that asks for one gets none."""
        import torch

        leaves = self._leaves(arrays)
        outputs = _tensors(self._called(leaves))
        chosen = [outputs[place] for place in self.places]
        upstream = [torch.as_tensor(c, dtype=out.dtype).reshape(out.shape)
                    for c, out in zip(cotangents, chosen, strict=True)]  # fmt: skip
        found = torch.autograd.grad(chosen, [*leaves.values()], upstream, allow_unused=True)
        return {
            name: self._array(name, gradient) for name, gradient in zip(leaves, found, strict=True)
        }

    def _array(self, name: str, gradient: Any) -> Array | None:
        if gradient is not None:
            array: Array = gradient.detach().numpy()
            return array
        return None if name in self.optional else np.zeros_like(self.arrays[name])

    def record(self, arrays: Mapping[str, Array] | None = None) -> Tape:
        """Return the operations of one run."""
        import torch

        arrays = self.arrays if arrays is None else arrays
        wide = {name: a.astype(np.float64) for name, a in arrays.items()}
        self.outputs(wide)
        point = wide if self.is_double else arrays  # fewer operations are fused in float64
        leaves = {name: torch.from_numpy(a.copy()) for name, a in point.items()}

        def outputs() -> list[Any]:
            found = _tensors(self._called(leaves))
            return [found[place] for place in self.places]

        with values_only():
            return record(outputs, leaves)

    def _leaves(self, arrays: Mapping[str, Array]) -> dict[str, Any]:
        import torch

        return {
            name: torch.from_numpy(np.array(a)).requires_grad_(True) for name, a in arrays.items()
        }

    def _called(self, tensors: Mapping[str, Any]) -> Any:
        """Return what the layer returns for other values of what is differentiated."""
        import torch

        self.prepare()
        dtype = next(iter(tensors.values())).dtype

        def value(name: str, given: Any) -> Any:
            return tensors[name] if name in tensors else _converted(given, dtype)

        inputs = {name: value(name, given) for name, given in self.given.items()}
        args, kwargs = ((), inputs) if self.by_keyword else ((*inputs.values(),), {})
        if not isinstance(self.layer, torch.nn.Module):
            return getattr(self.layer, "apply", self.layer)(*args, **kwargs)
        held = dict(self.layer.named_parameters()) | dict(self.layer.named_buffers())
        held = {name: value(name, tensor) for name, tensor in held.items()}
        return torch.func.functional_call(self.layer, held, args, kwargs)


def _converted(given: Any, dtype: Any) -> Any:
    """Return a constant as it goes with numbers of a type: a private copy without a gradient."""
    if not hasattr(given, "detach"):
        return given
    copied = given.detach().clone()
    is_narrow = _is_real(given) and dtype.itemsize > given.dtype.itemsize
    return copied.to(dtype) if is_narrow else copied


def _is_real(value: Any) -> bool:
    """Return whether a value is a tensor of numbers of floating point."""
    return hasattr(value, "detach") and value.is_floating_point()


def _parameters(layer: Any) -> dict[str, Any]:
    """Return the parameters of a module that are trained."""
    if not hasattr(layer, "named_parameters"):
        return {}
    return {name: p for name, p in layer.named_parameters() if p.requires_grad}


def _signed(layer: Any) -> Callable[..., Any]:
    """Return what has the signature with which a layer is called."""
    forward = getattr(layer, "forward", layer)
    own = [kind for kind in getattr(layer, "__mro__", ()) if kind.__module__ != BASE]
    takes_context = bool(own) and not any("setup_context" in vars(kind) for kind in own)
    return partial(forward, None) if takes_context else forward


def _tensors(returned: Any) -> list[Any]:
    """Return the tensors in what a layer returns, in order."""
    if isinstance(returned, dict):
        returned = list(returned.values())
    if isinstance(returned, list | tuple):
        return [tensor for part in returned for tensor in _tensors(part)]
    return [returned] if hasattr(returned, "detach") else []


def differing(layer: TorchLayer, names: Iterable[str], rng: np.random.Generator) -> list[str]:
    """Return of which inputs the gradient is another when nothing else requires one.

    Parameters
    ----------
    layer : TorchLayer
        At its point.
    names : iterable of str
        The inputs to look at.
    rng : numpy.random.Generator
        Draws the upstream gradients.
    """
    cotangents = [rng.uniform(0.5, 1.5, out.shape) for out in layer.outputs(layer.arrays)]
    together = layer.gradients(layer.arrays, cotangents)
    found = []
    for name in names:
        single = layer.alone(name)
        alone = single.gradients(single.arrays, cotangents)[name]
        if not is_near(_zeroed(alone), _zeroed(together[name])):
            found.append(name)
    return found


def _zeroed(gradient: Array | None) -> Array:
    return np.zeros(()) if gradient is None or not gradient.any() else gradient  # None is zeros
