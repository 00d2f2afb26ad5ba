"""Networks of dense layers: activations, depths, widths, initialisations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np

from tests.blackbox.networks import SLOPES, Arrays, Network, cross_entropy
from tests.blackbox.networks import dense as three_layers
from tests.blackbox.zoo.base import add

ROOT = np.sqrt(2 / np.pi)


def gelu_slope(z: np.ndarray, a: np.ndarray) -> np.ndarray:
    t = np.tanh(ROOT * (z + 0.044715 * z**3))
    return 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * ROOT * (1 + 3 * 0.044715 * z * z)


def swish_slope(z: np.ndarray, a: np.ndarray) -> np.ndarray:
    s = 1 / (1 + np.exp(-z))
    return s + a * (1 - s)


ACTIVATIONS: dict[str, tuple[Callable, Callable]] = SLOPES | {
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.1 * z), lambda z, a: np.where(z > 0, 1.0, 0.1)),
    "elu": (lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
            lambda z, a: np.where(z > 0, 1, a + 1)),
    "gelu": (lambda z: 0.5 * z * (1 + np.tanh(ROOT * (z + 0.044715 * z**3))), gelu_slope),
    "swish": (lambda z: z / (1 + np.exp(-z)), swish_slope),
    "softsign": (lambda z: z / (1 + np.abs(z)), lambda z, a: 1 / (1 + np.abs(z)) ** 2),
    "sine": (np.sin, lambda z, a: np.cos(z)),
    "linear": (lambda z: z, lambda z, a: np.ones_like(z)),
}  # fmt: skip


def mlp(
    seed: int,
    widths: tuple[int, ...],
    activation: str,
    *,
    batch: int = 16,
    scale: float | None = None,
    bias: float = 0.1,
    dtype: str = "f8",
    inputs: Callable[[np.random.Generator, tuple[int, int]], np.ndarray] | None = None,
    l2: float = 0.0,
    summed: bool = False,
) -> Network:
    """Return layers of some widths with softmax cross-entropy; `scale` of weights, else fan-in."""
    rng = np.random.default_rng([seed, 5])
    f, slope = ACTIVATIONS[activation]
    p: Arrays = {}
    for k, (n_in, n_out) in enumerate(pairwise(widths), start=1):
        size = 1 / np.sqrt(n_in) if scale is None else scale
        p[f"W{k}"] = (size * rng.standard_normal((n_in, n_out))).astype(dtype)
        p[f"b{k}"] = (bias * rng.standard_normal(n_out)).astype(dtype)
    n = len(widths) - 1
    x = (inputs or np.random.Generator.standard_normal)(rng, (batch, widths[0])).astype(dtype)
    y = rng.integers(0, widths[-1], batch)

    def passes() -> tuple[float, Arrays]:
        a, zs, grads = [x], [], {}
        for k in range(1, n + 1):
            zs.append(a[-1] @ p[f"W{k}"] + p[f"b{k}"])
            a.append(f(zs[-1]) if k < n else zs[-1])
        loss, d = cross_entropy(a[-1], y)
        if summed:
            loss, d = loss * x.dtype.type(batch), d * x.dtype.type(batch)
        for k in range(n, 0, -1):
            grads[f"W{k}"] = a[k - 1].T @ d + x.dtype.type(l2) * p[f"W{k}"]
            grads[f"b{k}"] = d.sum(0)
            loss = loss + x.dtype.type(0.5 * l2) * (p[f"W{k}"] ** 2).sum()
            if k > 1:
                d = (d @ p[f"W{k}"].T * slope(zs[k - 2], a[k - 1])).astype(dtype)
        return loss, grads

    return Network(p, passes)


def pixels(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return bytes, six in ten of them zero, as in images of digits."""
    return np.floor(256 * rng.random(shape)) * (rng.random(shape) < 0.4)


def dead(seed: int) -> Network:
    """Return a ReLU network of which two units are off for every sample."""
    net = three_layers(seed, "relu")
    net.params["b1"][[1, 4]] = -50.0
    return net


def saturated(seed: int, activation: str) -> Network:
    """Return a network whose first layer is far in the flat parts."""
    net = three_layers(seed, activation)
    net.params["W1"] *= 12.0
    return net


KINKED = {"relu", "leaky_relu"}
for name in ACTIVATIONS:
    add(f"dense_{name}", partial(mlp, widths=(9, 8, 7, 4), activation=name),
        smooth=name not in {*KINKED, "elu", "softsign"})  # fmt: skip
for name in ("tanh", "sigmoid"):
    add(f"saturated_{name}", partial(saturated, activation=name), smooth=False)
    add(f"raw_pixels_{name}", partial(mlp, widths=(64, 10, 5), activation=name, scale=0.01,
                                      bias=0.0, batch=20, inputs=pixels))  # fmt: skip
add("raw_pixels_relu", partial(mlp, widths=(64, 10, 5), activation="relu", scale=0.01, bias=0.0,
                               batch=20, inputs=pixels), smooth=False)  # fmt: skip
add("tiny_initialisation", partial(mlp, widths=(60, 10, 5), activation="relu", scale=0.01,
                                   bias=0.0), smooth=False)  # fmt: skip
add("tiny_initialisation_deep", partial(mlp, widths=(20, 10, 8, 6, 5, 4), activation="tanh",
                                        scale=0.01, bias=0.01), smooth=False)  # fmt: skip
add("deep_narrow_sigmoid", partial(mlp, widths=(6, 4, 4, 4, 4, 4, 4, 3), activation="sigmoid",
                                   scale=0.5), smooth=False)  # fmt: skip
add("deep_relu", partial(mlp, widths=(8, 8, 8, 8, 8, 8, 4), activation="relu"), smooth=False)
add("wide_relu", partial(mlp, widths=(5, 120, 3), activation="relu", batch=64), smooth=False)
add("large_batch_relu", partial(mlp, widths=(6, 30, 3), activation="relu", batch=500),
    smooth=False)  # fmt: skip
add("small_relu", partial(mlp, widths=(2, 3, 2), activation="relu", batch=4), smooth=False)
add("relu_with_biases_of_zero", partial(mlp, widths=(8, 9, 4), activation="relu", bias=0.0,
                                        inputs=pixels, scale=0.02), smooth=False)  # fmt: skip
add("dead_relu", dead, smooth=False)
add("summed_loss_with_l2", partial(mlp, widths=(8, 7, 4), activation="tanh", summed=True, l2=0.1))
add("one_sample", partial(mlp, widths=(5, 4, 3), activation="swish", batch=1))
add("one_unit", partial(mlp, widths=(1, 1, 2), activation="softplus"))
