"""Whether a loss reads a tensor at all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.result import Finding
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.blackbox import BlackBox
    from fastcheck.derivatives import Derivatives
    from fastcheck.result import TensorResult

    Array = NDArray[Any]

SIZE = 0.1
"""Size of the moves, relative to the rms of a tensor or 1."""
MOST_NAMES = 5


def unread(
    box: BlackBox,
    tensors: Mapping[str, TensorResult],
    numerical: Mapping[str, Derivatives],
    seed: int,
) -> list[str]:
    """Return the tensors that fail, and that the loss does not read.

    Parameters
    ----------
    box : BlackBox
        The loss; its arrays are moved and restored.
    tensors, numerical : mapping
        The verdicts, and the derivatives behind them.
    seed : int
        Seed of the moves.

    Notes
    -----
    Two evaluations for each tensor that fails and of which all derivatives are zero: everything is
    moved, so that no zero elsewhere hides the tensor, then the tensor alone.
    """
    return [
        name
        for name, tensor in tensors.items()
        if tensor.verdict == "fail" and not np.nan_to_num(numerical[name].values).any()
        and not _is_read(box, name, seed)
    ]  # fmt: skip


def _is_read(box: BlackBox, name: str, seed: int) -> bool:
    rng = np.random.default_rng([seed, 23])
    with box.restoring():
        for array in box.arrays.values():
            _move(array, rng)
        before = box.tried()
        _move(box.arrays[name], rng)
        after = box.tried()
    return not (math.isfinite(before) and before == after)


def _move(array: Array, rng: np.random.Generator) -> None:
    if array.size:
        values = array.astype(np.float64)
        rms = float(np.sqrt(np.mean(np.square(values))))
        array[...] = values + SIZE * (rms or 1.0) * rng.standard_normal(array.shape)


def about_unread(names: Sequence[str], is_closure: bool) -> list[Finding]:
    """Return an error about tensors that the loss does not read, though they have gradients."""
    if not names:
        return []
    which = listing(list(names), MOST_NAMES)
    remedy = (
        "if the loss reads another array, of which this is a copy, pass the very array that it "
        "reads"
        if is_closure
        else "if it reads another array than that it is given, let it read its argument"
    )
    message = (
        f"the loss does not read {which}: it stays the same whatever is put there, although your "
        f"gradient is not zero, which was not judged; {remedy}, else leave it out with skip="
    )
    tensor = names[0] if len(names) == 1 else None
    return [Finding("unused-parameter", "error", tensor, message)]
