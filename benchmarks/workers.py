"""Two processes against one for a loss in Python: the same bits, and how much faster.

Run ``python -m benchmarks.workers``. The control is the bare loss, called as often in one process
as in two together: that is what the machine allows while this is measured.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

import fastcheck as fc
from benchmarks.measure import NotEqualError
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
from fastcheck.blackbox import BlackBox, sent, workers
from fastcheck.parallel import dumped
from fastcheck.processes import LocalPool

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Params = dict[str, NDArray[np.float64]]

SIZES = (64, 40, 10)
N_BATCH = 600


def network(sizes: tuple[int, int, int], n_batch: int) -> tuple[Callable[[], float], Params]:
    """Return a loss over arrays that it reads, and those."""
    rng = np.random.default_rng(0)
    n_in, n_hidden, n_out = sizes
    p = {
        "W1": rng.standard_normal((n_in, n_hidden)) / np.sqrt(n_in), "b1": np.zeros(n_hidden),
        "W2": rng.standard_normal((n_hidden, n_out)) / np.sqrt(n_hidden), "b2": np.zeros(n_out),
    }  # fmt: skip
    x, y = rng.standard_normal((n_batch, n_in)), rng.integers(0, n_out, n_batch)

    def loss() -> float:
        e = np.exp(np.tanh(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"])
        return float(-np.log(e[np.arange(n_batch), y] / e.sum(axis=1)).mean())

    return loss, p


def called(sizes: tuple[int, int, int], n_batch: int, n: int) -> None:
    """Call the loss `n` times."""
    loss, _ = network(sizes, n_batch)
    with one_blas_thread():
        for _ in range(n):
            loss()


def measured(sizes: tuple[int, int, int], n_batch: int, n_rounds: int) -> dict[str, Any]:
    """Return all figures.

    Raises
    ------
    NotEqualError
        If a bit differs.
    """
    loss, params = network(sizes, n_batch)
    box = BlackBox(loss, params)
    with one_blas_thread():
        box.loss()
        box.loss()
        parcel = sent.packed(box)
    n_calls = 4 * sum(a.size for a in params.values())

    def checked(n_jobs: int) -> fc.NumericalGradient:
        return fc.numerical_gradient(loss, params, engine="black box", n_jobs=n_jobs)

    one, two = checked(1), checked(2)
    for name, value in one.values.items():
        if value.tobytes() != two.values[name].tobytes():
            raise NotEqualError(f"{name} differs between one process and two")
    place = np.arange(64)
    with ProcessPoolExecutor(2, get_context("spawn")) as bare:
        list(bare.map(abs, range(8)))

        def control(n: int) -> None:
            futures = [bare.submit(called, sizes, n_batch, n_calls // n) for _ in range(n)]
            for future in futures:
                future.result()

        found = interleaved(
            {
                "one": partial(seconds_of, partial(checked, 1)),
                "two": partial(seconds_of, partial(checked, 2)),
                "bare one": partial(seconds_of, partial(control, 1)),
                "bare two": partial(seconds_of, partial(control, 2)),
                "start": partial(started, parcel),
            },
            n_rounds,
        )
    speedup, possible = (
        ratio(found["one"], found["two"]),
        ratio(found["bare one"], found["bare two"]),
    )
    return {
        "n_params": n_calls // 4,
        "call_seconds": box.seconds,
        "seconds_1": median(found["one"]),
        "seconds_2": median(found["two"]),
        "start_seconds": median(found["start"]),
        "speedup": speedup,
        "control_speedup": possible,
        "share": speedup / possible,
        "bytes_per_worker": len(parcel.content),
        "bytes_per_task": len(dumped((sent.probed, ("W1", [place], 1e-6)))),
    }


def started(parcel: sent.Parcel) -> float:
    """Return the seconds until two processes are there and have verified the loss."""
    start = time.perf_counter()
    pool = LocalPool(2, parcel)
    for future in [pool.submit(sent.greeted) for _ in range(2)]:
        pool.outcome(future)
    seconds = time.perf_counter() - start
    pool.close()
    return seconds


def main(argv: list[str] | None = None) -> int:
    """Measure, print a table, write JSON; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one round of a small network")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args(argv)
    about = machine()
    print(f"{about['processor']}, {about['cores']} cores, load {about['load'][0]}")
    sizes, n_batch, n_rounds = ((8, 6, 3), 20, 1) if options.quick else (SIZES, N_BATCH, 3)
    if options.quick:
        workers.PAYS = 0.0
    try:
        found = measured(sizes, n_batch, n_rounds)
    except NotEqualError as problem:
        print(f"WRONG: {problem}", file=sys.stderr)
        return 1
    head = ["parameters", "one call", "one", "two", "start", "times", "control", "sent", "a task"]
    row = [
        str(found["n_params"]), duration(found["call_seconds"]), duration(found["seconds_1"]),
        duration(found["seconds_2"]), duration(found["start_seconds"]), f"{found['speedup']:.2f}",
        f"{found['control_speedup']:.2f}", f"{found['bytes_per_worker']} B",
        f"{found['bytes_per_task']} B",
    ]  # fmt: skip
    print(table(head, [row]))
    write_json(options.json, {"machine": about, **found})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
