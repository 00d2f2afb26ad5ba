"""How long checks of torch, JAX and TensorFlow take: ``python benchmarks/frameworks.py``.

A network of 784-50-10 with ReLU and cross-entropy, 100 samples, gradients of the library itself;
for each library that is installed. As it is by default, and with ``engine="black box"``, where the
library is called for each probe. ``--quick`` takes a small network, ``--rounds`` how often each is
measured after the first time, of which the median is shown.

Exit status 1 if a right gradient fails, or is not followed.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the checkout is measured

import fastcheck as fc
from benchmarks.timing import machine, one_blas_thread, table, write_json

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., fc.CheckResult]

SIZES, QUICK = (784, 50, 10), (12, 9, 4)
N_BATCH = 100


def data(sizes: tuple[int, ...]) -> tuple[Any, Any]:
    """Return inputs in float32 and labels."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N_BATCH, sizes[0])).astype(np.float32)
    return x, rng.integers(sizes[-1], size=N_BATCH)


def torch_check(sizes: tuple[int, ...], dtype: str = "float32") -> Check:
    """Return the check of a module."""
    import torch

    torch.manual_seed(0)
    n, hidden, out = sizes
    layers = torch.nn.Linear(n, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, out)
    model = torch.nn.Sequential(*layers).to(getattr(torch, dtype))
    x, y = map(torch.from_numpy, data(sizes))
    x = x.to(getattr(torch, dtype))
    return lambda **options: fc.torch.check_gradients(
        lambda: torch.nn.functional.cross_entropy(model(x), y), model, **options
    )


def jax_check(sizes: tuple[int, ...]) -> Check:
    """Return the check of a function of a dict."""
    import jax

    rng = np.random.default_rng(1)
    n, hidden, out = sizes
    shapes = {"W1": (n, hidden), "b1": (hidden,), "W2": (hidden, out), "b2": (out,)}
    drawn = {name: rng.normal(size=s) / np.sqrt(s[0]) for name, s in shapes.items()}
    params = {name: jax.numpy.asarray(a, jax.numpy.float32) for name, a in drawn.items()}
    x, y = map(jax.numpy.asarray, data(sizes))

    def loss(p: Any) -> Any:
        z = jax.nn.relu(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]
        return -jax.numpy.mean(jax.nn.log_softmax(z)[jax.numpy.arange(N_BATCH), y])

    return lambda **options: fc.jax.check_gradients(loss, params, **options)


def tensorflow_check(sizes: tuple[int, ...]) -> Check:
    """Return the check of a model of Keras."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    tf.random.set_seed(0)
    n, hidden, out = sizes
    layers = tf.keras.layers.Dense(hidden, activation="relu"), tf.keras.layers.Dense(out)
    model = tf.keras.Sequential([tf.keras.Input((n,)), *layers])
    entropy = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    x, y = data(sizes)
    return lambda **options: fc.tensorflow.check_gradients(
        lambda: entropy(y, model(x)), model, **options
    )


CHECKS: dict[str, tuple[str, Callable[[tuple[int, ...]], Check]]] = {
    "torch": ("torch", torch_check),
    "torch, float64": ("torch", lambda sizes: torch_check(sizes, "float64")),
    "jax": ("jax", jax_check),
    "tensorflow": ("tensorflow", tensorflow_check),
}


def measured(check: Check, n_rounds: int, **options: Any) -> dict[str, Any]:
    """Return what a check says and how long it takes."""
    seconds = []
    for _ in range(1 + n_rounds):
        start = perf_counter()
        result = check(**options)
        seconds.append(perf_counter() - start)
    return {
        "engine": result.engine, "plan": result.plan, "verdict": result.verdict,
        "checked": result.coverage.n_checked, "resolved": result.coverage.n_resolved,
        "first": seconds[0], "seconds": median(seconds[1:]),
    }  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--quick", action="store_true", help="a small network")
    parser.add_argument("--rounds", type=int, default=5, help="measurements after the first")
    parser.add_argument("--json", type=Path, help="write all figures")
    asked = parser.parse_args(arguments)
    cases = []
    with one_blas_thread():
        for name in (name for name, (library, _) in CHECKS.items() if find_spec(library)):
            check = CHECKS[name][1](QUICK if asked.quick else SIZES)
            for options, rounds in (({}, asked.rounds), ({"engine": "black box"}, 1)):
                cases.append({"case": name, **measured(check, rounds, **options)})
    heads = ["case", "engine", "plan", "verdict", "checked", "resolved", "first", "seconds"]
    print(table(heads, [[_text(case[head]) for head in heads] for case in cases]))
    if asked.json:
        write_json(asked.json, {"machine": machine(), "cases": cases})
    followed = [case for case in cases if case["engine"] != "black box"]
    is_right = all(case["verdict"] != "fail" for case in cases)
    return int(not (is_right and 2 * len(followed) == len(cases)))


def _text(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
