"""Whether a loss is one: the same twice, and nothing changed by calling it."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.result import Finding
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from fastcheck.blackbox.loss import BlackBox

REPEATABLE = 64.0
"""By how many unit roundoffs two values may differ: threads may add in another order."""


class Preflight:
    """Two evaluations at the point, and what they tell.

    Parameters
    ----------
    box : BlackBox
        The loss; its arrays are as before afterwards.

    Attributes
    ----------
    loss : float
        The first value.
    findings : list of Finding
        Errors with which no probe makes sense.
    """

    def __init__(self, box: BlackBox) -> None:
        self.box = box
        self.findings: list[Finding] = []
        with box.restoring() as kept:
            self.loss = box.loss()
            changed = box.changed(kept)
        if changed:
            self.findings.append(mutated("the loss", changed))
        elif math.isfinite(self.loss):
            self.repeat()

    def repeat(self) -> None:
        """Evaluate again; add a finding if the value is another one."""
        with self.box.restoring():
            again = self.box.loss()
            if not is_same(self.loss, again, self.box):
                self.findings.append(self._varies(again))

    def _varies(self, again: float) -> Finding:
        message = (
            f"the loss is {self.loss:.9g} and then {again:.9g} with the same parameters: "
            f"{self._source()}"
        )
        return Finding("loss-not-repeatable", "error", None, message)

    def _source(self) -> str:
        """Return what makes the loss vary, with a remedy."""
        numpy, python = np.random.get_state(), random.getstate()  # noqa: NPY002
        try:
            if self._repeats(numpy, None):
                return (
                    "it draws from np.random; call np.random.seed in it, or draw masks and noise "
                    "once, outside"
                )
            if self._repeats(numpy, python):
                return (
                    "it draws from Python's random; call random.seed in it, or draw masks and "
                    "noise once, outside"
                )
        finally:
            np.random.set_state(numpy)  # noqa: NPY002
            random.setstate(python)
        return (
            "it carries something from call to call, such as a hidden state or running averages, "
            "or draws from a generator of its own; reset it in the loss"
        )

    def _repeats(self, numpy: object, python: object) -> bool:
        """Return whether two values are the same from the same random state."""
        values = []
        for _ in range(2):
            np.random.set_state(numpy)  # type: ignore[arg-type] # noqa: NPY002
            if python is not None:
                random.setstate(python)  # type: ignore[arg-type]
            values.append(self.box.loss())
        return is_same(values[0], values[1], self.box)


def is_same(one: float, other: float, box: BlackBox) -> bool:
    """Return whether two values of a loss differ by rounding only."""
    return abs(one - other) <= REPEATABLE * box.unit * max(abs(one), abs(other))


def mutated(what: str, names: list[str]) -> Finding:
    """Return a finding about parameters that a call has changed."""
    message = (
        f"{what} changes {listing(names)}, so that there is no fixed point to take a gradient at; "
        "the arrays were restored; work on copies there, and watch for += and out="
    )
    return Finding("params-mutated", "error", None, message)


def drifted(loss: float, box: BlackBox) -> list[Finding]:
    """Return a finding if the loss at the point has changed since it was first evaluated."""
    again = box.tried()
    if is_same(loss, again, box):
        return []
    message = (
        f"the loss was {loss:.9g} before the probes and is {again:.9g} after them, with the same "
        "parameters: it carries something from call to call; reset it in the loss"
    )
    return [Finding("loss-not-repeatable", "error", None, message)]
