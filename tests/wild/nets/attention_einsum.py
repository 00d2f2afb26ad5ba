"""Scaled dot-product self attention written with einsum, mean pooled for classification."""

import numpy as np


def softmax(s):
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def init(rng, d=12, dk=8, heads=2, classes=4):
    f = lambda *s: rng.standard_normal(s) / np.sqrt(s[-2])  # noqa: E731
    return {
        "Wq": f(heads, d, dk),
        "Wk": f(heads, d, dk),
        "Wv": f(heads, d, dk),
        "Wo": rng.standard_normal((heads, dk, d)) / np.sqrt(heads * dk),
        "Wc": f(d, classes),
    }


def forward(P, X):
    q = np.einsum("btd,hdk->bhtk", X, P["Wq"])
    k = np.einsum("bsd,hdk->bhsk", X, P["Wk"])
    v = np.einsum("bsd,hdk->bhsk", X, P["Wv"])
    scale = q.shape[-1] ** -0.5
    A = softmax(np.einsum("bhtk,bhsk->bhts", q, k) * scale)
    o = np.einsum("bhts,bhsk->bhtk", A, v)
    y = np.einsum("bhtk,hkd->btd", o, P["Wo"]) + X
    pooled = y.mean(axis=1)
    probs = softmax(pooled @ P["Wc"])
    return probs, (q, k, v, scale, A, o, pooled)


def compute_loss(P, X, Y):
    """Cross entropy with one-hot Y."""
    probs, _ = forward(P, X)
    return -np.sum(Y * np.log(np.clip(probs, 1e-12, 1.0))) / len(X)


def backward(P, X, Y):
    probs, (q, k, v, scale, A, o, pooled) = forward(P, X)
    B, T, _ = X.shape
    dl = (probs - Y) / B
    g = {"Wc": pooled.T @ dl}
    dy = np.repeat((dl @ P["Wc"].T)[:, None, :] / T, T, axis=1)
    g["Wo"] = np.einsum("bhtk,btd->hkd", o, dy)
    do = np.einsum("btd,hkd->bhtk", dy, P["Wo"])
    dA = np.einsum("bhtk,bhsk->bhts", do, v)
    dv = np.einsum("bhts,bhtk->bhsk", A, do)
    dS = A * (dA - np.einsum("bhts,bhts->bht", dA, A)[..., None]) * scale
    dq = np.einsum("bhts,bhsk->bhtk", dS, k)
    dk = np.einsum("bhts,bhtk->bhsk", dS, q)
    g["Wq"] = np.einsum("btd,bhtk->hdk", X, dq)
    g["Wk"] = np.einsum("bsd,bhsk->hdk", X, dk)
    g["Wv"] = np.einsum("bsd,bhsk->hdk", X, dv)
    return g
