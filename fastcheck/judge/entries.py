"""The verdict on each entry: arrays go to the kernels, and come back as a judgement."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fastcheck.errors import InputError
from fastcheck.kernels.judging import AGREE, DISAGREE, N_CODES, UNRESOLVED, classify, measure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

__all__ = ["VERDICTS", "Judgement", "judge_entries"]

VERDICTS: Final = ("unchecked", "agree", "close", "disagree", "kink", "unresolved")
"""The verdict on an entry, by its code."""
FLOOR: Final = 0.01
"""Smallest scale of an entry, relative to the rms of its tensor."""
CANCELLED: Final = 1e-6
"""An entry that is zero within its bound is known to be zero if the bound is smaller than this,
relative to the terms that cancel."""
SAFE: Final = (2.0**-400, 2.0**400)
"""Magnitudes whose squares can be summed as they are."""
MOST_FACTOR: Final = 1000
"""Largest exponent of the factor: with it the smallest number can be squared, and it has an
inverse."""


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """The verdicts on the entries of one tensor.

    Attributes
    ----------
    analytic, numerical, bound : ndarray of float64, flat, read-only
        What was judged.
    codes : ndarray of uint8, in the shape of the tensor
        The verdict on each entry, as an index into `VERDICTS`.
    counts : tuple of int
        How many entries have each code.
    n_zero : int
        How many of those that agree are exactly zero on both sides.
    places : tuple of int
        By code, the flat place of the largest deviation in units of its bound, or -1.
    floor : float
        Smallest scale of an entry, absolute.
    norms : tuple of float
        Of ``a - n``, ``a`` and ``n`` over the checked entries; NaN if one is not finite.
    max_relative_error : float
        Largest ``|a - n| / max(|a|, |n|)``; NaN if one is not finite, or if all are zero.
    """

    analytic: Floats
    numerical: Floats
    bound: Floats
    codes: NDArray[np.uint8]
    counts: tuple[int, ...]
    n_zero: int
    places: tuple[int, ...]
    floor: float
    norms: tuple[float, float, float]
    max_relative_error: float

    @property
    def n_checked(self) -> int:
        """How many entries were judged."""
        return sum(self.counts[AGREE:])

    @property
    def is_wrong(self) -> Flags:
        """Which entries disagree, in the shape of the tensor."""
        found: Flags = self.codes == DISAGREE
        return found


def judge_entries(
    analytic: Floats,
    numerical: Floats,
    bound: Floats,
    *,
    kink: Flags | None = None,
    slopes: tuple[Floats, Floats] | None = None,
    checked: Flags | None = None,
    terms: Floats | None = None,
    own: Floats | None = None,
    rtol: float = 1e-5,
    resolution: float = 1e-3,
) -> Judgement:
    """Return the verdict on each entry of a tensor.

    Parameters
    ----------
    analytic, numerical : ndarray of float64, any shape
        The two gradients.
    bound : ndarray of float64, same shape
        By how much they may differ if both are right, absolute.
    kink : ndarray of bool, same shape, optional
        Entries at a kink that could not be stepped around.
    slopes : pair of ndarray of float64, same shape, optional
        One-sided slopes below and above the point. An entry counts as a kink only if they differ
        by more than its bound.
    checked : ndarray of bool, same shape, optional
        The entries to judge; all by default.
    terms : ndarray of float64, same shape, optional
        The sum of the absolute values of the terms that make each derivative. Entries that are
        zero within a bound that is small against it agree: their terms cancel, as those of a bias
        before batch normalisation do.
    own : ndarray of float64, same shape, optional
        The part of the bound that is of the numerical derivative, where the rest is the precision
        of the analytic one, such as float32. Entries that are only too small for that agree
        within their bound, if this is small against the terms, or against the tensor.
    rtol : float
        Relative deviation below which an entry outside its bound is close, not wrong.
    resolution : float
        Largest bound, relative to the entry, with which an entry can agree or be close.

    Returns
    -------
    Judgement

    Raises
    ------
    InputError
        If shapes differ.

    Notes
    -----
    The rules are in :func:`fastcheck.kernels.judging.classify`. An entry is compared with the
    scale ``max(|a|, |n|, 0.01 rms(n))``, the rms over the checked finite entries. Cost: two
    passes over the arrays, and one byte per entry.
    """
    shape = np.shape(analytic)
    analytic, numerical, bound = _flat(analytic, numerical, bound)
    which = _optional("checked", checked, np.bool_, shape)
    kinks = _optional("kink", kink, np.bool_, shape)
    minus, plus = (_optional("slopes", s, np.float64, shape) for s in slopes or (None, None))
    codes = np.empty(analytic.size, np.uint8)
    counts, places = np.empty(N_CODES, np.int64), np.empty(N_CODES, np.int64)
    ratios, sums = np.empty(N_CODES), np.empty(3)
    with np.errstate(all="ignore"):  # of an interpreted kernel; a compiled one never warns
        factor, rms, norm = _magnitude(analytic, numerical, which)
        n_zero = classify(
            analytic, numerical, bound, kinks, minus, plus, which, FLOOR * rms, float(rtol),
            float(resolution), factor, codes, counts, places, ratios, sums,
        )  # fmt: skip
        if terms is not None:
            size = _optional("terms", terms, np.float64, shape)
            sharp = bound if own is None else _optional("own", own, np.float64, shape)
            known = _cancelled(analytic, numerical, bound, sharp, size, float(resolution))
            n_zero -= int(np.count_nonzero(known & (analytic == 0.0) & (numerical == 0.0)))
            _settle(known, codes, counts, places)
        if own is not None:
            sharp = _optional("own", own, np.float64, shape)
            known = _rounded(analytic, numerical, bound, sharp, rms, float(resolution))
            _settle(known, codes, counts, places)
    of_analytic, of_difference = (math.sqrt(total) / factor for total in sums[:2].tolist())
    return Judgement(
        analytic=analytic,
        numerical=numerical,
        bound=bound,
        codes=codes.reshape(shape),
        counts=tuple(counts.tolist()),
        n_zero=int(n_zero),
        places=tuple(places.tolist()),
        floor=FLOOR * rms,
        norms=(of_difference, of_analytic, norm if math.isfinite(of_analytic) else math.nan),
        max_relative_error=float(sums[2]) if n_zero < counts[AGREE:].sum() else math.nan,
    )


def _cancelled(
    analytic: Floats,
    numerical: Floats,
    bound: Floats,
    own: Floats,
    terms: Floats,
    resolution: float,
) -> Flags:
    """Return which entries are known to be zero because their terms cancel, on both sides."""
    is_zero = (np.abs(numerical) <= own) & (own <= CANCELLED * terms) & (terms > 0.0)
    known: Flags = is_zero & (np.abs(analytic) <= bound) & (bound <= resolution * terms)
    return known


def _rounded(
    analytic: Floats, numerical: Floats, bound: Floats, own: Floats, rms: float, resolution: float
) -> Flags:
    """Return which entries agree that only the precision of the analytic ones leaves unresolved.

    Others of their tensor are known with the same absolute error, which is small against them.
    """
    scale = np.maximum(np.maximum(np.abs(analytic), np.abs(numerical)), FLOOR * rms)
    is_sharp = (own <= resolution * scale) & (bound <= resolution * rms)
    known: Flags = is_sharp & (np.abs(analytic - numerical) <= bound)
    return known


def _settle(
    known: Flags,
    codes: NDArray[np.uint8],
    counts: NDArray[np.int64],
    places: NDArray[np.int64],
) -> None:
    """Let entries agree that were unresolved."""
    settled = np.flatnonzero(known & (codes == UNRESOLVED))
    if settled.size:
        codes[settled] = AGREE
        counts[UNRESOLVED] -= settled.size
        counts[AGREE] += settled.size
        left = np.flatnonzero(codes == UNRESOLVED)
        places[UNRESOLVED] = left[0] if left.size else -1
        if places[AGREE] < 0:
            places[AGREE] = settled[0]


def _flat(*arrays: Floats) -> tuple[Floats, ...]:
    """Return `arrays` as the kernels take them, of one shape."""
    shapes = [np.shape(array) for array in arrays]
    if len(set(shapes)) > 1:
        raise InputError(
            f"`analytic`, `numerical` and `bound` must have one shape, got {shapes[0]}, "
            f"{shapes[1]} and {shapes[2]}; reshape them before they are judged"
        )
    return tuple(_kernel_view(array, np.float64) for array in arrays)


def _kernel_view(array: Any, dtype: Any) -> NDArray[Any]:
    """Return a flat read-only view, C-contiguous and aligned; a copy only if it must be.

    To a kernel, arrays that may be written to are of another type than arrays that may not, and
    each type is compiled for. Read-only views need neither a copy nor a second compilation.
    """
    view: NDArray[Any] = np.require(array, dtype, ("C", "A")).reshape(-1).view()
    view.flags.writeable = False
    return view


def _optional(argument: str, array: Any, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return `array` for a kernel, where None becomes an empty one."""
    if array is None:
        return _kernel_view((), dtype)
    if np.shape(array) != shape:
        raise InputError(
            f"`{argument}` must have the shape of the tensor, {shape}, got {np.shape(array)}; "
            "reshape it"
        )
    return _kernel_view(array, dtype)


def _magnitude(analytic: Floats, numerical: Floats, which: Flags) -> tuple[float, float, float]:
    """Return a power of two that keeps squares in range, and rms and norm of `numerical`."""
    factor = 1.0
    largest, total, terms = measure(analytic, numerical, which, factor)
    if largest and not SAFE[0] < largest < SAFE[1]:
        exponent = max(min(-math.frexp(largest)[1], MOST_FACTOR), -MOST_FACTOR)
        factor = math.ldexp(1.0, exponent)
        _, total, terms = measure(analytic, numerical, which, factor)
    norm = math.sqrt(total) / factor
    return factor, math.sqrt(total / max(terms, 1)) / factor, norm
