"""Usual habits of right code are no findings."""

from __future__ import annotations

import functools
import random
from collections import deque
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.preflight.common import ENGINES, FORMS, Arrays, Net, kinds, normal

HISTORY: list[float] = []
CALLS = {"n": 0}


def caches(net: Net, p: Arrays) -> Any:
    net.cache = dict(zip("ay", net.forward(p), strict=True))  # type: ignore[attr-defined]
    return 0.5 * np.sum((net.cache["y"] - net.t) ** 2) / 6  # type: ignore[attr-defined]


def makes_buffers_once(net: Net, p: Arrays) -> Any:
    if not hasattr(net, "buffer"):
        net.buffer = np.empty((6, 3))
    np.tanh(net.x @ p["W1"] + p["b1"], out=net.buffer)
    return 0.5 * np.sum((net.buffer @ p["W2"] + p["b2"] - net.t) ** 2) / 6


BUFFER = np.full((6, 3), np.nan)


def fills_a_buffer(net: Net, p: Arrays) -> Any:
    BUFFER[...] = 0.0
    BUFFER[...] += net.x @ p["W1"]
    return 0.5 * np.sum((np.tanh(BUFFER + p["b1"]) @ p["W2"] + p["b2"] - net.t) ** 2) / 6


def counts(net: Net, p: Arrays) -> Any:
    CALLS["n"] += 1
    net.calls = getattr(net, "calls", 0) + 1  # type: ignore[attr-defined]
    return net.loss(p)


def logs(net: Net, p: Arrays) -> Any:
    value = net.loss(p)
    HISTORY.append(value)
    return value


LAST: deque[Any] = deque(maxlen=3)


def keeps_the_last(net: Net, p: Arrays) -> Any:
    LAST.append(net.forward(p))
    return net.loss(p)


@functools.lru_cache
def identity(n: int) -> Any:
    return np.eye(n)


def remembers_constants(net: Net, p: Arrays) -> Any:
    _, y = net.forward(p)
    return 0.5 * np.sum(((y - net.t) @ identity(2)) ** 2) / 6


TABLE: dict[int, Any] = {}


def fills_a_table(net: Net, p: Arrays) -> Any:
    weight = TABLE.setdefault(6, 1.0 / 6)
    _, y = net.forward(p)
    return 0.5 * np.sum((y - net.t) ** 2) * weight


def draws_and_does_not_use_it(net: Net, p: Arrays) -> Any:
    random.random()
    np.random.random()  # noqa: NPY002
    return net.loss(p)


def seeds_itself(net: Net, p: Arrays) -> Any:
    rng = np.random.default_rng(3)
    noise = 1.0 - 0.0 * rng.random(6)
    _, y = net.forward(p)
    return 0.5 * np.sum(((y - net.t) * noise[:, None]) ** 2) / 6


def running_averages(net: Net, p: Arrays) -> Any:
    """Averages that only inference reads."""
    a, _ = net.forward(p)
    net.mean = 0.9 * getattr(net, "mean", 0.0) + 0.1 * a.mean(0)  # type: ignore[attr-defined]
    return net.loss(p)


def best_so_far(net: Net, p: Arrays) -> Any:
    value = net.loss(p)
    net.best = min(float(value), getattr(net, "best", np.inf))  # type: ignore[attr-defined]
    return value


def worked_on_copies(net: Net, p: Arrays) -> Any:
    x = net.x.copy()
    z = x @ p["W1"]
    z += p["b1"]
    np.tanh(z, out=z)
    y = z @ p["W2"]
    y += p["b2"]
    y -= net.t
    y **= 2
    return 0.5 * y.sum() / 6


def a_flag_that_does_nothing(net: Net, p: Arrays) -> Any:
    net.training = getattr(net, "training", True)
    return net.loss(p)


HABITS = [
    caches,
    makes_buffers_once,
    fills_a_buffer,
    counts,
    logs,
    keeps_the_last,
    remembers_constants,
    fills_a_table,
    draws_and_does_not_use_it,
    seeds_itself,
    running_averages,
    best_so_far,
    worked_on_copies,
    a_flag_that_does_nothing,
]


@ENGINES
@FORMS
@pytest.mark.parametrize("is_function", [True, False], ids=["called", "given"])
@pytest.mark.parametrize("habit", HABITS)
def test_a_habit_of_right_code_is_no_finding(
    engine: str, is_closure: bool, is_function: bool, habit: Any
) -> None:
    net = Net()
    grads = net.gradient if is_function else net.right
    result = net.check(lambda p: habit(net, p), grads, is_closure=is_closure, engine=engine)
    assert kinds(result) == []
    assert result.passed


@ENGINES
@FORMS
@pytest.mark.parametrize("habit", HABITS)
def test_a_wrong_gradient_is_found_with_any_habit(
    engine: str, is_closure: bool, habit: Any
) -> None:
    net = Net()
    wrong = net.right
    wrong["W2"][1, 1] *= 1.0 + 1e-3
    result = net.check(lambda p: habit(net, p), wrong, is_closure=is_closure, engine=engine)
    assert kinds(result) == []
    assert result.verdict == "fail"
    assert sum(t.n_disagree for t in result.tensors.values()) == 1


@ENGINES
@pytest.mark.parametrize("shape", ["reused", "lists", "logged"])
def test_a_gradient_function_with_habits_is_no_finding(engine: str, shape: str) -> None:
    net = Net()
    buffers = {name: np.zeros_like(p) for name, p in net.params.items()}
    log: list[Any] = []

    def gradient(p: Arrays) -> Any:
        found = net.gradient(p)
        if shape == "lists":
            return {name: g.tolist() for name, g in found.items()}
        for name, g in found.items():
            buffers[name][...] = 0.0
            buffers[name] += g
        if shape == "logged":
            log.append(found)
        return buffers

    result = net.check(grads=gradient, engine=engine)
    assert kinds(result) == []
    assert result.passed


@ENGINES
def test_loss_and_gradient_of_one_call_are_no_finding(engine: str) -> None:
    net = Net()
    result = fc.check_value_and_grad(
        lambda p: (net.loss(p), net.gradient(p)), net.params, engine=engine
    )
    assert kinds(result) == []
    assert result.passed


@ENGINES
def test_a_frozen_dropout_mask_is_no_finding(engine: str) -> None:
    net = Net()
    dropout_mask = (normal(6, 4, seed=9) > 0) * 2.0
    net.x = net.x * dropout_mask
    result = net.check(engine=engine)
    assert kinds(result) == []
    assert result.passed
