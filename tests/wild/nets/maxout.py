"""Maxout units (k linear pieces, keep the largest) under a squared hinge loss with +-1 targets."""

import numpy as np


def init(n_in, n_units, k, n_classes, scale=0.4):
    p = {}
    p["W"] = scale * np.random.randn(n_in, n_units * k)
    p["b"] = scale * np.random.randn(n_units * k)
    p["V"] = scale * np.random.randn(n_units, n_classes)
    p["c"] = np.zeros(n_classes)
    return p


def forward(p, X):
    n_units = p["V"].shape[0]
    z = X @ p["W"]
    z += p["b"]
    pieces = z.reshape(X.shape[0], n_units, -1)
    h = np.max(pieces, axis=2)
    s = h @ p["V"]
    s += p["c"]
    return s, h, pieces


def compute_loss(p, X, T):
    s, _, _ = forward(p, X)
    m = np.maximum(0.0, 1.0 - T * s)
    return np.mean(np.sum(m**2, axis=1))


def backward(p, X, T):
    s, h, pieces = forward(p, X)
    n = X.shape[0]
    m = np.maximum(0.0, 1.0 - T * s)
    ds = -2.0 * m * T / n
    g = {"V": h.T @ ds, "c": ds.sum(0)}
    dh = ds @ p["V"].T
    winner = pieces.argmax(axis=2)
    dp = np.zeros_like(pieces)
    i, j = np.indices(winner.shape)
    dp[i, j, winner] = dh
    dz = dp.reshape(n, -1)
    g["W"] = X.T @ dz
    g["b"] = dz.sum(0)
    return g
