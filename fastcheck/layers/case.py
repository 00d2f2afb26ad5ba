"""A layer at one point: calling both passes on copies, and reading what they give."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.layers.attributes import arrays_of, held_parameters, parts
from fastcheck.layers.inputs import called, fresh, is_tensor
from fastcheck.layers.parameters import Parameters
from fastcheck.layers.returned import by_name, check_shape
from fastcheck.layers.updates import updated_parameters
from fastcheck.layers.wiring import as_output, find_wiring
from fastcheck.tracing.verify import preserved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from fastcheck.layers.attributes import Held
    from fastcheck.layers.inputs import Inputs
    from fastcheck.layers.wiring import Layer

    Arrays = dict[str, NDArray[Any]]


@dataclass
class Passes:
    """One forward and one backward pass.

    Attributes
    ----------
    outputs : tuple of ndarray
        Copies of what came out.
    gradients : dict of str to ndarray or None
        Copies of the gradients, by name; None where the backward pass gives none.
    by_forward, by_backward : list of str
        The inputs that each pass wrote into.
    cotangent_written : bool
        Whether the backward pass wrote into the upstream gradient.
    """

    outputs: tuple[Any, ...]
    gradients: dict[str, Any]
    by_forward: list[str]
    by_backward: list[str]
    cotangent_written: bool


class Case:
    """A layer, its inputs and its parameters.

    Parameters
    ----------
    layer : Layer
        The two passes.
    inputs : Inputs
        What goes in.
    params, grads : object
        As the user gave them.
    rng : numpy.random.Generator
        Draws cotangents.
    before_each : callable, optional
        Called before each forward pass.

    Attributes
    ----------
    outputs : tuple of ndarray
        What came out at the first call.
    params : Parameters
        What was given or found.
    live : dict of str to object
        The inputs that probes move: copies, in float64. Both passes see them as they were given.

    Raises
    ------
    InputError
        If forward and backward do not fit together, or a gradient has another shape than its
        tensor.
    """

    def __init__(
        self,
        layer: Layer,
        inputs: Inputs,
        params: Any,
        grads: Any,
        rng: np.random.Generator,
        before_each: Callable[[], Any] | None = None,
    ) -> None:
        self.layer = layer
        self.before_each = before_each
        self.inputs = inputs
        self.live = {name: _widened(value) for name, value in inputs.values.items()}
        self._forward()  # at which some layers make their parameters
        before = {} if layer.owner is None else arrays_of(layer.owner)
        inside = [part for _, part in parts(layer.owner)]
        given, result = self._forward()
        self.wiring = find_wiring(layer, result, [*inputs.values])
        self.outputs = tuple(as_output(out).copy() for out in self.wiring.outputs(result))
        held = self._held(before, inside, result, given, _as_taken(self.draw(rng), self.outputs))
        self.params = Parameters(layer, params, grads, held, before)
        clash = self.params.arrays.keys() & inputs.values.keys()
        if clash:
            raise InputError(
                f"`params` must have other names than the inputs, got {', '.join(sorted(clash))}; "
                "rename them"
            )

    def draw(self, rng: np.random.Generator) -> tuple[Any, ...]:
        """Return an upstream gradient for each output: no two weights alike, none near zero."""
        return tuple(_weights(out, rng) for out in self.outputs)

    def given(self, cotangent: Any) -> tuple[Any, ...]:
        """Return an upstream gradient for each output, as the user gave them.

        Raises
        ------
        InputError
            If they have not the shapes of the outputs.
        """
        each = cotangent if isinstance(cotangent, tuple) else (cotangent,)
        found = [np.shape(part) for part in each]
        wanted = [out.shape for out in self.outputs]
        if found != wanted:
            raise InputError(
                f"`cotangent` must have the shape of each output, {_listed(wanted)}, got "
                f"{_listed(found)}; pass an array, or a tuple with one for each output"
            )
        return tuple(
            np.asarray(np.asarray(part, _dtype_of(out)), np.float64)
            for part, out in zip(each, self.outputs, strict=True)
        )

    def run(self, cotangents: Sequence[Any]) -> Passes:
        """Call both passes on copies and return copies of what they give."""
        given, result = self._forward()
        outputs = tuple(as_output(out).copy() for out in self.wiring.outputs(result))
        by_forward = self._written(given)
        taken = _as_taken(cotangents, self.outputs)
        untouched = fresh(taken)
        with self._backward(result, given, taken) as returned:
            gradients = self._gradients(returned)
        return Passes(
            outputs,
            gradients,
            by_forward,
            [name for name in self._written(given) if name not in by_forward],
            not all(map(is_same, taken, untouched)),
        )

    def _forward(self) -> tuple[dict[str, Any], Any]:
        """Return copies of the inputs, and what forward returns for them."""
        given = {name: fresh(value) for name, value in self.inputs.values.items()}
        forward = self.layer.forward
        if self.before_each is not None:
            self.before_each()
        with explained("forward", self.layer):
            return given, forward(**given) if self.inputs.by_keyword else forward(*given.values())

    @contextmanager
    def _backward(self, result: Any, given: dict[str, Any], taken: list[Any]) -> Iterator[Any]:
        """Give what backward returns; an update of parameters is undone at the end."""
        arguments = self.wiring.arguments(result, given, taken)
        with preserved(self.layer.backward) if self.wiring.updates else nullcontext():
            with explained("backward", self.layer):
                returned = self.layer.backward(*arguments)
            yield returned

    def _held(
        self,
        before: dict[str, Any],
        inside: list[object],
        result: Any,
        given: dict[str, Any],
        taken: list[Any],
    ) -> dict[str, Held]:
        """Return the parameters of which the layer has gradients after a backward pass."""
        owner = self.layer.owner
        now = {} if owner is None else arrays_of(owner)
        lasting: dict[str, Any] = {name: a for name, a in before.items() if now.get(name) is a}
        copies = {name: array.copy() for name, array in lasting.items()}
        with self._backward(result, given, taken):
            if owner is None:
                return {}
            if not self.wiring.updates:
                return held_parameters(owner, before, inside)
            held = updated_parameters(owner, lasting, copies)
        return {name: h for name, h in held.items() if self.depends_on(h.array)}

    def depends_on(self, array: NDArray[Any]) -> bool:
        """Return whether the output changes with an array, which is as before afterwards."""
        if not array.flags.writeable:
            return False
        kept = array.copy()
        try:
            array[...] = kept + 1e-3 * (1.0 + np.abs(kept))
            with np.errstate(all="ignore"):
                moved = self.forward()
        except Exception:  # whatever it says, it reads the array
            return True
        finally:
            array[...] = kept
        return not all(map(is_same, moved, self.forward()))

    def forward(self) -> tuple[Any, ...]:
        """Return copies of the outputs."""
        result = called(self.layer.forward, self.inputs.values, self.inputs.by_keyword)
        return tuple(as_output(out).copy() for out in self.wiring.outputs(result))

    def _written(self, given: dict[str, Any]) -> list[str]:
        """Return the inputs that are no longer what they were."""
        return [
            name
            for name, value in self.inputs.values.items()
            if isinstance(value, np.ndarray) and not is_same(given[name], value)
        ]

    def _gradients(self, returned: Any) -> dict[str, Any]:
        """Return all gradients, in the shapes of their tensors."""
        unread = [name for name in self.params.arrays if name not in self.params.readers]
        found = by_name(returned, self.inputs.values, unread)
        found |= {name: read() for name, read in self.params.readers.items()}
        missing = [name for name in unread if name not in found]
        if missing:
            raise InputError(
                f"`grads` must say where the gradient of {missing[0]} is, because backward does "
                f'not return it; write grads=lambda: {{"{missing[0]}": ...}}'
            )
        tensors = self.inputs.tensors | self.params.arrays
        gradients = {}
        for name in tensors:
            gradient = found.get(name)
            if gradient is not None:
                check_shape(name, gradient, np.shape(tensors[name]))
                gradient = np.array(gradient)
            gradients[name] = gradient
        return gradients

    def tensors(self, gradients: dict[str, Any]) -> Arrays:
        """Return the arrays that probes move, of those tensors for which there are gradients."""
        both = {name: self.live[name] for name in self.inputs.tensors} | self.params.arrays
        return {name: array for name, array in both.items() if gradients[name] is not None}

    def loss(self, cotangents: Sequence[Any]) -> Callable[[], Any]:
        """Return ``sum(cotangent * output)`` as a function of the live arrays."""
        # Plain names, so that tracing finds what the function reads in its cells; explanations
        # know `upstream` as what is not the user's.
        forward, values, by_keyword = self.layer.forward, self.live, self.inputs.by_keyword
        several, upstream = self.wiring.n_outputs is not None, tuple(cotangents)

        def loss() -> Any:
            result = called(forward, values, by_keyword)
            outputs = result if several else (result,)
            total: Any = 0.0
            for weight, out in zip(upstream, outputs, strict=False):
                total = total + np.sum(weight * out)
            return total

        return loss


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values are the same bit for bit."""
    a, b = np.asarray(one), np.asarray(other)
    return a.shape == b.shape and a.tobytes() == b.tobytes()


def _widened(value: Any) -> Any:
    """Return a float32 array in float64, so that its probes are not lost in rounding."""
    return value.astype(np.float64) if is_tensor(value) and value.dtype.itemsize < 8 else value


def _listed(shapes: Sequence[tuple[int, ...]]) -> str:
    return " and ".join(map(str, shapes)) or "none"


def _dtype_of(out: NDArray[Any]) -> Any:
    """Return the type in which an upstream gradient of an output arrives."""
    return out.dtype if out.dtype.kind == "f" else np.float64


def _weights(out: NDArray[Any], rng: np.random.Generator) -> Any:
    signs = rng.choice([-1.0, 1.0], out.shape)
    drawn = signs * rng.uniform(0.5, 1.5, out.shape)
    single = out.dtype.kind == "f" and out.dtype.itemsize < 8
    return np.asarray(drawn, np.float32).astype(np.float64) if single else np.asarray(drawn)


def _as_taken(cotangents: Sequence[Any], outputs: Sequence[Any]) -> list[Any]:
    """Return upstream gradients as the layer after this one would give them: fresh, of its type."""
    return [
        np.array(c, out.dtype if is_tensor(out) else np.float64) if out.shape else float(c)
        for c, out in zip(cotangents, outputs, strict=True)
    ]


@contextmanager
def explained(what: str, layer: Layer) -> Iterator[None]:
    """Say of an exception in which pass of which layer it was raised."""
    try:
        yield
    except Exception as problem:
        problem.add_note(f"Raised by the {what} pass of {layer.name}, called by fastcheck.")
        raise
