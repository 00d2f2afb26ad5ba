"""A loss that can only be called, and the arrays that it reads."""

from __future__ import annotations

import inspect
import math
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.holding import Held, find_aliases, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Array = NDArray[Any]


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

    Attributes
    ----------
    held : Held
        The parameters as the user has them.
    arrays : dict of str to ndarray
        What is perturbed, by name.
    aliases : Aliases or None
        Which of them share memory.
    seconds : float
        How long the fastest evaluation took; infinite before the first.
    unit : float
        Unit roundoff of the type that the loss returned, the coarsest seen.

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

    def __init__(self, loss: Callable[..., Any], params: object) -> None:
        self.is_closure = takes_nothing(loss)
        self.function = loss
        self.held = Held(params, is_live=self.is_closure)
        self.arrays = self.held.arrays
        self.aliases = find_aliases(self.arrays) if self.is_closure else None
        self.seconds = math.inf
        self.unit = 2.0**-53

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
        value = plain(value)
        try:
            array = np.asarray(value)
        except ValueError:  # a ragged list
            array = np.asarray(None)
        if array.dtype.kind not in "fiu" or array.size != 1:
            raise InputError(
                f"`loss` must return one real number, got {_described(value)}; {_remedy(array)}"
            )
        if array.dtype.kind == "f" and array.dtype.itemsize < 8:
            self.unit = max(self.unit, float(np.finfo(array.dtype).eps) / 2.0)
        return float(array.reshape(()))

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

    def moved(self, name: str, place: int, step: float) -> tuple[float, float]:
        """Return the loss with one entry moved, and by how much it really was.

        Parameters
        ----------
        name : str
            The tensor.
        place : int
            The entry, in C order.
        step : float
            What is added; the sum is rounded to the dtype of the array.
        """
        flat = self.arrays[name].flat
        kept = flat[place]
        try:
            flat[place] = float(kept) + step
            distance = float(flat[place]) - float(kept)
            return self.loss(), distance
        except Exception as problem:
            where = ", ".join(map(str, np.unravel_index(place, self.arrays[name].shape)))
            problem.add_note(
                f"The loss raised this with {name}[{where}] moved by {step:.1e}; all parameters "
                "were restored."
            )
            raise
        finally:
            flat[place] = kept


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


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} of {value.dtype}"
    return (
        f"{type(value).__name__} of length {len(value)}"
        if isinstance(value, tuple | list)
        else ("None" if value is None else f"{value!r} of type {type(value).__name__}")
    )


def _remedy(array: Array) -> str:
    if array.dtype.kind in "fiu" and array.size > 1:
        return "return its sum or mean"
    if array.dtype.kind == "c":
        return "return its real part"
    return "let the function end with return loss"
