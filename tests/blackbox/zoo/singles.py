"""float32: throughout, or hidden inside a loss of float64 parameters."""

from __future__ import annotations

from functools import partial

import numpy as np

from tests.blackbox.networks import KINDS, SLOPES, Arrays, Network
from tests.blackbox.zoo.base import add, member, of_vector
from tests.blackbox.zoo.dense import mlp, pixels
from tests.blackbox.zoo.functions import normal
from tests.blackbox.zoo.layers import attention, batch_normalised

add_single = partial(add, smooth=False, single=True)

for kind in KINDS:
    for activation in SLOPES:
        add_single(f"single_{kind}_{activation}",
                   lambda seed, k=kind, a=activation: KINDS[k](seed, a, "f4"))  # fmt: skip
add_single("single_attention", partial(attention, dtype="f4"))
add_single("single_batch_normalisation", partial(batch_normalised, dtype="f4"),
           zeros=frozenset({"b1"}))  # fmt: skip
add_single("single_wide_relu", partial(mlp, widths=(5, 120, 3), activation="relu", batch=64,
                                       dtype="f4"))  # fmt: skip
add_single("single_deep_relu", partial(mlp, widths=(8, 8, 8, 8, 8, 4), activation="relu",
                                       dtype="f4"))  # fmt: skip
add_single("single_raw_pixels", partial(mlp, widths=(64, 10, 5), activation="relu", scale=0.01,
                                        bias=0.0, inputs=pixels, dtype="f4"))  # fmt: skip
add_single("single_tiny_initialisation", partial(mlp, widths=(60, 10, 5), activation="relu",
                                                 scale=0.01, bias=0.0, dtype="f4"))  # fmt: skip
add_single("single_large_batch_relu", partial(mlp, widths=(6, 30, 3), activation="relu", batch=500,
                                              dtype="f4", summed=True))  # fmt: skip


@member(smooth=False, single=True)
def single_exponentials(seed: int) -> Network:
    return of_vector(normal(seed, 9).astype("f4"), lambda x: np.exp(x).sum(), np.exp)


@member(smooth=False, single=True)
def single_logistic(seed: int) -> Network:
    x, y = normal(seed, 40, 8).astype("f4"), np.sign(normal(seed + 5, 40)).astype("f4")
    return of_vector(
        normal(seed + 1, 8).astype("f4"),
        lambda w: np.logaddexp(0, -y * (x @ w)).mean(),
        lambda w: x.T @ (-y / (1 + np.exp(y * (x @ w)))) / np.float32(40),
    )


@member(smooth=False, single=True)
def single_huber(seed: int) -> Network:
    x, y = normal(seed, 50, 6).astype("f4"), 2 * normal(seed + 1, 50).astype("f4")

    def value(w: np.ndarray) -> np.floating:
        r = np.abs(x @ w - y)
        return np.where(r < 1, np.float32(0.5) * r * r, r - np.float32(0.5)).sum()

    return of_vector(
        normal(seed + 2, 6).astype("f4"), value, lambda w: x.T @ np.clip(x @ w - y, -1, 1)
    )


@member(smooth=False, single=True)
def single_far_from_zero(seed: int) -> Network:
    """Parameters of which float32 keeps few digits behind the point."""
    c = (1000 + normal(seed, 6)).astype("f4")
    return of_vector(
        (1000 + normal(seed + 1, 6)).astype("f4"),
        lambda x: ((x - c) ** 2).sum(),
        lambda x: 2 * (x - c),
    )


def hidden(seed: int, activation: str, *, as_float: bool) -> Network:
    """Return a network of float64 parameters that computes in float32."""
    inner = mlp(seed, (9, 8, 7, 4), activation, dtype="f4")
    p = {name: value.astype("f8") for name, value in inner.params.items()}

    def passes() -> tuple[float, Arrays]:
        for name, value in p.items():
            inner.params[name][...] = value
        loss, grads = inner.passes()
        return (float(loss) if as_float else loss), {n: g.astype("f8") for n, g in grads.items()}

    return Network(p, passes)


for activation in ("tanh", "relu"):
    add_single(f"hidden_single_{activation}", partial(hidden, activation=activation, as_float=True))
    add_single(f"single_from_double_{activation}",
               partial(hidden, activation=activation, as_float=False))  # fmt: skip


@member(smooth=False, single=True)
def double_sum_of_singles(seed: int) -> Network:
    """Return a float64 mean of float32 terms."""
    x, w = normal(seed, 200, 6).astype("f4"), normal(seed + 1, 6)

    def passes() -> tuple[float, Arrays]:
        a = np.tanh(x @ w.astype("f4"))
        d = (1 - a * a) * 2 * a
        return float((a * a).astype("f8").mean()), {"w": (x.T @ d).astype("f8") / 200}

    return Network({"w": w}, passes)


@member(smooth=False)
def half_precision_data(seed: int) -> Network:
    """float16 data beside float64 parameters, which is exact."""
    x = normal(seed, 20, 5).astype("f2")
    return of_vector(
        normal(seed + 1, 5),
        lambda w: float((np.tanh(x @ w)).sum()),
        lambda w: x.T @ (1 - np.tanh(x @ w) ** 2),
    )
