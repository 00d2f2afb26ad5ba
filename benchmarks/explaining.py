"""What a diagnosis costs beside its check: ``python benchmarks/explaining.py``.

Into the gradient of a literal backward pass mistakes are planted; each is checked over and over,
and the seconds of the diagnosis are divided by those of the rest of the same check. On the network
of layer objects (784-50-10) a diagnosis may cost as much as its check, on 784-512-512-10 a tenth.
"""

from __future__ import annotations

import argparse
import sys
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the checkout is measured

import fastcheck as fc
from benchmarks.timing import duration, machine, one_blas_thread, table, write_json
from fastcheck.datasets import find_data

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

L2 = 1e-4
CASES = {"784-50-10": ((784, 50, 10), 100, 1.0), "784-512-512-10": ((784, 512, 512, 10), 64, 0.1)}
"""Widths, batch, and what a diagnosis may cost, in units of the rest of its check."""


class Net:
    """ReLU layers, softmax cross-entropy and L2, with a backward pass by hand.

    Parameters
    ----------
    widths : tuple of int
        Units per layer, the inputs first.
    n_batch : int
        Images of MNIST, or of what stands in for it.
    """

    def __init__(self, widths: tuple[int, ...], n_batch: int) -> None:
        layers: list[Any] = []
        for n_in, n_out in pairwise(widths):
            layers += [fc.Dense(n_in, n_out), fc.ReLU()]
        net = fc.Network(layers[:-1], loss=fc.SoftmaxCrossEntropy(), l2=L2)
        batch = find_data("mnist").sample(n_batch, seed=0)
        self.params = net.init_params(seed=0)
        self.objective = net.objective(batch)
        self.x = np.asarray(batch.x, np.float64)
        self.y = np.eye(widths[-1])[batch.y]
        self.n_layers = len(widths) - 1

    def gradient(self, *, open_at: int = 0, n_kept: int | None = None) -> Arrays:
        """Return the gradient; without the slope of one ReLU, or of the first samples only."""
        values, masks = [self.x], []
        for k in range(1, self.n_layers + 1):
            z = values[-1] @ self.params[f"W{k}"] + self.params[f"b{k}"]
            masks.append(z > 0)
            values.append(np.maximum(z, 0))
        e = np.exp(z - z.max(axis=1, keepdims=True))
        delta = (e / e.sum(axis=1, keepdims=True) - self.y) / len(self.x)
        delta[n_kept:] *= n_kept is None
        found = {}
        for k in range(self.n_layers, 0, -1):
            found[f"W{k}"] = values[k - 1].T @ delta + L2 * self.params[f"W{k}"]
            found[f"b{k}"] = delta.sum(axis=0)
            delta = delta @ self.params[f"W{k}"].T
            if k > 1 and open_at != k - 1:
                delta = delta * masks[k - 2]
        return found


def planted(net: Net) -> dict[str, Arrays]:
    """Return wrong gradients by what is wrong with them."""
    right, n = net.gradient(), len(net.x)
    rng = np.random.default_rng(12345)
    first = right["W1"]
    one = np.zeros(first.size)
    one[first.size // 2 + 3] = 0.01
    limit = 0.3 * float(np.abs(right["W2"]).max())
    return {
        "slope of the first ReLU missing": net.gradient(open_at=1),
        "last sample dropped": net.gradient(n_kept=n - 1),
        "all doubled": {name: 2 * g for name, g in right.items()},
        "biases are means": {name: g / n if name[0] == "b" else g for name, g in right.items()},
        "rows of W1 rolled": right | {"W1": np.roll(first, 1, axis=0)},
        "one entry of W1": right | {"W1": first + one.reshape(first.shape)},
        "W2 clipped": right | {"W2": right["W2"].clip(-limit, limit)},
        "noise in W1": right | {"W1": first * (1 + 0.1 * rng.standard_normal(first.shape))},
        "noise in all": {
            name: g + 1e-3 * rng.standard_normal(g.shape) for name, g in right.items()
        },
    }


def shares(net: Net, grads: Mapping[str, Any], rounds: int) -> tuple[list[float], list[float], str]:
    """Return shares, seconds of diagnoses, and what the first one says."""
    found, spent, said = [], [], ""
    for _ in range(rounds + 1):
        result = fc.check_gradients(net.objective, net.params, grads, plan="exhaustive")
        seconds = result.timings["diagnosis"]
        found.append(seconds / (result.timings["total"] - seconds))
        spent.append(seconds)
        said = result.diagnosis[0].kind
    return found[1:], spent[1:], said


def main(argv: list[str] | None = None) -> int:
    """Measure, print, write JSON; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--case", choices=list(CASES), action="append")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(argv)
    rows, records, failed = [], [], False
    with one_blas_thread():
        for name in options.case or CASES:
            widths, n_batch, limit = CASES[name]
            net = Net(widths, n_batch)
            assert fc.check_gradients(net.objective, net.params, net.gradient()).passed
            for fault, grads in planted(net).items():
                found, spent, said = shares(net, grads, options.rounds)
                share = median(found)
                failed |= share > limit
                mark = "!" if share > limit else ""
                seconds = duration(median(spent))
                rows.append([name, fault, said, seconds, f"{share:.1%}{mark}", f"{limit:.0%}"])
                records.append({"case": name, "fault": fault, "said": said, "shares": found})
    print(table(["network", "mistake", "named", "diagnosis", "of the check", "limit"], rows))
    write_json(options.json, {"machine": machine(), "records": records})
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
