"""A function of TensorFlow as NumPy calls, read off its graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import TraceError
from fastcheck.frameworks.tape import Ref, Tape
from fastcheck.tensorflow.operations import IDLE, LISTS, OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

NUMBERS = {"tensor", "f", "i", "b"}
"""Kinds of attributes of an operation that hold a number."""


def graph_of(function: Callable[..., Sequence[Any]], kinds: Sequence[Any]) -> Any:
    """Return a function compiled for tensors of some kinds, with its graph.

    Compiled functions inside run as the Python that they are, as part of the same graph.

    Raises
    ------
    TraceError
        If no graph can be made of it.
    """
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        return tf.compat.v1.wrap_function(lambda *args: list(function(*args)), list(kinds))
    except Exception as problem:  # Python that needs the values
        first = str(problem).strip().splitlines()[0]
        raise TraceError(f"TensorFlow makes no graph of it: {first}") from problem
    finally:
        tf.config.run_functions_eagerly(before)


def record(made: Any, inputs: Mapping[str, Any], variables: Mapping[str, Any]) -> Tape:
    """Return what a compiled function does.

    Parameters
    ----------
    made : WrappedFunction
        What :func:`graph_of` returned.
    inputs : mapping of str to object
        What it takes, in order.
    variables : mapping of str to Variable
        What it reads.

    Raises
    ------
    TraceError
        If an operation in its graph is not known.
    """
    return Reader(made.graph, inputs, variables).tape


class Reader:
    """Turns a graph into a tape.

    Parameters
    ----------
    graph : FuncGraph
        The graph.
    inputs, variables : mapping
        As for :func:`record`.

    Attributes
    ----------
    tape : Tape
        What was read.
    """

    def __init__(self, graph: Any, inputs: Mapping[str, Any], variables: Mapping[str, Any]) -> None:
        self.tape = Tape([*inputs, *variables])
        self.values: dict[str, Any] = {}
        for name, tensor in zip(inputs, graph.inputs, strict=False):
            self.values[tensor.name] = self.tape.leaf(name)
        self.variables = {id(v.handle): self.tape.leaf(name) for name, v in variables.items()}
        others = {id(v.handle): v for v in graph.variables}
        for outside, inside in graph.captures:
            self.values[inside.name] = self._captured(outside, others)
        for operation in graph.get_operations():
            if operation.outputs and operation.outputs[0].name not in self.values:
                self._take(operation)
        self.tape.outputs = [self.values[output.name] for output in graph.structured_outputs]

    def _captured(self, outside: Any, others: Mapping[int, Any]) -> Any:
        """Return what a graph takes from outside: a parameter, another variable, a constant."""
        if id(outside) in self.variables:
            return self.variables[id(outside)]
        if id(outside) in others:
            return constant(others[id(outside)])
        return constant(outside) if outside.dtype.is_numpy_compatible else outside

    def _take(self, operation: Any) -> None:
        import tensorflow as tf

        found: Any
        if operation.type == "Const":
            found = constant(tf.make_ndarray(operation.get_attr("value")))
        elif operation.type == "ReadVariableOp":
            found = self.values[operation.inputs[0].name]
        elif operation.type in OPERATIONS:
            found = self._added(operation)
        else:
            raise TraceError(f"TensorFlow's {operation.type} has no counterpart in NumPy here")
        for kind in (output.dtype for output in operation.outputs):
            if kind.is_floating and kind.size < 4:
                self.tape.narrow = kind.name
        several = len(operation.outputs) > 1 or operation.type in LISTS
        for part, output in enumerate(operation.outputs):
            self.values[output.name] = Ref(found.index, part) if several else found

    def _added(self, operation: Any) -> Ref:
        known = {a.name for a in operation.op_def.attr if "type" not in a.type} - IDLE
        kept = {name: _plain(operation.get_attr(name)) for name in sorted(known)}
        if operation.type == "Cast":
            kind = operation.outputs[0].dtype
            kept = {"kind": "f" if kind.is_floating else np.dtype(kind.as_numpy_dtype).kind}
        inputs = [self.values[tensor.name] for tensor in operation.inputs]
        return self.tape.add(OPERATIONS[operation.type], *inputs, **kept)


def numbers_in(made: Any) -> list[Any]:
    """Return the operations of a compiled function with the numbers that are written into them.

    Those that another run of the Python gives are others where it looks at the values of variables,
    which TensorFlow allows in ``tf.init_scope``.
    """
    definition = made.graph.as_graph_def()
    bodies = [definition.node, *(body.node_def for body in definition.library.function)]
    variables = {id(variable.handle) for variable in made.graph.variables}
    written = [
        (node.op, name, value.SerializeToString(deterministic=True))
        for nodes in bodies
        for node in nodes
        for name, value in sorted(node.attr.items())
        if value.WhichOneof("value") in NUMBERS and not name.startswith("_")
    ]
    captured = [
        outside.numpy().tobytes()
        for outside, _ in made.graph.captures
        if id(outside) not in variables and outside.dtype.is_numpy_compatible
    ]
    return [written, captured]


def constant(value: Any) -> Any:
    """Return a copy as an array, numbers of floating point as float64."""
    array = np.array(value.numpy() if hasattr(value, "numpy") else value)
    return array.astype(np.float64) if array.dtype.kind in "fV" else array


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
