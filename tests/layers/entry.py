"""What the catalogue of layers is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import fastcheck as fc


@dataclass(frozen=True)
class Entry:
    """A layer from real life and what goes wrong in its backward pass.

    Attributes
    ----------
    name : str
        The name of the layer.
    build : callable
        Takes the name of a fault, ``""`` for none, and returns the arguments of ``check_layer``.
    tensors : str
        The names of the tensors of the result, in their order.
    faults : dict of str to str
        For each fault, the tensors whose gradients it makes wrong.
    """

    name: str
    build: Callable[[str], dict[str, Any]]
    tensors: str
    faults: dict[str, str]


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    """Return random numbers."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def fails_only(result: fc.CheckResult, name: str) -> bool:
    """Return whether one tensor fails and no other."""
    return [n for n, t in result.tensors.items() if t.verdict == "fail"] == [name]
