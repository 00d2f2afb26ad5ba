"""The outcome for one entry and for one tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from fastcheck.result.wording import count, pair, quantity, times_text

__all__ = ["Entry", "Region", "TensorResult", "Verdict", "norm_ratio"]

Verdict = Literal["pass", "fail", "inconclusive"]

MEASURED_ONLY = ("unresolved", "kink")
"""Verdicts of entries of which the numerical derivative does not say what they should be."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a gradient, judged.

    Attributes
    ----------
    tensor : str
        The name of the tensor.
    index : tuple of int
        The place in the tensor; empty for a scalar.
    analytic, numerical : float
        The two derivatives.
    bound : float
        By how much they may differ, absolute.
    verdict : {"agree", "close", "disagree", "kink", "unresolved"}
        The outcome.
    """

    tensor: str
    index: tuple[int, ...]
    analytic: float
    numerical: float
    bound: float
    verdict: str

    @property
    def address(self) -> str:
        """Where it is, as in ``W2[3, 0]``."""
        return self.tensor + (f"[{', '.join(map(str, self.index))}]" if self.index else "")

    @property
    def deviation(self) -> float:
        """``|analytic - numerical|``; NaN where one of them is."""
        return abs(self.analytic - self.numerical)

    @property
    def ratio(self) -> float:
        """The deviation in units of the bound; infinite where a value is not finite."""
        deviation = self.deviation
        if not (math.isfinite(deviation) and math.isfinite(self.bound)):
            return math.inf
        if self.bound > 0.0:
            return deviation / self.bound
        return math.inf if deviation else 0.0

    def __str__(self) -> str:
        yours, right = self.values
        should_be = "numerical" if self.verdict in MEASURED_ONLY else "should be"
        remark = self._remark()
        told = f"{self.address}: yours {yours}, {should_be} {right} ± {self.bound:.0e}"
        return f"{told} ({remark})" if remark else told

    @property
    def values(self) -> tuple[str, str]:
        """The analytic and the numerical derivative, with the digits that tell them apart."""
        return pair(self.analytic, self.numerical, self.bound)

    def _remark(self) -> str:
        """Say what the analytic value is multiplied by, or why that is not known."""
        if not math.isfinite(self.analytic):
            return "not finite"
        if self.verdict == "unresolved":
            return "not resolved"
        if self.verdict == "kink":
            return "at a kink"
        if self.deviation <= self.bound:
            return "right"
        if self.numerical == 0.0:
            return ""
        return times_text(self.analytic / self.numerical)


@dataclass(frozen=True, slots=True)
class Region:
    """Part of a tensor that is wrong as a whole, as far as examples tell.

    Attributes
    ----------
    tensor : str
        The name of the tensor.
    bounds : tuple of (int, int)
        For each axis the first index and one more than the last.
    text : str
        Which part it is, such as ``"row 3"`` or ``"the whole tensor"``.
    n_wrong, n_probed : int
        How many of the entries that were probed in it are outside their bounds.
    """

    tensor: str
    bounds: tuple[tuple[int, int], ...]
    text: str
    n_wrong: int
    n_probed: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "bounds", tuple((int(lo), int(hi)) for lo, hi in self.bounds))

    def __str__(self) -> str:
        probed = quantity(self.n_probed, "entry", "entries")
        return (
            f"{self.tensor}, {self.text}: {count(self.n_wrong)} of {probed} probed there are wrong"
        )


@dataclass(frozen=True, slots=True)
class TensorResult:
    """The outcome for one tensor.

    Attributes
    ----------
    name : str
        Its name.
    shape : tuple of int
        Its shape.
    verdict : {"pass", "fail", "inconclusive"}
        The outcome.
    reason : str
        Why it did not pass, in a sentence. Of a pass it is empty, or begins with ``"accepted: "``
        where the tensor is wrong in a way that was accepted.
    n_entries, n_checked : int
        Its size, and how many entries were compared.
    n_agree, n_close, n_disagree, n_kink, n_unresolved : int
        How many of the checked entries have which verdict; they add up to `n_checked`.
    n_zero : int
        How many of those that agree are exactly zero on both sides.
    worst : Entry or None
        The entry with the largest deviation of those that disagree; if none does, with the
        largest in units of its bound of those that are close, then agree, then are unresolved,
        then at a kink.
    mismatches : tuple of Entry
        Entries that disagree, the largest deviation first, and of more than are listed those of
        different rows and columns before all others; then the worst that are close.
    max_relative_error : float
        Largest ``|a - n| / max(|a|, |n|)``, for comparison with other tools; no verdict rests
        on it. NaN if a checked value is not finite or every one is zero.
    norm_difference, norm_analytic, norm_numerical : float
        Euclidean norms of ``a - n``, ``a`` and ``n`` over the checked entries, or NaN.
    digits : float
        Median number of decimal digits that are verified: ``-log10((|a - n| + bound) / scale)``,
        from 0 to 16, of the checked entries off kinks; NaN if there are none.
    is_intermediate : bool
        Whether it is a named intermediate value, not a parameter.
    regions : tuple of Region
        Parts that are wrong as a whole, where directions were probed; of their entries only
        examples count as checked.
    visible, typical : float
        The smallest error of a single entry that silent directions would have shown, and the rms
        of the analytic gradient; NaN where entries were only probed one by one.
    missable : float
        Where a sample was checked and is right, the share of the tensor of which it holds that a
        larger share of wrong entries would have been found with 95 % probability; NaN elsewhere.
    covered : str
        Of what every single one holds a checked entry, such as ``"row and column"``; or empty.
    places : tuple of str
        Where it is wrong, if it is in part, as a grid of cells: see :func:`find_places`. Empty
        where it is not, or an address or a count says as much.
    """

    name: str
    shape: tuple[int, ...]
    verdict: Verdict
    reason: str
    n_entries: int
    n_checked: int
    n_agree: int = 0
    n_close: int = 0
    n_disagree: int = 0
    n_kink: int = 0
    n_unresolved: int = 0
    n_zero: int = 0
    worst: Entry | None = None
    mismatches: tuple[Entry, ...] = ()
    max_relative_error: float = math.nan
    norm_difference: float = math.nan
    norm_analytic: float = math.nan
    norm_numerical: float = math.nan
    digits: float = math.nan
    is_intermediate: bool = False
    regions: tuple[Region, ...] = ()
    visible: float = math.nan
    typical: float = math.nan
    missable: float = math.nan
    covered: str = ""
    places: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the verdict is ``"pass"``."""
        return self.verdict == "pass"

    @property
    def n_accepted(self) -> int:
        """How many entries are wrong in a way that was accepted, so that it passes."""
        return (self.n_disagree or self.n_close) if self.passed and self.reason else 0

    @property
    def n_resolved(self) -> int:
        """How many entries were decided; none if all are exactly zero on both sides."""
        if self.n_zero == self.n_checked:
            return 0
        return self.n_agree + self.n_close + self.n_disagree

    @property
    def norm_ratio(self) -> float:
        """``|a - n| / (|a| + |n|)`` over the checked entries; no verdict rests on it."""
        return norm_ratio(self.norm_difference, self.norm_analytic, self.norm_numerical)

    def __str__(self) -> str:
        shape = "(" + ", ".join(map(str, self.shape)) + (",)" if len(self.shape) == 1 else ")")
        why = self.reason or f"{quantity(self.n_resolved, 'entry', 'entries')} resolved"
        kind = ", intermediate" if self.is_intermediate else ""
        return f"{self.name} {shape}{kind}: {self.verdict}, {why}"


def norm_ratio(difference: float, analytic: float, numerical: float) -> float:
    """Return ``difference / (analytic + numerical)``, NaN where that means nothing."""
    total = analytic + numerical
    return difference / total if 0.0 < total < math.inf else math.nan
