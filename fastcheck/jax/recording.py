"""A function of JAX as NumPy calls, read off its jaxpr."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import TraceError
from fastcheck.frameworks.tape import Ref, Tape
from fastcheck.jax.operations import IDLE, OPERATIONS, picked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

INSIDE = ("jaxpr", "call_jaxpr", "fun_jaxpr")
"""Parameters of a primitive that calls another jaxpr, of which there must be one."""
CALLS = {
    "jit", "pjit", "closed_call", "core_call", "remat", "checkpoint", "remat2", "custom_jvp_call",
    "custom_vjp_call", "custom_vjp_call_jaxpr", "custom_lin",
}  # fmt: skip
"""Primitives that do nothing but call one."""
MOVES = {"gather", "dynamic_slice"}
"""Primitives that pick entries by constants."""
MOST_STEPS = 500
"""So many steps of a loop are followed one by one."""


def record(function: Callable[..., Any], leaves: Mapping[str, Any]) -> Tape:
    """Return what a function of arrays does.

    Parameters
    ----------
    function : callable
        Takes one argument for each array and returns a list.
    leaves : mapping of str to Array
        The point.

    Raises
    ------
    TraceError
        If a primitive on what depends on the arrays is not known, or nothing can be read off.
    """
    import jax

    try:
        closed = jax.make_jaxpr(function)(*leaves.values())
    except Exception as problem:  # Python that needs the values
        first = str(problem).strip().splitlines()[0]
        raise TraceError(f"JAX cannot trace it: {first}") from problem
    tape = Tape(leaves)
    reader = Reader(tape)
    tape.outputs = [
        array(output) for output in reader.read(closed, [tape.leaf(name) for name in leaves])
    ]
    return tape


class Reader:
    """Appends what a jaxpr does to a tape.

    Parameters
    ----------
    tape : Tape
        Written to.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape

    def read(self, jaxpr: Any, inputs: Sequence[Any]) -> list[Any]:
        """Return the outputs for inputs that are references or arrays of JAX."""
        consts = getattr(jaxpr, "consts", ())
        jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
        values = dict(zip(jaxpr.constvars, consts, strict=True))
        values |= dict(zip(jaxpr.invars, inputs, strict=True))

        def value(variable: Any) -> Any:
            return variable.val if hasattr(variable, "val") else values[variable]

        for equation in jaxpr.eqns:
            found = self._equation(equation, [value(v) for v in equation.invars])
            values |= dict(zip(equation.outvars, found, strict=True))
        return [value(v) for v in jaxpr.outvars]

    def _equation(self, equation: Any, inputs: list[Any]) -> list[Any]:
        """Return the results of one equation."""
        import jax

        name = equation.primitive.name
        inner = next((equation.params[key] for key in INSIDE if key in equation.params), None)
        if name in CALLS and inner is not None:
            return self.read(inner, inputs[len(inputs) - len(_inputs(inner)) :])
        if not any(isinstance(i, Ref) for i in inputs):
            return evaluated(equation, inputs)
        if name == "scan":
            return self._scan(equation.params, inputs)
        if name in MOVES:
            return [self._moved(equation, inputs)]
        if name not in OPERATIONS:
            raise TraceError(f"JAX's {name} has no counterpart in NumPy here")
        if name == "max" and (other := _above_infinity(*inputs)) is not None:
            return [other]
        params = {key: value for key, value in equation.params.items() if key not in IDLE}
        for kind in (variable.aval.dtype for variable in equation.outvars):
            if kind.itemsize < 4 and jax.numpy.issubdtype(kind, jax.numpy.floating):
                self.tape.narrow = kind.name
        ref = self.tape.add(OPERATIONS[name], *map(array, inputs), **params)
        if len(equation.outvars) == 1:
            return [ref]
        return [Ref(ref.index, part) for part in range(len(equation.outvars))]

    def _moved(self, equation: Any, inputs: list[Any]) -> Ref:
        """Return picked entries: the numbers of all entries are picked from by JAX itself."""
        source, *rest = inputs
        if not isinstance(source, Ref) or any(isinstance(i, Ref) for i in rest):
            raise TraceError("indices that depend on the parameters")
        shape = equation.invars[0].aval.shape
        numbers = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
        params = dict(equation.params)
        if "fill_value" in params:
            params["fill_value"] = -1
        places = np.asarray(equation.primitive.bind(numbers, *rest, **params))
        if (places < 0).any():
            raise TraceError("an index beyond the array")
        return self.tape.add(picked, source, places)

    def _scan(self, params: Mapping[str, Any], inputs: list[Any]) -> list[Any]:
        """Return the results of a loop, step by step."""
        if not 0 < params["length"] <= MOST_STEPS:
            raise TraceError(f"a loop of {params['length']} steps, where {MOST_STEPS} are followed")
        n_consts, n_carry = params["num_consts"], params["num_carry"]
        consts, carry = inputs[:n_consts], inputs[n_consts : n_consts + n_carry]
        sequences = inputs[n_consts + n_carry :]
        stacked: list[list[Any]] = []
        steps = range(params["length"])
        for step in reversed(steps) if params["reverse"] else steps:
            parts = [self._at(sequence, step) for sequence in sequences]
            results = self.read(params["jaxpr"], [*consts, *carry, *parts])
            carry = results[:n_carry]
            stacked.append([array(r) for r in results[n_carry:]])
        if params["reverse"]:
            stacked.reverse()
        return [*carry, *(self.tape.add(_stacked, *each) for each in zip(*stacked, strict=True))]

    def _at(self, sequence: Any, step: int) -> Any:
        if isinstance(sequence, Ref):
            return self.tape.add(_item, sequence, step)
        return sequence[step]


def _above_infinity(one: Any, other: Any) -> Any:
    """Return what a maximum is against minus infinity, with which reductions begin; else None."""
    for limit, value in ((one, other), (other, one)):
        if not isinstance(limit, Ref) and np.isneginf(np.asarray(limit)).all():
            return value
    return None


def _item(x: Any, step: int) -> Any:
    return x[step]


def _stacked(*parts: Any) -> Any:
    return np.stack(parts)


def _inputs(jaxpr: Any) -> Sequence[Any]:
    found: Sequence[Any] = getattr(jaxpr, "jaxpr", jaxpr).invars
    return found


def evaluated(equation: Any, inputs: Sequence[Any]) -> list[Any]:
    """Return the results of an equation on arrays, as JAX computes them."""
    found = equation.primitive.bind(*inputs, **equation.params)
    return list(found) if equation.primitive.multiple_results else [found]


def array(value: Any) -> Any:
    """Return an array of JAX as one of NumPy, of floating point as float64; references as such."""
    if isinstance(value, Ref):
        return value
    found = np.asarray(value)
    is_float = found.dtype.kind in "fV"
    return found.astype(np.float64) if is_float else found
