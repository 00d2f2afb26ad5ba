"""Textbook finite differences: two losses, subtracted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.derivatives import Derivatives
from fastcheck.graph.state import reevaluated
from fastcheck.parallel import mapped, single_threaded_blas
from fastcheck.plan import Numerical

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fastcheck.graph.state import State

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Progress = Callable[[int, int], None]

NOISE = 4.5
"""Allowance for the rounding of two losses, in units of their noise over the step."""
CHUNK = 256
"""Entries between two reports of progress."""


def plain_step(noise: float) -> float:
    """Return the step that balances rounding against truncation, ``(9 noise)**(1/3)``.

    References
    ----------
    Gill, Murray, Saunders, Wright, Computing forward-difference intervals for numerical
    optimization, SISSC 4 (1983) 310-321.
    """
    return float(np.cbrt(9.0 * noise))


def plain_differences(
    state: State,
    names: Sequence[str],
    noise: float,
    *,
    step: float | None = None,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Numerical:
    """Return central differences of plainly evaluated losses, every entry of every tensor.

    Parameters
    ----------
    state : State
        The base point.
    names : sequence of str
        The tensors.
    noise : float
        Rounding noise of the loss, absolute.
    step : float, optional
        Absolute, in units of the parameters; from :func:`plain_step` by default.
    n_jobs : int
        How many threads.
    progress : callable, optional
        Called with the numbers of finished and of all entries.

    Notes
    -----
    Two evaluations of the loss per entry. The error of an entry, rounding over the step plus the
    difference of its one-sided slopes, is returned by :func:`plain_bound`.
    """
    h = plain_step(noise) if step is None else float(step)
    tensor = state.graph.tensor
    total = sum(tensor(name).size for name in names)
    work = [
        (name, np.arange(lo, min(lo + CHUNK, tensor(name).size)))
        for name in names
        for lo in range(0, tensor(name).size, CHUNK)
    ]
    tensors = {name: Derivatives.unknown(tensor(name).shape) for name in names}
    done, complete = 0, True
    try:
        with single_threaded_blas():
            found = mapped(partial(slopes_at, state, h), work, n_jobs=n_jobs, seconds=float(total))
            for (name, entries), (plus, minus) in zip(work, found, strict=True):
                _put(tensors[name], entries, plus, minus)
                done += entries.size
                if progress is not None:
                    progress(done, total)
    except KeyboardInterrupt:
        complete = False
    reason = f"two losses are subtracted for every entry, step {h:.1e}"
    return Numerical(tensors, "exhaustive", reason, 0.0, complete=complete)


def plain_bound(found: Derivatives, noise: float, step: float) -> Floats:
    """Return the error bound of plain differences, from noise and one-sided slopes."""
    bend = np.abs(found.plus - found.minus)
    return NOISE * noise / step + bend


def slopes_at(state: State, h: float, item: tuple[str, Ints]) -> tuple[Floats, Floats]:
    """Return the slopes above and below the point for some entries of a tensor."""
    name, entries = item
    node = state.graph.tensor(name)
    value = state.value(node).copy()
    flat = value.reshape(-1)
    plus, minus = np.empty(entries.size), np.empty(entries.size)
    for k, e in enumerate(entries):
        kept = flat[e]
        flat[e] = above = kept + h
        up = reevaluated(state, node, value)
        flat[e] = below = kept - h
        down = reevaluated(state, node, value)
        flat[e] = kept
        plus[k] = (up - state.loss) / (above - kept)
        minus[k] = (state.loss - down) / (kept - below)
    return plus, minus


def _put(total: Derivatives, entries: Ints, plus: Floats, minus: Floats) -> None:
    total.plus.reshape(-1)[entries] = plus
    total.minus.reshape(-1)[entries] = minus
    total.values.reshape(-1)[entries] = (plus + minus) / 2.0
    total.known.reshape(-1)[entries] = True
