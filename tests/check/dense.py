"""A dense network as a function that can only be called, and who is accused in a result."""

from __future__ import annotations

import numpy as np

import fastcheck as fc
from tests.blackbox.networks import SLOPES, Arrays, Network, cross_entropy

SIZES = (60, 50, 23, 7)
N = 60 * 50 + 50 + 50 * 23 + 23 + 23 * 7 + 7


def network(activation: str = "tanh", dtype: str = "f8", seed: int = 0) -> Network:
    """Return a dense network of 4391 parameters."""
    rng = np.random.default_rng(seed)
    f, slope = SLOPES[activation]
    p: Arrays = {}
    for k in range(3):
        n_in, n_out = SIZES[k : k + 2]
        p[f"W{k + 1}"] = (rng.standard_normal((n_in, n_out)) / np.sqrt(n_in)).astype(dtype)
        p[f"b{k + 1}"] = (0.1 * rng.standard_normal(n_out)).astype(dtype)
    x, y = rng.standard_normal((9, 60)).astype(dtype), rng.integers(0, 7, 9)

    def passes() -> tuple[float, Arrays]:
        z1 = x @ p["W1"] + p["b1"]
        a1 = f(z1)
        z2 = a1 @ p["W2"] + p["b2"]
        a2 = f(z2)
        loss, d3 = cross_entropy(a2 @ p["W3"] + p["b3"], y)
        d2 = d3 @ p["W3"].T * slope(z2, a2)
        d1 = d2 @ p["W2"].T * slope(z1, a1)
        return loss, {
            "W1": x.T @ d1, "b1": d1.sum(0), "W2": a1.T @ d2, "b2": d2.sum(0), "W3": a2.T @ d3,
            "b3": d3.sum(0),
        }  # fmt: skip

    return Network(p, passes)


def checked(
    net: Network, grads: Arrays, plan: str = "directions", **more: object
) -> fc.CheckResult:
    return fc.check_gradients(net.loss, net.params, grads, plan=plan, engine="black box", **more)


def typical(grads: Arrays) -> float:
    return float(np.sqrt(np.mean(np.concatenate([g.ravel() for g in grads.values()]) ** 2)))


def accused(result: fc.CheckResult, wrong: Arrays, right: Arrays) -> list[str]:
    """Return what is right and was accused: tensors, entries and parts of regions."""
    found = []
    for t in result.tensors.values():
        same = wrong[t.name] == right[t.name]
        found += [t.name] * bool(t.verdict == "fail" and same.all())
        found += [e.address for e in t.mismatches if e.verdict == "disagree" and same[e.index]]
    return found
