"""A loss that numba compiled, probed by a loop that is compiled around it."""

from __future__ import annotations

import math
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.blackbox.arguments import All, Bound, One, Spread, spread
from fastcheck.blackbox.loss import BlackBox
from fastcheck.blackbox.losses import Losses, Problem
from fastcheck.errors import InputError
from fastcheck.kernels.probing import failure, is_parallel, probe_loop
from fastcheck.parallel import mapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Arrays = dict[str, Array]
    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

FIRST, MOST = 128, 65536
"""Entries of the first chunk of many, and of any."""
CHUNK_SECONDS = 0.1
"""How long a chunk should take: Ctrl-C and progress wait for its end."""


class NotCompilableError(InputError):
    """The loop cannot be compiled around a loss, which can be called all the same."""


class CompiledBox(BlackBox):
    """A compiled loss over private copies of its arrays.

    Parameters
    ----------
    loss : numba dispatcher, or functools.partial of one
        Its arguments are the parameters, matched by name, else by position, or a tuple of all;
        what is bound is data.
    params : mapping, list or tuple of ndarray
        The point, in float64 or float32. Memory order is kept, so that the loss is compiled for the
        types that its author uses.

    Attributes
    ----------
    n_jobs : int
        Threads among which chunks of probes are shared; 1 by default. Each has its own copies of
        all arrays, and no bit depends on how many there are.

    Raises
    ------
    InputError
        If the arguments do not fit the parameters, or a parameter cannot be moved.
    NotCompilableError
        If numba cannot compile the loop, because the loss returns an array, for example.

    Examples
    --------
    >>> import numba
    >>> import numpy as np
    >>> @numba.njit
    ... def loss(w):
    ...     return w[0] * w[1]
    >>> box = CompiledBox(loss, {"w": np.array([3.0, 4.0])})
    >>> box.losses("w", np.array([0, 1]), 0.5).up.tolist()
    [14.0, 13.5]
    """

    def __init__(self, loss: Callable[..., Any], params: object) -> None:
        call = spread(loss, params)
        super().__init__(call, params)
        for name, array in self.arrays.items():
            _check_dtype(name, array)
        self.arrays = _copies(self.arrays)
        self.call = _own(call)
        self.roots = ()  # compiled code reads its arguments only, which are copies here
        self.n_jobs = 1
        self._compile()

    def called(self, arrays: Arrays) -> Any:
        """Return the loss for `arrays`."""
        return self.call.function(*self.call.arguments(arrays))

    # ------------------------------------------------------------ probes

    def probed(self, name: str, places: Ints, step: float) -> Iterator[tuple[Ints, Losses]]:
        """Yield chunks of `places` with the losses there, in order, as they are found.

        Chunks grow until one takes a tenth of a second; `n_jobs` threads share them.
        """
        chunks = self._chunks(places)
        if self.n_jobs == 1 or not self._is_shareable():
            for part in chunks:
                yield part, self.losses(name, part, step)
            return
        seconds = 2.0 * len(places) * self.seconds
        work = partial(self._on_copy, deque(), name, step)
        found = mapped(work, chunks, n_jobs=self.n_jobs, seconds=seconds)
        for part, losses in zip(chunks, found, strict=True):
            self._explain(losses, name, part, step)
            self.note(losses)
            yield part, losses

    def losses(self, name: str, places: Ints, step: float) -> Losses:
        """Return the losses with entries moved one at a time, up and down, from compiled code."""
        found = self._run(self.call, self.arrays, name, places, step)
        self._explain(found, name, places, step)
        self.note(found)
        return found

    def _run(self, call: Spread, arrays: Arrays, name: str, places: Ints, step: float) -> Losses:
        array = arrays[name]
        flat = array.ravel(order="K")  # a view, since the copy has no gaps
        table = np.empty((4, len(places)))
        n_raised = self._loop()(_passed(call, arrays), flat, positions(array, places), step, table)
        outside = ~np.isfinite(table[:2])
        table[:2][outside] = math.nan
        up, down, above, below = table
        return Losses(up, down, above, below, int(outside.sum()), n_raised)

    def _on_copy(self, spare: deque[tuple[Spread, Arrays]], name: str, step: float,
                 places: Ints) -> Losses:  # fmt: skip
        """Return losses from copies of all arrays, which no other thread uses meanwhile."""
        try:
            call, arrays = spare.pop()
        except IndexError:
            call, arrays = _own(self.call), _copies(self.arrays)
        found = self._run(call, arrays, name, places, step)
        spare.append((call, arrays))
        return found

    def _chunks(self, places: Ints) -> list[Ints]:
        """Return parts of `places`, whose sizes are powers of two and do not depend on `n_jobs`."""
        if not math.isfinite(self.seconds):
            self.loss()
        fitting = CHUNK_SECONDS / (2.0 * max(self.seconds, 1e-9))
        size = int(2.0 ** np.floor(np.log2(np.clip(fitting, 1.0, MOST))))
        first = min(FIRST, size)
        starts = [0, *range(first, len(places), size)]
        return [places[lo:hi] for lo, hi in zip(starts, [*starts[1:], len(places)], strict=True)]

    # ------------------------------------------------------------ the loop

    def _loop(self) -> Callable[..., int]:
        kinds = tuple(isinstance(slot, One) and slot.is_number for slot in self.call.slots)
        return probe_loop(self.call.function, kinds if any(kinds) else ())

    def _compile(self) -> None:
        """Compile the loop for each dtype, now rather than with the first probe.

        Raises
        ------
        NotCompilableError
            With numba's words.
        """
        parts = [part for s in self.call.slots if isinstance(s, All) for part in s.parts]
        number = next((part.name for part in parts if part.is_number), None)
        if number is not None:
            raise NotCompilableError(
                f"`params[{number!r}]` must be an array to be moved inside a tuple, got a number; "
                "pass an array without axes, or each parameter as an argument"
            )
        nothing = np.arange(0)
        for name in {a.dtype: n for n, a in self.arrays.items()}.values():
            try:
                self._run(self.call, self.arrays, name, nothing, 0.0)
            except Exception as error:
                reason = failure(error)
                if reason is None:
                    raise
                raise NotCompilableError(
                    f"`loss` must return a number and be compiled in nopython mode, got: {reason}; "
                    'let it return one number, or use engine="black box"'
                ) from error

    def _is_shareable(self) -> bool:
        """Return whether several threads may call the loss at once."""
        values = (slot.value for slot in self.call.slots if isinstance(slot, Bound))
        return all(map(_is_simple, values)) and not is_parallel(self._loop())

    def _explain(self, losses: Losses, name: str, places: Ints, step: float) -> None:
        """Find out what the first evaluation was that gave no finite number: call it once more."""
        if not losses.n_outside or self.problem is not None:
            return
        outside = np.isnan([losses.up, losses.down])
        k = int(np.flatnonzero(outside.any(axis=0))[0])
        move = step if outside[0, k] else -step
        flat = self.arrays[name].flat
        kept = flat[places[k]]
        try:
            flat[places[k]] = float(kept) + move
            text = f"is {self.loss()}"
        except Exception as error:
            text = f"raised {type(error).__name__}" + f": {error}" * bool(str(error))
        finally:
            flat[places[k]] = kept
        losses.problem = Problem(name, int(places[k]), move, text)


def positions(array: Array, places: Ints) -> Ints:
    """Return where entries, counted in C order, lie in the memory of an array without gaps.

    Examples
    --------
    >>> positions(np.zeros((2, 3), order="F"), np.arange(6)).tolist()
    [0, 2, 4, 1, 3, 5]
    """
    places = np.ascontiguousarray(places, np.int64)
    if array.flags.c_contiguous or not array.ndim:
        return places
    found = np.zeros_like(places)
    for index, stride in zip(np.unravel_index(places, array.shape), array.strides, strict=True):
        found += index * (stride // array.itemsize)
    return found


def _copies(arrays: Arrays) -> Arrays:
    """Return copies without gaps that are arrays and of no class derived from them."""
    return {name: np.array(array, order="K") for name, array in arrays.items()}


def _passed(call: Spread, arrays: Arrays) -> tuple[Any, ...]:
    """Return the arguments, with arrays in the place of numbers."""
    return tuple(
        arrays[slot.name] if isinstance(slot, One) else slot.taken(arrays) for slot in call.slots
    )


def _own(call: Spread) -> Spread:
    """Return a call with copies of the bound arrays: the loss may write to them."""
    slots = (Bound(_copy(s.value)) if isinstance(s, Bound) else s for s in call.slots)
    return Spread(call.function, tuple(slots))


def _copy(value: Any) -> Any:
    """Return a copy of an array, or of a tuple with all arrays in it."""
    if isinstance(value, np.ndarray):
        return np.array(value, order="K")
    if not isinstance(value, tuple):
        return value
    parts = [_copy(part) for part in value]
    return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)


def _is_simple(value: Any) -> bool:
    """Return whether a bound value cannot be written to, or is copied for each thread."""
    if isinstance(value, tuple):
        return all(map(_is_simple, value))
    return isinstance(value, np.ndarray | np.generic | int | float | complex | str | None)


def _check_dtype(name: str, array: Array) -> None:
    if array.dtype not in (np.float64, np.float32):
        raise InputError(
            f"`params[{name!r}]` must be of float64 or float32 for a compiled loss, got dtype "
            f"{array.dtype}; convert it"
        )
