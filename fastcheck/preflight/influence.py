"""Whether a loss reads a tensor at all, as far as its values tell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.preflight.reach import Reach
from fastcheck.result import Finding
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.blackbox import BlackBox
    from fastcheck.derivatives import Derivatives
    from fastcheck.result import TensorResult

    Array = NDArray[Any]

SIZE = 0.1
"""Size of the moves, relative to the rms of a tensor or 1."""
FAR = 1e6
"""Size of a move that shows by rounding that a tensor is read, though it has no effect."""
MOST_NAMES = 5


def unread(
    box: BlackBox,
    tensors: Mapping[str, TensorResult],
    numerical: Mapping[str, Derivatives],
    reads: Callable[[str], bool | None],
    seed: int,
) -> list[str]:
    """Return the tensors that fail, and that the loss does not read as far as can be seen.

    Parameters
    ----------
    box : BlackBox
        The loss; its arrays are moved and restored.
    tensors, numerical : mapping
        The verdicts, and the derivatives behind them.
    reads : callable
        Says whether the loss reads a tensor, None where only its values can tell.
    seed : int
        Seed of the moves.

    Notes
    -----
    Where values must tell, three evaluations for each tensor that fails and of which all
    derivatives are zero: everything is moved, so that no zero elsewhere hides the tensor, then the
    tensor alone, a little and far. A bias before a normalisation has no effect, and is read: moved
    far, it changes how the loss is rounded.
    """
    return [
        name
        for name, tensor in tensors.items()
        if tensor.verdict == "fail" and not np.nan_to_num(numerical[name].values).any()
        and not (_is_felt(box, name, seed) if (known := reads(name)) is None else known)
    ]  # fmt: skip


def is_read(box: BlackBox, array: Array, seed: int) -> bool:
    """Return whether a loss changes with an array within its reach.

    What the loss writes itself, and what nothing reads, such as a gradient that is kept beside it,
    makes no difference.

    Parameters
    ----------
    box : BlackBox
        The loss.
    array : ndarray
        The array; moved, and restored with all else that the loss reaches.
    seed : int
        Seed of the move.

    Notes
    -----
    Two evaluations. Integers, which may be indices, are put in another order.
    """
    reach, kept = Reach(box.roots, box.arrays.values()), array.copy()
    try:
        before = box.tried()
        if array.dtype.kind == "f":
            _move(array, np.random.default_rng([seed, 23]))
        else:
            array[...] = np.roll(array, 1)
        return not (math.isfinite(before) and before == box.tried())
    finally:
        array[...] = kept
        reach.restore_all()


def _is_felt(box: BlackBox, name: str, seed: int) -> bool:
    """Return whether the loss changes, if only by rounding, with a tensor."""
    rng = np.random.default_rng([seed, 23])
    with box.restoring():
        for array in box.arrays.values():
            _move(array, rng)
        before = box.tried()
        for size in (SIZE, FAR):
            _move(box.arrays[name], rng, size)
            if not (math.isfinite(before) and before == box.tried()):
                return True
    return False


def _move(array: Array, rng: np.random.Generator, size: float = SIZE) -> None:
    if array.size:
        values = array.astype(np.float64)
        rms = float(np.sqrt(np.mean(np.square(values))))
        array[...] = values + size * (rms or 1.0) * rng.standard_normal(array.shape)


def about_unread(names: Sequence[str], is_closure: bool, *, is_known: bool) -> list[Finding]:
    """Return an error about tensors that the loss does not read, though they have gradients.

    Of a function that can only be called it is not known: what it reads may be without effect.
    """
    if not names:
        return []
    which = listing(list(names), MOST_NAMES)
    remedy = (
        "if the loss reads another array, of which this is a copy, pass the very array that it "
        "reads"
        if is_closure
        else "if it reads another array than that it is given, let it read its argument"
    )
    what = (
        f"the loss does not read {which}: it stays the same whatever is put there"
        if is_known
        else f"the loss does not read {which}, or nothing comes of it: it stays the same to the "
        "last bit whatever is put there"
    )
    message = (
        f"{what}, although your gradient is not zero, which was not judged; {remedy}, else leave "
        "it out with skip="
    )
    tensor = names[0] if len(names) == 1 else None
    return [Finding("unused-parameter", "error", tensor, message)]
