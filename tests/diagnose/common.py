"""Gradients that are wrong on purpose, with measured ones beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastcheck.diagnose import Case, explain, gathered
from fastcheck.result import Diagnosis, TensorResult

Arrays = dict[str, np.ndarray]

N_SAMPLES = 7
SHAPES = {
    "W1": (6, 4), "b1": (4,), "W2": (4, 4), "b2": (4,), "W3": (4, 3), "b3": (3,), "K": (2, 5, 9),
}  # fmt: skip
BOUND = 1e-13


def drawn(seed: int = 0, shapes: Mapping[str, tuple[int, ...]] = SHAPES) -> Arrays:
    """Return a right gradient."""
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


RIGHT = drawn()
PARAMS = drawn(1)
DATA = {"x": drawn(2, {"x": (N_SAMPLES, 6)})["x"], "y": np.arange(N_SAMPLES) % 3}


def case_of(
    given: Mapping[str, Any],
    right: Arrays = RIGHT,
    *,
    bound: float = BOUND,
    known: Mapping[str, np.ndarray] | None = None,
    rtol: float = 0.0,
    **options: Any,
) -> Case:
    """Return a case in which numerical gradients are right within half of their bounds.

    `known` says which entries were measured, `rtol` what is off by so little that it passes.
    """
    rng = np.random.default_rng(17)
    analytic = {name: np.asarray(given.get(name, g), np.float64) for name, g in right.items()}
    numerical, bounds, tensors = {}, {}, {}
    for name, g in right.items():
        bounds[name] = np.full(g.shape, bound)
        numerical[name] = g + 0.5 * bound * rng.uniform(-1.0, 1.0, g.shape)
        if known is not None and name in known:
            numerical[name] = np.where(known[name], numerical[name], np.nan)
        off = np.abs(analytic[name] - numerical[name])
        wrong = int(np.sum(off > 2 * bound + 1e-14))
        is_close = not np.any(off > rtol * np.abs(g) + 2 * bound + 1e-14)
        tensors[name] = TensorResult(
            name, g.shape, "fail" if wrong and not is_close else "pass", "", g.size, g.size,
            n_close=wrong if is_close else 0,
        )  # fmt: skip
    options = {"params": PARAMS, "data": DATA, "n_samples": N_SAMPLES} | options
    return gathered(tensors, analytic, numerical, bounds, **options)


def said(given: Mapping[str, Any], right: Arrays = RIGHT, **options: Any) -> list[Diagnosis]:
    """Return what is said of a gradient; tensors that are not given are right."""
    return list(explain(case_of(given, right, **options)))


def only(given: Mapping[str, Any], right: Arrays = RIGHT, **options: Any) -> Diagnosis:
    """Return the one diagnosis of a gradient."""
    found = said(given, right, **options)
    assert len(found) == 1, [str(diagnosis) for diagnosis in found]
    return found[0]


def kinds(given: Mapping[str, Any], right: Arrays = RIGHT, **options: Any) -> set[str]:
    """Return the kinds of what is said of a gradient."""
    return {diagnosis.kind for diagnosis in said(given, right, **options)}


def nearly(array: np.ndarray, size: float = 1e-9) -> np.ndarray:
    """Return an array with one entry changed a little, so that nothing fits it exactly."""
    changed = np.array(array, np.float64)
    changed.flat[changed.size // 2] += size
    return changed
