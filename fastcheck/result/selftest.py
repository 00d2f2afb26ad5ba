"""The outcome of a self-test: which planted mistakes a check would find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from fastcheck.result.schema import plain
from fastcheck.result.wording import count, quantity

if TYPE_CHECKING:
    from fastcheck.result import CheckResult
    from fastcheck.result.records import Diagnosis

__all__ = ["OUTCOMES", "Outcome", "Planted", "SelfTest"]

Outcome = Literal["caught", "missed", "tolerated", "unresolvable", "equivalent"]
OUTCOMES: tuple[Outcome, ...] = ("caught", "missed", "tolerated", "unresolvable", "equivalent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A mistake that was planted, and what the check made of it.

    Attributes
    ----------
    name, place, description : str
        What the mistake is called, where it was planted, and what its author did.
    expected : tuple of str
        The kinds of diagnosis that name it rightly.
    outcome : {"caught", "missed", "tolerated", "unresolvable", "equivalent"}
        Missed is what a check of every entry with the same limits would find. Tolerated is what
        differs by less than `rtol` everywhere, or has an accepted cause, unresolvable what is
        within the error bounds, and equivalent what changes nothing on this network.
    reason : str
        Why it was not caught; empty if it was.
    tensors : tuple of str
        The tensors that it changes.
    is_named : bool
        Whether the first diagnosis is one of those expected, with tensor and constant.
    diagnosis : Diagnosis or None
        The first diagnosis.
    """

    name: str
    place: str
    description: str
    expected: tuple[str, ...]
    outcome: Outcome
    reason: str = ""
    tensors: tuple[str, ...] = ()
    is_named: bool = False
    diagnosis: Diagnosis | None = None

    @property
    def title(self) -> str:
        """Name and place."""
        return f"{self.name} {self.place}".rstrip()

    def __str__(self) -> str:
        if self.outcome == "caught":
            named = self.diagnosis.kind if self.diagnosis else "nothing"
            right = "rightly " if self.is_named else ""
            return f"{self.title}: caught, {right}named {named}"
        return f"{self.title}: {self.outcome}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SelfTest:
    """What a check finds of the mistakes that were planted into a right gradient.

    It is true if the right gradient passes and no planted mistake was missed that could be seen;
    ``print(selftest)`` shows all of it.

    Attributes
    ----------
    result : CheckResult
        The check of the gradient as it was given. If it does not pass, nothing was planted.
    planted : tuple of Planted
        The mistakes.
    seconds : float
        What they took, beside the check itself.
    interrupted : bool
        Whether it was stopped before its end.
    """

    result: CheckResult
    planted: tuple[Planted, ...] = ()
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def passed(self) -> bool:
        """Whether nothing was missed that could be seen."""
        return self.result.passed and not self.interrupted and bool(self.caught) and not self.missed

    def __bool__(self) -> bool:
        return self.passed

    def of(self, outcome: Outcome) -> tuple[Planted, ...]:
        """Return the mistakes with one outcome."""
        return tuple(planted for planted in self.planted if planted.outcome == outcome)

    @property
    def caught(self) -> tuple[Planted, ...]:
        """What was caught."""
        return self.of("caught")

    @property
    def missed(self) -> tuple[Planted, ...]:
        """What was missed."""
        return self.of("missed")

    @property
    def named(self) -> tuple[Planted, ...]:
        """What was caught and rightly named."""
        return tuple(planted for planted in self.caught if planted.is_named)

    def summary(self) -> str:
        """Return the outcome as one sentence."""
        if not self.result.passed:
            return (
                "nothing was planted, because the check of the gradient as it is does not pass: "
                f"{self.result.verdict}; {self.result.summary()}"
            )
        seen = len(self.caught) + len(self.missed)
        if not seen:
            return "no mistake was planted that could be seen"
        text = (
            f"{count(len(self.caught))} of {quantity(seen, 'planted mistake')} caught, "
            f"{count(len(self.named))} of these rightly named"
        )
        if self.missed:
            text += f"; the present plan misses {count(len(self.missed))}"
        return f"interrupted; {text}" if self.interrupted else text

    def __repr__(self) -> str:
        return f"<SelfTest {self.summary()}>"

    def __str__(self) -> str:
        # Like a result, it prints itself: an import that points upwards, made when it is needed.
        from fastcheck.report.selftest import render_plain

        return render_plain(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything in the types of JSON, under ``"schema"`` the version of the layout."""
        return {
            "schema": 1,
            "passed": self.passed,
            "summary": self.summary(),
            "totals": {o: len(self.of(o)) for o in OUTCOMES} | {"named": len(self.named)},
            "planted": [plain(planted) for planted in self.planted],
            "seconds": self.seconds,
            "interrupted": self.interrupted,
            "result": self.result.to_dict(),
        }
