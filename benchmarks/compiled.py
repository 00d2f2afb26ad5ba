"""The compiled probe loop: ``python benchmarks/compiled.py``.

A loss that costs next to nothing and a network of ten thousand parameters, both in explicit loops
as people write them for numba. The probe loop is compared with evaluating the loss alone, as often
and in compiled code too, which tells what a probe costs beside the loss; with itself in plain
Python, timed on some entries and extrapolated; and with a Python loop that calls the compiled loss.
What is compared follows each other round by round. Exit status 1 if a comparison of values fails; a
missed target is marked with ``!``.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import thread_time
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the checkout is measured

from benchmarks.timing import (
    duration,
    interleaved,
    machine,
    one_blas_thread,
    ratio,
    seconds_of,
    table,
    write_json,
)
from fastcheck.blackbox import CompiledBox
from fastcheck.kernels.probing import probe_loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Arrays = dict[str, Floats]

STEP = 2.0**-17
ALLOWED_SECONDS = 1e-6
"""Of a probe beside the loss."""
TARGET = 20.0
"""How many times faster than in plain Python."""
N_INTERPRETED, N_CALLED = 3, 300
"""Entries of the slices in plain Python, and with the loss compiled."""
N_CHEAP = 200_000
PAIR_SECONDS, N_PAIRS = 0.005, 301
"""How long each half of a pair takes that compares a probe with the loss alone, and how many."""
RTOL = 1e-9
"""Allowed distance from backpropagation, relative to the largest entry of a tensor, beside the
rounding of two losses over the step."""


def cheap(theta: Floats) -> float:
    """Return a product of two entries."""
    return theta[0] * theta[1]  # type: ignore[no-any-return]


def network(W1: Floats, b1: Floats, W2: Floats, b2: Floats, W3: Floats, b3: Floats,
            x: Floats, y: NDArray[np.int64]) -> float:  # fmt: skip
    """Return the mean cross-entropy of a network with two hidden tanh layers."""
    total = 0.0
    h1, h2, z = np.empty(b1.size), np.empty(b2.size), np.empty(b3.size)
    for i in range(x.shape[0]):
        for j in range(b1.size):
            s = b1[j]
            for k in range(x.shape[1]):
                s += x[i, k] * W1[k, j]
            h1[j] = math.tanh(s)
        for j in range(b2.size):
            s = b2[j]
            for k in range(b1.size):
                s += h1[k] * W2[k, j]
            h2[j] = math.tanh(s)
        top = -math.inf
        for j in range(b3.size):
            s = b3[j]
            for k in range(b2.size):
                s += h2[k] * W3[k, j]
            z[j] = s
            top = max(top, s)
        s = 0.0
        for j in range(b3.size):
            s += math.exp(z[j] - top)
        total += math.log(s) + top - z[y[i]]
    return total / x.shape[0]


@dataclass(frozen=True)
class Case:
    """A loss in plain Python, its parameters, its data, and which tensor is probed."""

    name: str
    function: Callable[..., float]
    params: Arrays
    data: dict[str, Any]
    probed: str


def cheap_case() -> Case:
    """Return the loss that costs next to nothing."""
    theta = np.random.default_rng(0).standard_normal(N_CHEAP)
    return Case("cheap", cheap, {"theta": theta}, {}, "theta")


def network_case(sizes: tuple[int, ...] = (64, 100, 32, 10), n_batch: int = 4) -> Case:
    """Return the network."""
    rng = np.random.default_rng(0)
    params: Arrays = {}
    for k, (n_in, n_out) in enumerate(pairwise(sizes), 1):
        params[f"W{k}"] = rng.standard_normal((n_in, n_out)) / np.sqrt(n_in)
        params[f"b{k}"] = 0.1 * rng.standard_normal(n_out)
    data = {"x": rng.standard_normal((n_batch, sizes[0])), "y": rng.integers(0, sizes[-1], n_batch)}
    return Case("network", network, params, data, "W1")


def backpropagated(params: Arrays, x: Floats, y: NDArray[np.int64]) -> Arrays:
    """Return the gradient of the network."""
    h1 = np.tanh(x @ params["W1"] + params["b1"])
    h2 = np.tanh(h1 @ params["W2"] + params["b2"])
    p = np.exp(h2 @ params["W3"] + params["b3"])
    d3 = (p / p.sum(axis=1, keepdims=True) - np.eye(p.shape[1])[y]) / len(x)
    d2 = d3 @ params["W3"].T * (1.0 - h2 * h2)
    d1 = d2 @ params["W2"].T * (1.0 - h1 * h1)
    found = {"W1": x.T @ d1, "W2": h1.T @ d2, "W3": h2.T @ d3}
    return found | {f"b{k}": d.sum(axis=0) for k, d in enumerate((d1, d2, d3), 1)}


# ------------------------------------------------------------ the loops


class Loops:
    """The ways to evaluate the probes of a case.

    Parameters
    ----------
    case : Case
        What is probed.

    Attributes
    ----------
    box : CompiledBox
        The compiled loop, as a check uses it.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self.loss = numba.njit(case.function)
        self.box = CompiledBox(partial(self.loss, **case.data), case.params)
        self.args = (*case.params.values(), *case.data.values())
        self.bare = numba.njit(nogil=True)(_alone(self.loss))
        self.bare(self.args, self._flat(case.probed), 1)

    def _flat(self, name: str) -> Floats:
        return self.case.params[name].reshape(-1)

    def compiled(self, name: str, places: NDArray[np.int64]) -> Floats:
        """Return losses above and below, from the compiled loop."""
        found = [losses for _, losses in self.box.probed(name, places, STEP)]
        return np.array([np.concatenate([f.up for f in found]),
                         np.concatenate([f.down for f in found])])  # fmt: skip

    def in_python(self, loss: Any, name: str, places: NDArray[np.int64]) -> Floats:
        """Return them from the same loop in plain Python, which calls `loss`."""
        values = np.empty((4, places.size))
        probe_loop(loss).py_func(self.args, self._flat(name), places, STEP, values)  # type: ignore[attr-defined]
        return values[:2]

    def alone(self, n: int) -> float:
        """Evaluate the loss `n` times, in compiled code that does nothing else."""
        return self.bare(self.args, self._flat(self.case.probed), n)  # type: ignore[no-any-return]


def _alone(loss: Any) -> Any:
    def bare(args: Any, flat: Floats, n: int) -> float:
        total, kept = 0.0, flat[0]
        for k in range(n):
            flat[0] = kept + 1e-9 * k  # else the compiler would evaluate it once
            total += loss(*args)
        flat[0] = kept
        return total

    return bare


def compared(loops: Loops) -> None:
    """Refuse to time what gives wrong values.

    Raises
    ------
    AssertionError
        If the loops do not give the same losses, or the network's differ from backpropagation.
    """
    case = loops.case
    for name, array in case.params.items():
        places = np.unique(np.linspace(0, array.size - 1, N_INTERPRETED).astype(np.int64))
        found = loops.compiled(name, places)
        called = loops.in_python(loops.loss, name, places)
        plain = loops.in_python(case.function, name, places)
        assert np.array_equal(found, called), f"{case.name}: {name} differs from calls"
        assert np.allclose(found, plain, rtol=1e-14, atol=0), f"{case.name}: {name} differs"
    if case.name != "network":
        return
    noise = 64.0 * float(np.spacing(loops.box.loss())) / STEP
    for name, right in backpropagated(case.params, **case.data).items():
        up, down = loops.compiled(name, np.arange(right.size))
        error = np.abs((up - down) / (2.0 * STEP) - right.reshape(-1)).max()
        assert error <= RTOL * np.abs(right).max() + noise, f"{name} is {error:.1e} off"


# ------------------------------------------------------------ how fast?


def beside_the_loss(loops: Loops, n_pairs: int) -> dict[str, float]:
    """Return the seconds of a probe, of an evaluation alone, and the difference, in the median.

    What a probe costs beside a long evaluation is a small difference, so that pairs are short and
    many, and the clock is that of the thread.
    """
    size = loops.case.params[loops.case.probed].size
    each = seconds_of(partial(loops.alone, 64)) / 64
    places = np.arange(min(size, max(64, int(PAIR_SECONDS / (2.0 * each)))))
    n = 2 * places.size
    works = {
        "probe": partial(loops.compiled, loops.case.probed, places),
        "alone": partial(loops.alone, n),
    }
    found = interleaved(
        {name: partial(seconds_of, work, 0.0, thread_time) for name, work in works.items()}, n_pairs
    )
    pairs = zip(found["probe"], found["alone"], strict=True)
    return {
        "n_pairs": n_pairs,
        "probe_seconds": median(found["probe"]) / n,
        "loss_seconds": median(found["alone"]) / n,
        "beside_seconds": median((a - b) / n for a, b in pairs),
    }


def against_python(loops: Loops, n_rounds: int) -> dict[str, float]:
    """Return the seconds of all probes in each way, and what the compiled loop is times faster."""
    params = loops.case.params
    total = sum(array.size for array in params.values())

    def sliced(loss: Any, n: int) -> float:
        """Return the seconds of all entries, from those of some of each tensor."""
        sizes = {name: min(max(1, n * a.size // total), a.size) for name, a in params.items()}
        places = {name: np.linspace(0, params[name].size - 1, m).astype(np.int64)
                  for name, m in sizes.items()}  # fmt: skip

        def work() -> None:
            for name, some in places.items():
                loops.in_python(loss, name, some)

        return seconds_of(work) / sum(sizes.values()) * total

    def whole() -> None:
        for name, array in params.items():
            loops.compiled(name, np.arange(array.size))

    found = interleaved(
        {
            "compiled": partial(seconds_of, whole),
            "called": partial(sliced, loops.loss, N_CALLED),
            "interpreted": partial(sliced, loops.case.function, N_INTERPRETED),
        },
        n_rounds,
    )
    return {
        "n_params": total,
        **{f"{name}_seconds": median(seconds) for name, seconds in found.items()},
        "times_interpreted": ratio(found["interpreted"], found["compiled"]),
        "times_called": ratio(found["called"], found["compiled"]),
    }


def measured(case: Case, n_rounds: int, n_pairs: int) -> dict[str, Any]:
    """Return all figures of a case, after :func:`compared`."""
    loops = Loops(case)
    compared(loops)
    return {
        "case": case.name,
        **beside_the_loss(loops, n_pairs),
        **against_python(loops, n_rounds),
    }


def as_table(found: list[dict[str, Any]]) -> str:
    """Return the figures as text, with a mark where a target is missed."""
    rows = []
    for one in found:
        slow = one["beside_seconds"] > ALLOWED_SECONDS
        few = one["times_interpreted"] < TARGET
        rows.append([
            one["case"], f"{one['n_params']:,}".replace(",", " "),
            f"{1e9 * one['probe_seconds']:.4g} ns", f"{1e9 * one['loss_seconds']:.4g} ns",
            f"{1e9 * one['beside_seconds']:.3g} ns" + "!" * slow,
            duration(one["compiled_seconds"]), duration(one["interpreted_seconds"]),
            f"{one['times_interpreted']:.3g}" + "!" * few, f"{one['times_called']:.3g}",
        ])  # fmt: skip
    head = ["case", "parameters", "probe", "loss alone", "beside it", "all probes", "interpreted",
            "times", "times calls"]  # fmt: skip
    return table(head, rows)


def main(argv: list[str] | None = None) -> int:
    """Measure, print a table, write JSON; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, a smaller network")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args(argv)
    about = machine()
    print(f"{about['processor']}, load {about['load'][0]}, numba {about['numba']}, one thread")
    cases = [cheap_case(), network_case((8, 10, 6, 3)) if options.quick else network_case()]
    with one_blas_thread():
        try:
            effort = (2, 31) if options.quick else (7, N_PAIRS)
            found = [measured(case, *effort) for case in cases]
        except AssertionError as problem:
            print(problem, file=sys.stderr)
            return 1
    print(as_table(found))
    write_json(options.json, {"machine": about, "cases": found})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
