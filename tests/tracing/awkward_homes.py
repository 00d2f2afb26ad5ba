# ruff: noqa: NPY002, PYI024, RUF012 - code as people write it
"""Losses that keep their parameters in odd places, and have state that does not matter.

Factories ``f(W, x) -> loss`` over two live arrays. Nothing here knows of the tracer.
"""

import collections
import functools
import itertools
from types import SimpleNamespace

import numpy as np

TABLE = {"square": lambda v: v * v, "tanh": np.tanh}
TRACED = []


def traced(factory):
    TRACED.append(factory)
    return factory


@traced
def class_of_functions(W, x):
    class Net:
        activations = {"tanh": np.tanh, "square": TABLE["square"]}
        scale = np.full(4, 0.5)

        def forward(self):
            return self.activations["square"](self.activations["tanh"](W @ x) * Net.scale)

    net = Net()
    return lambda: net.forward().sum()


@traced
def slots_tuples_and_partials(W, x):
    class Layer:
        __slots__ = ("weights",)

        def __init__(self):
            self.weights = (W, {"x": [x]})

    Pair = collections.namedtuple("Pair", "w layer")
    pair = Pair(W, Layer())

    def forward(w, scale, *, bias=x):
        return (w @ pair.layer.weights[1]["x"][0] * scale + bias).sum()

    return functools.partial(forward, pair.w, 2.0)


@traced
def deque_object_array_and_namespace(W, x):
    queue = collections.deque([W, x])
    objects = np.empty(2, dtype=object)
    objects[0], objects[1] = W, x
    space = SimpleNamespace(T=W.T, first=x[:2])

    def loss():
        return (
            (queue[0] @ queue[1]).sum() + (objects[0] @ objects[1])[0] + (space.T[1] * x).sum()
            + (space.first**2).sum()
        )  # fmt: skip

    return loss


@traced
def list_that_grows(W, x):
    history = []

    def loss():
        value = ((W @ x) ** 2).sum()
        history.append(value)
        return value

    return loss


@traced
def global_that_is_bound_anew(W, x):
    def loss():
        global LAST
        LAST = W @ x
        return helper_of_a_global()

    return loss


LAST = None


def helper_of_a_global():
    return (LAST * LAST).sum()


@traced
def counts_that_do_not_matter(W, x):
    counts = np.zeros(3, dtype=int)
    calls = {"n": 0}

    def loss():
        counts[1] += 1
        calls["n"] += 1
        calls["last"] = W.sum()
        return (W @ x).sum()

    return loss


@traced
def generator_seeded_inside(W, x):
    def loss():
        rng = np.random.default_rng(3)
        np.random.seed(0)
        mask = (np.random.rand(4) > 0.5) / 0.5
        return ((W @ x) * mask).sum() + (rng.normal(size=4) @ x)

    return loss


@traced
def plain_dot_traced(W, x):
    constant = np.arange(16.0).reshape(4, 4)

    def loss():
        return (np.eye(4)[[0, 2, 1, 3]].dot(W) * x).sum() + constant.dot(x).sum()

    return loss


@traced
def ordinary_sum_in_place(W, x):
    def loss():
        total = np.random.RandomState(0).rand(4)
        total += x
        return (total * total).sum()

    return loss


@traced
def error_that_is_caught(W, x):
    def loss():
        try:
            h = W @ np.ones(3)
        except ValueError:
            h = W @ np.ones(4)
        return (h * x).sum()

    return loss


@traced
def generators_and_iterators(W, x):
    def loss():
        total = 0.0
        for row, v in zip(W, itertools.chain(x[:2], x[2:]), strict=False):
            total += functools.reduce(lambda a, b: a + b * b, row, v)
        return total + sum(r @ x for r in W)

    return loss


@traced
def unused_parameter(W, x):
    return lambda: (x * x).sum()


@traced
def accuracy_beside_the_loss(W, x):
    def loss():
        scores = W @ x
        correct = 0
        for row in W:
            if row[0] > row[1]:
                correct += 1
        return {"loss": (scores**2).sum(), "correct": correct, "scores": scores}

    return loss


@traced
def log_to_an_ordinary_list_as_floats(W, x):
    log = []

    def loss():
        h = W @ x
        log.append(float(h[0]))
        return float((h * h).mean())

    return loss


@traced
def params_in_one_vector(W, x):
    return lambda: sum((row**2).sum() for row in W.reshape(2, 2, 4)) + x.dot(x)


@traced
def import_inside_with_reading_only(W, x):
    def loss():
        from numpy import tanh, zeros

        h = zeros(4)
        return (tanh(W @ x) + h).sum()

    return loss


@traced
def linear_algebra(W, x):
    def loss():
        _q, r = np.linalg.qr(W)
        _u, s, _vt = np.linalg.svd(W)
        return np.linalg.norm(W) + abs(r[0, 0]) + s[1] + np.linalg.slogdet(W)[1]

    return loss
