"""Judging the entries of a gradient: one verdict per entry, counts, norms, the worst.

All arrays are flat, C-contiguous and of one length, read-only where they are not written to;
optional ones may be empty. ``a`` is the analytic, ``n`` the numerical derivative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastcheck.kernels._jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

UNCHECKED, AGREE, CLOSE, DISAGREE, KINK, UNRESOLVED = range(6)
N_CODES = 6
INF = float("inf")


@jit
def measure(
    analytic: Array, numerical: Array, checked: Array, factor: float
) -> tuple[float, float, int]:
    """Return the largest magnitude, ``sum (factor n)**2`` and the number of terms.

    Over the checked entries; values that are not finite are passed over. The largest magnitude
    is that of both arrays, without `factor`. Cost: one pass.
    """
    everything = checked.size == 0
    terms = 0
    even = odd = 0.0  # two sums and two maxima that take turns, so that none waits for itself
    high = low = 0.0
    for i in range(analytic.size):
        taken = everything or checked[i]
        a = abs(analytic[i])
        n = abs(numerical[i])
        a = a if taken and a < INF else 0.0
        counts = taken and n < INF
        n = n if counts else 0.0
        terms += counts
        even, odd = odd, even + (factor * n) * (factor * n)
        high, low = low, max(high, a, n)
    return max(high, low), even + odd, terms


@jit
def classify(
    analytic: Array,
    numerical: Array,
    bound: Array,
    kink: Array,
    minus: Array,
    plus: Array,
    checked: Array,
    floor: float,
    rtol: float,
    resolution: float,
    factor: float,
    codes: Array,
    counts: Array,
    worst: Array,
    ratios: Array,
    sums: Array,
) -> int:
    """Judge each entry and return how many are exactly zero on both sides.

    With ``err = |a - n|`` and ``scale = max(|a|, |n|, floor)``, the first rule that holds:

    1. a is not finite: disagree.
    2. n is not finite, or the bound is not or is negative: unresolved.
    3. At a kink, one-sided slopes further apart than the bound: kink.
    4. a = n = 0: agree.
    5. ``err > bound`` and ``err >= rtol scale``: disagree.
    6. ``bound > resolution scale``: unresolved.
    7. ``err > bound``: close; else agree.

    Parameters
    ----------
    analytic, numerical, bound : array of float64
        Derivatives and the allowance for their difference, absolute.
    kink : array of bool, may be empty
        Entries whose probe sits at a kink.
    minus, plus : array of float64, may be empty
        One-sided slopes.
    checked : array of bool, may be empty
        Entries to judge, all if it is empty.
    floor : float
        Smallest scale, absolute.
    rtol, resolution : float
        Relative to the scale.
    factor : float
        Power of two that keeps squares in range.
    codes : array of uint8
        Written: the verdicts.
    counts, worst : array of int64, shape (6,)
        Written, by verdict: number of entries, and the place of the largest ``err / bound``.
    ratios : array of float64, shape (6,)
        Written, by verdict: that ratio, infinite where a value is not finite.
    sums : array of float64, shape (3,)
        Written: ``sum (factor a)**2``, ``sum (factor (a - n))**2``, both NaN if a derivative is
        not finite, and the largest ``err / max(|a|, |n|)``.
    """
    everything = checked.size == 0
    kinks = kink.size > 0
    slopes = minus.size > 0
    zeros = 0
    broken = 0
    agreed = 0  # the usual verdict has its own variables, which stay in registers
    agreed_ratio = -1.0
    agreed_at = -1
    total_a = 0.0
    total_d = 0.0
    relative = 0.0
    for code in range(6):
        counts[code] = 0
        worst[code] = -1
        ratios[code] = -1.0
    for i in range(analytic.size):
        if not (everything or checked[i]):
            codes[i] = 0
            counts[0] += 1
            continue
        a = analytic[i]
        n = numerical[i]
        e = bound[i]
        err = abs(a - n)
        larger = max(abs(a), abs(n))
        scale = max(larger, floor)
        finite = abs(a) < INF and abs(n) < INF
        if finite:
            total_a += (factor * a) * (factor * a)
            total_d += (factor * a - factor * n) * (factor * a - factor * n)
            if err > relative * larger:  # a division only for a new maximum
                relative = err / larger if err < INF else abs(a / larger - n / larger)
        else:
            broken += 1
        # What may pass, before anything else: no kink, all finite, well inside its bound.
        if finite and err <= e and e <= resolution * scale and not (kinks and kink[i]):
            codes[i] = 1
            agreed += 1
            zeros += larger == 0.0
            ratio = err / e if e > 0.0 else 0.0
            if ratio > agreed_ratio:
                agreed_ratio = ratio
                agreed_at = i
            continue
        code = 5
        ratio = INF
        if not abs(a) < INF:
            code = 3
        elif finite and 0.0 <= e < INF:
            ratio = err / e if e > 0.0 else (INF if err > 0.0 else 0.0)
            if kinks and kink[i] and not (slopes and abs(plus[i] - minus[i]) <= e):
                code = 4
            elif larger == 0.0:
                code = 1
                zeros += 1
            elif err > e and err >= rtol * scale:
                code = 3
            elif e > resolution * scale:
                code = 5
            else:
                code = 2 if err > e else 1
        codes[i] = code
        counts[code] += 1
        if ratio > ratios[code]:
            ratios[code] = ratio
            worst[code] = i
    counts[1] += agreed
    if agreed_ratio > ratios[1]:
        worst[1] = agreed_at
    sums[0] = total_a if broken == 0 else INF - INF
    sums[1] = total_d if broken == 0 else INF - INF
    sums[2] = relative if broken == 0 else INF - INF
    return zeros


@jit
def locate(
    analytic: Array,
    numerical: Array,
    bound: Array,
    codes: Array,
    code: int,
    floor: float,
    places: Array,
    ratios: Array,
    errors: Array,
) -> int:
    """Find the worst entries of one verdict; return how many were found.

    Worst is the largest ``err / bound``, then the largest ``err / scale``, then the first. What
    is not finite is infinite here.

    Parameters
    ----------
    analytic, numerical, bound : array of float64
        As for :func:`classify`.
    codes : array of uint8
        The verdicts.
    code : int
        The one that is looked for.
    floor : float
        Smallest scale, absolute.
    places : array of int64, shape (most,)
        Written: the places, worst first.
    ratios, errors : array of float64, shape (most,)
        Scratch: the keys of those places.
    """
    found = 0
    most = places.size
    for i in range(codes.size):
        if codes[i] != code:
            continue
        a = analytic[i]
        n = numerical[i]
        e = bound[i]
        err = abs(a - n)
        ratio = INF
        error = INF
        if err < INF and e < INF:
            error = err / max(abs(a), abs(n), floor)
            if e > 0.0:
                ratio = err / e
        if found == most and (
            most == 0
            or ratio < ratios[most - 1]
            or (ratio == ratios[most - 1] and error <= errors[most - 1])
        ):
            continue
        place = found if found < most else most - 1
        found = min(found + 1, most)
        while place > 0 and (
            ratios[place - 1] < ratio or (ratios[place - 1] == ratio and errors[place - 1] < error)
        ):
            places[place] = places[place - 1]
            ratios[place] = ratios[place - 1]
            errors[place] = errors[place - 1]
            place -= 1
        places[place] = i
        ratios[place] = ratio
        errors[place] = error
    return found
