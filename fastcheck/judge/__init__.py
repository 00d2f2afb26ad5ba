"""From two gradients and a bound to a verdict on each entry and on the tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastcheck.judge.addresses import find_mismatches, find_worst
from fastcheck.judge.decision import decide
from fastcheck.judge.digits import median_digits
from fastcheck.judge.entries import VERDICTS, Judgement, judge_entries
from fastcheck.kernels.judging import AGREE, CLOSE, DISAGREE, KINK, UNRESOLVED
from fastcheck.result import TensorResult, find_places

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

__all__ = ["VERDICTS", "Judgement", "judge_entries", "judge_tensor"]


def judge_tensor(
    name: str,
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
    strict: bool = False,
    resolution: float = 1e-3,
    n_listed: int = 10,
) -> TensorResult:
    """Return the verdict on one tensor.

    Parameters
    ----------
    name : str
        Its name.
    analytic, numerical, bound, kink, slopes, checked, terms, own, rtol, resolution
        As for :func:`judge_entries`.
    strict : bool
        Whether an entry that is only close fails.
    n_listed : int
        How many wrong entries are given with their address.

    Returns
    -------
    TensorResult
        It fails with one entry that disagrees. Else it is inconclusive if fewer than 90 % of the
        checked entries were resolved, if all of them are exactly zero on both sides and no
        terms cancel in them, or if none was checked. A tensor without entries passes, and adds
        nothing to a pass of the check.

    Raises
    ------
    InputError
        As for :func:`judge_entries`.

    Notes
    -----
    The median of verified digits is exact up to 1024 entries. Of a larger tensor it is that of
    1024 entries, which are always the same and spread evenly.

    Examples
    --------
    >>> import numpy as np
    >>> numerical = np.array([1.0, -2.0, 0.5])
    >>> bound = np.full(3, 1e-12)
    >>> result = judge_tensor("b1", numerical + [0.0, 0.0, 0.1], numerical, bound)
    >>> result.verdict, str(result.worst)
    ('fail', 'b1[2]: yours 0.6, should be 0.5 ± 1e-12 (× 1.2)')
    """
    judged = judge_entries(
        analytic,
        numerical,
        bound,
        kink=kink,
        slopes=slopes,
        checked=checked,
        terms=terms,
        own=own,
        rtol=rtol,
        resolution=resolution,
    )
    mismatches = find_mismatches(name, judged, n_listed)
    worst = mismatches[0] if mismatches else find_worst(name, judged)
    verdict, reason = decide(name, judged, worst, strict)
    return TensorResult(
        name=name,
        shape=judged.codes.shape,
        verdict=verdict,
        reason=reason,
        n_entries=judged.codes.size,
        n_checked=judged.n_checked,
        n_agree=judged.counts[AGREE],
        n_close=judged.counts[CLOSE],
        n_disagree=judged.counts[DISAGREE],
        n_kink=judged.counts[KINK],
        n_unresolved=judged.counts[UNRESOLVED],
        n_zero=judged.n_zero,
        worst=worst,
        mismatches=mismatches,
        max_relative_error=judged.max_relative_error,
        norm_difference=judged.norms[0],
        norm_analytic=judged.norms[1],
        norm_numerical=judged.norms[2],
        digits=median_digits(judged),
        places=_places(judged, strict) if verdict == "fail" else (),
    )


def _places(judged: Judgement, strict: bool) -> tuple[str, ...]:
    """Return where entries are wrong, or close where that fails too."""
    agree, close, wrong = (judged.codes == code for code in (AGREE, CLOSE, DISAGREE))
    decided = agree | close | wrong
    zero = agree & ((judged.analytic == 0.0) & (judged.numerical == 0.0)).reshape(wrong.shape)
    if strict:
        return find_places(wrong | close, decided, zero)
    return find_places(wrong, decided, zero | close)
