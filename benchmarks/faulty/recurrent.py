"""A simple recurrent network, back through time by hand."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import fastcheck as fc
from benchmarks.faulty.activations import softmax
from benchmarks.faulty.catalogue import expect
from benchmarks.faulty.problem import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Arrays = dict[str, Floats]

RECURRENT = (None, "Wh", "Wx", "b")
"""The tensors that a wrong delta of the recurrence reaches."""
READOUT = ("Wy", "c")


def recurrent(
    sizes: tuple[int, int, int], n_batch: int, n_steps: int, every_step: bool, seed: int
) -> Problem:
    """Return ``h_t = tanh(x_t Wx + h_(t-1) Wh + b)`` with a softmax of the last or of every step.

    Parameters
    ----------
    sizes : tuple of int
        Inputs, units, classes.
    n_batch, n_steps : int
        Samples, steps.
    every_step : bool
        Whether there are labels at every step.
    seed : int
        Of all that is drawn.
    """
    rng = np.random.default_rng([seed, n_steps])
    n_in, n_hidden, n_out = sizes
    params = {
        "Wx": rng.standard_normal((n_in, n_hidden)) / np.sqrt(n_in),
        "Wh": rng.standard_normal((n_hidden, n_hidden)) / np.sqrt(n_hidden),
        "b": 0.2 * rng.standard_normal(n_hidden),
        "Wy": rng.standard_normal((n_hidden, n_out)) / np.sqrt(n_hidden),
        "c": 0.2 * rng.standard_normal(n_out),
    }
    x = rng.standard_normal((n_batch, n_steps, n_in))
    y = np.eye(n_out)[rng.integers(0, n_out, (n_batch, n_steps))]
    steps = range(n_steps) if every_step else range(n_steps - 1, n_steps)
    objective = fc.trace(partial(_loss, steps=steps), params, x, y)
    problem = Problem(
        f"recurrent {n_in}-{n_hidden}-{n_out}, m={n_batch}, {n_steps} steps, labels at "
        f"{'every step' if every_step else 'the last step'}, seed {seed}",
        seed, params, objective, float(_loss(params, x, y, steps=steps)),
        partial(_gradient, params, x, y, steps),
    )  # fmt: skip
    _spoil(problem, n_batch, n_steps, every_step)
    return problem


def _loss(p: Any, x: Any, y: Any, *, steps: range) -> Any:
    h, total = np.zeros((x.shape[0], p["Wh"].shape[0])), 0.0
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ p["Wx"] + h @ p["Wh"] + p["b"])
        if t in steps:
            z = h @ p["Wy"] + p["c"]
            log_sum = np.log(np.sum(np.exp(z), axis=1))
            total = total + np.sum(log_sum - np.sum(y[:, t] * z, axis=1))
    return total / x.shape[0]


def _gradient(p: Arrays, x: Floats, y: Floats, steps: range, **wrong: Any) -> Arrays:
    """Return the gradient; `wrong` has what is done otherwise.

    ``window``: steps through which a loss goes back; ``labels``; ``samples``: a factor for each;
    ``factor``: of the loss; ``slope``: of h; ``back``: Wh on the way back; ``late``: h_t for
    h_(t-1) in the gradient of Wh; ``assigned``: tensors of which the last step visited is kept.
    """
    m, n_steps = x.shape[:2]
    h = [np.zeros((m, p["Wh"].shape[0]))]  # h[t + 1] is that of step t
    for t in range(n_steps):
        h.append(np.tanh(x[:, t] @ p["Wx"] + h[t] @ p["Wh"] + p["b"]))
    labels, back = wrong.get("labels", y), wrong.get("back", p["Wh"])
    slope = wrong.get("slope", lambda h: 1.0 - h**2)
    window, scale = wrong.get("window", n_steps), wrong.get("factor", 1.0)
    grads = {name: np.zeros_like(w) for name, w in p.items()}
    parts: dict[str, dict[int, Floats]] = {name: {} for name in ("Wx", "Wh", "b")}
    for last in steps:
        delta = softmax(h[last + 1] @ p["Wy"] + p["c"]) - labels[:, last]
        delta = delta * wrong.get("samples", 1.0) * scale / m
        grads["Wy"] += h[last + 1].T @ delta
        grads["c"] += delta.sum(axis=0)
        dh = delta @ p["Wy"].T
        for t in range(last, max(-1, last - window), -1):
            dz = dh * slope(h[t + 1])
            seen = h[t + 1] if wrong.get("late") else h[t]
            for name, part in (("Wx", x[:, t].T @ dz), ("Wh", seen.T @ dz), ("b", dz.sum(axis=0))):
                parts[name][t] = parts[name].get(t, 0.0) + part
            dh = dz @ back.T
    for name, by_step in parts.items():
        kept = [min(by_step)] if name == wrong.get("assigned") else [*by_step]
        grads[name] += sum(by_step[t] for t in kept)
    return grads


def _spoil(problem: Problem, m: int, n_steps: int, every_step: bool) -> None:
    """Add the mistakes."""
    p, y = problem.given, problem.gradient.args[2]  # type: ignore[attr-defined]
    add = problem.add
    for k in (1, 2):  # k steps of the recurrence are seen, k - 1 products with Wh made
        add(f"truncated after {k}", expect("truncated", RECURRENT, k, k - 1), window=k)
    add("slope through time missing", expect("slope-missing", RECURRENT), slope=np.ones_like)
    add("1 - h for 1 - h^2", expect("slope-without-square", RECURRENT), slope=lambda h: 1 - h)
    add("Wh not transposed", expect("not-transposed", RECURRENT), back=p["Wh"].T)
    stale = p["Wh"] - 0.1 * problem.right["Wh"]
    add("Wh updated too early", expect("stale-weights other-weights", RECURRENT), back=stale)
    add("h of the same step for Wh", expect("input-elsewhere", ["Wh"]), late=True)
    for name in ("Wx", "b"):
        expected = expect("not-summed only-step truncated", [name])
        add(f"{name} of the first step only", expected, assigned=name)
    whole = expect("sum-for-mean", [None], m) + expect("delta-factor sum-for-mean", READOUT, m)
    add("recurrent: sum over the batch", whole, factor=m)
    add("recurrent: negated", expect("sign", [None], -1) + expect("delta-factor", READOUT, -1),
        factor=-1.0)  # fmt: skip
    shifted = np.roll(y, 1, axis=2)
    add("recurrent: labels one class further", expect("labels-shifted", READOUT, 1), labels=shifted)
    if every_step:
        later = np.roll(y, -1, axis=1)
        add("labels of the next step", expect("labels-reordered", READOUT), labels=later)
    keep = (np.arange(m) < m - 1)[:, None]
    add("recurrent: last sample dropped", expect("sample-dropped", READOUT, m - 1), samples=keep)
    right = problem.right
    problem.put("Wh transposed", expect("transposed", ["Wh"]), right | {"Wh": right["Wh"].T})
    problem.put("Wh doubled", expect("factor accumulated", ["Wh"], 2.0),
                right | {"Wh": 2 * right["Wh"]})  # fmt: skip
