"""From recorded NumPy calls to a graph of operations that know how differences travel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import TraceError
from fastcheck.graph.ops.entrywise import Entrywise, is_entrywise
from fastcheck.graph.ops.opaque import LARGEST, Opaque
from fastcheck.lower.builder import Builder, LoweringError, Operand, Value
from fastcheck.lower.calls import Again, dependent, named_data, read, unknown
from fastcheck.lower.factors import groups, joined, plain
from fastcheck.lower.handlers import HANDLERS, handler_of, operand
from fastcheck.lower.movers import FILLERS, MOVERS, SPLITTERS
from fastcheck.lower.moves import Ids, Moved
from fastcheck.lower.recognise import Found, Recogniser
from fastcheck.lower.samples import label_samples
from fastcheck.lower.tidy import find_splits, prune
from fastcheck.operation import Operation
from fastcheck.tracing.functions import assigned, cast, part
from fastcheck.tracing.recording import Ref, refs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastcheck.graph.graph import Graph
    from fastcheck.graph.ops.base import Op
    from fastcheck.lower.builder import Hints
    from fastcheck.tracing.recording import Call, Recording

Lowered = Operand | Moved

MOST_PASSES = 3
"""How often the loss is lowered, if a later call shows how axes of constants are joined."""


def lower(
    recording: Recording,
    params: Mapping[str, np.ndarray],
    n_samples: int | None = None,
    *,
    recognises: bool = True,
) -> Graph:
    """Return the graph of a recorded loss.

    Parameters
    ----------
    recording : Recording
        The calls.
    params : mapping of str to ndarray
        Values of the parameters, at which constants and compositions are looked at.
    n_samples : int, optional
        How many samples there are, if that is known.
    recognises : bool
        Whether compositions are replaced by operations of their own.

    Raises
    ------
    TraceError
        If the loss cannot be expressed.
    """
    with np.errstate(all="ignore"):
        values = recording.replay(params)
    named = named_data(recording)
    depends = dependent(recording, named)
    recogniser = None
    if recognises:
        recogniser = Recogniser(recording.calls, _wide(recording, params, values), depends)
    hints: Hints = {}
    for _ in range(MOST_PASSES):
        lowering = _Lowering(recording, values, named, depends, recogniser, hints)
        graph = lowering.run()
        found = find_splits(graph, lowering.builder.leaves)
        if found.items() <= hints.items():
            break
        hints = hints | found
    prune(graph)
    label_samples(graph, n_samples)
    return graph


def _wide(recording: Recording, params: Mapping[str, np.ndarray], values: list[Any]) -> list[Any]:
    """Return the value of every call in float64, also of a loss that is computed in float32."""
    if not recording.coarse():
        return values
    wide = {name: np.asarray(value, np.float64) for name, value in params.items()}
    try:
        return recording.widened().replay(wide)
    except Exception:  # a function that takes float32 alone: nothing of it is recognised
        return values


class _Lowering:
    """One recording on its way to a graph."""

    def __init__(
        self,
        recording: Recording,
        values: list[Any],
        named: dict[int, str],
        depends: list[bool],
        recogniser: Recogniser | None,
        hints: Hints,
    ) -> None:
        self.recording = recording
        self.calls = recording.calls
        self.values = values
        self.named_data = named
        self.depends = depends
        self.recogniser = recogniser
        self.builder = Builder(hints)
        self.ids = Ids(self.builder)
        self.found: dict[int, Found] = {}
        self.lowered: dict[int, Lowered] = {}
        self.positions: list[int] = []
        self.names = {index: name for name, index in recording.marks.items()}

    def run(self) -> Graph:
        """Return the graph."""
        graph = self.builder.graph
        for name, index in self.recording.params.items():
            node = graph.param(name, self.calls[index].shape)
            self.lowered[index] = Value(node, plain(node.shape))
        for index, name in self.named_data.items():
            node = graph.mark(name, graph.data(self.values[index]))
            self.lowered[index] = Value(node, plain(node.shape))
        users = self._readers([self.recording.output, *self.recording.marks.values()])
        self._lower_all(users)
        loss = self._operand(self.recording.output)
        if not isinstance(loss, Value):
            raise TraceError("the loss does not depend on the parameters; see how they are used")
        graph.set_loss(self.builder.reshaped(loss.node, ()))
        self._watch()
        return graph

    def _lower_all(self, users: dict[int, int]) -> None:
        for index in sorted(users):
            if index not in self.lowered:
                self.lowered[index] = self._lower(self.calls[index])
            if index in self.names:
                self._mark(index)
            self._forget(index, users)

    def _readers(self, ends: list[int]) -> dict[int, int]:
        """Return the calls that `ends` need, and for each the last one that reads it."""
        users = {index: len(self.calls) for index in ends if self.depends[index]}
        for index in range(max(users, default=-1), -1, -1):
            if index not in users:
                continue
            found = self._recognised(index)
            if found is not None:
                self.found[index] = found
                users.setdefault(found.source, index)
                continue
            for source in read(self.calls[index]):
                if self.depends[source]:
                    users.setdefault(source, index)
        return users

    def _recognised(self, index: int) -> Found | None:
        """Return the operation of a composition that no named value lies in."""
        found = self.recogniser.find(index) if self.recogniser else None
        if self.recogniser is None or found is None:
            return None
        inside = set(self.recogniser.cone(index, found.source)) - {index}
        return None if inside & self.names.keys() else found

    def _mark(self, index: int) -> None:
        """Name a value that the user named, so that all that follows goes through its node."""
        value = self._operand(index)
        if isinstance(value, Value) and not value.node.name:
            self.builder.graph.mark(self.names[index], value.node, value.shape)

    def _watch(self) -> None:
        """Watch the conditions on which the course of the loss hangs, as far as they are known."""
        kept = {guard.index for guard in self.recording.guards if self.depends[guard.index]}
        for index in sorted(kept):
            readers = self._readers([index])
            try:
                self._lower_all(dict.fromkeys(readers, len(self.calls)))
                node = self._operand(index)
            except (LoweringError, TraceError, KeyError):
                continue  # the verification has seen that it does not change nearby
            if isinstance(node, Value):
                self.builder.graph.watch(node.node)
        for index in self.positions:
            try:
                self.builder.graph.watch(self._computed(self.calls[index]).node)
            except (LoweringError, TraceError, KeyError):
                continue  # likewise

    def _forget(self, index: int, users: dict[int, int]) -> None:
        """Let go of index maps that nobody reads any more; in loops they are many."""
        for source in set(read(self.calls[index])):
            if users.get(source) == index and isinstance(self.lowered.get(source), Moved):
                del self.lowered[source]

    # ------------------------------------------------------------ one call

    def _lower(self, call: Call) -> Lowered:
        if call.dtype.kind in "iu":  # positions, as argmax gives them, are constants
            self.positions.append(call.index)
            return np.asarray(self.values[call.index])
        found = self.found.get(call.index)
        if found is not None:
            return self._apply(found)
        if call.function in SPLITTERS:
            return np.zeros(0)  # each of its parts is made where it is picked
        try:
            if isinstance(call.function, Operation):
                return self._own(call, call.function)
            if call.function is part:
                return self._part(call)
            if call.function in MOVERS:
                moved = self._moved(call)
                if moved is not None:
                    return moved
            return self._computed(call)
        except LoweringError:
            return self._opaque(call)

    def _apply(self, found: Found) -> Value:
        source = self._operand(found.source)
        assert isinstance(source, Value)
        if found.axes is None:
            return Value(found.make(source.node), source.factors)
        factors = list(source.factors)
        if len(found.axes) == 1:  # one axis of the node, for operations that know only one
            (axis,) = found.axes
            factors[axis] = (math.prod(factors[axis]),)
        node = self.builder.reshaped(source.node, joined(tuple(factors)))
        places = groups(tuple(factors))
        inner = tuple(p for a in found.axes for p in places[a])
        return Value(found.make(node, inner), tuple(factors))

    def _operand(self, index: int) -> Operand:
        """Return the value of a call as a node, or as an array if it is constant."""
        if not self.depends[index]:
            return np.asarray(self.values[index])
        lowered = self.lowered[index]
        if isinstance(lowered, Moved):
            lowered = self.lowered[index] = self.ids.made(lowered)
        return lowered

    def _computed(self, call: Call) -> Value:
        handler = handler_of(call.function)
        if handler is None:
            raise LoweringError(f"no operation for {call.function}")
        args = [self._filled(a) for a in call.args]
        kwargs = {k: self._filled(a) for k, a in call.kwargs.items()}
        value = handler(self.builder, args, kwargs)
        if value.shape != call.shape:
            raise LoweringError(f"shape {value.shape} in place of {call.shape}")
        return value

    def _filled(self, argument: Any) -> Any:
        """Return an argument with values in place of what was recorded."""
        if isinstance(argument, Ref):
            return self._operand(argument.index)
        if isinstance(argument, list | tuple) and any(isinstance(a, Ref) for a in argument):
            raise LoweringError("a list of values")
        return argument

    def _opaque(self, call: Call) -> Value:
        """Keep the call as it is, to be made again as a whole."""
        sources = [i for i in dict.fromkeys(read(call)) if self.depends[i]]
        nodes = [self.builder.whole(self._operand(i)) for i in sources]
        is_array = isinstance(self.values[call.index], np.ndarray | float)
        if call.dtype.kind not in "fb" or not is_array:
            raise TraceError(unknown(call))
        function = Again(call, sources, self.values, self.depends)
        name = getattr(call.function, "__name__", "")
        op: Op = Opaque(function, len(nodes), call.shape, name=name)
        first = np.array(self.values[sources[0]], dtype=np.float64)
        if len(sources) == 1 and is_entrywise(op.value, first):
            op = Entrywise(function, name)
        elif sum(node.size for node in nodes) > LARGEST:
            raise TraceError(unknown(call))
        return Value(self.builder.graph.apply(op, *nodes), plain(call.shape))

    def _own(self, call: Call, operation: Operation) -> Value:
        """Return an operation of the user's, with its rules."""
        operands = [self._filled(a) for a in call.args]
        nodes = [self.builder.node(o, plain(o.shape)) for o in map(operand, operands)]
        op = operation.opaque([node.shape for node in nodes], call.shape)
        return Value(self.builder.graph.apply(op, *nodes), plain(call.shape))

    # ------------------------------------------------------------ moves

    def _moved(self, call: Call) -> Lowered | None:
        """Return the call as a move of entries, None if it computes after all."""
        if call.function is assigned and self._is_choice(call):
            return self._chosen(call)
        if call.function is cast and np.dtype(call.dtype) != np.float64:
            raise LoweringError("another dtype")
        if call.function is np.where and any(self.depends[i] for i in refs(call.args[0])):
            return None
        ids = MOVERS[call.function](call, self._entries, self._constant)
        if ids is None:
            return None
        if call.function in FILLERS:
            return Moved(ids, is_buffer=True)
        if not self.ids.is_joined(ids):
            return self.ids.made(Moved(ids)) if self._is_piece(call, ids.size) else Moved(ids)
        if self._make_buffers(call, ids.size):
            ids = MOVERS[call.function](call, self._entries, self._constant)
            assert ids is not None
        return self.ids.made(Moved(ids))

    def _is_piece(self, call: Call, size: int) -> bool:
        """Return whether `call` takes a part of a parameter, which later calls may share."""
        return any(
            index in self.recording.params.values() and size < math.prod(self.calls[index].shape)
            for index in read(call)
        )

    def _part(self, call: Call) -> Lowered:
        """Return one of the results of a call that has several."""
        several, place = call.args
        splitter = self.calls[several.index]
        if splitter.function not in SPLITTERS:
            raise LoweringError("one of several results")
        x, *rest = splitter.args
        kwargs = {k: self._constant(a) for k, a in splitter.kwargs.items()}
        parts = splitter.function(self._entries(x), *(self._constant(a) for a in rest), **kwargs)
        return Moved(parts[place])

    def _make_buffers(self, call: Call, size: int) -> bool:
        """Make arrays that were filled piece by piece, if `call` reads most of them."""
        made = False
        for index in set(read(call)):
            lowered = self.lowered.get(index)
            if isinstance(lowered, Moved) and lowered.is_buffer and size > lowered.ids.size // 2:
                self.lowered[index] = self.ids.made(lowered)
                made = True
        return made

    def _entries(self, argument: Any) -> np.ndarray:
        """Return the ids of the entries of an argument."""
        if isinstance(argument, Ref) and self.depends[argument.index]:
            lowered = self.lowered[argument.index]
            return lowered.ids if isinstance(lowered, Moved) else self.ids.of(lowered)
        value = self.values[argument.index] if isinstance(argument, Ref) else argument
        array = operand(value)
        assert isinstance(array, np.ndarray)
        return self.ids.of(array) if array.any() else np.zeros(array.shape, dtype=np.int64)

    def _constant(self, argument: Any) -> Any:
        """Return an argument that says where entries go: an index, a shape, a number."""
        if isinstance(argument, Ref):
            return self.values[argument.index]  # a guard watches it where it depends
        if isinstance(argument, tuple):
            return tuple(self._constant(a) for a in argument)
        if isinstance(argument, list):
            return [self._constant(a) for a in argument]
        if isinstance(argument, slice):
            parts = (argument.start, argument.stop, argument.step)
            return slice(*(self._constant(a) for a in parts))
        return argument

    def _is_choice(self, call: Call) -> bool:
        """Return whether entries are replaced where a comparison that may change says so."""
        key = call.args[1]
        if not isinstance(key, Ref) or not self.depends[key.index]:
            return False
        value = call.args[2]
        shape = np.shape(self.values[value.index] if isinstance(value, Ref) else value)
        return self.calls[key.index].shape == call.shape and math.prod(shape) == 1

    def _chosen(self, call: Call) -> Value:
        x, key, value = (self._filled(a) for a in call.args)
        return HANDLERS[np.where](self.builder, [key, value, x], {})
