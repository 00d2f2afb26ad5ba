"""Whether loss and gradient are those of different modes: training, and inference."""

from __future__ import annotations

import re
import types
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.preflight.loss import is_same
from fastcheck.result import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from fastcheck.blackbox import BlackBox
    from fastcheck.preflight.reach import Reach

    Array = NDArray[Any]

NAMES = re.compile(
    r"^_?((is|in)_?)?(train|training|test|testing|eval|evaluating|evaluate|infer|inference|"
    r"predicting|deterministic)(_?(flg|flag|mode|phase|time))?$|^(mode|phase)$",
    re.IGNORECASE,
)
OTHER = {
    "train": "test",
    "training": "inference",
    "test": "train",
    "testing": "training",
    "eval": "train",
    "inference": "training",
}
"""What a mode that is a word is flipped to."""
MOST_SWITCHES = 12
N_DIRECTIONS = 3
MOVE = 1e-5
"""Size of a move along a direction, relative to the rms of each tensor or 0.01."""
AGREE = 1e-3
"""How far slopes along a direction may be apart, relative to the norm of their terms."""
LEAST = 1e-2
N_DRAWS = 3


@dataclass(frozen=True, slots=True)
class Switch:
    """A place that says in which mode a function is.

    Attributes
    ----------
    name : str
        How the user's code calls it.
    now, other : object
        What it is, and what it may be.
    flip : callable
        ``flip(value)`` sets it.
    """

    name: str
    now: Any
    other: Any
    flip: Callable[[Any], None]

    def __str__(self) -> str:
        return f"{self.name}={self.now!r}"


def switches_of(reach: Reach) -> list[Switch]:
    """Return the switches that a loss reaches: attributes, variables, defaults of functions."""
    found = []
    for slot in reach.walk.slots:
        if isinstance(slot.owner, types.FunctionType):
            found += _defaults(slot.owner)
            continue
        name = _bare(reach.name_of_slot(slot))
        if NAMES.match(name) and _is_mode(slot.value):

            def flip(value: Any, slot: Any = slot) -> None:
                slot.put(slot.owner, slot.key, value)

            found.append(_switch(reach.name_of_slot(slot), slot.value, flip))
    return found


def _bare(name: str) -> str:
    """Return the last part of a name: ``train`` of ``Net.train`` and of ``param['train']``."""
    return re.split(r"[.\[]", name)[-1].strip("'\"]")


def _defaults(function: types.FunctionType) -> list[Switch]:
    """Return the switches among the default arguments of a function."""
    defaults = function.__defaults__ or ()
    code = function.__code__
    names = code.co_varnames[: code.co_argcount][-len(defaults) :] if defaults else ()
    found = []
    for k, (name, value) in enumerate(zip(names, defaults, strict=True)):
        if NAMES.match(name) and _is_mode(value):

            def flip(new: Any, k: int = k) -> None:
                present = function.__defaults__ or ()
                function.__defaults__ = (*present[:k], new, *present[k + 1 :])

            found.append(_switch(f"{function.__name__}(..., {name})", value, flip))
    return found


def _is_mode(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value.lower() in OTHER)


def _switch(name: str, now: Any, flip: Callable[[Any], None]) -> Switch:
    return Switch(name, now, OTHER[now.lower()] if isinstance(now, str) else not now, flip)


@contextmanager
def flipped(switches: list[Switch]) -> Iterator[None]:
    """Let switches be the other way for a while."""
    try:
        for switch in switches:
            switch.flip(switch.other)
        yield
    finally:
        for switch in switches:
            switch.flip(switch.now)


def candidates(switches: list[Switch]) -> list[list[Switch]]:
    """Return which switches to flip together: all that stand the same way, then each alone."""
    groups: dict[str, list[Switch]] = {}
    for switch in switches:
        groups.setdefault(repr(switch.now), []).append(switch)
    together = [group for group in groups.values() if len(group) > 1]
    return [*together, *([switch] for switch in switches)][:MOST_SWITCHES]


def about_mode(
    box: BlackBox, reach: Reach, analytic: Mapping[str, Array], loss: float, seed: int
) -> list[Finding]:
    """Return an error if a gradient that disagrees is right in another mode of the loss.

    Parameters
    ----------
    box : BlackBox
        The loss; its arrays are moved along directions and restored.
    reach : Reach
        What it reaches.
    analytic : mapping of str to ndarray
        The gradient.
    loss : float
        The loss at the point, in the present mode.
    seed : int
        Seed of the directions.

    Notes
    -----
    One evaluation for each switch, at most twelve, and two for each of three directions where that
    changes the loss. To be called only if the gradient disagrees.
    """
    for group in candidates(switches_of(reach)):
        with box.restoring(), flipped(group):
            other = _value(box)
            matters = other is not None and not is_same(loss, other, box)
            if not matters or not _agrees(box, analytic, seed):
                continue
        with box.restoring():
            if _agrees(box, analytic, seed):  # too coarse to tell the modes apart
                continue
        message = (
            f"the loss was evaluated with {', '.join(map(str, group))} and is {loss:.6g}; with "
            f"{group[0].other!r} it would be {other:.6g}, and your gradient agrees with that: it "
            "was taken in the other mode, so that yours was not judged; call both in one mode"
        )
        return [Finding("mode-mismatch", "error", None, message)]
    return []


def named_mode(found: list[Finding], box: BlackBox, reach: Reach, loss: float) -> list[Finding]:
    """Return findings about a gradient that draws random numbers, where the loss does not.

    If a switch makes the loss draw too, it is that which is told: the gradient is random because
    it is taken in the other mode.
    """
    for group in candidates(switches_of(reach)):
        with box.restoring(), flipped(group):
            values = [_value(box) for _ in range(N_DRAWS)]
        varies = any(v is not None and not is_same(v, values[0] or 0.0, box) for v in values)
        if None not in values and varies:
            message = (
                f"the loss was evaluated with {', '.join(map(str, group))} and is {loss:.6g} each "
                f"time; with {group[0].other!r} it draws random numbers, as your gradient does: it "
                "was taken in the other mode, so that yours was not judged; call both in one mode, "
                "without dropout"
            )
            return [Finding("mode-mismatch", "error", None, message)]
    return found


def _value(box: BlackBox) -> float | None:
    try:
        return box.loss()
    except Exception:  # a mode that needs what is not there
        return None


def _agrees(box: BlackBox, analytic: Mapping[str, Array], seed: int) -> bool:
    """Return whether slopes of the loss along random directions are those of the gradient."""
    rng = np.random.default_rng([seed, 19])
    kept = {name: box.arrays[name].copy() for name in analytic}
    for _ in range(N_DIRECTIONS):
        moves = {name: _direction(array, rng) for name, array in kept.items()}
        losses = []
        for sign in (1.0, -1.0):
            for name, array in kept.items():
                np.copyto(box.arrays[name], array + sign * moves[name], casting="same_kind")
            losses.append(_value(box))
        for name, array in kept.items():
            box.arrays[name][...] = array
        if losses[0] is None or losses[1] is None:
            return False
        terms = [(moves[n] * g).reshape(-1).astype(np.float64) for n, g in analytic.items()]
        predicted = float(sum(term.sum() for term in terms))
        size = float(np.sqrt(sum(np.square(term).sum() for term in terms)))
        noise = 8.0 * box.unit * max(abs(losses[0]), abs(losses[1]))
        if not abs(0.5 * (losses[0] - losses[1]) - predicted) <= AGREE * size + noise:
            return False
    return True


def _direction(array: Array, rng: np.random.Generator) -> Array:
    values = array.astype(np.float64)
    scale = max(float(np.sqrt(np.mean(np.square(values)))), LEAST) if array.size else 0.0
    size = MOVE if array.dtype.itemsize >= 8 else 1e-2
    return np.asarray(size * scale * rng.uniform(0.5, 1.5, array.shape)
                      * rng.choice([-1.0, 1.0], array.shape), array.dtype)  # fmt: skip
