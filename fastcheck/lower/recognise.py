"""Compositions that have an operation of their own.

People write a sigmoid in five ways and a softmax in ten. What is computed is recognised by what it
does, not by how it is written: calls that depend on one earlier value, entry by entry, are run on a
grid of numbers and compared with known functions. Softmax and normalisation are proposed where a
quotient looks like one, and compared with the values at the base point. A name that fits replaces
its composition, which is faster, and more accurate where the formula cancels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.graph import ops
from fastcheck.lower.known import GRID, SAME, keeps_digits, match
from fastcheck.tracing.functions import assigned, cast, copied, powered
from fastcheck.tracing.recording import Ref

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fastcheck.graph.node import Node
    from fastcheck.tracing.recording import Call

    Floats = NDArray[np.float64]

MOST_ROOTS = 16
"""So many earlier values are tried as the argument of a function."""


@dataclass(frozen=True)
class Found:
    """A call that has an operation of its own.

    Attributes
    ----------
    source : int
        The call whose value is the operation's argument.
    make : callable
        Appends the operation to the graph: ``make(node)``, entry by entry, or, where `axes` are
        given, ``make(node, axes)``.
    axes : tuple of int, or None
        Axes of the argument over which the operation works, as the user counts them.
    """

    source: int
    make: Callable[..., Node]
    axes: tuple[int, ...] | None = None


ENTRYWISE = {np.clip, np.where, assigned, cast, copied, powered}
"""Functions that work entry by entry, beside all ufuncs."""


class Recogniser:
    """Finds operations for compositions of recorded calls.

    Parameters
    ----------
    calls : sequence of Call
        The recording.
    values : sequence of ndarray
        The value of every call at the base point, in float64 where that is possible.
    depends : sequence of bool
        Which values depend on parameters.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        values: Sequence[Any],
        depends: Sequence[bool],
    ) -> None:
        self.calls = calls
        self.values = values
        self.depends = depends
        self.roots = self._find_roots()
        self._known: dict[int, Found | None] = {}

    def find(self, index: int) -> Found | None:
        """Return the operation that computes call `index` from an earlier value."""
        if index not in self._known:
            self._known[index] = self._find(index)
        return self._known[index]

    def _find(self, index: int) -> Found | None:
        call = self.calls[index]
        if getattr(self.values[index], "dtype", None) != np.float64:
            return None
        found = None
        if call.function in (np.divide, np.multiply):
            found = self._softmax(call) or self._normalised(call)
        elif call.function is np.subtract:
            found = self._log_softmax(call)
        if found is not None:
            return found
        return self._function(call)

    # ------------------------------------------------------------ functions of one number

    def _find_roots(self) -> list[tuple[int, ...]]:
        """Return, for every call, the earlier values of which alone it is an entrywise function."""
        roots: list[tuple[int, ...]] = []
        for call in self.calls:
            roots.append(self._roots_of(call, roots))
        return roots

    def _roots_of(self, call: Call, roots: list[tuple[int, ...]]) -> tuple[int, ...]:
        if not self.depends[call.index] or not _is_entrywise(call.function):
            return ()
        if call.function is assigned and not isinstance(call.args[1], Ref):
            return ()
        found: list[tuple[int, ...]] = []
        for argument in _arguments(call):
            if isinstance(argument, Ref) and self.depends[argument.index]:
                if self.calls[argument.index].shape != call.shape:
                    return ()
                found.append((*roots[argument.index], argument.index))
            elif not self._is_number(argument):
                return ()
        if not found:
            return ()
        kept = [r for r in found[0] if all(r in other for other in found[1:])]
        return tuple(kept[-MOST_ROOTS:])

    def _is_number(self, argument: Any) -> bool:
        if isinstance(argument, Ref):
            argument = self.values[argument.index]
        return argument is None or np.size(argument) == 1

    def _function(self, call: Call) -> Found | None:
        for root in self.roots[call.index]:  # the longest composition first
            cone = self.cone(call.index, root)
            if len(cone) == 1 and call.function not in _TRIED_ALONE:
                continue
            try:
                with np.errstate(all="ignore"):
                    y = self._run(cone, root, GRID)
            except Exception:
                continue
            make = match(y)
            if make is not None and keeps_digits(make, self.values[root], self.values[call.index]):
                return Found(root, make)
        return None

    def cone(self, index: int, root: int) -> list[int]:
        """Return the calls between `root` and call `index`, the latter included, in order."""
        found, pending = {index}, [index]
        while pending:
            for argument in _arguments(self.calls[pending.pop()]):
                if isinstance(argument, Ref) and self.depends[argument.index]:
                    i = argument.index
                    if i != root and i not in found:
                        found.add(i)
                        pending.append(i)
        return sorted(found)

    def _run(self, cone: list[int], root: int, x: Floats) -> Floats:
        results: dict[int, Any] = {root: x}

        def given(argument: Any) -> Any:
            if not isinstance(argument, Ref):
                return argument
            found = results.get(argument.index)
            return np.asarray(self.values[argument.index]).item() if found is None else found

        for i in cone:
            call = self.calls[i]
            assert call.function is not None
            args = [given(a) for a in call.args]
            kwargs = {k: given(a) for k, a in call.kwargs.items()}
            results[i] = call.function(*args, **kwargs)
        return np.asarray(results[cone[-1]])

    # ------------------------------------------------------------ compositions over axes

    def _call(self, argument: Any, *functions: Any) -> Call | None:
        """Return the call that made `argument`, if it is one of `functions`."""
        if not isinstance(argument, Ref):
            return None
        call = self.calls[argument.index]
        return call if call.function in functions else None

    def _value(self, argument: Any) -> Any:
        return self.values[argument.index] if isinstance(argument, Ref) else argument

    def _softmax(self, call: Call) -> Found | None:
        """Recognise ``e / sum(e)`` with ``e = exp(x - shift)``."""
        top, total = _pair(call)
        exp = self._call(top, np.exp)
        if call.function is not np.divide or exp is None:
            return None
        x = exp.args[0]
        axes = _reduced(call.shape, np.shape(self._value(total)))
        if len(axes) != 1 and call.shape:
            return None
        difference = self._call(x, np.subtract)
        for source in ([difference.args[0]] if difference else []) + [x]:
            if isinstance(source, Ref) and np.shape(self._value(source)) == call.shape:
                value = self._value(source)
                e = np.exp(value - value.max(axis=axes, keepdims=True))
                if _same(e / e.sum(axis=axes, keepdims=True), self.values[call.index]):
                    return Found(source.index, _softmax_over, axes)
        return None

    def _log_softmax(self, call: Call) -> Found | None:
        """Recognise ``u - log(sum(exp(u)))``, where u may be shifted."""
        u, total = _pair(call)
        axes = _reduced(call.shape, np.shape(self._value(total)))
        if self._call(total, np.log) is None or len(axes) != 1 or not isinstance(u, Ref):
            return None
        difference = self._call(u, np.subtract)
        for source in ([difference.args[0]] if difference else []) + [u]:
            value = self._value(source)
            if not isinstance(source, Ref) or np.shape(value) != call.shape:
                continue
            shifted = value - value.max(axis=axes, keepdims=True)
            found = shifted - np.log(np.exp(shifted).sum(axis=axes, keepdims=True))
            if _same(found, self.values[call.index]):
                return Found(source.index, _log_softmax_over, axes)
        return None

    def _normalised(self, call: Call) -> Found | None:
        """Recognise ``(x - mean) / sqrt(var + eps)``."""
        for centred, root in _orders(call):
            difference = self._call(centred, np.subtract)
            if difference is None or not isinstance(difference.args[0], Ref):
                continue
            source, mean = difference.args
            x, mu = self.values[source.index], self._value(mean)
            axes = _reduced(call.shape, np.shape(mu))
            if np.shape(x) != call.shape or not axes:
                continue
            found = self._with_eps(call, root, x, axes)
            if found is not None:
                return Found(source.index, found, axes)
        return None

    def _with_eps(
        self, call: Call, root: Any, x: Floats, axes: tuple[int, ...]
    ) -> Callable[..., Node] | None:
        eps = self._eps(root)
        if eps is None:
            return None
        c = x - x.mean(axis=axes, keepdims=True)
        v = np.mean(c * c, axis=axes, keepdims=True)
        if not _same(c / np.sqrt(v + eps), self.values[call.index]):
            return None
        return lambda node, inner: ops.normalise(node, inner, eps)

    def _eps(self, root: Any) -> float | None:
        """Return what is added to the variance on the way to `root`, 0 if nothing is."""
        while isinstance(root, Ref):
            call = self.calls[root.index]
            if call.function is np.add:
                numbers = [a for a in call.args if self._is_constant(a)]
                return float(np.asarray(self._value(numbers[0])).reshape(())) if numbers else None
            if call.function in (np.var, np.mean):
                return 0.0
            inner = [a for a in call.args if isinstance(a, Ref) and self.depends[a.index]]
            if len(inner) != 1:
                return None
            root = inner[0]
        return None

    def _is_constant(self, argument: Any) -> bool:
        depends = isinstance(argument, Ref) and self.depends[argument.index]
        return not depends and np.size(self._value(argument)) == 1


def _is_entrywise(function: Any) -> bool:
    if isinstance(function, np.ufunc | np.vectorize):
        return function.signature is None
    return function in ENTRYWISE


_TRIED_ALONE = (np.maximum, np.minimum, np.clip, np.where)


def _arguments(call: Call) -> list[Any]:
    return [*call.args, *call.kwargs.values()]


def _pair(call: Call) -> tuple[Any, Any]:
    return (call.args[0], call.args[1]) if len(call.args) == 2 else (None, None)


def _orders(call: Call) -> list[tuple[Any, Any]]:
    a, b = _pair(call)
    return [(a, b)] if call.function is np.divide else [(a, b), (b, a)]


def _reduced(shape: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes of `shape` along which an array of shape `other` is the same."""
    shift = len(shape) - len(other)
    return tuple(a for a, n in enumerate(shape) if n > 1 and (a < shift or other[a - shift] == 1))


def _softmax_over(node: Node, axes: tuple[int, ...]) -> Node:
    return ops.softmax(node, axis=axes[0])


def _log_softmax_over(node: Node, axes: tuple[int, ...]) -> Node:
    return ops.log_softmax(node, axis=axes[0])


def _same(one: Any, other: Any) -> bool:
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape:
        return False
    scale = np.abs(other).max(initial=0.0)
    return bool(np.all(np.abs(one - other) <= SAME * (np.abs(other) + 1e-3 * scale)))
