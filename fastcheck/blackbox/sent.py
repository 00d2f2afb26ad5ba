"""A loss in another process: what is sent, and whether it is the same loss there."""

from __future__ import annotations

import functools
import os
import platform
import struct
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from fastcheck.parallel import dumped, loaded, single_threaded_blas
from fastcheck.processes import Parcel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fastcheck.blackbox.loss import BlackBox
    from fastcheck.blackbox.losses import Losses

    Array = NDArray[Any]
    Ints = NDArray[np.int64]

MOVE = 2.0**-20
"""By how much tensors are moved to see whether the loss reads them, relative; far more than the
rounding of float64, and not more than probes."""
MOVE_SINGLE = 2.0**-10
OURS = {"__main__", "builtins", "fastcheck", "functools", "numpy"}
"""Packages that are never sent by value: every process has them, or cloudpickle does so anyway."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why probes were not made; a clause with the remedy."""

    text: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What a worker must find before it may probe.

    Attributes
    ----------
    home : tuple of str and int
        Host and process where the arrays of the user are.
    base : float
        The loss at the point.
    moved : dict of str to float
        The loss with all entries of a tensor moved a little.
    """

    home: tuple[str, int]
    base: float
    moved: dict[str, float]


def packed(box: BlackBox) -> Parcel:
    """Return a box with its function, arrays and data in one piece.

    Raises
    ------
    Exception
        Whatever prevents that.

    Notes
    -----
    Function and arrays are serialised together, so that the arrays that the function reads are
    still those that are perturbed, whether it has them from a closure, an object or a view. A
    function without arguments may have them from its module, whose globals are then sent too. One
    evaluation, and one per tensor.
    """
    expected = Expected(_here(), box.tried(), moved_losses(box))
    content = None
    if box.is_closure and (modules := _modules(box)):
        try:
            content = dumped(box, modules)
        except Exception:  # a global that cannot be sent, such as an open file
            content = None
    return Parcel(dumped(box) if content is None else content, expected)


def moved_losses(box: BlackBox) -> dict[str, float]:
    """Return the loss with each tensor moved a little, all its entries differently."""
    found = {}
    for name, array in box.arrays.items():
        relative = MOVE if array.dtype.itemsize >= 8 else MOVE_SINGLE
        size = relative * max(1.0, float(np.abs(array).max(initial=0.0)))
        factors = np.arange(1, array.size + 1).reshape(array.shape) % 7 + 1
        with box.restoring():
            array[...] = array + size * factors
            found[name] = box.tried()
    return found


def _modules(box: BlackBox) -> list[str]:
    """Return modules of the user: of the loss and what is in its closure, and those with arrays."""
    names = {
        getattr(each, "__module__", None) or type(each).__module__
        for each in _callables(box.function)
    }
    arrays = {id(array) for array in box.arrays.values()}
    for name, module in list(sys.modules.items()):
        if not arrays.isdisjoint(map(id, _held(module))):
            names.add(name)
    return sorted(filter(_is_users, names))


def _held(module: object) -> Iterator[object]:
    """Yield the globals of a module, and what is in those that are plain containers."""
    for value in list(getattr(module, "__dict__", {}).values()):
        yield value
        if type(value) in (list, tuple):
            yield from value
        elif type(value) is dict:
            yield from value.values()


def _is_users(name: str) -> bool:
    if name.partition(".")[0] in OURS or name not in sys.modules:
        return False
    return "site-packages" not in str(getattr(sys.modules[name], "__file__", "site-packages"))


def _callables(function: Any) -> Iterator[Any]:
    yield function
    if isinstance(function, functools.partial):
        yield from _callables(function.func)
    for cell in getattr(function, "__closure__", None) or ():
        try:
            value = cell.cell_contents
        except ValueError:  # an empty cell
            continue
        if callable(value) and value is not function:
            yield value


def _here() -> tuple[str, int]:
    return platform.node(), os.getpid()


# ---------------------------------------------------------------- in the worker

_LOCK = threading.RLock()
"""Threads of one worker take turns: arrays are perturbed in place."""
_OPENED: WeakKeyDictionary[Parcel, BlackBox | Refusal] = WeakKeyDictionary()


def opened(parcel: Parcel) -> BlackBox | Refusal:
    """Return the box in a parcel, the same one each time, or why it cannot be used here.

    It can only if the loss has the same bits here, at the point and with each tensor moved.
    """
    if parcel not in _OPENED:
        _OPENED[parcel] = _verified(parcel)
    return _OPENED[parcel]


def _verified(parcel: Parcel) -> BlackBox | Refusal:
    expected: Expected = parcel.extra
    if expected.home == _here():
        return Refusal(
            "the workers are threads of this process; start a cluster with processes=True"
        )
    try:
        box: BlackBox = loaded(parcel.content)
    except Exception as error:
        return Refusal(
            f"it cannot be loaded in another process ({_said(error)}); make the modules that it "
            "needs importable there"
        )
    with single_threaded_blas():
        base = box.tried()
        if not _is_identical(base, expected.base):
            return Refusal(
                f"it is {base!r} in another process and {expected.base!r} here; it may read "
                "something that each process makes anew, or another version of NumPy: bind what "
                "it reads in a closure, or pass loss(params)"
            )
        for name, loss in moved_losses(box).items():
            if not _is_identical(loss, expected.moved[name]):
                return Refusal(
                    f"it does not read the {name} that was sent with it, but another array of the "
                    "same values; pass loss(params)"
                )
    return box


def probed(parcel: Parcel, name: str, parts: Sequence[Ints], step: float) -> list[Losses] | Refusal:
    """Return the losses of some parts of a tensor."""
    with _LOCK, single_threaded_blas():
        box = opened(parcel)
        if isinstance(box, Refusal):
            return box
        return [box.losses(name, part, step) for part in parts]


def greeted(parcel: Parcel) -> Refusal | bool:
    """Open the parcel; return why it cannot be used, else True."""
    with _LOCK:
        box = opened(parcel)
        return box if isinstance(box, Refusal) else True


def unpackable(error: Exception) -> Refusal:
    """Return why a box could not be packed."""
    return Refusal(
        f"it cannot be sent to other processes ({_said(error)}); keep open files, locks and "
        "generators out of what it refers to"
    )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _is_identical(one: float, other: float) -> bool:
    return struct.pack("d", one) == struct.pack("d", other) or (one != one and other != other)
