"""One post-norm encoder block in plain functions, regression of the next frame of a sequence.

The causal mask puts -inf above the diagonal; the weights live in nested dicts.
"""

import numpy as np


def layer_norm(x, g, b, eps=1e-6):
    m = np.mean(x, -1, keepdims=True)
    s = np.sqrt(np.mean((x - m) ** 2, -1, keepdims=True) + eps)
    n = (x - m) / s
    return g * n + b, (n, s, g)


def layer_norm_back(dy, cache):
    n, s, g = cache
    dn = dy * g
    dx = (dn - np.mean(dn, -1, keepdims=True) - n * np.mean(dn * n, -1, keepdims=True)) / s
    axes = tuple(range(dy.ndim - 1))
    return dx, np.sum(dy * n, axes), np.sum(dy, axes)


def build(width, heads, ff, seed):
    np.random.seed(seed)
    r = lambda a, b: np.random.randn(a, b) / np.sqrt(a)  # noqa: E731
    ln = lambda: {"g": np.ones(width), "b": np.zeros(width)}  # noqa: E731
    return {
        "att": {"q": r(width, width), "k": r(width, width), "v": r(width, width),
                "o": r(width, width)},
        "ln1": ln(),
        "ffn": {"w1": r(width, ff), "b1": np.random.randn(ff) * 0.1, "w2": r(ff, width),
                "b2": np.zeros(width)},
        "ln2": ln(),
    }  # fmt: skip


def heads_first(x, h):
    return np.stack(np.split(x, h, axis=-1), axis=1)


def heads_last(x):
    return np.concatenate([x[:, i] for i in range(x.shape[1])], axis=-1)


def forward(p, x, h):
    q, k, v = (heads_first(x @ p["att"][s], h) for s in "qkv")
    dk = q.shape[-1]
    score = np.matmul(q, np.swapaxes(k, -1, -2)) / np.sqrt(dk)
    T = x.shape[1]
    score = score + np.triu(np.full((T, T), -np.inf), k=1)
    w = np.exp(score - np.max(score, axis=-1, keepdims=True))
    w /= np.sum(w, axis=-1, keepdims=True)
    c = heads_last(np.matmul(w, v))
    a, ln1 = layer_norm(x + c @ p["att"]["o"], p["ln1"]["g"], p["ln1"]["b"])
    z = a @ p["ffn"]["w1"] + p["ffn"]["b1"]
    r = np.maximum(z, 0)
    y, ln2 = layer_norm(a + r @ p["ffn"]["w2"] + p["ffn"]["b2"], p["ln2"]["g"], p["ln2"]["b"])
    return y, (q, k, v, w, c, a, ln1, z, r, ln2)


def mse(p, x, target, h):
    y, _ = forward(p, x, h)
    return np.mean((y - target) ** 2)


def flat(t):
    return t.reshape(-1, t.shape[-1])


def backward(p, x, target, h):
    y, (q, k, v, w, c, a, ln1, z, r, ln2) = forward(p, x, h)
    g = {"att": {}, "ffn": {}}
    dy = 2 * (y - target) / y.size
    ds2, dg, db = layer_norm_back(dy, ln2)
    g["ln2"] = {"g": dg, "b": db}
    g["ffn"]["w2"], g["ffn"]["b2"] = flat(r).T @ flat(ds2), flat(ds2).sum(0)
    dz = (ds2 @ p["ffn"]["w2"].T) * (z > 0)
    g["ffn"]["w1"], g["ffn"]["b1"] = flat(a).T @ flat(dz), flat(dz).sum(0)
    da = ds2 + dz @ p["ffn"]["w1"].T
    ds1, dg, db = layer_norm_back(da, ln1)
    g["ln1"] = {"g": dg, "b": db}
    g["att"]["o"] = flat(c).T @ flat(ds1)
    dc = heads_first(ds1 @ p["att"]["o"].T, h)
    dw = dc @ np.swapaxes(v, -1, -2)
    dscore = w * (dw - np.sum(dw * w, axis=-1, keepdims=True)) / np.sqrt(q.shape[-1])
    d = {"q": dscore @ k, "k": np.swapaxes(dscore, -1, -2) @ q, "v": np.swapaxes(w, -1, -2) @ dc}
    for s in "qkv":
        g["att"][s] = flat(x).T @ flat(heads_last(d[s]))
    return g
