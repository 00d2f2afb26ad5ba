"""What a case is, and small helpers that the lists of cases share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Grads = dict[str, np.ndarray]


@dataclass
class Case:
    """A network with data and parameters: what its user would hand to a checker.

    `loss` returns the float loss as the author's code computes it. `params` holds, by name,
    the very arrays that the network reads. `grads` runs the author's backward pass and returns
    the gradients under the same names. Where the style is functional, `functional` is ``(f,
    args)`` with ``loss() == f(*args)``, the structure of parameters being the first argument.
    """

    name: str
    loss: Callable[[], float]
    params: dict[str, np.ndarray]
    grads: Callable[[], Grads]
    style: str
    functional: tuple[Callable[..., float], tuple[Any, ...]] | None = None


Factory = Callable[..., Case]


def jitter(rng: np.random.Generator, params: dict[str, np.ndarray], scale: float = 0.1) -> None:
    """Move, in place, what authors start at exactly zero or one: no ties, no kinks."""
    for array in params.values():
        if np.all(array == array.flat[0]):
            array += rng.normal(0.0, scale, array.shape)


def attributes(owner: object, names: str) -> dict[str, np.ndarray]:
    """Return the attributes of an object with some names, separated by blanks."""
    return {name: getattr(owner, name) for name in names.split()}


def one_hot(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Return labels as rows of the identity."""
    return np.eye(n_classes)[labels]


def seed_author(seed: int) -> None:
    """Seed the global generator, which authors use when they draw their first weights."""
    np.random.seed(seed)  # noqa: NPY002
