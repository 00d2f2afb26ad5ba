"""Whether a recording computes the loss: to the last bit, at perturbed parameters.

A recording can be wrong in ways that nothing notices while it is made: a copy of a parameter that
was not found, a random number, a number that became an ordinary one. So it is replayed at other
parameters and compared with the loss itself. Agreement to 1e-10 would not do; the same NumPy calls
on arrays that lie in memory in the same way give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import NotRepeatableError, TraceError
from fastcheck.tracing.messages import REMEDY, causes
from fastcheck.tracing.outcome import loss_of
from fastcheck.tracing.recording import Recording, refs
from fastcheck.tracing.walk import Walk

if TYPE_CHECKING:
    from fastcheck.tracing.recording import Place

__all__ = ["LiveLoss", "moved_guards", "preserved", "verify"]

Array = np.ndarray[Any, Any]
Params = Mapping[str, Array]
SIZES = (1e-3, 1e-3, 1e-2, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)  # relative, in order of trial
ENOUGH = 3


def number_of(result: Any) -> float:
    """Return what a loss function returned as a number.

    Raises
    ------
    TraceError
        If it is not one real number.
    """
    loss = np.asarray(loss_of(result))
    if loss.size != 1 or loss.dtype.kind not in "fiub":
        raise TraceError(
            f"the loss must be one real number, got shape {loss.shape} of {loss.dtype}; return its "
            "sum or mean"
        )
    return float(loss.reshape(()))


class LiveLoss:
    """A loss without arguments, as a function of the values of its live parameters.

    Parameters
    ----------
    loss : callable
        Reads the live arrays.
    params : mapping
        The live arrays, by name. Each call writes into them, and puts their bits back.
    """

    def __init__(self, loss: Callable[[], Any], params: Params) -> None:
        self.loss = loss
        self.params = params

    def __call__(self, values: Params) -> float:
        """Return the loss at some values; those left out keep theirs."""
        with self._at(values):
            return number_of(self.loss())

    @contextmanager
    def _at(self, values: Params) -> Iterator[None]:
        arrays = [(name, self.params[name]) for name in values]
        locked = [a for _, a in arrays if not a.flags.writeable]
        before = [a.copy(order="K") for _, a in arrays]
        try:
            for name, a in arrays:
                _unlock(name, a)
                a[...] = values[name]
            yield
        finally:
            for (_, a), old in zip(arrays, before, strict=True):
                if a.flags.writeable:
                    a[...] = old
            for a in locked:
                a.flags.writeable = False


def _unlock(name: str, array: Array) -> None:
    try:
        array.flags.writeable = True
    except ValueError:
        raise TraceError(
            f"params[{name!r}] is read-only, so that the loss cannot be evaluated at other values; "
            "give it an array of its own"
        ) from None


@contextmanager
def preserved(*roots: Any) -> Iterator[None]:
    """Put back everything that can be reached from some objects, the bits of arrays included."""
    walk = Walk(roots)
    arrays = [(a, a.copy(order="K")) for a in walk.arrays() if a.flags.writeable]
    try:
        yield
    finally:
        walk.restore()
        for array, copy in arrays:
            array[...] = copy


def verify(
    recording: Recording,
    call_real: Callable[[Params], float],
    params: Params,
    rng: np.random.Generator,
) -> None:
    """Compare the replay of a recording with the loss, bit for bit.

    Parameters
    ----------
    recording : Recording
        What is verified.
    call_real : callable
        ``call_real(params)`` returns the loss; see `LiveLoss`.
    params : mapping
        The point at which the loss was recorded. Perturbed on copies.
    rng : numpy.random.Generator
        For at least three random perturbations of all parameters, of which those count in which
        no recorded branch moved.

    Raises
    ------
    TraceError
        If two calls of the loss differ, if the replay differs from the loss, or if a branch moved
        in every perturbation.
    """
    base = {name: np.array(a, order="K") for name, a in params.items()}
    real = call_real(base)
    again = call_real(base)
    if not same(real, again):
        raise NotRepeatableError(
            f"two calls of the loss differ ({real!r}, {again!r}): random numbers or state; seed "
            f"the generator inside the loss and keep no counts in it, or {REMEDY}"
        )
    counted, moved = _compare(recording, call_real, base, [(base, real)], rng)
    for start in range(0, len(SIZES), ENOUGH):
        draws: list[tuple[Params, float]] = []
        for size in SIZES[start : start + ENOUGH]:
            values = {name: _perturbed(a, size, rng) for name, a in base.items()}
            draws.append((values, call_real(values)))
        counted, places = _compare(recording, call_real, base, draws, rng)
        moved += places
        if counted:
            break
    if not counted:
        raise TraceError(
            f"the branch at {moved[0] if moved else 'a line'} changed under every perturbation; "
            f"move the parameters away from where it switches, or {REMEDY}"
        )
    _check_unused(recording, call_real, base, rng)


def _compare(
    recording: Recording,
    call_real: Callable[[Params], float],
    base: Params,
    draws: list[tuple[Params, float]],
    rng: np.random.Generator,
) -> tuple[int, list[Place | str]]:
    """Compare replays with losses that were computed before any of them.

    A replay that reads live parameters, or what the loss left behind, must not look right.

    Returns
    -------
    tuple
        How many draws agree, and where branches moved in the others.
    """
    counted, moved = 0, []
    for values, loss in draws:
        found, place = _replayed(recording, values)
        if place is not None:
            moved.append(place)
        elif found is None or not same(found, loss):
            _explain(recording, call_real, base, (found, loss), rng)
        else:
            counted += 1
    return counted, moved


def same(x: float, y: float) -> bool:
    """Return whether two floats have the same bits, all NaNs being equal."""
    return (x == y and np.signbit(x) == np.signbit(y)) or (x != x and y != y)


def _perturbed(a: Array, size: float, rng: np.random.Generator) -> Array:
    if a.dtype.kind != "f" or a.size == 0:
        return a
    scale = size * max(float(np.abs(a).mean()), 1e-3)
    return (a + scale * rng.standard_normal(a.shape)).astype(a.dtype)


def moved_guards(recording: Recording, values: list[Any]) -> list[Place | str]:
    """Return where the code would do something else at the values of a replay.

    Besides the guards these are the calls whose result has another shape, as that of a mask.
    """
    moved: list[Any] = [g.place for g in recording.guards if not g.holds(values[g.index])]
    for call, value in zip(recording.calls, values, strict=True):
        if isinstance(value, np.ndarray) and value.shape != call.shape:
            moved.append(call.place)
    return ["an unknown line" if place is None else place for place in moved]


def _replayed(recording: Recording, values: Params) -> tuple[float | None, Place | str | None]:
    """Return the replayed loss, and where a branch moved if one did."""
    try:
        results = recording.replay(values)
    except (ArithmeticError, IndexError, TypeError, ValueError):
        return None, None
    moved = moved_guards(recording, results)
    return float(results[recording.output]), moved[0] if moved else None


def _explain(
    recording: Recording,
    call_real: Callable[[Params], float],
    base: Params,
    pair: tuple[float | None, float],
    rng: np.random.Generator,
) -> None:
    """Raise an error that says why a replay differs from the loss."""
    _check_unused(recording, call_real, base, rng)
    if recording.notes:
        raise TraceError(f"the loss cannot be followed:{causes(recording.notes)}\n  or {REMEDY}")
    blamed = _blame(recording, call_real, base, rng)
    found, loss = pair
    where = f" when {blamed} change" if blamed else ""
    raise TraceError(
        f"the trace gives {found!r} and the loss {loss!r}{where}: the loss uses another copy of "
        "an array, state, or code that cannot be followed; let it read the arrays that are given "
        f"as `params`, or {REMEDY}"
    )


def _blame(
    recording: Recording,
    call_real: Callable[[Params], float],
    base: Params,
    rng: np.random.Generator,
) -> str:
    """Return the names of the parameters in which the replay differs when they alone change."""
    names = []
    for name, a in base.items():
        values = {**base, name: _perturbed(a, SIZES[0], rng)}
        loss = call_real(values)
        found, place = _replayed(recording, values)
        if place is None and (found is None or not same(found, loss)):
            names.append(f"params[{name!r}]")
    return ", ".join(names)


def _check_unused(
    recording: Recording,
    call_real: Callable[[Params], float],
    base: Params,
    rng: np.random.Generator,
) -> None:
    """Raise an error if the loss depends on a parameter that the trace does not use."""
    used, real = used_params(recording), call_real(base)
    for name, a in base.items():
        if name in used:
            continue
        for size in SIZES[:ENOUGH]:
            if not same(call_real({**base, name: _perturbed(a, size, rng)}), real):
                raise TraceError(_unused(name, recording))


def _unused(name: str, recording: Recording) -> str:
    message = f"the trace does not depend on params[{name!r}], but the loss does: "
    if recording.notes:
        return f"{message}{causes(recording.notes)}\n  or {REMEDY}"
    return (
        f"{message}another copy of this array is in use; let the loss read the array that is "
        f"given in `params`, or {REMEDY}"
    )


def used_params(recording: Recording) -> set[str]:
    """Return the names of the parameters that the loss depends on in the recording."""
    needed = {recording.output}
    for call in reversed(recording.calls):
        if call.index in needed:
            needed.update(refs((call.args, call.kwargs)))
    return {name for name, index in recording.params.items() if index in needed}
