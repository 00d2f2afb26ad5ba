"""What a result holds besides its tensors: small records that print themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fastcheck.result.wording import count, pair, percent, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastcheck.result.tensor import TensorResult

__all__ = [
    "Audit",
    "Coverage",
    "Diagnosis",
    "Finding",
    "Provenance",
    "Severity",
    "SpotCheck",
]

Severity = Literal["error", "warning", "note"]


def located(tensor: str | None, message: str) -> str:
    """Return a message that begins with the name of its tensor, once."""
    if tensor is None or message.startswith((f"{tensor}:", f"{tensor}[")):
        return message
    return f"{tensor}: {message}"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found before any number was compared.

    Attributes
    ----------
    kind : str
        A name for programs, such as ``"aliasing"``.
    severity : {"error", "warning", "note"}
        With an error, the check cannot pass.
    tensor : str or None
        The tensor concerned, None if it is not about one.
    message : str
        A sentence with cause and remedy.
    """

    kind: str
    severity: Severity
    tensor: str | None
    message: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.located}"

    @property
    def located(self) -> str:
        """The message, begun with the tensor that it is about."""
        return located(self.tensor, self.message)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """An explanation of a disagreement.

    Attributes
    ----------
    kind : str
        A name for programs, such as ``"factor"``.
    tensor : str or None
        The tensor that it explains, None for several.
    constant : float or None
        The number found, such as a factor.
    message : str
        A sentence.
    tensors : tuple of str
        All tensors that it explains.
    is_exact : bool
        Whether it explains every entry of theirs within its bound; otherwise it says what is known
        and what is not.
    accepted : bool
        Whether it is a cause that the user accepts, so that no tensor fails for it.
    """

    kind: str
    tensor: str | None
    constant: float | None
    message: str
    tensors: tuple[str, ...] = ()
    is_exact: bool = True
    accepted: bool = False

    def __str__(self) -> str:
        return self.located

    @property
    def located(self) -> str:
        """The message, begun with the tensor that it is about."""
        return located(self.tensor, self.message)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the gradient was looked at.

    Attributes
    ----------
    n_entries, n_checked, n_resolved : int
        Entries of all tensors, of those compared, of those decided.
    statement : str
        The same as a sentence, with the guarantee of a sample where there is one.
    """

    n_entries: int
    n_checked: int
    n_resolved: int
    statement: str

    @classmethod
    def of(cls, tensors: Iterable[TensorResult], guarantee: str = "") -> Coverage:
        """Add up tensors; `guarantee` is a sentence that follows the numbers."""
        results = list(tensors)
        entries = sum(t.n_entries for t in results)
        checked = sum(t.n_checked for t in results)
        resolved = sum(t.n_resolved for t in results)
        if checked == entries:
            what = f"all {quantity(entries, 'entry', 'entries')} checked"
        else:
            what = (
                f"{count(checked)} of {quantity(entries, 'entry', 'entries')} checked "
                f"({percent(checked, entries)})"
            )
        share = f" ({percent(resolved, checked)})" if checked else ""
        statement = f"{what}, {count(resolved)} resolved{share}"
        return cls(entries, checked, resolved, f"{statement}; {guarantee}".removesuffix("; "))


@dataclass(frozen=True, slots=True)
class Audit:
    """A derivative along one direction, compared with plainly evaluated losses.

    Attributes
    ----------
    tensor : str
        The tensor that was moved.
    predicted, measured : float
        The derivative from the numerical gradient, and from two losses.
    tolerance : float
        By how much they may differ, absolute.
    passed : bool
        Whether they agree.
    """

    tensor: str
    predicted: float
    measured: float
    tolerance: float
    passed: bool

    def __str__(self) -> str:
        predicted, measured = pair(self.predicted, self.measured)
        outcome = "agree" if self.passed else "DISAGREE"
        return (
            f"{self.tensor}: along a random direction {predicted}, from two losses {measured} "
            f"± {self.tolerance:.0e}: they {outcome}"
        )


@dataclass(frozen=True, slots=True)
class SpotCheck:
    """Some entries of a faster plan, compared with probes of their own.

    Attributes
    ----------
    tensor : str
        The tensor.
    n_checked : int
        How many entries.
    worst_deviation : float
        The largest difference between the two, in units of its bound.
    passed : bool
        Whether all agree.
    """

    tensor: str
    n_checked: int
    worst_deviation: float
    passed: bool

    def __str__(self) -> str:
        outcome = "agree" if self.passed else "DISAGREE"
        return (
            f"{self.tensor}: {quantity(self.n_checked, 'entry', 'entries')} probed one by one "
            f"{outcome}, the worst is off by {self.worst_deviation:.2g} of its bound"
        )


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the examples of a check came from.

    Attributes
    ----------
    source : str
        The file.
    sha256 : str
        Its digest, 64 hexadecimal digits.
    split : str
        The part of the data set.
    seed : int or None
        What the batch was drawn with; None for examples that were named.
    indices : tuple of int
        The places of the examples in their split; any sequence or array is converted.
    n_batch : int
        How many examples.
    """

    source: str
    sha256: str
    split: str
    seed: int | None
    indices: tuple[int, ...]
    n_batch: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "indices", tuple(int(i) for i in self.indices))

    def __str__(self) -> str:
        drawn = "named one by one" if self.seed is None else f"seed {self.seed}"
        examples = quantity(self.n_batch, "example")
        return f"{examples} of {self.source} ({self.split}), sha256 {self.sha256[:12]}, {drawn}"
