"""A function of tensors and variables of TensorFlow, as NumPy sees it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError, TraceError
from fastcheck.frameworks.follow import is_near, points
from fastcheck.frameworks.function import Function
from fastcheck.tensorflow.recording import graph_of, numbers_in, record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.frameworks.tape import Tape

    Array = NDArray[Any]


class TensorFunction(Function):
    """A function with its inputs and variables.

    Parameters
    ----------
    function : callable
        Takes a dict of tensors, those of `inputs`, and returns tensors in any structure.
    inputs : mapping of str to ndarray
        Arrays that it takes, differentiated.
    variables : mapping of str to Variable
        Variables that it reads, differentiated. Written to, see :func:`preserved`.
    name : str
        What messages call it.
    before_each : callable, optional
        Called before each evaluation.

    Raises
    ------
    InputError
        If there is nothing to differentiate, or nothing is returned.
    """

    library = "tensorflow"
    in_double = (
        'call keras.config.set_floatx("float64") before the model is made, or give variables of '
        "float64"
    )

    def __init__(
        self,
        function: Callable[[Mapping[str, Any]], Any],
        inputs: Mapping[str, Array],
        variables: Mapping[str, Any],
        name: str = "the loss",
        before_each: Callable[[], Any] | None = None,
    ) -> None:
        self.function = function
        self.inputs = dict(inputs)
        self.variables = dict(variables)
        self.name = name
        self.before_each = before_each
        self.arrays = {**self.inputs, **{n: v.numpy() for n, v in self.variables.items()}}
        _check(self.arrays)
        self.now = {n: self.arrays[n].copy() for n in self.variables}
        self.is_double = not self.variables
        self._graphs: dict[tuple[Any, ...], Any] = {}
        self._can_compile = True
        self._settle()

    def _settle(self) -> None:
        """Compile the function only if it then gives the same as Python, here and elsewhere."""
        plain = self._real(*self._tensors(self.arrays))
        compiled = self._compiled(self._tensors(self.arrays))
        if not all(is_near(a.numpy(), b.numpy()) for a, b in zip(plain, compiled, strict=True)):
            self._can_compile = False
        if self._can_compile and self.variables:
            self._can_compile = not self._is_frozen()

    def _is_frozen(self) -> bool:
        """Return whether the graph has other constants where the variables have other values."""
        *_, moved = points(self.arrays, 0)
        elsewhere = graph_of(self._real, _kinds(self._tensors(moved)))
        here = self._graph(self._tensors(self.arrays))  # made before, at this point
        return numbers_in(elsewhere) != numbers_in(here)

    def _compiled(self, tensors: Sequence[Any]) -> list[Any]:
        """Return what the function gives, compiled where that is possible."""
        if self._can_compile:
            try:
                found: list[Any] = self._graph(tensors)(*tensors)
            except TraceError:
                self._can_compile = False
            else:
                return found
        return self._real(*tensors)

    def _graph(self, tensors: Sequence[Any]) -> Any:
        key = tuple(tensor.dtype for tensor in tensors)
        if key not in self._graphs:
            self._graphs[key] = graph_of(self._real, _kinds(tensors))
        return self._graphs[key]

    def _real(self, *tensors: Any) -> list[Any]:
        """Return the outputs of floating point."""
        import tensorflow as tf

        result = self.function(dict(zip(self.inputs, tensors, strict=True)))
        outputs = [tf.convert_to_tensor(out) for out in tf.nest.flatten(result)]
        real = [out for out in outputs if out.dtype.is_floating]
        if not real:
            raise InputError(
                f"{self.name} must return a tensor of floating point, got none; return its output"
            )
        return real

    # ------------------------------------------------------------ what a check needs

    def move(self, arrays: Mapping[str, Array]) -> None:
        """Set another point."""
        self.arrays = dict(arrays)
        self._tensors(arrays)

    def first(self, arrays: Mapping[str, Array]) -> Array:
        """Return the first output."""
        return self.outputs(arrays)[0]

    def widest(self) -> dict[str, Array]:
        """Return the point in float64, if it is computed with throughout, else as it is."""
        wide = {name: a.astype(np.float64) for name, a in self.arrays.items()}
        if self.is_double:
            self.outputs(wide)
        return wide if self.is_double else self.arrays

    def outputs(self, arrays: Mapping[str, Array]) -> list[Array]:
        """Return the outputs; variables are of the type that they are."""
        import tensorflow as tf

        if self.is_double:
            try:
                return [out.numpy() for out in self._compiled(self._tensors(arrays, wide=True))]
            except (TypeError, ValueError, tf.errors.InvalidArgumentError):
                if not any(a.dtype.itemsize > self.arrays[n].dtype.itemsize
                           for n, a in arrays.items()):  # fmt: skip
                    raise
                self.is_double = False
        return [out.numpy() for out in self._compiled(self._tensors(arrays))]

    def _tensors(self, arrays: Mapping[str, Array], wide: bool = False) -> list[Any]:
        """Return the inputs as tensors, after the variables were set and all is prepared."""
        import tensorflow as tf

        self.prepare()
        for name, variable in self.variables.items():
            values = np.asarray(arrays[name], self.arrays[name].dtype)
            if not np.array_equal(values, self.now[name], equal_nan=True):
                variable.assign(values)
                self.now[name] = values.copy()
        return [
            tf.constant(arrays[n], arrays[n].dtype if wide else self.arrays[n].dtype)
            for n in self.inputs
        ]

    def gradients(
        self, arrays: Mapping[str, Array], cotangents: Sequence[Array]
    ) -> dict[str, Array | None]:
        """Return the gradient by a tape; of an input that is not connected None, else zeros."""
        import tensorflow as tf

        tensors = self._tensors(arrays)
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            outputs = self._real(*tensors)
        upstream = [tf.constant(c, out.dtype, out.shape)
                    for c, out in zip(cotangents, outputs, strict=True)]  # fmt: skip
        sources = [*tensors, *self.variables.values()]
        found = tape.gradient(outputs, sources, output_gradients=upstream)
        return {name: self._array(name, g) for name, g in zip(self.arrays, found, strict=True)}

    def _array(self, name: str, gradient: Any) -> Array | None:
        if gradient is not None:
            return dense(gradient)
        return np.zeros_like(self.arrays[name]) if name in self.variables else None

    def record(self, arrays: Mapping[str, Array] | None = None) -> Tape:
        """Return the operations of the function, of which the graph is made without values."""
        made = self._graph(self._tensors(arrays or self.arrays))
        if not self._can_compile:
            raise TraceError(
                "the graph that TensorFlow makes of it computes something else, as where values of "
                "variables are taken out of it"
            )
        return record(made, self.inputs, self.variables)


def _kinds(tensors: Sequence[Any]) -> list[Any]:
    """Return what a graph is made for."""
    import tensorflow as tf

    return [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in tensors]


def dense(gradient: Any) -> Array:
    """Return a gradient as an array, also where it consists of rows."""
    import tensorflow as tf

    array: Array = np.array(tf.convert_to_tensor(gradient))
    return array


@contextmanager
def preserved(params: Any) -> Iterator[None]:
    """Put back the values of variables: those of a model, or in any structure."""
    import tensorflow as tf

    found = [v for part in tf.nest.flatten(params) for v in getattr(part, "variables", [part])]
    kept = [(v, v.numpy()) for v in found if hasattr(v, "assign")]
    try:
        yield
    finally:
        for variable, values in kept:
            variable.assign(values)


def _check(arrays: Mapping[str, Array]) -> None:
    odd = [name for name, a in arrays.items() if a.dtype.kind != "f"]
    if odd:
        raise InputError(
            f"`params[{odd[0]!r}]` must be of float64, float32 or float16, got "
            f"{arrays[odd[0]].dtype}; leave it out, or convert it for the check"
        )
    if not arrays:
        raise InputError(
            "`params` must hold a variable that is trained, or an array, got none; pass the model, "
            "built, or its variables"
        )
