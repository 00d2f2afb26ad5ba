"""How many planted errors a check finds, and what each entry costs: counted from outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import fastcheck as fc
from tests.blackbox.networks import Network

Place = tuple[str, int]

UNIT = 2.0**-53
AT_ONCE = 8
"""Errors that are planted in one check: as many as a result names, and far fewer than those after
which a tensor is given up."""
N_PILOTS = 8
"""Entries of a tensor in which the engine looks for its step; what they cost is overhead."""
ROUNDING = 4.5
BEND = 1.5
FLOOR = 0.01
"""Smallest scale of a relative error, in units of the rms of its tensor, as in judging."""


class Tally:
    """A loss that counts its calls, and which single entry each of them had moved."""

    def __init__(self, net: Network) -> None:
        self.net = net
        self.kept = {name: array.copy() for name, array in net.params.items()}
        self.n_calls = 0
        self.of_entry: Counter[Place] = Counter()

    def __call__(self) -> float:
        """Return the loss."""
        self.n_calls += 1
        moved = [
            (name, int(place))
            for name, array in self.net.params.items()
            for place in np.flatnonzero(array != self.kept[name])[:2]
        ]
        if len(moved) == 1:
            self.of_entry[moved[0]] += 1
        return self.net.loss()

    def per_entry(self, places: Sequence[Place]) -> float:
        """Return the mean number of evaluations of entries, leaving out the pilots of each tensor.

        NaN if there are no others.
        """
        others: list[int] = []
        for name in self.net.params:
            counts = sorted((self.of_entry[p] for p in places if p[0] == name), reverse=True)
            others += counts[N_PILOTS:]
        return float(np.mean(others)) if others else float("nan")


def entries(net: Network) -> list[Place]:
    """Return all entries of a network."""
    return [(name, place) for name, array in net.params.items() for place in range(array.size)]


def checked(net: Network, grads: dict, **options: object) -> tuple[fc.CheckResult, Tally]:
    """Check every entry of a network as a black box; return the result and what was evaluated."""
    loss = Tally(net)
    result = fc.check_gradients(
        loss, net.params, grads, engine="black box", plan="exhaustive", **options
    )
    return result, loss


# ------------------------------------------------------------ what can be found at all


def rounding_of(net: Network) -> float:
    """Return the standard deviation of the rounding of a loss: at least one unit roundoff of it."""
    rng = np.random.default_rng(0)
    kept = {name: array.copy() for name, array in net.params.items()}
    values = []
    for _ in range(16):
        for name, array in net.params.items():
            array[...] = kept[name] + rng.integers(-1, 2, array.shape) * np.spacing(kept[name])
        values.append(float(net.loss()))
    for name, array in net.params.items():
        array[...] = kept[name]
    return max(UNIT * abs(float(net.loss())), float(np.std(values)))


def least_bound(net: Network, name: str, place: int, noise: float) -> float:
    """Return the smallest bound that central differences of two steps have in an entry.

    Notes
    -----
    The least, over steps h that are powers of two, of
    ``4.5 noise/h + 1.5 (|D(2h) - D(h)| + |S(2h) - 2 S(h)|)`` with central differences D and the
    differences S of one-sided slopes: rounding, curvature and one kink.
    """
    array = net.params[name]
    flat, kept, base = array.reshape(-1), float(array.flat[place]), float(net.loss())
    widest = 2.0 ** np.floor(np.log2(max(1.0, float(np.abs(array).max())))) / 32

    def pair(h: float) -> tuple[float, float]:
        ends = []
        for move in (h, -h):
            flat[place] = kept + move
            try:
                with np.errstate(all="ignore"):
                    ends.append(float(net.loss()))
            except ValueError:
                ends.append(np.nan)
        flat[place] = kept
        return (ends[0] - ends[1]) / (2 * h), (ends[0] - 2 * base + ends[1]) / h

    found, best = {}, np.inf
    for k in range(34):
        found[k] = pair(widest * 2.0**-k)
        if k:
            (near, inner), (far, outer) = found[k], found[k - 1]
            bend = abs(far - near) + abs(outer - 2 * inner)
            bound = ROUNDING * noise / (widest * 2.0**-k) + BEND * bend
            best = min(best, bound if np.isfinite(bound) else np.inf)
    return best


@dataclass(frozen=True)
class Resolvable:
    """What differences can show of entries that are not zero.

    Attributes
    ----------
    least : dict
        By entry, the smallest bound of differences, relative to the derivative.
    size : dict
        By entry, the derivative relative to the rms of its tensor.
    """

    least: dict[Place, float]
    size: dict[Place, float]

    @classmethod
    def of(cls, net: Network, most: int = 10**9, seed: int = 0) -> Resolvable:
        """Look at all entries, or at some of them."""
        noise, grads = rounding_of(net), net.grads
        least, size = {}, {}
        for name, place in spread(entries(net), most, seed):
            array = np.asarray(grads[name], "f8")
            g = abs(float(array.flat[place]))
            if g > 0.0:
                least[name, place] = least_bound(net, name, place, noise) / g
                size[name, place] = 1.0 / float(np.sqrt(np.mean(np.square(array / g))))
        return cls(least, size)

    def at(self, error: float, floor: float = FLOOR) -> list[Place]:
        """Return the entries in which a relative error is above the smallest bound.

        Of those at least `floor` of the rms of their tensor; smaller ones are judged relative to
        that, not to themselves.
        """
        return [p for p, least in self.least.items() if least < error and self.size[p] >= floor]


# ------------------------------------------------------------ planting


@dataclass
class Found:
    """What became of planted errors.

    Attributes
    ----------
    planted, found, false : int
        Errors, those that were named at their address, and addresses that were named and are right.
    """

    planted: int = 0
    found: int = 0
    false: int = 0

    def __add__(self, other: Found) -> Found:
        """Return the sums."""
        return Found(
            self.planted + other.planted, self.found + other.found, self.false + other.false
        )


def planted(net: Network, places: Sequence[Place], error: float, **options: object) -> Found:
    """Plant a relative error in some entries, a few at a time, and see whether they are named."""
    total = Found()
    for lo in range(0, len(places), AT_ONCE):
        some = set(places[lo : lo + AT_ONCE])
        grads = {name: np.array(g, dtype="f8") for name, g in net.grads.items()}
        for name, place in some:
            grads[name].flat[place] *= 1 + error
        result, _ = checked(net, grads, strict=True, **options)
        named = {
            (tensor.name, int(np.ravel_multi_index(e.index, net.params[tensor.name].shape)))
            for tensor in result.tensors.values()
            for e in tensor.mismatches
        }
        assert (result.verdict == "fail") == bool(named)
        total += Found(len(some), len(some & named), len(named - some))
    return total


def spread(places: Sequence[Place], most: int, seed: int = 0) -> list[Place]:
    """Return some of the places, drawn without replacement."""
    if len(places) <= most:
        return list(places)
    chosen = np.random.default_rng(seed).choice(len(places), most, replace=False)
    return [places[i] for i in chosen]
