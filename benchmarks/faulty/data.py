"""Examples of a setting: drawn, or a real minibatch."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.datasets import find_data

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.faulty.setting import Setting


def examples(
    setting: Setting, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return examples as rows, and labels as integers."""
    n, n_out = setting.n_batch, setting.widths[-1]
    if setting.data != "normal":
        batch = _opened(setting.data).sample(n, seed=setting.seed, scaled=True)
        x = np.asarray(batch.x, np.float64).reshape(n, -1)
        return x, np.asarray(batch.y).reshape(n).astype(np.int64)
    x = rng.standard_normal((n, setting.widths[0]))
    return x, rng.integers(0, max(n_out, 2), n)


@cache
def _opened(name: str) -> Any:
    return find_data(name)


@cache
def why_absent(name: str) -> str:
    """Return why a data set cannot be used, empty if it can."""
    if name == "normal":
        return ""
    if _opened(name).sample(1, seed=0).synthetic:
        return f"no real {name} is in the folder that FASTCHECK_DATA names"
    return ""
