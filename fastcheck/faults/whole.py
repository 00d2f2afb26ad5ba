"""Mistakes that concern the whole gradient, from the gradient and the parameters alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.faults.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fastcheck.faults.fault import Point

    Floats = NDArray[np.float64]
    Arrays = dict[str, Floats]

DECAY = 0.01
"""Of a penalty that is added to the gradient alone, times the parameters."""
CLIPPED = 0.95
"""Share of the entries that are not zero that clipping leaves as they are."""


def whole_faults(point: Point, rate: float | None = None) -> Iterator[Fault]:
    """Yield what may be wrong with all tensors in the same way.

    `rate` is that of a penalty of the loss, which more decay makes a larger one.
    """
    yield from _scaled(point)
    yield from _cut(point)
    yield from _rounded(point)
    yield from _decayed(point, rate)
    yield from _exchanged(point)


def constants(point: Point) -> Iterator[tuple[str, float, str, tuple[str, ...]]]:
    """Yield name, factor, description and diagnoses of wrong constant factors."""
    yield "doubled", 2.0, "times 2: a square without its half, or added up twice", ("accumulated",)
    yield "halved", 0.5, "times 1/2: a half that the loss does not have", ()
    yield "negated", -1.0, "times -1: the loss is maximised", ("sign",)
    m = point.n_samples
    if m is not None and m > 2:
        yield "sum for mean", float(m), f"times {m}: not divided by the batch", ("sum-for-mean",)
        text = f"times 1/{m}: divided by the batch once too often"
        yield "mean for sum", 1.0 / m, text, ("mean-for-sum",)


def _each(point: Point, change: Callable[[Floats], Floats]) -> Arrays:
    """Return the gradient with all tensors changed."""
    return {n: np.asarray(change(g)) for n, g in point.right.items()}


def _scaled(point: Point) -> Iterator[Fault]:
    for name, factor, text, kinds in constants(point):

        def make(factor: float = factor) -> Arrays:
            return _each(point, lambda g: factor * g)

        yield Fault(name, "", text, ("factor", "delta-factor", *kinds), make, (factor,))
    yield Fault(
        "accumulated", "", "times 3: added up over three calls", ("factor", "accumulated"),
        lambda: _each(point, lambda g: 3.0 * g), (3.0,),
    )  # fmt: skip
    m, biases = point.n_samples, [n for n, g in point.right.items() if g.ndim == 1]
    if m is not None and m > 2 and 1 < len(biases) < len(point.right):
        yield Fault(
            "biases are means", "", f"all vectors times 1/{m}: a mean where a sum is due",
            ("factor", "mean-for-sum"),
            lambda: {n: g / m if n in biases else g for n, g in point.right.items()},
            (1.0 / m,),
        )  # fmt: skip


def _all(point: Point) -> Floats:
    """Return the sizes of all entries that are not zero."""
    parts = [np.abs(g).reshape(-1) for g in point.right.values()]
    found = np.concatenate(parts) if parts else np.empty(0)
    return found[found > 0.0]


def _cut(point: Point) -> Iterator[Fault]:
    sizes = _all(point)
    if not sizes.size:
        return
    limit = clip_limit(sizes)
    yield Fault(
        "clipped", "", f"entries limited to ±{limit:.3g}", ("clipped",),
        lambda: _each(point, lambda g: np.clip(g, -limit, limit)), (limit,),
    )  # fmt: skip
    norm = math.sqrt(float(np.sum(sizes * sizes)))
    longest = 10.0 ** math.floor(math.log10(norm) - 1e-9) if norm else 1.0
    yield Fault(
        "clipped norm", "", f"the norm of all tensors limited to {longest:g}",
        ("clipped-norm", "factor"), lambda: _each(point, lambda g: g * (longest / norm)),
        (longest, longest / norm),
    )  # fmt: skip
    yield Fault(
        "without sign", "", "absolute values", ("without-sign",), lambda: _each(point, np.abs)
    )


def clip_limit(sizes: Floats) -> float:
    """Return a limit that a few of these sizes are above, two at least if there are three."""
    third = float(np.sort(sizes)[-3]) if sizes.size > 2 else np.inf
    return min(float(np.quantile(sizes, CLIPPED)), third)


def _rounded(point: Point) -> Iterator[Fault]:
    for dtype in (np.float16, np.float32):
        name = np.dtype(dtype).name

        def make(dtype: type = dtype) -> Arrays:
            with np.errstate(over="ignore"):
                return _each(point, lambda g: g.astype(dtype).astype(np.float64))

        yield Fault(f"in {name}", "", f"rounded to {name}", ("precision",), make)


def _decayed(point: Point, rate: float | None) -> Iterator[Fault]:
    matrices = [n for n, g in point.right.items() if g.ndim > 1 and n in point.params]
    vectors = [n for n, g in point.right.items() if g.ndim == 1 and n in point.params]
    grown = (1.0 + DECAY / rate,) if rate else ()
    for name, names, penalty, text, kinds in (
        ("weight decay", matrices, _same, f"{DECAY} W added to each W",
         ("weight-decay", "regulariser")),
        ("L1 decay", matrices, np.sign, f"{DECAY} sign(W) added to each W", ("l1-decay",)),
        ("bias decay", vectors, _same, f"{DECAY} b added to each b",
         ("weight-decay", "regulariser-on-biases")),
    ):  # fmt: skip

        def make(names: list[str] = names, penalty: Callable[..., Floats] = penalty) -> Arrays:
            return {
                n: g + DECAY * penalty(np.asarray(point.params[n], np.float64)) if n in names else g
                for n, g in point.right.items()
            }

        if names:
            yield Fault(name, "", text, kinds, make, (DECAY, *grown))


def _same(values: Floats) -> Floats:
    return values


def _exchanged(point: Point) -> Iterator[Fault]:
    """Yield the exchange of neighbours of one shape."""
    last: dict[tuple[int, ...], str] = {}
    for name, gradient in point.right.items():
        first = last.get(gradient.shape)
        last[gradient.shape] = name
        if first is None:
            continue

        def make(one: str = first, other: str = name) -> Arrays:
            right = point.right
            return right | {one: right[other].copy(), other: right[one].copy()}

        text = f"the gradients of {first} and {name} are exchanged"
        yield Fault("exchanged", f"{first}, {name}", text, ("exchanged", "other-tensor"), make)
