"""Factorization machine on dense features: pairwise interactions by the sum-of-squares trick."""

import numpy as np


def fm_predict(w0, w, V, X):
    s = X.dot(V)
    pairwise = 0.5 * np.sum(s**2 - (X**2).dot(V**2), axis=1)
    return w0[0] + X.dot(w) + pairwise, s


def fm_loss(w0, w, V, X, y):
    """Logistic loss, y in {-1, +1}."""
    f, _ = fm_predict(w0, w, V, X)
    return np.mean(np.log(1 + np.exp(-y * f)))


def fm_grad(w0, w, V, X, y):
    f, s = fm_predict(w0, w, V, X)
    d = -y / (1 + np.exp(y * f)) / len(y)
    g0 = np.array([d.sum()])
    gw = X.T.dot(d)
    gV = X.T.dot(d[:, None] * s) - V * (X**2).T.dot(d)[:, None]
    return g0, gw, gV
