"""What a report draws of a check, kept with its result where that is asked for."""

from __future__ import annotations

import math
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fastcheck.numdiff import Prober
from fastcheck.parallel import single_threaded_blas
from fastcheck.plain import slopes_at
from fastcheck.result.pictures import Picture, StepErrors, make_picture

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastcheck.check.measurement import Measurement
    from fastcheck.graph.state import State
    from fastcheck.result import Entry, TensorResult

__all__ = ["draw_steps", "draw_tensors"]

DECADES: Final = range(-2, 14)
"""Steps go from 100 down to 1e-13, in units of the entry or its tensor."""
SECONDS: Final = 1.0
"""After so long, half decades are left out."""


def draw_tensors(
    run: Measurement,
    tensors: Mapping[str, TensorResult],
    analytic: Mapping[str, NDArray[Any]],
    rtol: float,
) -> dict[str, Picture]:
    """Return a picture of each tensor that was compared entry by entry and has more than one.

    Parameters
    ----------
    run : Measurement
        What was measured.
    tensors : mapping of str to TensorResult
        The verdicts.
    analytic : mapping of str to ndarray
        The gradient that was judged.
    rtol : float
        As for :func:`fastcheck.check_gradients`.
    """
    if run.numerical.plan == "directions":  # which knows single entries by chance
        return {}
    chosen = [t.name for t in tensors.values() if t.n_checked and t.n_entries > 1]
    return {name: _drawn(run, name, analytic[name], rtol) for name in chosen if name in analytic}


def _drawn(run: Measurement, name: str, analytic: NDArray[Any], rtol: float) -> Picture:
    found = run.numerical.tensors[name]
    wrong = run.judgement(name, analytic, rtol).is_wrong
    return make_picture(name, analytic.astype(np.float64), found.values, wrong, found.known)


def draw_steps(run: Measurement, tensors: Mapping[str, TensorResult]) -> StepErrors | None:
    """Return the derivative of the worst entry at many steps; None without a graph.

    Notes
    -----
    Cost: for each step two probes and two evaluations of the loss, of what follows the tensor.
    After a second only whole decades are tried, and none after two.
    """
    state, entry = run.graph_state, _worst(tensors)
    if state is None or entry is None or not run.numerical.complete:
        return None
    start = perf_counter()
    found: dict[float, tuple[float, float]] = {}
    scale = _scale(state, entry)
    with single_threaded_blas(), np.errstate(all="ignore"):
        for exponents, limit in ((DECADES, 2 * SECONDS), ([k + 0.5 for k in DECADES], SECONDS)):
            for exponent in exponents:
                if perf_counter() - start > limit:
                    break
                step = scale * 10.0**-exponent
                found[step] = _derivatives(state, entry, step)
    steps = sorted(found, reverse=True)
    difference, plain = zip(*(found[step] for step in steps), strict=True)
    return StepErrors(entry.tensor, entry.index, tuple(steps), difference, plain)


def _worst(tensors: Mapping[str, TensorResult]) -> Entry | None:
    """Return the worst entry of a tensor that fails, else of any, with finite values."""
    entries = [
        (t.verdict == "fail", t.worst.ratio if t.worst.verdict != "unresolved" else 0.0, t.worst)
        for t in tensors.values()
        if t.worst is not None and math.isfinite(t.worst.numerical)
    ]
    return max(entries, key=lambda item: item[:2])[2] if entries else None


def _scale(state: State, entry: Entry) -> float:
    """Return the power of ten of an entry, or of the rms of its tensor if that is larger."""
    value = state.value(state.graph.tensor(entry.tensor))
    size = max(abs(float(value.reshape(-1)[_flat(entry, value.shape)])), float(np.std(value)), 1e-3)
    return float(10.0 ** round(math.log10(size)))


def _flat(entry: Entry, shape: tuple[int, ...]) -> int:
    return int(np.ravel_multi_index(entry.index, shape)) if entry.index else 0


def _derivatives(state: State, entry: Entry, step: float) -> tuple[float, float]:
    """Return the central difference in difference arithmetic, and that of two losses."""
    node = state.graph.tensor(entry.tensor)
    place = np.array([_flat(entry, node.shape)])
    carried = Prober(state, node, step).probe_at(place, step).values[0]
    plus, minus = slopes_at(state, step, (entry.tensor, place))
    plain = float((plus[0] + minus[0]) / 2.0)
    return float(carried), plain
