# ruff: noqa: NPY002 - code as people write it
"""Losses that cannot be traced, each with words that the message must have.

Factories ``f(W, x) -> loss`` over two live arrays. Nothing here knows of the tracer.
"""

import random
import time
from types import SimpleNamespace

import numpy as np

OFFSET = np.arange(4.0)
REFUSED = []


def refused(words):
    def register(factory):
        REFUSED.append((factory, words))
        return factory

    return register


@refused("two calls of the loss differ")
def counter_in_the_loss(W, x):
    state = {"n": 0}

    def loss():
        state["n"] += 1
        return (W @ x).sum() * (1 + 0.1 * state["n"])

    return loss


@refused("two calls of the loss differ")
def dropout_without_a_seed(W, x):
    def loss():
        mask = np.random.rand(4) > 0.5
        return ((W @ x) ** 2 * (mask + 0.1 * np.random.rand(4))).sum()

    return loss


@refused("two calls of the loss differ")
def generator_with_state(W, x):
    rng = np.random.default_rng(0)
    return lambda: ((W @ x + rng.normal(size=4)) ** 2).sum()


@refused("two calls of the loss differ")
def random_of_python(W, x):
    return lambda: (W @ x).sum() * random.random()


@refused("two calls of the loss differ")
def time_in_the_loss(W, x):
    return lambda: (W @ x).sum() * time.perf_counter()


@refused("another copy")
def stale_copy_of_a_parameter(W, x):
    hidden = iter([])
    holder = SimpleNamespace(get=_getter_of(W))

    def loss():
        return (holder.get() * 2).sum() + (x * x).sum() + len(list(hidden))

    return loss


def _getter_of(W):
    """Return a compiled method that no walk looks into."""
    return W.__pos__


@refused("ordinary array")
def buffer_made_by_an_import_inside(W, x):
    def loss():
        from numpy import zeros

        h = zeros(4)
        h[0] = x[0]
        return h.sum() * x.sum()

    return loss


@refused("ordinary array")
def buffer_of_a_generator_object(W, x):
    def loss():
        h = np.random.RandomState(0).rand(4, 4)
        h[1, 2] = x[0]
        return (h @ x).sum()

    return loss


@refused("ordinary array")
def out_into_an_ordinary_array(W, x):
    def loss():
        h = np.random.RandomState(0).rand(4)
        np.multiply(x, 2.0, out=h)
        return h.sum()

    return loss


@refused("ordinary array")
def plain_dot_of_a_generator_object(W, x):
    def loss():
        return (np.random.RandomState(0).rand(4).dot(W) * x).sum()

    return loss


@refused("becomes text")
def number_through_text(W, x):
    def loss():
        return x.sum() + 2 * np.float64(f"{W.sum():.17g}")

    return loss


@refused("branch")
def branch_that_always_moves(W, x):
    base = float(x[0])

    def loss():
        return (W @ x).sum() if x[0] == base else (W @ x * 2).sum()

    return loss


@refused("objects")
def array_of_objects(W, x):
    def loss():
        h = np.empty(4, dtype=object)
        for k in range(4):
            h[k] = x[k]
        return (h * W).sum() + (h @ x)

    return loss


@refused("50000")
def endless_loop(W, x):
    def loss():
        total = 0.0
        for _ in range(20000):
            total = total + x[0] * x[1]
        return total

    return loss


@refused("does not depend")
def no_parameter_at_all(W, x):
    return lambda: float(np.sum(OFFSET))


@refused("ZeroDivisionError")
def an_error_of_its_own(W, x):
    def loss():
        return (W @ x).sum() / (1 // 0)

    return loss


@refused("return loss")
def nothing_returned(W, x):
    def loss():
        (W @ x).sum()

    return loss
