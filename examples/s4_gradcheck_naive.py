"""A drop-in for `gradcheck_naive(f, x)`, of which the original stops at the first wrong index.

The original takes any function that returns (cost, gradient), moves each entry of x by 1e-4, and
stops at the first that is off by more than 1e-5. It saves and restores the state of Python's random
around each call. Its user saw sum(exp(x)) pass and sum(W @ x) with the gradient W fail at [0, 0],
and asked why.

The drop-in below has the same signature, looks at all entries, and answers: W is the gradient of
sum(W * x); a matrix product was taken for an elementwise one.

    python examples/s4_gradcheck_naive.py
"""

from __future__ import annotations

import random

import numpy as np
from telling import said, spoken, tell, timed, timed_twice, title

import fastcheck as fc


def gradcheck_naive(f, x):
    """Check the gradient of a function at `x`; return the result, which is true if it is right.

    Parameters
    ----------
    f : callable
        Returns the cost and its gradient at an array. It may draw from Python's random: every call
        finds it in the same state, and afterwards the state is as before.
    x : ndarray
        Of any shape.
    """
    state = random.getstate()
    try:
        return fc.check_value_and_grad(
            lambda p: f(p["x"]), {"x": x}, before_each=lambda: random.setstate(state)
        )
    finally:
        random.setstate(state)


def original(f, x):
    """Return None, or the first index at which the published recipe finds the gradient wrong."""
    state = random.getstate()
    gradient, step = f(x)[1], 1e-4
    for index in np.ndindex(x.shape):
        ends, kept = [], x[index]
        for moved in (kept + step, kept - step):
            x[index] = moved
            random.setstate(state)
            ends.append(f(x)[0])
        x[index] = kept
        n, g = (ends[0] - ends[1]) / (2 * step), gradient[index]
        if abs(n - g) / max(1, abs(n), abs(g)) > 1e-5:
            return index
    return None


# ------------------------------------------------------------ functions to check


def square(x):
    """Return the sum of squares, of a number as of any array."""
    return np.sum(x**2), 2 * x


def exponential(x):
    """Return the sum of exponentials."""
    return np.sum(np.exp(x)), np.exp(x)


def elementwise(W):
    """Return ``sum(W * x)`` with its gradient, W."""
    return lambda x: (np.sum(W * x), W)


def mistaken(W):
    """Return ``sum(W @ x)`` with the gradient of ``sum(W * x)``."""
    return lambda x: (np.sum(W @ x), W)


def right(W):
    """Return ``sum(W @ x)`` with its gradient, ``W.T @ ones``."""
    return lambda x: (np.sum(W @ x), W.T @ np.ones((len(W), x.shape[1])))


def sampled(x):
    """Return a cost over five indices that Python's random draws, as negative sampling does."""
    drawn = [random.randrange(x.size) for _ in range(5)]
    gradient = np.zeros_like(x)
    np.add.at(gradient, drawn, 1 / (1 + np.exp(-x[drawn])))
    return np.sum(np.log1p(np.exp(x[drawn]))), gradient


# ------------------------------------------------------------ what is shown


def show(name, f, x):
    """Show what both say of a function."""
    title(name)
    try:
        wrong, took = timed(original, f, x)
        outcome = "passes" if wrong is None else f"stops at {list(map(int, wrong))}"
        tell("original", f"{outcome} ({spoken(took)})")
    except IndexError as error:
        tell("original", f"IndexError: {error}")
    result, took = timed_twice(gradcheck_naive, f, x)
    tell("fastcheck", f"{said(result)} ({took})")


def main():
    """Show the original and the drop-in side by side."""
    rng = np.random.default_rng(0)
    title("S4  gradcheck_naive(f, x): any function that returns a cost and its gradient")
    show("sum(x**2) of one number", square, np.array(123.456))
    show("sum(exp(x))", exponential, rng.normal(size=(4, 5)))
    W, x = rng.normal(size=(5, 10)), rng.normal(size=(10, 3))
    show("sum(W @ x) with the gradient W, 5 x 10 against 10 x 3", mistaken(W), x)
    show("the same with W.T @ ones", right(W), x)
    W, x = rng.normal(size=(4, 4)), rng.normal(size=(4, 4))
    show("sum(W @ x) with the gradient W, both 4 x 4", mistaken(W), x)
    show("sum(W * x) with the gradient W", elementwise(W), x)
    random.seed(4)
    show("a cost that draws from Python's random", sampled, rng.normal(size=8))


if __name__ == "__main__":
    main()
