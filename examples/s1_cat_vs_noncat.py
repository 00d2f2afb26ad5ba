"""Cat or not: a network 12288-5-5-1 in columns, judged by one number.

The original rolls 61,481 parameters into one vector, moves each by 1e-7, and calls the gradient
fine if the ratio |g - n| / (|g| + |n|) is below 1e-7. It looks at one picture, because all 209 take
too long, and concludes from a ratio of 3.0e-09 that backpropagation is right.

fastcheck takes the same functions, looks at every entry on all pictures, and says what one picture
or one number cannot show: a mean that is missing, and a kink that is no mistake.

    python examples/s1_cat_vs_noncat.py            the original on every 12th entry
    python examples/s1_cat_vs_noncat.py --whole    on every entry of one picture: some seconds
"""

from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np
from telling import found, said, spoken, tell, timed, timed_twice, title

import fastcheck as fc

SIZES = (12288, 5, 5, 1)
NAMES = ("W1", "b1", "W2", "b2", "W3", "b3")
ACTIVATIONS = {  # with their derivatives, by their values
    "tanh": (np.tanh, lambda a: 1 - a**2),
    "relu": (lambda z: np.maximum(z, 0), lambda a: a > 0),
}
N_PARAMS = 61_481
EVERY = 12  # of the entries that the original looks at here
KEPT = 0.8  # of the units, by dropout


# ------------------------------------------------------------ the user's network


def initial(sizes=SIZES, seed=1):
    """Return W (n_out, n_in) and b (n_out, 1) of each layer."""
    rng, p = np.random.default_rng(seed), {}
    for k, (n_in, n_out) in enumerate(pairwise(sizes), 1):
        p[f"W{k}"] = rng.normal(size=(n_out, n_in)) / np.sqrt(n_in)
        p[f"b{k}"] = np.zeros((n_out, 1))
    return p


def forward(p, X, act="tanh", masks=(1, 1)):
    """Return hidden values before dropout, and the inputs of all layers with the output."""
    H, A = [], [X]
    for k, mask in enumerate(masks, 1):
        H.append(ACTIVATIONS[act][0](p[f"W{k}"] @ A[-1] + p[f"b{k}"]))
        A.append(H[-1] * mask)
    return H, [*A, 1 / (1 + np.exp(-(p["W3"] @ A[-1] + p["b3"])))]


def cost(p, X, Y, act="tanh", masks=(1, 1)):
    """Return the mean binary cross-entropy."""
    a = forward(p, X, act, masks)[1][-1]
    return -np.sum(Y * np.log(a) + (1 - Y) * np.log(1 - a)) / Y.shape[1]


def gradient(p, X, Y, act="tanh", masks=(1, 1)):
    """Return dW1, db1 and so on, by backpropagation."""
    (H, A), m, g = forward(p, X, act, masks), Y.shape[1], {}
    dZ = A[3] - Y
    for k in (3, 2, 1):
        g[f"dW{k}"], g[f"db{k}"] = dZ @ A[k - 1].T / m, dZ.sum(axis=1, keepdims=True) / m
        if k > 1:
            dZ = (p[f"W{k}"].T @ dZ) * masks[k - 2] * ACTIVATIONS[act][1](H[k - 2])
    return g


def drawn_masks(rng, n):
    """Return masks of inverted dropout for both hidden layers."""
    return [(rng.random((5, n)) < KEPT) / KEPT for _ in range(2)]


def vector_of(arrays, prefix=""):
    """Return arrays as one column: a dictionary becomes a vector."""
    return np.concatenate([arrays[prefix + name].reshape(-1, 1) for name in NAMES])


def dictionary_of(theta, like):
    """Return the arrays in a column: a vector becomes a dictionary again."""
    p, start = {}, 0
    for name in NAMES:
        end = start + like[name].size
        p[name], start = theta[start:end].reshape(like[name].shape), end
    return p


# ------------------------------------------------------------ the published recipe


def published_ratio(f, theta, g, entries=None, step=1e-7):
    """Return |g - n| / (|g| + |n|), n by central differences of one entry after the other."""
    entries = range(len(theta)) if entries is None else entries
    n = np.zeros((len(entries), 1))
    for k, i in enumerate(entries):
        plus, minus = np.copy(theta), np.copy(theta)
        plus[i] += step
        minus[i] -= step
        n[k] = (f(plus) - f(minus)) / (2 * step)
    g = g[list(entries)]
    return np.linalg.norm(g - n) / (np.linalg.norm(g) + np.linalg.norm(n))


def slopes_of_square(x=3.0, step=1e-2):
    """Return the derivative of x**2, by a central and by a one-sided difference."""
    up, here, down = (x + step) ** 2, x**2, (x - step) ** 2
    return (up - down) / (2 * step), (up - here) / step


# ------------------------------------------------------------ what is shown


def pictures():
    """Return pictures in columns, scaled to 0..1, their labels in a row, and what they are."""
    data = fc.find_data("catvnoncat")
    batch = data.take(range(len(data.split())))
    kind = "synthetic" if batch.synthetic else "real"
    return batch.x.T, batch.y[None, :], f"{kind}: {data.title}, {len(batch)} pictures"


def check(p, X, Y, act="tanh", masks=(1, 1), **options):
    """Check the gradient with fastcheck: nothing else is needed."""
    return fc.check_gradients(
        lambda p: cost(p, X, Y, act, masks), p, lambda p: gradient(p, X, Y, act, masks), **options
    )


def recipe(p, X, Y, act="tanh", entries=None):
    """Return the published ratio, as :func:`published_ratio`."""
    g = vector_of(gradient(p, X, Y, act), "d")
    return published_ratio(lambda t: cost(dictionary_of(t, p), X, Y, act), vector_of(p), g, entries)


def show_recipe(p, one, every, step):
    """Show what the original says of the right gradient, and how long that takes."""
    title("tanh, the right gradient")
    some = range(0, N_PARAMS, step)
    ratio, took = timed(recipe, p, *one, entries=some)
    tell("original", f"one picture: ratio {ratio:.1e}, fine below 1e-7; published 3.0e-09")
    whole = f"; all would take {spoken(took / len(some) * N_PARAMS)}" if step > 1 else ""
    tell("", f"{len(some):,} entries in {spoken(took)}{whole}")
    few = range(0, N_PARAMS, N_PARAMS // 100)
    _, took = timed(recipe, p, *every, entries=few)
    whole = spoken(took / len(few) * N_PARAMS)
    tell("", f"all pictures: {len(few)} entries in {spoken(took)}; all would take {whole}")


def show_right_gradient(p, one, every):
    """Show what fastcheck says of it, given dictionaries and vectors."""
    result, took = timed_twice(check, p, *one)
    tell("fastcheck", f"one picture: {said(result)} ({took})")
    theta, g = vector_of(p), vector_of(gradient(p, *one), "d")
    result = fc.check_gradients(lambda t: cost(dictionary_of(t, p), *one), theta, g)
    tell("", f"the same as one vector: {result.verdict.upper()}")
    result, took = timed_twice(check, p, *every)
    tell("", f"all pictures: {said(result)} ({took})")


def show_missing_mean(p, one, every):
    """Show a mistake of which one picture knows nothing."""
    title("tanh, db1 is a sum where the mean over the pictures belongs")
    for what, (X, Y) in (("one picture", one), ("all pictures", every)):
        g = gradient(p, X, Y)
        g["db1"] = g["db1"] * Y.shape[1]
        result = fc.check_gradients(lambda p, X=X, Y=Y: cost(p, X, Y), p, g)
        tell("fastcheck" if X is one[0] else "", f"{what}: {said(result)}")


def show_kink(p, every):
    """Show a right gradient that the ratio calls wrong."""
    title("relu, the right gradient, a picture that leaves all units of the first layer off")
    X, Y = every
    k = next(k for k in range(X.shape[1]) if not forward(p, X[:, [k]], "relu")[0][0].any())
    last = range(N_PARAMS - 36, N_PARAMS)  # dW1 and db1 are zero on both sides
    ratio = recipe(p, X[:, [k]], Y[:, [k]], "relu", last)
    tell("original", f"ratio {ratio:.2g}: there is a mistake in backpropagation, it concludes")
    result = check(p, X[:, [k]], Y[:, [k]], "relu")
    tell("fastcheck", f"{result.verdict.upper()}: {found(result, 'kink')}")
    result, took = timed_twice(check, p, *every, "relu", jitter=1e-3)
    tell("", f"all pictures, moved by jitter=1e-3: {said(result)} ({took})")


def show_dropout(p, every):
    """Show dropout, with masks that are drawn anew and with frozen ones."""
    title("tanh and dropout")
    rng, n = np.random.default_rng(0), every[1].shape[1]
    loss = fc.check_gradients(
        lambda p: cost(p, *every, masks=drawn_masks(rng, n)), p, gradient(p, *every)
    )
    tell("fastcheck", f"masks drawn in each call: {said(loss)}")
    tell("", f"masks drawn once: {said(check(p, *every, masks=drawn_masks(rng, n)))}")


def main():
    """Show the recipe and fastcheck side by side."""
    X, Y, data = pictures()
    p, one, every = initial(), (X[:, :1], Y[:, :1]), (X, Y)
    title("S1  Cat or not: 12288-5-5-1, 61,481 parameters, one number for all of them")
    tell("data", data)
    tell("x**2 at 3", "central {!r}, one-sided {!r}, as published".format(*slopes_of_square()))
    show_recipe(p, one, every, 1 if "--whole" in sys.argv[1:] else EVERY)
    show_right_gradient(p, one, every)
    show_missing_mean(p, one, every)
    show_kink(p, every)
    show_dropout(p, every)


if __name__ == "__main__":
    main()
