"""The outcome of a check: data that print and save themselves."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from fastcheck.files import write_text
from fastcheck.result.acceptable import ACCEPTABLE, BENIGN, TIMES_THAT, accept_name
from fastcheck.result.pictures import Picture, StepErrors
from fastcheck.result.places import find_places
from fastcheck.result.records import (
    Audit,
    Coverage,
    Diagnosis,
    Finding,
    Provenance,
    Severity,
    SpotCheck,
)
from fastcheck.result.schema import SCHEMA, decoded, encoded
from fastcheck.result.tensor import Entry, Region, TensorResult, Verdict
from fastcheck.result.verdict import (
    headline,
    overall_max_relative_error,
    overall_norm_ratio,
    overall_verdict,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[np.float64]]

__all__ = [
    "ACCEPTABLE",
    "BENIGN",
    "SCHEMA",
    "TIMES_THAT",
    "Audit",
    "CheckResult",
    "Coverage",
    "Diagnosis",
    "Entry",
    "Finding",
    "Picture",
    "Provenance",
    "Region",
    "Severity",
    "SpotCheck",
    "StepErrors",
    "TensorResult",
    "Verdict",
    "accept_name",
    "find_places",
    "overall_max_relative_error",
    "overall_norm_ratio",
    "overall_verdict",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CheckResult:
    """The outcome of a check of a gradient.

    It is true when the check passed; ``print(result)`` shows all of it.

    Attributes
    ----------
    verdict : {"pass", "fail", "inconclusive"}
        See :func:`overall_verdict`.
    tensors : dict of str to TensorResult
        The outcome for each tensor, in the order of the parameters.
    findings : tuple of Finding
        What was found before any number was compared.
    diagnosis : tuple of Diagnosis
        What explains a disagreement, the simplest first.
    coverage : Coverage
        How much was looked at.
    engine, engine_reason : str
        What evaluated the loss, and why; there is no reason where there was no choice.
    plan, plan_reason : str
        Which probes were made, and why.
    numerical, bounds : dict of str to ndarray of float64
        The numerical gradient and its bounds, absolute, in the shapes of the parameters.
    pictures : dict of str to Picture
        What can be drawn of tensors, if ``pictures=True`` was given.
    steps : StepErrors or None
        The derivative of the worst entry at many steps, if it was, and the loss is a graph.
    audits : tuple of Audit
        Comparisons with plainly evaluated losses.
    spot_checks : tuple of SpotCheck
        Comparisons of a faster plan with probes of single entries.
    batch : Provenance or None
        Where the examples came from.
    timings : dict of str to float
        Seconds by stage.
    versions : dict of str to str
        Of the packages that matter.
    interrupted : bool
        Whether the check was stopped before its end.
    loss : float
        The loss at the point of the check.
    rtol : float
        The relative deviation below which an entry outside its bound is close, not wrong.
    """

    verdict: Verdict
    tensors: Mapping[str, TensorResult]
    coverage: Coverage
    findings: tuple[Finding, ...] = ()
    diagnosis: tuple[Diagnosis, ...] = ()
    engine: str = ""
    engine_reason: str = ""
    plan: str = ""
    plan_reason: str = ""
    numerical: Arrays = field(default_factory=dict)
    bounds: Arrays = field(default_factory=dict)
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    steps: StepErrors | None = None
    audits: tuple[Audit, ...] = ()
    spot_checks: tuple[SpotCheck, ...] = ()
    batch: Provenance | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    interrupted: bool = False
    loss: float = math.nan
    rtol: float = math.nan

    def __post_init__(self) -> None:
        for name in ("findings", "diagnosis", "audits", "spot_checks"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("tensors", "numerical", "bounds", "pictures", "timings", "versions"):
            object.__setattr__(self, name, dict(getattr(self, name)))

    @property
    def passed(self) -> bool:
        """Whether the verdict is ``"pass"``."""
        return self.verdict == "pass"

    @property
    def norm_ratio(self) -> float:
        """``|a - n| / (|a| + |n|)`` over all tensors, for comparison with other tools; or NaN."""
        return overall_norm_ratio(self.tensors)

    @property
    def max_relative_error(self) -> float:
        """Largest ``|a - n| / max(|a|, |n|)``, for comparison with other tools; or NaN."""
        return overall_max_relative_error(self.tensors)

    def __bool__(self) -> bool:
        return self.passed

    def summary(self) -> str:
        """Return the outcome as one sentence, without the verdict itself."""
        return headline(self.verdict, self.tensors, self.findings, self.interrupted)

    def __repr__(self) -> str:
        return f"<CheckResult {self.verdict}: {self.summary()}>"

    def __str__(self) -> str:
        # Imports that point upwards, made when they are needed: a result prints itself.
        from fastcheck.report.text import render_plain

        return render_plain(self)

    def _repr_html_(self) -> str:
        from fastcheck.report.notebook import notebook_html

        return notebook_html(self)

    # ------------------------------------------------------------ JSON

    def to_dict(self, *, arrays: bool = False) -> dict[str, Any]:
        """Return everything in the types of JSON, under the key ``"schema"`` its version.

        Parameters
        ----------
        arrays : bool, default False
            Whether `numerical` and `bounds` are included.

        Notes
        -----
        A float that is not finite is written as one of the strings ``"NaN"``, ``"Infinity"`` and
        ``"-Infinity"``, because JSON has no such number.
        """
        return encoded(self, arrays=arrays)

    def to_json(self, *, arrays: bool = False, indent: int | None = None) -> str:
        """Return :meth:`to_dict` as strict JSON."""
        return json.dumps(
            self.to_dict(arrays=arrays), allow_nan=False, ensure_ascii=False, indent=indent
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the result of which :meth:`to_dict` made `data`.

        Raises
        ------
        ValueError
            If `data` has another schema or lacks a part.
        """
        try:
            return cls(**decoded(data))
        except TypeError as problem:
            raise ValueError(f"`data` must be a complete result: {problem}") from None

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the result of which :meth:`to_json` made `text`."""
        return cls.from_dict(json.loads(text))

    def save(self, path: str | os.PathLike[str], *, arrays: bool = False) -> None:
        """Write JSON to a file that appears whole or not at all; an older one is replaced.

        Parameters
        ----------
        path : path-like
            The file.
        arrays : bool, default False
            Whether `numerical` and `bounds` are included.

        Raises
        ------
        DataError
            If it cannot be written. Nothing is left behind, and an older file stays.
        """
        write_text(Path(path), self.to_json(arrays=arrays, indent=2) + "\n")
