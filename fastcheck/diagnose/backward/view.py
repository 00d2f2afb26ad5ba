"""One parameter under a hypothesis: what the code should give, and whether it does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.constants import ONE, fitted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.constants import Constant, Constants
    from fastcheck.diagnose.backward.layers import Anatomy, Layer
    from fastcheck.diagnose.evidence import Evidence

    Floats = NDArray[np.float64]

SLACK = 4.0
"""Allowance of a prediction in units of that of the numerical derivative."""
ROUNDING = 2.0**-48
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
    noise : float
        Error of a derivative, relative to the sum of its absolute terms.
    """

    evidence: Evidence
    direct: Floats | None
    noise: float

    @property
    def name(self) -> str:
        """The parameter."""
        return self.evidence.name

    @cached_property
    def allowance(self) -> Floats:
        """By how much each entry may be off; finite."""
        found = self.evidence.allowance
        return np.where(np.isfinite(found), found, float(np.nanmax(found, initial=0.0)))


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
        total = factor.value * data
        for size, term in others:
            total = total + size * term
        if own and self.subject.direct is not None:
            total = total + self.subject.direct
        off = np.abs(self.given - total)
        norm = float(np.linalg.norm(self.given))
        residual = float(np.linalg.norm(off))
        floor = 10.0 * float(np.linalg.norm(self.subject.allowance))
        if not np.isfinite(residual) or residual > CLOSE * norm + floor:
            return False
        grown = max(1.0, abs(factor.value))
        allowed = SLACK * grown * self.subject.allowance
        allowed += ROUNDING * (np.abs(self.given) + np.abs(total))
        if np.all(off <= allowed):
            return True
        size = abs(factor.value) * (np.abs(data) + self._terms_like(data))
        for constant, term in others:
            size = size + np.abs(constant * term)
        return bool(np.all(off <= allowed + SLACK * self.subject.noise * size))

    def _terms_like(self, data: Floats) -> Floats:
        """Return the absolute terms, as large beside `data` as they are beside the own data."""
        if data is self.data:
            return self.terms
        own = float(np.linalg.norm(self.data))
        ratio = float(np.linalg.norm(self.terms)) / own if own else 1.0
        size = float(np.linalg.norm(data)) / max(np.sqrt(data.size), 1.0)
        return np.full(data.shape, ratio * size)

    def fit(self, *columns: Floats) -> list[Constant]:
        """Return the constants with which `columns` are nearest to what was given."""
        target = self.given
        found, errors = fitted(
            target.reshape(-1),
            [column.reshape(-1) for column in columns],
            self.subject.allowance.reshape(-1),
        )
        return [
            self.constants.called(float(c), float(e)) for c, e in zip(found, errors, strict=True)
        ]
