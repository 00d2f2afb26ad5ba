"""A loss that can only be called, and the arrays that it reads."""

from __future__ import annotations

import inspect
import math
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.blackbox.structure import named, rebuilt
from fastcheck.errors import InputError

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
    params : mapping, list or tuple of ndarray
        The point. Any floating-point dtype, memory order and strides.

    Attributes
    ----------
    arrays : dict of str to ndarray
        What is perturbed, by name.
    fixed : dict of str to object
        Integers among the parameters, as they were given, which cannot be perturbed.
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
        self.structure = params
        given = named(params)
        self.fixed = _integers(given)
        self.arrays = {
            name: _live(name, value) if self.is_closure else _copied(name, value)
            for name, value in given.items()
            if name not in self.fixed
        }
        for name, array in self.arrays.items():
            _check_values(name, array)
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
        value = self.function() if self.is_closure else self.called(self.arrays)
        self.seconds = min(self.seconds, perf_counter() - start)
        return self._scalar(value)

    def called(self, arrays: dict[str, Array]) -> Any:
        """Return what a loss of one argument gives for `arrays`, in the containers it expects."""
        return self.function(rebuilt(self.structure, _in_order(self.structure, self.fixed, arrays)))

    def _scalar(self, value: Any) -> float:
        if type(value) is float:
            return value
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
        """Return the names of arrays that are not the same bit for bit as those `kept`."""
        return [n for n, array in self.arrays.items() if array.tobytes() != kept[n].tobytes()]

    def restore(self, kept: dict[str, Array]) -> None:
        """Write back what was kept."""
        for name in self.changed(kept):
            self.arrays[name][...] = kept[name]

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


def takes_nothing(loss: Callable[..., Any]) -> bool:
    """Return whether a loss can be called without arguments; else it can with one.

    Raises
    ------
    InputError
        If it can be called in neither way.
    """
    if not callable(loss):
        raise InputError(
            f"`loss` must be an objective or a function, got {type(loss).__name__}; pass the "
            "function itself, not its value"
        )
    try:
        signature = inspect.signature(loss)
    except (TypeError, ValueError):
        raise InputError(
            f"`loss` must be a function whose arguments are known, got {loss!r}; wrap it as "
            "lambda params: ..."
        ) from None
    for arguments in ((), (None,)):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return not arguments
    raise InputError(
        f"`loss` must take no argument, or the parameters, got a function of {signature}; bind "
        "the rest, as in lambda: loss(params, x, y)"
    )


def _integers(given: dict[str, Any]) -> dict[str, Any]:
    """Return what cannot be perturbed because it consists of integers, if that is not all."""
    kinds = (int, np.integer, np.bool_, np.ndarray, list)
    found = {
        name: value
        for name, value in given.items()
        if isinstance(value, kinds) and _kind(value) in ("i", "u", "b")
    }
    return found if len(found) < len(given) else {}


def _kind(value: Any) -> str:
    try:
        return np.asarray(value).dtype.kind
    except ValueError:  # a ragged list
        return "O"


def _in_order(structure: object, fixed: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    """Return all parameters by name, in the order of the user's."""
    return {name: fixed[name] if name in fixed else arrays[name] for name in named(structure)}


def _live(name: str, value: object) -> Array:
    if not isinstance(value, np.ndarray):
        raise InputError(
            f"`params[{name!r}]` must be the array that the loss reads, got "
            f"{type(value).__name__}; pass the array itself, or a loss that takes the parameters"
        )
    if not value.flags.writeable:
        raise InputError(
            f"`params[{name!r}]` must be writeable, because the loss reads it while it is "
            "perturbed in place, got a read-only array; pass a loss that takes the parameters"
        )
    return value


def _copied(name: str, value: Any) -> Array:
    try:
        return np.array(value, order="K", subok=True)
    except ValueError as problem:
        raise InputError(f"`params[{name!r}]` must be one array, got {problem}") from None


def _check_values(name: str, array: Array) -> None:
    if array.dtype.kind != "f":
        raise InputError(
            f"`params[{name!r}]` must be of floating point, got dtype {array.dtype}; convert it "
            "to float64, or leave it out"
        )
    wrong = np.argwhere(~np.isfinite(array))
    if wrong.size:
        place = tuple(int(i) for i in wrong[0])
        raise InputError(
            f"`params[{name!r}]` must be finite, got {array[place]} at {list(place)}; look at how "
            "it was initialised or updated"
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
