"""Why two calls differ: random numbers, and what is carried from call to call."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcheck.preflight.reach import Reach
    from fastcheck.tracing.walk import Slot

MOST_PLACES = 8
"""Places that are put back one by one to find the one that is carried."""
DROPOUT = re.compile(r"drop_?out|keep_prob|drop_?(rate|prob|ratio|mask)|^drop$", re.IGNORECASE)
ONCE = "draw masks and noise once, outside, or seed it with before_each="


class Sources:
    """The random states and everything else that a call may depend on, as they are now.

    Parameters
    ----------
    reach : Reach
        What the function reaches.
    """

    def __init__(self, reach: Reach) -> None:
        self.reach = reach
        self.numpy = np.random.get_state()  # noqa: NPY002
        self.python = random.getstate()
        own = [holder for holder, _ in reach.walk.generators if holder is not np.random]
        self.generators = [(holder, holder.state) for holder in own]

    def restore_random(self) -> None:
        """Put back all random states."""
        self._restore_numpy()
        self._restore_python()
        self._restore_generators()

    def moved_random(self) -> bool:
        """Return whether random numbers were drawn since."""
        return bool(self._moved_numpy() or self._moved_python() or self._drawn())

    def explain(self, repeats: Callable[[], bool]) -> str:
        """Return what makes calls differ, with a remedy.

        Parameters
        ----------
        repeats : callable
            Calls the function again and returns whether the result is that of the first call.

        Notes
        -----
        One source after the other from which was drawn is put back to where it was before the first
        call. At most six calls, and eight more to name what is carried.
        """
        numpy, python = np.random.get_state(), random.getstate()  # noqa: NPY002
        states = [(holder, holder.state) for holder, _ in self.generators]
        try:
            return self._found(repeats)
        finally:
            np.random.set_state(numpy)  # noqa: NPY002
            random.setstate(python)
            for holder, state in states:
                holder.state = state

    def _found(self, repeats: Callable[[], bool]) -> str:
        own = [self._name_of(holder) for holder in self._drawn()]
        if self._moved_numpy():
            self._restore_numpy()
            if repeats():
                return (
                    f"it draws from np.random{self._dropout()}; call np.random.seed in it, or "
                    f"{ONCE}"
                )
        if self._moved_python():
            self._restore_python()
            if repeats():
                return (
                    f"it draws from Python's random{self._dropout()}; call random.seed in it, or "
                    f"{ONCE}"
                )
        if own:
            self.restore_random()
            if repeats():
                return (
                    f"it draws from {listing(own)}, a generator of its own{self._dropout()}; make "
                    f"the generator anew in each call, or {ONCE}"
                )
        self.restore_random()
        arrays = self.reach.changed()
        self.reach.restore()
        if arrays and repeats():
            names = listing(sorted({self.reach.name_of(a) for a in arrays}), MOST_PLACES)
            return f"it carries {names} from call to call; reset that in the loss, or {BEFORE}"
        return self._carried(repeats)

    def _carried(self, repeats: Callable[[], bool]) -> str:
        """Return what is carried from call to call outside of arrays that are written into."""
        moved = self.reach.moved()
        for slot in moved[:MOST_PLACES]:
            self.restore_random()
            slot.put(slot.owner, slot.key, slot.value)
            if repeats():
                return (
                    f"it carries {self.reach.name_of_slot(slot)} from call to call, such as a "
                    f"hidden state, a counter or running averages; reset it in the loss, or "
                    f"{BEFORE}"
                )
        self.restore_random()
        self.reach.restore_all()
        if moved and repeats():
            names = listing([self.reach.name_of_slot(slot) for slot in moved], MOST_PLACES)
            return f"it carries some of {names} from call to call; reset them in the loss"
        return (
            "it carries something from call to call, such as a hidden state or running averages, "
            "or draws from a generator of its own that could not be found; reset it in the loss"
        )

    # ------------------------------------------------------------ states

    def _restore_numpy(self) -> None:
        np.random.set_state(self.numpy)  # noqa: NPY002

    def _restore_python(self) -> None:
        random.setstate(self.python)

    def _restore_generators(self) -> None:
        for holder, state in self.generators:
            holder.state = state

    def _moved_numpy(self) -> bool:
        return str(np.random.get_state()) != str(self.numpy)  # noqa: NPY002

    def _moved_python(self) -> bool:
        return random.getstate() != self.python

    def _drawn(self) -> list[Any]:
        """Return the generators from which was drawn."""
        return [h for h, state in self.generators if str(h.state) != str(state)]

    def _name_of(self, holder: Any) -> str:
        return next(
            (self.reach.name_of_slot(slot) for slot in self.reach.walk.slots if _is(slot, holder)),
            "a generator",
        )

    def _dropout(self) -> str:
        """Return a remark if something is called dropout."""
        names = {name for _, scope in self.reach.walk.scopes for name in scope}
        names |= {slot.key for slot in self.reach.walk.slots if isinstance(slot.key, str)}
        names |= {type(x).__name__ for x in self.reach.walk.objects}
        found = sorted(name for name in names if DROPOUT.search(name))
        return f", most likely for dropout (`{found[0]}`)" if found else ""


BEFORE = "call what resets it with before_each="


def _is(slot: Slot, holder: Any) -> bool:
    value = slot.value
    return holder in (
        value if isinstance(value, np.random.BitGenerator) else None,
        getattr(value, "bit_generator", None) if isinstance(value, np.random.Generator) else None,
        getattr(value, "_bit_generator", None)
        if isinstance(value, np.random.RandomState)
        else None,
    )
