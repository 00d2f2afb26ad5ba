"""How many probes find what is wrong: ``python benchmarks/directions.py [--json FILE] [--quick]``.

A network of a million parameters as a function that can only be called, checked along directions.
For each case the median and the largest number of directional derivatives (two evaluations each)
over some seeds, how often exactly what is wrong was named, and how many entries were accused
falsely. Errors are as large as the typical entry of the gradient, and 1e-4 of it.

Exit status 1 if something was missed or accused falsely, or a median is above its limit.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the checkout is measured

import itertools

from benchmarks.timing import machine, one_blas_thread, table, write_json
from fastcheck.blackbox import BlackBox
from fastcheck.blackbox.noise import find_noise
from fastcheck.directions import look_along

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[np.float64]]

SIZES = (784, 1000, 256, 10)
QUICK = (30, 40, 20, 5)
N_BATCH = 32
UNIT = 2.0**-53
LIMITS = {0: 10, 1: 30, 3: 80, 10: 220}
"""Largest median number of probes, by the number of wrong entries."""
STRUCTURES = {
    "row 3 of W1": ("W1", (slice(3, 4), slice(None)), "row 3"),
    "column 0 of W2": ("W2", (slice(None), slice(0, 1)), "column 0"),
    "all of W2": ("W2", (slice(None), slice(None)), "the whole tensor"),
}
ACTIVATIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "tanh": (np.tanh, lambda a: 1.0 - a * a),
    "relu": (lambda z: np.maximum(z, 0.0), lambda a: (a > 0.0).astype(np.float64)),
}


class Dense:
    """A dense network with softmax and cross-entropy, and its gradient, in plain NumPy."""

    def __init__(self, activation: str, sizes: tuple[int, ...], n_batch: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.activation, self.slope = ACTIVATIONS[activation]
        self.n_layers = len(sizes) - 1
        self.params: Arrays = {}
        gain = 2.0 if activation == "relu" else 1.0
        for k, (n_in, n_out) in enumerate(itertools.pairwise(sizes), start=1):
            scale = np.sqrt(gain / n_in)
            self.params[f"W{k}"] = scale * rng.standard_normal((n_in, n_out))
            self.params[f"b{k}"] = 0.1 * rng.standard_normal(n_out)
        self.x = rng.random((n_batch, sizes[0])) * (rng.random((n_batch, sizes[0])) < 0.5)
        self.y = rng.integers(sizes[-1], size=n_batch)

    def forward(self) -> tuple[float, list[Any], Any]:
        """Return the loss, the activations and the derivative of the loss by the logits."""
        a = [self.x]
        for k in range(1, self.n_layers + 1):
            z = a[-1] @ self.params[f"W{k}"] + self.params[f"b{k}"]
            a.append(z if k == self.n_layers else self.activation(z))
        z = a[-1] - a[-1].max(axis=1, keepdims=True)
        e = np.exp(z)
        total = e.sum(axis=1, keepdims=True)
        rows = np.arange(len(self.y))
        d = e / total
        d[rows, self.y] -= 1.0
        return float(np.mean(np.log(total[:, 0]) - z[rows, self.y])), a, d / len(self.y)

    def loss(self) -> float:
        """Return the loss."""
        return self.forward()[0]

    def gradient(self) -> Arrays:
        """Return the gradient by backpropagation."""
        _, a, d = self.forward()
        grads: Arrays = {}
        for k in range(self.n_layers, 0, -1):
            grads[f"W{k}"], grads[f"b{k}"] = a[k - 1].T @ d, d.sum(axis=0)
            if k > 1:
                d = (d @ self.params[f"W{k}"].T) * self.slope(a[k - 1])
        return {name: grads[name] for name in self.params}


Wrong = tuple["Arrays", set[tuple[str, tuple[int, ...]]], str]


def scattered(grads: Arrays, n: int, size: float, seed: int) -> Wrong:
    """Return a gradient with `n` wrong entries, off by `size` of the typical one, and which."""
    rng = np.random.default_rng([seed, n])
    wrong = {name: g.copy() for name, g in grads.items()}
    names, sizes = list(grads), [g.size for g in grads.values()]
    ends = np.cumsum(sizes)
    places = set()
    for place in rng.choice(int(ends[-1]), n, replace=False):
        k = int(np.searchsorted(ends, place, side="right"))
        name = names[k]
        index = np.unravel_index(int(place) - int(ends[k] - sizes[k]), grads[name].shape)
        wrong[name][index] += size * typical(grads) * rng.choice([-1.0, 1.0])
        places.add((name, tuple(int(i) for i in index)))
    return wrong, places, ""


def structured(grads: Arrays, case: str, size: float, seed: int) -> Wrong:
    """Return a gradient of which a part is wrong, with random errors, and the name of the part."""
    rng = np.random.default_rng([seed, len(case)])
    name, part, text = STRUCTURES[case]
    wrong = {other: g.copy() for other, g in grads.items()}
    shape = wrong[name][part].shape
    errors = rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
    wrong[name][part] += size * typical(grads) * errors
    return wrong, set(), f"{name}: {text}"


def typical(grads: Arrays) -> float:
    """Return the rms over all entries."""
    return float(np.sqrt(np.mean(np.square(np.concatenate([g.ravel() for g in grads.values()])))))


def cases(grads: Arrays) -> Iterator[tuple[str, float, int, Callable[[int], Wrong]]]:
    """Yield name, size of the errors, limit of the median and what makes the gradient wrong."""
    for size in (1.0, 1e-4):
        for n, limit in LIMITS.items():
            if n or size == 1.0:
                what = f"{n} entries" if n else "nothing"
                yield what, size, limit, lambda s, n=n, size=size: scattered(grads, n, size, s)
        for case in STRUCTURES:
            yield case, size, LIMITS[1], lambda s, c=case, size=size: structured(grads, c, size, s)


def measured(
    net: Dense, grads: Arrays, make: Callable[[int], Wrong], n_seeds: int
) -> dict[str, Any]:
    """Return probes, how often what is wrong was found exactly, and false accusations."""
    box = BlackBox(net.loss, net.params)
    loss = box.loss()
    noise = find_noise(box, loss, 0, n_directions=1).size
    probes, exact, n_false, seconds, visible = [], 0, 0, 0.0, []
    for seed in range(n_seeds):
        wrong, places, part = make(seed)
        units = dict.fromkeys(wrong, UNIT)
        start = perf_counter()
        seen, n = look_along(box, loss, noise, wrong, units, seed=seed, is_noisy=False)
        seconds += perf_counter() - start
        probes.append(n)
        found = {(name, i) for name, s in seen.items() for i, e in s.singles.items() if e.is_wrong}
        parts = [f"{name}: {b.text(s.shape)}" for name, s in seen.items() for b in s.regions]
        explained = all(s.is_resolved or s.regions for s in seen.values())
        exact += explained and (parts == [part] if part else found == places and not parts)
        n_false += len({(m, i) for m, i in found if wrong[m][i] == grads[m][i]})
        visible.append(max(s.visible for s in seen.values() if s.visible < np.inf))
    return {
        "probes": probes,
        "median": median(probes),
        "most": max(probes),
        "exact": exact,
        "false": n_false,
        "seeds": n_seeds,
        "visible": max(visible) / typical(grads),
        "seconds": seconds / n_seeds,
    }


def main(arguments: list[str] | None = None) -> int:
    """Print a table; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write all figures to a file")
    parser.add_argument("--quick", action="store_true", help="a small network and few seeds")
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args(arguments)
    sizes, n_seeds = (QUICK, 3) if options.quick else (SIZES, options.seeds)
    records: list[dict[str, Any]] = []
    with one_blas_thread():
        for activation in ACTIVATIONS:
            net = Dense(activation, sizes, N_BATCH, seed=0)
            grads = net.gradient()
            for what, size, limit, make in cases(grads):
                about = {"net": activation, "wrong": what, "size": size, "limit": limit}
                records.append(about | measured(net, grads, make, n_seeds))
    head = ["network", "wrong", "size", "median", "most", "limit", "exact", "false", "visible", "s"]
    rows = [
        [r["net"], r["wrong"], f"{r['size']:g}", f"{r['median']:g}", str(r["most"]),
         str(r["limit"]), f"{r['exact']} of {r['seeds']}", str(r["false"]),
         f"{r['visible']:.0e}", f"{r['seconds']:.2f}"]
        for r in records
    ]  # fmt: skip
    print(table(head, rows))
    write_json(options.json, {"machine": machine(), "sizes": sizes, "cases": records})
    right = all(r["exact"] == r["seeds"] and r["false"] == 0 for r in records)
    return 0 if right and all(r["median"] <= r["limit"] for r in records) else 1


if __name__ == "__main__":
    sys.exit(main())
