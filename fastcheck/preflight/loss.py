"""Whether a loss is one: a finite number, the same twice, and nothing changed by calling it."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.blackbox.loss import NotScalarError
from fastcheck.preflight.reach import Reach
from fastcheck.preflight.sources import Sources
from fastcheck.result import Finding
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.blackbox import BlackBox

    Array = NDArray[Any]

REPEATABLE = 64.0
"""By how many unit roundoffs two values may differ: threads may add in another order."""
MOST_DRAWS = 8
"""Evaluations of a loss that draws random numbers: coarse values agree by chance."""
MOST_NAMES = 5
STATE = re.compile(
    r"(^|[^a-z])(h|c|s|state|hidden|cell|memory|count|n_calls|running|moving)(_|[^a-z]|$)"
)
"""Names of arrays that are carried on purpose."""


class Preflight:
    """Two evaluations at the point, and what they tell.

    Parameters
    ----------
    box : BlackBox
        The loss; its arrays are as before afterwards.

    Attributes
    ----------
    loss : float
        The first value; NaN if it is no number.
    findings : list of Finding
        Errors with which no probe makes sense, and warnings.
    reach : Reach
        What the loss reaches, as it was before.

    Notes
    -----
    Two evaluations where all is well, three if the loss writes into arrays that it reaches, eight
    if it draws random numbers, and up to sixteen to name why it varies.
    """

    def __init__(self, box: BlackBox) -> None:
        self.box = box
        self.findings: list[Finding] = []
        self.loss = math.nan
        self.reach = Reach(box.roots, box.arrays.values())
        self.sources = Sources(self.reach)
        try:
            self._evaluate()
        except BaseException:
            self.reach.restore()
            raise

    def _evaluate(self) -> None:
        box = self.box
        with box.restoring() as kept:
            try:
                self.loss = box.loss()
            except NotScalarError as problem:
                self.findings.append(Finding("loss-not-scalar", "error", None, str(problem)))
                return
            changed = box.changed(kept)
        if changed:
            self.findings.append(mutated("the loss", changed))
        elif math.isfinite(self.loss):
            self.repeat()

    @property
    def is_sound(self) -> bool:
        """Whether there is nothing against probing."""
        return math.isfinite(self.loss) and all(f.severity != "error" for f in self.findings)

    def repeat(self) -> None:
        """Evaluate again; add a finding if the value is another one, or if data were changed."""
        written = self.reach.changed()
        with self.box.restoring():
            again = self._again()
            if not is_same(self.loss, again, self.box):
                self.findings.append(self._varies(again, written))
            elif read := self._read(written):
                self.findings.append(self._rewrites(read))

    def _again(self) -> float:
        """Return another value of the loss, the first that differs if it draws random numbers."""
        drawing = Sources(self.reach)
        again = self.box.loss()
        if drawing.moved_random():  # nothing has moved where before_each seeds
            for _ in range(2, MOST_DRAWS):
                if not is_same(self.loss, again, self.box):
                    break
                again = self.box.loss()
        return again

    def _varies(self, again: float, written: list[Array]) -> Finding:
        values = f"{self.loss:.9g} and then {again:.9g}"
        if self._is_explained_by(written):
            names = self._names(written)
            return Finding(
                "data-mutated",
                "error",
                None,
                f"the loss writes into {listing(names, MOST_NAMES)} and reads it again, so that it "
                f"is {values} with the same parameters; work on a copy there, and watch for +=, "
                "*= and out=",
            )
        message = (
            f"the loss is {values} with the same parameters: {self.sources.explain(self._repeats)}"
        )
        return Finding("loss-not-repeatable", "error", None, message)

    def _is_explained_by(self, written: list[Array]) -> bool:
        """Return whether the loss varies because of arrays that are no states, written into."""
        if not written or any(STATE.search(name) for name in self._names(written)):
            return False
        self.reach.restore()
        return self._repeats()

    def _repeats(self) -> bool:
        return is_same(self.loss, self.box.loss(), self.box)

    # ------------------------------------------------------------ data that become the same again

    def _read(self, written: list[Array]) -> list[Array]:
        """Return those of `written` that the loss reads before it writes into them.

        A buffer is filled first, so that what it held before does not matter.
        """
        if not written:
            return []
        sources = Sources(self.reach)
        try:
            self.reach.restore()
            for array in written:
                array[...] = scrambled(array)
            with np.errstate(all="ignore"):
                return [] if self._repeats() else written
        except Exception:  # indices that are none any more, for example
            return written
        finally:
            self.reach.restore()
            sources.restore_random()

    def _rewrites(self, read: list[Array]) -> Finding:
        names = self._names(read)
        message = (
            f"the loss writes into {listing(names, MOST_NAMES)}, which it reads; its value "
            "stays the same, and the arrays were restored; work on a copy there, else what is "
            "trained on depends on how often the loss was called"
        )
        return Finding("data-mutated", "warning", None, message)

    def _names(self, arrays: list[Array]) -> list[str]:
        return sorted({self.reach.name_of(array) for array in arrays})


def scrambled(array: Array) -> Array:
    """Return other values of the kind of those in an array."""
    turned = array.reshape(-1)[::-1].reshape(array.shape)
    if array.dtype.kind in "fc":
        with np.errstate(all="ignore"):
            return np.asarray(0.5 * np.nan_to_num(turned) + 0.25, array.dtype)
    if array.dtype.kind == "b":
        return ~array
    return turned if not np.array_equal(turned, array) else np.zeros_like(array)


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
