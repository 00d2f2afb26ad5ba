"""One parameter under a hypothesis: what the code should give, and whether it does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.constants import ONE, fitted
from fastcheck.diagnose.backward.proof import digits_said, holds, is_supported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.constants import Constant, Constants
    from fastcheck.diagnose.backward.layers import Anatomy, Layer
    from fastcheck.diagnose.evidence import Evidence

    Floats = NDArray[np.float64]

SLACK = 4.0
"""Allowance of a prediction in units of that of the numerical derivative."""
ROUNDING = 2.0**-48
LARGE = 200
MOST_LOOKED_AT = 4096
"""Entries by which most tensors are known not to be nearly right."""
FEW = 0.01
"""Share of the entries of a large tensor up to which it is nearly right."""
CLOSE = 1e-5
"""Relative norm of a residual from which on no entry is looked at."""


@dataclass(eq=False)
class Subject:
    """One parameter: what was given for it, and how exactly it can be explained.

    Attributes
    ----------
    evidence : Evidence
        Both gradients.
    direct : ndarray or None
        The part of the gradient that does not come through the layer: that of a penalty.
    other_use : str
        What that part is called if it is none of a penalty.
    """

    evidence: Evidence
    direct: Floats | None
    other_use: str = ""

    @property
    def name(self) -> str:
        """The parameter."""
        return self.evidence.name

    @cached_property
    def allowance(self) -> Floats:
        """By how much each entry may be off; finite."""
        found = self.evidence.allowance
        usable = np.isfinite(found)
        return np.where(usable, found, float(np.max(found, initial=0.0, where=usable)))

    @cached_property
    def counts(self) -> NDArray[np.bool_] | None:
        """The entries of which something follows, None if of all: not of those at a kink.

        Those that were left out of a sample count: they follow from the deltas.
        """
        tensor = self.evidence
        found = tensor.known | np.isnan(tensor.numerical)
        return None if found.all() else found

    @cached_property
    def size(self) -> float:
        """The norm of what was given."""
        return float(np.linalg.norm(self.evidence.analytic))

    @cached_property
    def floor(self) -> float:
        """The norm of residuals that mean nothing."""
        return 10.0 * float(np.linalg.norm(self.allowance))

    def divided(self, c: float) -> Subject:
        """Return the same for a gradient that is to be divided by `c` first."""
        evidence = replace(
            self.evidence,
            analytic=self.evidence.analytic / c,
            allowance=self.evidence.allowance * max(1.0, 1.0 / abs(c)),
        )
        return replace(self, evidence=evidence)


@dataclass(eq=False)
class View:
    """A parameter under a hypothesis about the deltas of its layer."""

    anatomy: Anatomy
    layer: Layer
    subject: Subject
    deltas: Mapping[int, Floats]
    constants: Constants

    @cached_property
    def data(self) -> Floats:
        """What comes through the layer."""
        return self.anatomy.predicted(self.layer, self.subject.name, self.deltas)

    @cached_property
    def terms(self) -> Floats:
        """The sum of the absolute terms of that."""
        return self.anatomy.predicted(self.layer, self.subject.name, self.deltas, absolute=True)

    @property
    def given(self) -> Floats:
        """The analytic gradient."""
        return self.subject.evidence.analytic

    @property
    def expected(self) -> Floats:
        """What the code should give."""
        direct = self.subject.direct
        return self.data if direct is None else self.data + direct

    @cached_property
    def is_nearly_right(self) -> bool:
        """Whether it is but for a few entries: then nothing that acts on all entries is wrong.

        Entries that are zero on both sides do not count.
        """
        if self.given.size < LARGE:
            return False
        step = slice(None, None, max(1, self.given.size // MOST_LOOKED_AT))
        given, right = self.given.reshape(-1)[step], self.expected.reshape(-1)[step]
        some = np.abs(given - right) > SLACK * self.subject.allowance.reshape(-1)[step]
        if np.count_nonzero(some) > 4.0 * FEW * some.size:
            return False
        off = np.abs(self.given - self.expected)
        n_wrong = np.count_nonzero(off > SLACK * self.subject.allowance + ROUNDING * self.size_of)
        return bool(0 < n_wrong <= FEW * np.count_nonzero(self.size_of))

    @cached_property
    def size_of(self) -> Floats:
        """The size of each entry, the larger of what was given and what is expected."""
        return np.maximum(np.abs(self.given), np.abs(self.expected))

    @cached_property
    def is_right(self) -> bool:
        """Whether it does."""
        return self.is_exact(self.data, ONE)

    def is_exact(
        self, data: Floats, factor: Constant, *others: tuple[float, Floats], own: bool = True
    ) -> bool:
        """Return whether ``factor * data`` and other terms are what was given, in every entry.

        Parameters
        ----------
        data : ndarray
            What comes through the layer.
        factor : Constant
            What it is multiplied by.
        others : (float, ndarray)
            Further terms, with their factors.
        own : bool
            Whether the direct part counts as it is; otherwise it is among `others`.
        """
        if self._is_far(data, factor, others, own=own):
            return False
        total = factor.value * data
        for size, term in others:
            total = total + size * term
        if own and self.subject.direct is not None:
            total = total + self.subject.direct
        off = self.given - total
        if self.subject.counts is not None:
            off = np.where(self.subject.counts, off, 0.0)
        residual = float(np.linalg.norm(off))
        if not residual <= CLOSE * self.subject.size + self.subject.floor:
            return False
        off = np.abs(off)
        grown = max(1.0, abs(factor.value))
        allowed = SLACK * grown * self.subject.allowance
        allowed += ROUNDING * (np.abs(self.given) + np.abs(total))
        if np.all(off <= allowed):
            return True
        terms = abs(factor.value) * (np.abs(data) + self._terms_like(data))
        for constant, term in others:
            terms = terms + np.abs(constant * term)
        return bool(np.all(off <= allowed + SLACK * self.noise * terms))

    def explains(
        self, data: Floats, factor: Constant, *others: tuple[Constant, Floats], own: bool = True
    ) -> bool:
        """Return whether that is exact, as of :meth:`is_exact`, and no accident."""
        if not self.is_exact(data, factor, *((c.value, term) for c, term in others), own=own):
            return False
        constants = (factor, *(c for c, _ in others))
        return holds(self, *constants) and is_supported(digits_said(self, factor), constants)

    def tolerance(self, factor: float) -> Floats:
        """Return by how much entries may be off, about, where data is multiplied by a factor."""
        size = np.abs(self.given) + self.size_of
        found = self.subject.allowance + self.noise * (np.abs(self.data) + self.terms)
        return SLACK * max(1.0, factor) * found + ROUNDING * size

    @cached_property
    def noise(self) -> float:
        """Error of a derivative, relative to the sum of its absolute terms, of most entries.

        The median, or the ratio of the norms if that is smaller: neither a few entries with wide
        bounds nor many that are next to zero are a reason to be lax with all others.
        """
        has_terms = self.terms > 0.0
        allowed, terms = self.subject.allowance[has_terms], self.terms[has_terms]
        if not terms.size:
            return 0.0
        whole = float(np.linalg.norm(allowed)) / float(np.linalg.norm(terms))
        return min(float(np.median(allowed / terms)), whole)

    def is_hopeless(self) -> bool:
        """Return whether a few rows show that no constants make it what was given."""
        data = self.anatomy.few(self.layer, self.subject.name, self.deltas)
        found = self.anatomy.rows(self.layer, self.subject.name)
        if data is None or found is None or self.subject.counts is not None:
            return False
        _, axis, places = found
        columns = [data]
        direct = self.subject.direct
        if direct is not None:
            columns.append(np.take(direct, places, axis=axis))
        given = np.take(self.given, places, axis=axis)
        floor = 10.0 * float(np.linalg.norm(np.take(self.subject.allowance, places, axis=axis)))
        return not nearest(given, columns) <= CLOSE * float(np.linalg.norm(given)) + floor

    def _is_far(
        self, data: Floats, factor: Constant, others: Sequence[tuple[float, Floats]], *, own: bool
    ) -> bool:
        """Return whether some entries of a large tensor are enough to see that it is not exact."""
        if data.size <= MOST_LOOKED_AT:
            return False
        step = slice(None, None, data.size // MOST_LOOKED_AT)
        given = self.given.reshape(-1)[step]
        off = given - factor.value * data.reshape(-1)[step]
        for size, term in others:
            off -= size * term.reshape(-1)[step]
        if own and self.subject.direct is not None:
            off -= self.subject.direct.reshape(-1)[step]
        if self.subject.counts is not None:
            off = np.where(self.subject.counts.reshape(-1)[step], off, 0.0)
        floor = 10.0 * float(np.linalg.norm(self.subject.allowance.reshape(-1)[step]))
        residual = float(np.linalg.norm(off))
        return not residual <= CLOSE * float(np.linalg.norm(given)) + floor

    def _terms_like(self, data: Floats) -> Floats:
        """Return the absolute terms, as large beside `data` as they are beside the own data."""
        if data is self.data:
            return self.terms
        own = float(np.linalg.norm(self.data))
        ratio = float(np.linalg.norm(self.terms)) / own if own else 1.0
        size = float(np.linalg.norm(data)) / max(np.sqrt(data.size), 1.0)
        return np.full(data.shape, ratio * size)

    def fit(self, *columns: Floats) -> list[Constant] | None:
        """Return the constants with which `columns` are what was given; None if none are near."""
        counts = self.subject.counts
        some = np.ravel if counts is None else (lambda a: a[counts])
        target, parts = some(self.given), [some(column) for column in columns]
        thin = slice(None, None, max(1, target.size // MOST_LOOKED_AT))
        for step in (thin, slice(None)) if thin.step > 1 else (thin,):  # a few entries first
            given = target[step]
            residual = nearest(given, [part[step] for part in parts])
            if not residual <= CLOSE * float(np.linalg.norm(given)) + self.subject.floor:
                return None
        found, errors = fitted(target, parts, some(self.subject.allowance))
        return [
            self.constants.called(float(c), float(e)) for c, e in zip(found, errors, strict=True)
        ]


def nearest(target: Floats, columns: Sequence[Floats]) -> float:
    """Return the norm of what is left of `target` less the best multiples of `columns`.

    By normal equations: good to 1e-8 of the norms, which is enough to reject.
    """
    flat = [column.reshape(-1) for column in columns]
    rest = target.reshape(-1)
    square = float(rest @ rest)
    if len(flat) == 1:
        (a,) = flat
        aa, at = float(a @ a), float(a @ rest)
        c = at / aa if aa else 0.0
        off = rest - c * a
    else:
        a, b = flat
        aa, ab, bb = float(a @ a), float(a @ b), float(b @ b)
        at, bt = float(a @ rest), float(b @ rest)
        determinant = aa * bb - ab * ab
        if determinant <= 1e-12 * aa * bb:
            return nearest(target, [columns[0]]) if aa else nearest(target, [columns[1]])
        c, k = (bb * at - ab * bt) / determinant, (aa * bt - ab * at) / determinant
        off = rest - c * a - k * b
    return float(np.sqrt(off @ off)) if np.isfinite(square) else np.inf
