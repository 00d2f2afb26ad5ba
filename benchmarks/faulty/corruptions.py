"""Damage that is no mistake of any catalogue, of which only the place can be told truly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.faulty.faults import is_same
from benchmarks.faulty.passes import Backward, right_gradient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from benchmarks.faulty.network import Net
    from fastcheck.result import Diagnosis

    Floats = NDArray[np.float64]
    Arrays = dict[str, Floats]
    Random = np.random.Generator

VISIBLE = 1e-11
"""An entry is wrong if it is off by more than this share of the largest of its tensor."""


@dataclass(frozen=True)
class Corruption:
    """A gradient with damage.

    Attributes
    ----------
    name : str
        What was done.
    gradient : dict of str to ndarray
        The outcome, rows being samples.
    first : tuple of str
        The tensors at which it shows first, walking from the loss.
    """

    name: str
    gradient: Arrays
    first: tuple[str, ...]


def corruptions(net: Net, rng: Random) -> Iterator[Corruption]:
    """Yield damaged gradients of one network without end."""
    right = right_gradient(net)
    while True:
        if rng.random() < 0.3:
            name, k = str(rng.choice([*DELTAS])), int(rng.integers(1, net.n_layers + 1))
            if net.setting.widths[k] == 1 and name not in OF_SAMPLES:
                continue  # then it is one factor, and not outside the catalogue
            if k < net.n_layers and name in OF_UNITS:
                continue  # then it is what other weights above would give
            change = DELTAS[name]
            drawn = int(rng.integers(2**32))

            def changed(d: Floats, _: Any, change: Any = change, drawn: int = drawn) -> Floats:
                return change(d, np.random.default_rng(drawn))  # type: ignore[no-any-return]

            gradient = Backward(net, {("delta", k): changed}).gradient()
            found = Corruption(f"{name} at layer {k}", gradient, (f"W{k}", f"b{k}"))
        else:
            name = str(rng.choice([*TENSORS]))
            n = int(rng.integers(1, len(right) + 1)) if rng.random() < 0.3 else 1
            some = [str(t) for t in rng.choice([*right], n, replace=False)]
            gradient = right | {t: TENSORS[name](right[t], rng) for t in some}
            found = Corruption(f"{name} in {', '.join(some)}", gradient, tuple(some))
        if not is_same(gradient, right, right):
            yield found


def _noise(g: Floats, rng: Random) -> Floats:
    """Return noise of a random size beside the gradient's own."""
    size = np.sqrt(np.mean(g**2)) or 1.0
    return np.asarray(size * 10.0 ** rng.uniform(-4, 0.5) * rng.standard_normal(g.shape))


def _in_entries(g: Floats, rng: Random) -> Floats:
    keep = np.zeros(g.size, bool)
    keep[rng.choice(g.size, rng.integers(1, max(2, g.size // 2)), replace=False)] = True
    return g + _noise(g, rng) * keep.reshape(g.shape)


def _in_line(g: Floats, rng: Random) -> Floats:
    """Disturb one row or column."""
    axis = int(rng.integers(g.ndim))
    place = rng.integers(g.shape[axis])
    lines = np.moveaxis(np.zeros(g.shape), axis, 0)
    lines[place] = 1.0
    return g + _noise(g, rng) * np.moveaxis(lines, 0, axis)


def _permuted(g: Floats, rng: Random) -> Floats:
    """Move some entries about at random, four or more where there are as many."""
    flat = g.ravel().copy()
    n = min(g.size, int(rng.integers(4, max(5, g.size + 1))))
    some = rng.choice(g.size, n, replace=False)
    flat[some] = flat[rng.permutation(some)]
    return flat.reshape(g.shape)


TENSORS: dict[str, Callable[[Floats, Random], Floats]] = {
    "noise in entries": _in_entries,
    "noise in a row or column": _in_line,
    "noise": lambda g, rng: g + _noise(g, rng),
    "random factors": lambda g, rng: g * (1 + 0.3 * rng.standard_normal(g.shape)),
    "entries permuted": _permuted,
    "a mixture with noise": lambda g, rng: rng.uniform(-2, 2) * g + _noise(g, rng),
    "a power": lambda g, _: np.sign(g) * np.abs(g) ** 1.3,
    "rows mixed": lambda g, rng: rng.standard_normal((len(g), len(g))) @ g,
}
DELTAS: dict[str, Callable[[Floats, Random], Floats]] = {
    "delta mixed": lambda d, rng: d @ rng.standard_normal((d.shape[1], d.shape[1])),
    "delta mixed slightly": lambda d, rng: (
        d @ (np.eye(d.shape[1]) + 0.1 * rng.standard_normal((d.shape[1], d.shape[1])))
    ),
    "noise in delta": lambda d, rng: d + _noise(d, rng),
    "random factors of delta": lambda d, rng: d * rng.uniform(0.2, 2.0, d.shape),
    "samples weighted at random": lambda d, rng: d * rng.uniform(0.2, 2.0, (len(d), 1)),
    "units weighted at random": lambda d, rng: d * rng.uniform(0.2, 2.0, (1, d.shape[1])),
}
OF_SAMPLES = ("noise in delta", "random factors of delta", "samples weighted at random")
"""Those that are damage where a layer has one unit, too."""
OF_UNITS = ("units weighted at random",)
"""Those that are damage in the last layer only."""


# ------------------------------------------------------------ what may be said of it


def why_untrue(
    diagnoses: Sequence[Diagnosis], right: Arrays, given: Arrays, first: Sequence[str]
) -> str:
    """Return what is not true of what was said of a damaged gradient, empty if all is.

    Parameters
    ----------
    diagnoses : sequence of Diagnosis
        What was said.
    right, given : dict of str to ndarray
        The right and the damaged gradient, as they were handed over.
    first : sequence of str
        The tensors at which the damage shows first.
    """
    wrong = {n: np.abs(given[n] - g) > VISIBLE * np.abs(g).max() for n, g in right.items()}
    tensors = {name for name, places in wrong.items() if places.any()}
    if not diagnoses:
        return "nothing is said"
    if diagnoses[0].tensor is not None and diagnoses[0].tensor not in first:
        return f"begins with {diagnoses[0].tensor}, and {', '.join(first)} is wrong first"
    for d in diagnoses:
        named = {*d.tensors, *([d.tensor] if d.tensor else [])}
        if not named <= tensors:
            return f"{', '.join(sorted(named - tensors))} is called wrong and is right"
        if d.kind == "unexplained":
            if d.is_exact:
                return "unexplained, and yet exact"
        elif not all(_is_true(d, right[t], given[t], wrong[t]) for t in named):
            return f"{d.kind} is said{' to be exact' if d.is_exact else ''}"
    told = {t for d in diagnoses for t in (*d.tensors, d.tensor)}
    # below a layer that is not understood nobody knows what follows from it
    unclear = [int(t[1:]) for d in diagnoses if d.kind == "unexplained" for t in d.tensors]
    least = max(unclear, default=0)
    silent = sorted(t for t in tensors & {*first} - told if int(t[1:]) >= least)
    return f"{', '.join(silent)} is wrong and not mentioned" if silent else ""


def _is_true(d: Diagnosis, right: Floats, given: Floats, places: Any) -> bool:
    """Return whether an explanation, by chance or as a description, is true of a tensor."""
    if d.kind == "one-entry":
        return int(np.count_nonzero(places)) == 1
    if d.kind in ("reordered", "rolled", "reversed"):  # of a bias, whose order is all there is
        one, other = (np.sort(g, axis=None) for g in (right, given))
        return max(places.shape) == places.size and np.allclose(one, other, rtol=1e-11, atol=0.0)
    if d.kind != "wrong-part":
        return False
    numbers = {int(n) for n in re.findall(r"\b\d+\b", d.message.partition(":")[2])}
    if "other than" in d.message:
        return True
    return any(
        lines.size < places.shape[axis] and {int(lines[0]), int(lines[-1])} <= numbers
        for axis in range(places.ndim)
        if (lines := np.flatnonzero(places.any(axis=tuple({*range(places.ndim)} - {axis})))).size
    )
