"""Whether a gradient function gives the same each time, and changes nothing by being called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.preflight.loss import MOST_DRAWS, is_same, mutated
from fastcheck.preflight.reach import Reach
from fastcheck.preflight.sources import Sources
from fastcheck.result import Finding
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fastcheck.blackbox import BlackBox

    Array = NDArray[Any]
    Arrays = dict[str, Array]

ROUNDINGS = 64.0
"""By how many unit roundoffs of its largest entry a tensor may differ from call to call."""
MOST_NAMES = 5


class GradientCalls:
    """Three calls of a gradient function, and what they tell.

    Parameters
    ----------
    call : callable
        Calls the user's function, and returns what it gives by name.
    box : BlackBox or None
        The loss, if that is a function; its arrays are as before afterwards.
    loss : float
        Its value at the point.
    roots : list of object
        From where the arrays can be reached that both read.
    may_repeat : callable
        Tells after the first call whether there may be others.

    Attributes
    ----------
    first : object
        A copy of what the first call gave.
    findings : list of Finding
        What was found out.
    draws : bool
        Whether calls differ because of random numbers, which the loss does not draw.

    Notes
    -----
    Calls one and two follow on each other, between two and three the loss is evaluated, as it is
    before the first, because a backward pass reads what a forward pass left behind: three calls
    and two evaluations where all is well, eight calls if they draw random numbers.
    """

    def __init__(
        self,
        call: Callable[[], Any],
        box: BlackBox | None,
        loss: float,
        roots: list[Any],
        may_repeat: Callable[[], bool] = lambda: True,
    ) -> None:
        self.call = call
        self.box = box
        self.loss = loss
        self.findings: list[Finding] = []
        self.draws = False
        self.reach = Reach(roots, box.arrays.values() if box is not None else ())
        if box is None:
            self.sources = Sources(self.reach)
            self.first = copied(call())
            if may_repeat():
                self._compare(None, self._called())
            return
        with box.restoring() as kept:
            if np.isfinite(loss):
                box.loss()
            self.sources = Sources(self.reach)
            self.first = copied(call())
            changed = box.changed(kept)
            if changed:
                self.findings.append(mutated("the gradient", changed))
        if not changed and np.isfinite(loss) and may_repeat():
            with box.restoring():
                self._repeat(box)

    def _repeat(self, box: BlackBox) -> None:
        second = self._called()
        again = box.loss()
        if not is_same(self.loss, again, box):
            self.findings.append(self._spoils(again, box))
            return
        drawing = Sources(self.reach)
        third = self._called()
        if drawing.moved_random():
            third = self._another(third)
        self._compare(second, third)

    def _another(self, third: Any) -> Any:
        """Return what a further call gives, the first that differs: masks agree by chance."""
        for _ in range(3, MOST_DRAWS):
            if third is None or differing(self.first, third):
                break
            third = self._called()
        return third

    def _called(self) -> Any:
        """Return what another call gives; None if it raises, for want of a forward pass."""
        try:
            return copied(self.call())
        except Exception:
            return None

    # ------------------------------------------------------------ the same again

    def _compare(self, second: Any, third: Any) -> None:
        """Compare calls; `second` may be None, `third` is that after a forward pass."""
        if not isinstance(self.first, Mapping) or third is None:  # it can be called only once
            return
        later = differing(self.first, third)
        sooner = differing(self.first, second) if second is not None else []
        if not later and not sooner:
            return
        names = later or sooner
        if self._accumulates(second, third, names):
            self.findings.append(_accumulating(names, always=bool(later)))
        elif later:
            self.findings.append(self._varying(names))
        else:
            self.findings.append(_consuming(names))

    def _accumulates(self, second: Any, third: Any, names: list[str]) -> bool:
        """Return whether each call adds the same to what there was."""
        calls = [self.first, *(c for c in (second, third) if isinstance(c, Mapping))]
        if not set(names) <= set.intersection(*(set(c) for c in calls)):
            return False
        if not differing(self.first, third) or len(calls) == 2:  # the forward pass resets them
            return _is_sum(self.first, calls[1], self.first, names)
        return _is_sum(calls[1], calls[2], _minus(calls[1], self.first, names), names)

    def _varying(self, names: list[str]) -> Finding:
        def repeats() -> bool:
            if self.box is not None:
                with self.box.restoring():
                    return not differing(self.first, self._called())
            return not differing(self.first, self._called())

        self.draws = self.sources.moved_random() and self.box is not None
        message = (
            f"the gradient of {listing(names, MOST_NAMES)} is another one at each call, with the "
            f"same parameters: {self.sources.explain(repeats)}"
        )
        if self.draws:
            message += (
                "; the loss does not vary, so perhaps it is evaluated in inference mode and the "
                "gradient in training mode"
            )
        return Finding("gradient-not-repeatable", "error", None, message)

    # ------------------------------------------------------------ what the call changes

    def _spoils(self, again: float, box: BlackBox) -> Finding:
        """Return a finding about a call after which the loss is another one."""
        values = f"it was {self.loss:.9g} before and is {again:.9g} after, with the same parameters"
        arrays, moved = self.reach.changed(), self.reach.moved()
        live = {id(array) for array in box.arrays.values()}
        replaced = sorted({self.reach.name_of_slot(s) for s in moved if id(s.value) in live})
        self.reach.restore()
        if replaced:
            self.reach.restore_all()
            message = (
                f"the gradient function puts other arrays in the place of {listing(replaced)}, so "
                f"that the loss does not read the parameters any more: {values}; they were put "
                "back; leave the update out of the function that is checked"
            )
            return Finding("params-mutated", "error", None, message)
        if arrays and is_same(self.loss, box.loss(), box):
            names = sorted({self.reach.name_of(array) for array in arrays})
            message = (
                f"the gradient function writes into {listing(names, MOST_NAMES)}, which the loss "
                f"reads: {values}; the arrays were restored; work on a copy there: a backward pass "
                "that sets entries of the gradient it was given to zero is a usual cause"
            )
            return Finding("data-mutated", "error", None, message)
        names = [self.reach.name_of_slot(slot) for slot in moved]
        self.reach.restore_all()
        which = f", by way of {listing(names, MOST_NAMES)}" if names else ""
        message = (
            f"the gradient function changes the loss{which}: {values}; what could be found was "
            "put back; let it leave alone what the loss reads"
        )
        return Finding("data-mutated", "error", None, message)


# ---------------------------------------------------------------- sentences


def _accumulating(names: list[str], *, always: bool) -> Finding:
    which = listing(names, MOST_NAMES)
    if always:
        message = (
            f"each call of the gradient function adds to {which} what it added before, so that the "
            "second gradient is not the first: a += into buffers that are not reset; set them to "
            "zero where the backward pass begins"
        )
        return Finding("gradient-accumulates", "error", None, message)
    message = (
        f"a second backward pass after one forward pass adds to {which} what the first one gave; "
        "the gradient of the first was checked; a += into buffers that only the forward pass "
        "resets: set them to zero where the backward pass begins"
    )
    return Finding("gradient-accumulates", "warning", None, message)


def _consuming(names: list[str]) -> Finding:
    message = (
        f"a second backward pass after one forward pass gives another gradient of "
        f"{listing(names, MOST_NAMES)}; that of the first was checked; it overwrites what the "
        "forward pass kept, as dout[mask] = 0 or *= do to arrays that are cached: work on a copy"
    )
    return Finding("gradient-not-repeatable", "warning", None, message)


# ---------------------------------------------------------------- comparing


def copied(given: Any) -> Any:
    """Return a copy of what a gradient function gave, as far as it consists of arrays."""
    if isinstance(given, Mapping):
        return {name: copied(value) for name, value in given.items()}
    if isinstance(given, list | tuple) and not hasattr(given, "_fields"):
        return type(given)(copied(value) for value in given)
    return given.copy() if isinstance(given, np.ndarray) else given


def differing(one: Any, other: Any) -> list[str]:
    """Return the names of gradients that differ by more than rounding."""
    if not isinstance(other, Mapping):
        return [str(name) for name in one]
    return [str(n) for n, g in one.items() if n not in other or not _is_close(g, other[n])]


def _is_close(one: Any, other: Any) -> bool:
    a, b = _numbers(one), _numbers(other)
    if a is None or b is None or a.shape != b.shape:
        return a is None and b is None
    finite = np.isfinite(a)
    if not np.array_equal(finite, np.isfinite(b)):
        return False
    unit = max((float(np.finfo(x.dtype).eps) for x in (a, b) if x.dtype.kind == "f"), default=0.0)
    size = float(np.abs(a[finite].astype(np.float64)).max(initial=0.0))
    far = np.abs(a[finite].astype(np.float64) - b[finite].astype(np.float64)).max(initial=0.0)
    return bool(far <= ROUNDINGS * unit * size)


def _numbers(value: Any) -> Array | None:
    try:
        array = np.asarray(value)
    except ValueError:
        return None
    return array if array.dtype.kind in "fiu" else None


def _minus(one: Any, other: Any, names: list[str]) -> Arrays:
    return {n: np.asarray(g) - np.asarray(other[n]) for n, g in one.items() if str(n) in names}


def _is_sum(one: Any, total: Any, part: Any, names: list[str]) -> bool:
    """Return whether ``total`` is ``one + part`` in the gradients that differ."""
    for name in one:
        if str(name) in names:
            a, b, c = (_numbers(x[name]) for x in (one, total, part))
            if a is None or b is None or c is None or not a.shape == b.shape == c.shape:
                return False
            with np.errstate(all="ignore"):
                if not _is_close(b, a + c):
                    return False
    return bool(names)
