"""Losses that tell in which processes they were called, and what can happen there."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import fastcheck as fc
from tests.blackbox.networks import Arrays, Network, dense

MAIN = os.getpid()


class Diary:
    """A file with a line for each event, by process, which any process can write to."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        path.touch()

    def write(self, what: str) -> None:
        """Add a line."""
        with open(self.path, "a", encoding="ascii") as file:  # noqa: PTH123
            file.write(f"{os.getpid()} {what}\n")

    def count(self, what: str) -> Counter[int]:
        """Return how often something happened, by process."""
        lines = [line.split() for line in Path(self.path).read_text("ascii").splitlines()]
        return Counter(int(pid) for pid, written in lines if written == what)


class Unpacked:
    """Writes into a diary whenever it arrives in a process."""

    def __init__(self, diary: Diary) -> None:
        self.diary = diary

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.diary.write("arrived")


def observed(net: Network, diary: Diary) -> Callable[[], float]:
    """Return the loss of a network, with a diary of its calls."""
    luggage = Unpacked(diary)

    def loss() -> float:
        luggage.diary.write("called")
        return net.loss()

    return loss


def killing(net: Network, name: str, places: list[int], *, main: int = 0) -> Callable[[], float]:
    """Return a loss that ends its process where one of some entries alone is moved.

    Within the process `main` it raises SystemExit instead, which no check survives.
    """
    kept = net.params[name].copy()
    main = main or os.getpid()

    def loss() -> float:
        moved = np.flatnonzero(net.params[name] != kept)
        if moved.size == 1 and moved[0] in places:
            if os.getpid() == main:
                raise SystemExit("called where it must not be")
            os._exit(3)
        return net.loss()

    return loss


def wide(seed: int = 0, activation: str = "tanh") -> Network:
    """Return a network with some hundred entries, far from kinks in few of them."""
    return dense(seed, activation)


def same_bits(one: fc.NumericalGradient, other: fc.NumericalGradient) -> bool:
    """Return whether values, bounds and kinks are the same bit for bit."""
    return all(
        a[name].tobytes() == b[name].tobytes()
        for a, b in (
            (one.values, other.values),
            (one.bounds, other.bounds),
            (one.kinks, other.kinks),
        )
        for name in one.values
    )


def differing(one: fc.NumericalGradient, other: fc.NumericalGradient) -> list[tuple[str, int]]:
    """Return the entries with other bits."""
    return [
        (name, int(place))
        for name, value in one.values.items()
        for place in np.flatnonzero(
            value.reshape(-1).view("u8") != other.values[name].reshape(-1).view("u8")
        )
    ]


def contents(arrays: Arrays) -> dict[str, bytes]:
    """Return all bits of some arrays."""
    return {name: array.tobytes() for name, array in arrays.items()}


def kinds(run: Any) -> list[str]:
    """Return the kinds of findings of a numerical gradient or a result."""
    return [f.kind for f in (run._run.findings if hasattr(run, "_run") else run.findings)]


# ------------------------------------------------------------ a module as people write it

W = np.random.default_rng(5).standard_normal((7, 3))
X = np.random.default_rng(6).standard_normal((9, 7))
DIARY: list[Diary] = []


def module_loss() -> float:
    """Return a loss of arrays of this module."""
    for diary in DIARY:
        diary.write("called")
    return float(np.tanh(X @ W).sum())
