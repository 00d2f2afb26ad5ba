"""Layers of other kinds: normalisation, pooling, embeddings, attention, gates."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests.blackbox.networks import SLOPES, Arrays, Network, conv, cross_entropy, drawn, recurrent
from tests.blackbox.zoo.base import add, member

for activation in SLOPES:
    add(f"convolution_{activation}", lambda seed, a=activation: conv(seed, a),
        smooth=activation != "relu")  # fmt: skip
    add(f"recurrence_{activation}", lambda seed, a=activation: recurrent(seed, a),
        smooth=activation != "relu")  # fmt: skip


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, 6])


def batch_normalised(seed: int, dtype: str = "f8") -> Network:
    """Return a layer with a bias that the normalisation takes away."""
    rng = generator(seed)
    p = drawn(rng, dtype, {"W1": (6, 5), "b1": (5,), "gamma": (5,), "beta": (5,), "W2": (5, 3)})
    x, y = rng.standard_normal((12, 6)).astype(dtype), rng.integers(0, 3, 12)

    def passes() -> tuple[float, Arrays]:
        z = x @ p["W1"] + p["b1"]
        c = z - z.mean(0)
        s = np.sqrt((c * c).mean(0) + np.asarray(1e-5, dtype))
        u = c / s
        a = np.tanh(u * p["gamma"] + p["beta"])
        loss, d = cross_entropy(a @ p["W2"], y)
        dh = d @ p["W2"].T * (1 - a * a)
        du = dh * p["gamma"]
        dz = (du - du.mean(0) - u * (du * u).mean(0)) / s
        return loss, {
            "W1": x.T @ dz, "b1": dz.sum(0), "gamma": (dh * u).sum(0), "beta": dh.sum(0),
            "W2": a.T @ d,
        }  # fmt: skip

    return Network(p, passes)


add("batch_normalisation", batch_normalised, zeros=frozenset({"b1"}))


@member()
def layer_normalisation(seed: int) -> Network:
    rng = generator(seed)
    p = drawn(rng, "f8", {"W": (6, 8), "gamma": (8,), "beta": (8,), "V": (8, 3)})
    x, t = rng.standard_normal((9, 6)), rng.standard_normal((9, 3))

    def passes() -> tuple[float, Arrays]:
        z = x @ p["W"]
        c = z - z.mean(1, keepdims=True)
        s = np.sqrt((c * c).mean(1, keepdims=True) + 1e-6)
        u = c / s
        h = u * p["gamma"] + p["beta"]
        r = h @ p["V"] - t
        dh = r @ p["V"].T / 9
        du = dh * p["gamma"]
        dz = (du - du.mean(1, keepdims=True) - u * (du * u).mean(1, keepdims=True)) / s
        return 0.5 * (r * r).sum() / 9, {
            "W": x.T @ dz, "gamma": (dh * u).sum(0), "beta": dh.sum(0), "V": h.T @ r / 9,
        }  # fmt: skip

    return Network(p, passes)


@member(smooth=False)
def max_pooling(seed: int) -> Network:
    rng = generator(seed)
    p = drawn(rng, "f8", {"K": (3, 3, 4), "c": (4,), "W": (36, 3)})
    windows = sliding_window_view(rng.standard_normal((6, 8, 8)), (3, 3), axis=(1, 2))
    y = rng.integers(0, 3, 6)

    def passes() -> tuple[float, Arrays]:
        z = np.einsum("nijuv,uvo->nijo", windows, p["K"]) + p["c"]
        blocks = z.reshape(6, 3, 2, 3, 2, 4).transpose(0, 1, 3, 5, 2, 4).reshape(6, 3, 3, 4, 4)
        best = blocks.argmax(-1)[..., None]
        a = np.take_along_axis(blocks, best, -1).reshape(6, 36)
        loss, d = cross_entropy(a @ p["W"], y)
        dblocks = np.zeros_like(blocks)
        np.put_along_axis(dblocks, best, (d @ p["W"].T).reshape(6, 3, 3, 4, 1), -1)
        dz = dblocks.reshape(6, 3, 3, 4, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(6, 6, 6, 4)
        return loss, {
            "K": np.einsum("nijuv,nijo->uvo", windows, dz), "c": dz.sum((0, 1, 2)), "W": a.T @ d,
        }  # fmt: skip

    return Network(p, passes)


@member()
def embedding_with_unused_rows(seed: int) -> Network:
    """Only some words of the vocabulary occur."""
    rng = generator(seed)
    p = drawn(rng, "f8", {"E": (20, 4), "W": (4, 5), "b": (5,)})
    words, y = rng.integers(0, 9, (7, 6)), rng.integers(0, 5, 7)

    def passes() -> tuple[float, Arrays]:
        h = np.tanh(p["E"][words].mean(1))
        loss, d = cross_entropy(h @ p["W"] + p["b"], y)
        de = np.zeros_like(p["E"])
        np.add.at(de, words, (d @ p["W"].T * (1 - h * h) / 6)[:, None, :])
        return loss, {"E": de, "W": h.T @ d, "b": d.sum(0)}

    return Network(p, passes)


def attention(seed: int, dtype: str = "f8") -> Network:
    rng = generator(seed)
    p = drawn(rng, dtype, {"Q": (4, 6), "K": (4, 6), "V": (4, 6), "O": (6, 3)})
    x, t = rng.standard_normal((3, 5, 4)).astype(dtype), rng.standard_normal((3, 5, 3))
    t, root = t.astype(dtype), np.asarray(np.sqrt(6), dtype)

    def passes() -> tuple[float, Arrays]:
        q, k, v = x @ p["Q"], x @ p["K"], x @ p["V"]
        s = q @ k.swapaxes(1, 2) / root
        e = np.exp(s - s.max(-1, keepdims=True))
        w = e / e.sum(-1, keepdims=True)
        c = w @ v
        r = c @ p["O"] - t
        n = np.asarray(r.size, dtype)
        d = 2 * r / n
        dc = d @ p["O"].swapaxes(0, 1)
        dw = dc @ v.swapaxes(1, 2)
        ds = w * (dw - (dw * w).sum(-1, keepdims=True)) / root
        flat = x.reshape(-1, 4).T
        return (r * r).sum() / n, {
            "Q": flat @ (ds @ k).reshape(-1, 6), "K": flat @ (ds.swapaxes(1, 2) @ q).reshape(-1, 6),
            "V": flat @ (w.swapaxes(1, 2) @ dc).reshape(-1, 6),
            "O": c.reshape(-1, 6).T @ d.reshape(-1, 3),
        }  # fmt: skip

    return Network(p, passes)


add("attention", attention)


@member()
def lstm(seed: int) -> Network:
    rng = generator(seed)
    p = drawn(rng, "f8", {"U": (3, 20), "V": (5, 20), "b": (20,), "W": (5, 2)})
    x, t = rng.standard_normal((4, 6, 3)), rng.standard_normal((6, 2))

    def sigmoid(z: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-z))

    def passes() -> tuple[float, Arrays]:
        h, c, steps = np.zeros((6, 5)), np.zeros((6, 5)), []
        for now in x:
            z = now @ p["U"] + h @ p["V"] + p["b"]
            i, f, o = (sigmoid(z[:, 5 * k : 5 * k + 5]) for k in range(3))
            g = np.tanh(z[:, 15:])
            steps.append((now, h, c, i, f, o, g))
            c = f * c + i * g
            h = o * np.tanh(c)
        r = h @ p["W"] - t
        grads = {name: np.zeros_like(v) for name, v in p.items()}
        grads["W"] = h.T @ r / 6
        dh, dc = r @ p["W"].T / 6, 0.0
        for now, before, old, i, f, o, g in reversed(steps):
            th = np.tanh(f * old + i * g)
            dc = dc + dh * o * (1 - th * th)
            dz = np.hstack(
                [dc * g * i * (1 - i), dc * old * f * (1 - f), dh * th * o * (1 - o),
                 dc * i * (1 - g * g)]
            )  # fmt: skip
            grads["U"] += now.T @ dz
            grads["V"] += before.T @ dz
            grads["b"] += dz.sum(0)
            dh, dc = dz @ p["V"].T, dc * f
        return 0.5 * (r * r).sum() / 6, grads

    return Network(p, passes)


@member()
def tied_autoencoder(seed: int) -> Network:
    rng = generator(seed)
    p = drawn(rng, "f8", {"W": (7, 4), "b": (4,), "c": (7,)})
    x = rng.standard_normal((8, 7))

    def passes() -> tuple[float, Arrays]:
        a = np.tanh(x @ p["W"] + p["b"])
        r = a @ p["W"].T + p["c"] - x
        dz = r @ p["W"] * (1 - a * a)
        return 0.5 * (r * r).sum(), {"W": x.T @ dz + r.T @ a, "b": dz.sum(0), "c": r.sum(0)}

    return Network(p, passes)


@member()
def factorised_ratings(seed: int) -> Network:
    rng = generator(seed)
    p = {"U": rng.standard_normal((8, 3)), "V": rng.standard_normal((9, 3)), "m": np.array(3.0)}
    seen, ratings = rng.random((8, 9)) < 0.6, rng.integers(1, 6, (8, 9))

    def passes() -> tuple[float, Arrays]:
        r = np.where(seen, p["U"] @ p["V"].T + p["m"] - ratings, 0.0)
        loss = (r * r).sum() + 0.1 * (p["U"] ** 2).sum() + 0.1 * (p["V"] ** 2).sum()
        return float(loss), {
            "U": 2 * r @ p["V"] + 0.2 * p["U"], "V": 2 * r.T @ p["U"] + 0.2 * p["V"],
            "m": 2 * r.sum(),
        }  # fmt: skip

    return Network(p, passes)


@member(smooth=False)
def triplets(seed: int) -> Network:
    """Distances between embeddings, with a margin."""
    rng = generator(seed)
    p = drawn(rng, "f8", {"W": (6, 4)})
    a, b, c = rng.standard_normal((3, 15, 6))

    def passes() -> tuple[float, Arrays]:
        near, far = (a - b) @ p["W"], (a - c) @ p["W"]
        m = (near**2).sum(1) - (far**2).sum(1) + 1
        on = (m > 0)[:, None] / 15
        return float(np.maximum(m, 0).mean()), {
            "W": 2 * ((a - b).T @ (near * on) - (a - c).T @ (far * on))
        }

    return Network(p, passes)
