"""An embedding with repeated indices, a residual connection, tied weights: all traced."""

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
    Ints = NDArray[np.int64]
    Arrays = dict[str, Floats]


def _normal(rng: np.random.Generator, *shape: int) -> Floats:
    return rng.standard_normal(shape) / np.sqrt(shape[0])


# ------------------------------------------------------------ an embedding


def embedding(
    n_words: int, n_features: int, n_out: int, n_batch: int, length: int, seed: int
) -> Problem:
    """Return a softmax of the mean of the rows of ``E`` that a sample names, some repeatedly."""
    rng = np.random.default_rng([seed, n_words])
    params = {
        "E": rng.standard_normal((n_words, n_features)),
        "W": _normal(rng, n_features, n_out),
        "b": 0.2 * rng.standard_normal(n_out),
    }
    ids = rng.integers(0, n_words, (n_batch, length))
    ids[:, 1] = ids[0, 0]  # shared by all samples
    y = np.eye(n_out)[rng.integers(0, n_out, n_batch)]
    loss = partial(_embedding_loss, ids=ids)
    problem = Problem(
        f"embedding of {n_words}, {n_features}-{n_out}, m={n_batch}, {length} words, seed {seed}",
        seed, params, fc.trace(loss, params, y), float(loss(params, y)),
        partial(_embedding_gradient, params, ids, y),
    )  # fmt: skip
    add = problem.add
    add("lost duplicates", expect("lost-duplicates", ["E"]), keep="last")
    add("lost duplicates, the first kept", expect("lost-duplicates", ["E"]), keep="first")
    wrong = expect("sum-for-mean factor delta-factor accumulated", ["E"], length)
    add("mean over the words missing", wrong, words=length)
    add("index one too high", expect("rolled", ["E"]), shift=1)
    add("embedding: labels one class further", expect("labels-shifted", ["W", "b"], 1.0),
        labels=np.roll(y, 1, axis=1))  # fmt: skip
    whole = expect("sum-for-mean", [None], n_batch)
    add("embedding: sum over the batch", whole + expect("delta-factor", ["W", "b"], n_batch),
        factor=n_batch)  # fmt: skip
    right = problem.right
    problem.put("embedding forgotten", expect("zero", ["E"]), right | {"E": 0 * right["E"]})
    return problem


def _embedding_loss(p: Any, y: Any, *, ids: Ints) -> Any:
    z = np.mean(p["E"][ids], axis=1) @ p["W"] + p["b"]
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(y * z, axis=1))


def _embedding_gradient(p: Arrays, ids: Ints, y: Floats, **wrong: Any) -> Arrays:
    m, length = ids.shape
    a = p["E"][ids].mean(axis=1)
    dz = (softmax(a @ p["W"] + p["b"]) - wrong.get("labels", y)) * wrong.get("factor", 1.0) / m
    da = dz @ p["W"].T / length * wrong.get("words", 1)
    dE = np.zeros_like(p["E"])
    rows = (ids + wrong.get("shift", 0)) % len(dE)
    each = np.broadcast_to(da[:, None, :], (*ids.shape, da.shape[1]))
    order = {"last": slice(None), "first": slice(None, None, -1)}.get(wrong.get("keep", ""))
    if order is None:
        np.add.at(dE, rows, each)
    else:
        for row, part in [*zip(rows.ravel(), each.reshape(-1, da.shape[1]), strict=True)][order]:
            dE[row] = part
    return {"E": dE, "W": a.T @ dz, "b": dz.sum(axis=0)}


# ------------------------------------------------------------ a residual connection


def residual(sizes: tuple[int, int, int], n_batch: int, seed: int) -> Problem:
    """Return ``h2 = h1 + tanh(h1 W2 + b2)`` between two dense layers, with a softmax."""
    rng = np.random.default_rng([seed, *sizes])
    n_in, n_hidden, n_out = sizes
    params = {
        "W1": _normal(rng, n_in, n_hidden), "b1": 0.3 * rng.standard_normal(n_hidden),
        "W2": _normal(rng, n_hidden, n_hidden), "b2": 0.3 * rng.standard_normal(n_hidden),
        "W3": _normal(rng, n_hidden, n_out), "b3": 0.3 * rng.standard_normal(n_out),
    }  # fmt: skip
    x = rng.standard_normal((n_batch, n_in))
    y = np.eye(n_out)[rng.integers(0, n_out, n_batch)]
    problem = Problem(
        f"residual {n_in}-{n_hidden}-{n_out}, m={n_batch}, seed {seed}", seed, params,
        fc.trace(_residual_loss, params, x, y), float(_residual_loss(params, x, y)),
        partial(_residual_gradient, params, x, y),
    )  # fmt: skip
    first, second, third = ("W1", "b1"), ("W2", "b2"), ("W3", "b3")
    add = problem.add
    add("skip branch missing", expect("branch-missing", first), skip=0.0)
    add("branch of the block missing", expect("branch-missing", first), block=0.0)
    add("slope in the block missing", expect("slope-missing", second), slope=np.ones_like)
    add("block not transposed", expect("not-transposed", first), back=params["W2"].T)
    add("residual: labels of the next sample", expect("labels-reordered", third),
        labels=np.roll(y, -1, axis=0))  # fmt: skip
    # h1 is what the block adds to, h2 what it gives
    add("output of the block for its input", expect("input-elsewhere", ["W2"]), late=True)
    add("input before the sum", expect("input-elsewhere input-before-activation", ["W3"]),
        early=True)  # fmt: skip
    return problem


def _residual_loss(p: Any, x: Any, y: Any) -> Any:
    h1 = np.tanh(x @ p["W1"] + p["b1"])
    h2 = h1 + np.tanh(h1 @ p["W2"] + p["b2"])
    z = h2 @ p["W3"] + p["b3"]
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(y * z, axis=1))


def _residual_gradient(p: Arrays, x: Floats, y: Floats, **wrong: Any) -> Arrays:
    h1 = np.tanh(x @ p["W1"] + p["b1"])
    block = np.tanh(h1 @ p["W2"] + p["b2"])
    h2 = h1 + block
    slope = wrong.get("slope", lambda a: 1.0 - a**2)
    dz = (softmax(h2 @ p["W3"] + p["b3"]) - wrong.get("labels", y)) / len(x)
    dh2 = dz @ p["W3"].T
    d2 = dh2 * slope(block)
    dh1 = wrong.get("skip", 1.0) * dh2
    dh1 = dh1 + wrong.get("block", 1.0) * (d2 @ wrong.get("back", p["W2"]).T)
    d1 = dh1 * (1.0 - h1**2)
    seen2, seen3 = h2 if wrong.get("late") else h1, block if wrong.get("early") else h2
    return {
        "W1": x.T @ d1, "b1": d1.sum(axis=0), "W2": seen2.T @ d2, "b2": d2.sum(axis=0),
        "W3": seen3.T @ dz, "b3": dz.sum(axis=0),
    }  # fmt: skip


# ------------------------------------------------------------ tied weights


def tied(n_in: int, n_hidden: int, n_batch: int, seed: int) -> Problem:
    """Return an autoencoder whose decoder is the transpose of its encoder, with squares."""
    rng = np.random.default_rng([seed, n_in])
    params = {
        "W": _normal(rng, n_in, n_hidden),
        "b": 0.3 * rng.standard_normal(n_hidden),
        "c": 0.3 * rng.standard_normal(n_in),
    }
    x = rng.standard_normal((n_batch, n_in))
    problem = Problem(
        f"tied {n_in}-{n_hidden}-{n_in}, m={n_batch}, seed {seed}", seed, params,
        fc.trace(_tied_loss, params, x), float(_tied_loss(params, x)),
        partial(_tied_gradient, params, x),
    )  # fmt: skip
    add, one = problem.add, expect("not-summed branch-missing", ["W"])
    add("decoder left out", one, decoder=0.0)
    add("encoder left out", one, encoder=0.0)
    add("slope of the encoder missing", expect("slope-missing", ["W", "b"]), slope=np.ones_like)
    add("tied: sum over the batch", expect("sum-for-mean", [None], n_batch)
        + expect("delta-factor", ["W", "c"], n_batch), factor=n_batch)  # fmt: skip
    return problem


def _tied_loss(p: Any, x: Any) -> Any:
    h = np.tanh(x @ p["W"] + p["b"])
    return np.sum((h @ p["W"].T + p["c"] - x) ** 2) / len(x)


def _tied_gradient(p: Arrays, x: Floats, **wrong: Any) -> Arrays:
    h = np.tanh(x @ p["W"] + p["b"])
    d2 = 2.0 * (h @ p["W"].T + p["c"] - x) / len(x) * wrong.get("factor", 1.0)
    d1 = d2 @ p["W"] * wrong.get("slope", lambda a: 1.0 - a**2)(h)
    encoder, decoder = x.T @ d1, d2.T @ h
    W = wrong.get("encoder", 1.0) * encoder + wrong.get("decoder", 1.0) * decoder
    return {"W": W, "b": d1.sum(axis=0), "c": d2.sum(axis=0)}
