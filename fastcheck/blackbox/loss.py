"""A loss that can only be called, and the arrays that it reads."""

from __future__ import annotations

import inspect
import math
from contextlib import contextmanager
from numbers import Number
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.blackbox.losses import Losses, Problem
from fastcheck.errors import InputError, TraceError
from fastcheck.holding import Held, find_aliases, plain
from fastcheck.holding.numbers import is_number
from fastcheck.tracing.outcome import loss_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fastcheck.blackbox.workers import Workers

    Array = NDArray[Any]
    Ints = NDArray[np.int64]

CHUNK = 64
"""Entries that are probed between two reports."""


class NotScalarError(InputError):
    """A loss returns something else than one real number."""


class BlackBox:
    """A scalar loss over arrays that are perturbed one entry at a time.

    Parameters
    ----------
    loss : callable
        Either without arguments: it reads the very arrays of `params`, which are perturbed in
        place and restored bit for bit. Or of one argument: it is called with private copies, in
        containers of the kind of `params`.
    params : object
        The point, in any structure that :class:`fastcheck.holding.Held` knows. Any floating-point
        dtype, memory order and strides.
    before_each : callable, optional
        Called without arguments before each evaluation, for example to seed a generator.

    Attributes
    ----------
    held : Held
        The parameters as the user has them.
    arrays : dict of str to ndarray
        What is perturbed, by name.
    aliases : Aliases or None
        Which of them share memory.
    roots : tuple
        From where the arrays can be reached that the loss reads.
    seconds : float
        How long the fastest evaluation took; infinite before the first.
    unit : float
        Unit roundoff of the type that the loss returned, the coarsest seen.
    n_outside : int
        How many probes raised or gave no finite number.
    problem : Problem or None
        The first of them.
    workers : Workers or None
        Processes that make probes in bulk instead, within :func:`~.workers.spread`.

    Raises
    ------
    InputError
        If `loss` takes other arguments, or a parameter cannot be perturbed.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([3.0, 4.0])
    >>> BlackBox(lambda: w @ w, {"w": w}).loss()
    25.0
    """

    def __init__(
        self,
        loss: Callable[..., Any],
        params: object,
        before_each: Callable[[], Any] | None = None,
    ) -> None:
        self.is_closure = takes_nothing(loss)
        self.function = preceded(loss, before_each)
        self.before_each = before_each
        self.held = Held(params, is_live=self.is_closure)
        self.arrays = self.held.arrays
        self.aliases = find_aliases(self.arrays) if self.is_closure else None
        self.roots: tuple[Any, ...] = (self.function,)
        self.seconds = math.inf
        self.unit = 2.0**-53
        self.n_outside = 0
        self.problem: Problem | None = None
        self.workers: Workers | None = None

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter, by name."""
        return {name: array.shape for name, array in self.arrays.items()}

    def loss(self) -> float:
        """Return the loss at the present values; NaN and infinities too.

        Raises
        ------
        InputError
            If it is no real number.
        """
        start = perf_counter()
        self.held.publish()
        value = self.function() if self.is_closure else self.called(self.arrays)
        self.seconds = min(self.seconds, perf_counter() - start)
        return self._scalar(value)

    def called(self, arrays: dict[str, Array]) -> Any:
        """Return what a loss of one argument gives for `arrays`, in the containers it expects."""
        return self.function(self.held.argument(arrays))

    def _scalar(self, value: Any) -> float:
        if type(value) is float:
            return value
        value = plain(self._part(value))
        try:
            array = np.asarray(value)
        except ValueError:  # a ragged list
            array = np.asarray(None)
        if array.dtype == object and array.size == 1 and is_number(array.item()):
            return float(array.item())  # a decimal or a fraction
        if array.dtype.kind not in "fiu" or array.size != 1:
            raise NotScalarError(
                f"`loss` must return one real number, got {_described(value)}; {_remedy(array)}"
            )
        if array.dtype.kind == "f" and array.dtype.itemsize < 8:
            self.unit = max(self.unit, float(np.finfo(array.dtype).eps) / 2.0)
        return float(array.reshape(()))

    @staticmethod
    def _part(value: Any) -> Any:
        """Return the loss if it comes with more, as in ``return loss, cache``."""
        if not isinstance(value, tuple | list | dict) or _is_list_of_numbers(value):
            return value
        try:
            return loss_of(value)
        except TraceError as problem:
            raise NotScalarError(
                f"`loss` must return one real number, got {_described(value)}; {problem}"
            ) from None

    # ------------------------------------------------------------ keeping what is the caller's

    @contextmanager
    def restoring(self) -> Iterator[dict[str, Array]]:
        """Give copies of all arrays, and write them back at the end, whatever happens."""
        kept = {name: array.copy() for name, array in self.arrays.items()}
        try:
            yield kept
        finally:
            self.restore(kept)

    def changed(self, kept: dict[str, Array]) -> list[str]:
        """Return the names of arrays that are not the same bit for bit as those `kept`.

        Also of those in whose place the loss has put something else.
        """
        replaced = self.held.replaced()
        return [n for n in self.arrays if n in replaced or self._differs(n, kept)]

    def _differs(self, name: str, kept: dict[str, Array]) -> bool:
        return self.arrays[name].tobytes() != kept[name].tobytes()

    def restore(self, kept: dict[str, Array]) -> None:
        """Write back what was kept, and put the user's own objects back."""
        for name, array in self.arrays.items():
            if self._differs(name, kept):
                array[...] = kept[name]
        self.held.restore()

    # ------------------------------------------------------------ probes

    def probed(self, name: str, places: Ints, step: float) -> Iterator[tuple[Ints, Losses]]:
        """Yield parts of `places` with the losses there, in any order, as they are found."""
        if self.workers is not None and self.workers.is_ready:
            yield from self.workers.probed(name, places, step)
            return
        for lo in range(0, len(places), CHUNK):
            part = places[lo : lo + CHUNK]
            yield part, self.losses(name, part, step)

    def losses(self, name: str, places: Ints, step: float) -> Losses:
        """Return the losses with entries moved one at a time, up and down.

        Parameters
        ----------
        name : str
            The tensor.
        places : ndarray of int64
            The entries, in C order.
        step : float
            What is added and subtracted; the sum is rounded to the dtype of the array.

        Notes
        -----
        Two evaluations per entry, which is restored bit for bit, whatever happens. Where the loss
        raises, or gives no finite number, the probe is outside its domain: NaN.
        """
        if self.workers is not None and self.workers.is_ready:
            return self.workers.losses(name, places, step)
        return self.losses_here(name, places, step)

    def losses_here(self, name: str, places: Ints, step: float) -> Losses:
        """Return the losses as :meth:`losses`, evaluated in this process."""
        found = Losses.unknown(len(places))
        flat = self.arrays[name].flat
        for k, place in enumerate(places):
            kept = flat[place]
            try:
                for move, moves, values in (
                    (step, found.above, found.up),
                    (-step, found.below, found.down),
                ):
                    flat[place] = float(kept) + move
                    moves[k] = float(flat[place]) - float(kept)
                    values[k] = self._tried(found, name, int(place), move)
            finally:
                flat[place] = kept
        self.note(found)
        return found

    def tried(self) -> float:
        """Return the loss at the present values; NaN where it raises."""
        try:
            return self.loss()
        except Exception:
            return math.nan

    def note(self, losses: Losses) -> None:
        """Add up what could not be evaluated."""
        self.n_outside += losses.n_outside
        self.problem = self.problem or losses.problem

    def _tried(self, found: Losses, name: str, place: int, step: float) -> float:
        try:
            value = self.loss()
        except Exception as error:
            text = f"raised {type(error).__name__}" + f": {error}" * bool(str(error))
            found.failed(Problem(name, place, step, text), raised=True)
            return math.nan
        if not math.isfinite(value):
            found.failed(Problem(name, place, step, f"is {value}"), raised=False)
            return math.nan
        return value


def preceded(function: Callable[..., Any], before: Callable[[], Any] | None) -> Callable[..., Any]:
    """Return `function`, with `before` called first; as it is if that is None."""
    if before is None:
        return function

    def both(*args: Any) -> Any:
        before()
        return function(*args)

    return both


def takes_nothing(loss: Callable[..., Any], argument: str = "loss") -> bool:
    """Return whether a loss can be called without arguments; else it can with one.

    Errors call it `argument`.

    Raises
    ------
    InputError
        If it can be called in neither way.
    """
    if not callable(loss):
        raise InputError(
            f"`{argument}` must be an objective or a function, got {type(loss).__name__}; pass the "
            "function itself, not its value"
        )
    try:
        signature = inspect.signature(loss)
    except (TypeError, ValueError):
        raise InputError(
            f"`{argument}` must be a function whose arguments are known, got {loss!r}; wrap it as "
            "lambda params: ..."
        ) from None
    for arguments in ((), (None,)):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return not arguments
    raise InputError(
        f"`{argument}` must take no argument, or the parameters, got a function of {signature}; "
        "bind the rest, as in lambda: loss(params, x, y)"
    )


def _is_list_of_numbers(value: Any) -> bool:
    """Return whether a value is a list of numbers, such as losses of samples."""
    return isinstance(value, list) and all(isinstance(v, list | Number) for v in value)


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} of {value.dtype}"
    return (
        f"{type(value).__name__} of length {len(value)}"
        if isinstance(value, tuple | list | dict)
        else ("None" if value is None else f"{value!r} of type {type(value).__name__}")
    )


def _remedy(array: Array) -> str:
    if array.dtype.kind in "fiu" and array.size > 1:
        return "return its sum or mean"
    if array.dtype.kind == "c":
        return "return its real part"
    return "let the function end with return loss"
