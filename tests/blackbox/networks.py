"""Random small networks in NumPy with right backward passes, as closures over live arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Arrays = dict[str, np.ndarray]
SLOPES: dict[str, tuple[Callable, Callable]] = {
    "tanh": (np.tanh, lambda z, a: 1 - a * a),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z, a: a * (1 - a)),
    "relu": (lambda z: np.maximum(z, 0), lambda z, a: (z > 0).astype(z.dtype)),
    "softplus": (lambda z: np.logaddexp(0, z), lambda z, a: 1 / (1 + np.exp(-z))),
}


@dataclass
class Network:
    """A loss over `params`, and its gradient."""

    params: Arrays
    passes: Callable[[], tuple[float, Arrays]]

    def loss(self) -> float:
        """Return the loss, in the precision in which it was computed."""
        return self.passes()[0]

    @property
    def grads(self) -> Arrays:
        """The right gradient."""
        return self.passes()[1]


def cross_entropy(z: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean cross-entropy of a softmax, and its derivative."""
    rows = np.arange(len(z))
    shifted = z - z.max(axis=1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    d = np.exp(logp)
    d[rows, y] -= 1
    return -logp[rows, y].mean(), d / np.asarray(len(z), z.dtype)


def scaled(passes: Callable, size: float, dtype: str) -> Callable:
    """Multiply a loss and its gradient."""
    factor = np.asarray(size, dtype)[()]

    def larger() -> tuple[float, Arrays]:
        loss, grads = passes()
        return factor * loss, {name: factor * g for name, g in grads.items()}

    return larger


def drawn(rng: np.random.Generator, dtype: str, shapes: dict[str, tuple[int, ...]]) -> Arrays:
    return {
        name: (rng.standard_normal(s) / np.sqrt(max(1, np.prod(s[:-1])))).astype(dtype)
        for name, s in shapes.items()
    }


def dense(
    seed: int, activation: str, dtype: str = "f8", size: float = 1.0, *, pixels: bool = False
) -> Network:
    """Return a network of three layers; `pixels` are 0..255 with small first weights."""
    rng = np.random.default_rng(seed)
    f, slope = SLOPES[activation]
    p = drawn(rng, dtype, {"W1": (12, 9), "b1": (9,), "W2": (9, 7), "b2": (7,), "W3": (7, 4)})
    x, y = rng.standard_normal((10, 12)), rng.integers(0, 4, 10)
    if pixels:
        x = np.floor(256 * rng.random((10, 12))) * (rng.random((10, 12)) < 0.6)
        p["W1"] *= np.asarray(0.02, dtype)
    x = x.astype(dtype)

    def passes() -> tuple[float, Arrays]:
        z1 = x @ p["W1"] + p["b1"]
        a1 = f(z1)
        z2 = a1 @ p["W2"] + p["b2"]
        a2 = f(z2)
        loss, d3 = cross_entropy(a2 @ p["W3"], y)
        d2 = d3 @ p["W3"].T * slope(z2, a2)
        d1 = d2 @ p["W2"].T * slope(z1, a1)
        return loss, {
            "W1": x.T @ d1, "b1": d1.sum(0), "W2": a1.T @ d2, "b2": d2.sum(0), "W3": a2.T @ d3,
        }  # fmt: skip

    return Network(p, scaled(passes, size, dtype))


def conv(seed: int, activation: str, dtype: str = "f8", size: float = 1.0) -> Network:
    """Return a convolution, an activation and a dense layer, with squared error."""
    rng = np.random.default_rng(seed)
    f, slope = SLOPES[activation]
    p = drawn(rng, dtype, {"K": (3, 3, 2, 4), "c": (4,), "W": (6 * 6 * 4, 3)})
    x = rng.standard_normal((5, 8, 8, 2)).astype(dtype)
    t = rng.standard_normal((5, 3)).astype(dtype)
    windows = sliding_window_view(x, (3, 3), axis=(1, 2))  # (n, 6, 6, 2, 3, 3)

    def passes() -> tuple[float, Arrays]:
        z = np.einsum("nijcuv,uvco->nijo", windows, p["K"]) + p["c"]
        a = f(z)
        r = a.reshape(5, -1) @ p["W"] - t
        d = (r @ p["W"].T).reshape(a.shape) * slope(z, a)
        return 0.5 * (r * r).sum(), {
            "K": np.einsum("nijcuv,nijo->uvco", windows, d), "c": d.sum((0, 1, 2)),
            "W": a.reshape(5, -1).T @ r,
        }  # fmt: skip

    return Network(p, scaled(passes, size, dtype))


def recurrent(seed: int, activation: str, dtype: str = "f8", size: float = 1.0) -> Network:
    """Return a recurrence over six steps with a cross-entropy at the end."""
    rng = np.random.default_rng(seed)
    f, slope = SLOPES[activation]
    p = drawn(rng, dtype, {"U": (4, 6), "V": (6, 6), "b": (6,), "W": (6, 3)})
    x, y = rng.standard_normal((6, 7, 4)).astype(dtype), rng.integers(0, 3, 7)

    def passes() -> tuple[float, Arrays]:
        hs, zs = [np.zeros((7, 6), dtype)], []
        for step in x:
            zs.append(step @ p["U"] + hs[-1] @ p["V"] + p["b"])
            hs.append(f(zs[-1]))
        loss, d = cross_entropy(hs[-1] @ p["W"], y)
        grads = {name: np.zeros_like(v) for name, v in p.items()}
        grads["W"] += hs[-1].T @ d
        dh = d @ p["W"].T
        for k in reversed(range(6)):
            dz = dh * slope(zs[k], hs[k + 1])
            grads["U"] += x[k].T @ dz
            grads["V"] += hs[k].T @ dz
            grads["b"] += dz.sum(0)
            dh = dz @ p["V"].T
        return loss, grads

    return Network(p, scaled(passes, size, dtype))


KINDS: dict[str, Callable[..., Network]] = {"dense": dense, "conv": conv, "recurrent": recurrent}
