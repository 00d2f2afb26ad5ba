"""Whether a gradient is right without its regulariser."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fastcheck.result import Diagnosis
from fastcheck.result.wording import listing, short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastcheck.diagnose.reruns.trial import Trial
    from fastcheck.diagnose.slopes import Slopes
    from fastcheck.preflight.reach import Reach
    from fastcheck.tracing.walk import Slot

NAMES = re.compile(
    r"^_?(lam|lamb|lambd|lambda_?|lmbda|reg|regulari[sz]ation|reg_?(strength|lambda|rate|param)|"
    r"l1|l2|l[12]_?(reg|lambda|penalty)|wd|weight_?decay(_lambda)?|decay|penalty)$",
    re.IGNORECASE,
)
MOST_NAMES = 5


def about_penalty(trial: Trial, slopes: Slopes, reach: Reach) -> Diagnosis | None:
    """Return that a gradient is right where the constants of all regularisers are zero.

    Constants are numbers under usual names, in variables, attributes and entries. They are put
    back, whatever happens.
    """
    found = [slot for slot in reach.walk.slots if _is_constant(slot, reach)]
    if not found or trial.is_late:
        return None
    with _zero(found):
        gradient = None if trial.has_same_loss() else trial.called()
        if gradient is None or not slopes.are_of(gradient):
            return None
    names = [f"{reach.name_of_slot(slot)}={short(float(slot.value))}" for slot in found]
    unique = list(dict.fromkeys(names))
    message = (
        f"{listing(trial.names, MOST_NAMES)}: the gradient is right with zero for "
        f"{listing(unique, MOST_NAMES)}: the mistake is in the term of the regulariser"
    )
    one = trial.names[0] if len(trial.names) == 1 else None
    return Diagnosis("regulariser", one, None, message, tuple(trial.names), is_exact=False)


def _is_constant(slot: Slot, reach: Reach) -> bool:
    if isinstance(slot.value, bool) or not isinstance(slot.value, float | int) or not slot.value:
        return False
    bare = re.split(r"[.\[]", reach.name_of_slot(slot))[-1].strip("'\"]")
    return NAMES.match(bare) is not None


@contextmanager
def _zero(slots: list[Slot]) -> Iterator[None]:
    """Let numbers be zero for a while."""
    try:
        for slot in slots:
            slot.put(slot.owner, slot.key, type(slot.value)(0))
        yield
    finally:
        for slot in slots:
            slot.put(slot.owner, slot.key, slot.value)
