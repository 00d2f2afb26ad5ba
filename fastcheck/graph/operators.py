"""Python's operators on nodes."""

from __future__ import annotations

from typing import Any

from fastcheck.graph import ops
from fastcheck.graph.node import Node


def install() -> None:
    """Let the operators and methods of nodes be the functions of :mod:`fastcheck.graph.ops`."""
    table: dict[str, Any] = {
        "__add__": ops.add,
        "__radd__": lambda a, b: ops.add(b, a),
        "__sub__": ops.subtract,
        "__rsub__": lambda a, b: ops.subtract(b, a),
        "__mul__": ops.multiply,
        "__rmul__": lambda a, b: ops.multiply(b, a),
        "__truediv__": ops.divide,
        "__rtruediv__": lambda a, b: ops.divide(b, a),
        "__matmul__": ops.matmul,
        "__rmatmul__": lambda a, b: ops.matmul(b, a),
        "__pow__": ops.power,
        "__rpow__": lambda a, b: ops.power(b, a),
        "__abs__": ops.abs,
        "__gt__": ops.greater,
        "__ge__": ops.greater_equal,
        "__lt__": ops.less,
        "__le__": ops.less_equal,
        "__neg__": lambda a: ops.scale(a, -1.0),
        "T": property(ops.transpose),
        "__getitem__": ops.getitem,
        "reshape": lambda a, *shape: ops.reshape(a, _sizes(shape)),
        "transpose": lambda a, *axes: ops.transpose(a, _sizes(axes) or None),
        "swapaxes": ops.swapaxes,
        "ravel": ops.ravel,
        "sum": ops.sum,
        "mean": ops.mean,
    }
    for name, function in table.items():
        setattr(Node, name, function)


def _sizes(given: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return numbers that are given one by one, or as one sequence."""
    one = given[0] if len(given) == 1 else given
    if one is None:
        return ()
    return tuple(one) if isinstance(one, tuple | list) else (one,)
