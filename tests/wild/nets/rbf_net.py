"""RBF network: Gaussian bumps around trainable centres with trainable widths, linear read-out."""

import numpy as np


class RBFNet:
    def __init__(self, centres, out_dim, rng):
        self.C = np.array(centres, dtype=float)  # (k, d)
        self.log_beta = np.zeros(len(centres))
        self.W = rng.standard_normal((len(centres), out_dim))
        self.bias = np.zeros(out_dim)

    def distances(self, X):
        """Squared distances by |x|^2 - 2 x.c + |c|^2."""
        return (X**2).sum(1)[:, None] - 2 * X @ self.C.T + (self.C**2).sum(1)[None, :]

    def loss(self, X, Y):
        self.X = X
        self.d2 = self.distances(X)
        self.phi = np.exp(-np.exp(self.log_beta) * self.d2)
        self.res = self.phi @ self.W + self.bias - Y
        return 0.5 * np.sum(self.res**2) / len(X)

    def backward(self):
        r = self.res / len(self.X)
        dW = self.phi.T @ r
        dphi = r @ self.W.T
        dlog = dphi * self.phi  # gradient of the exponent
        beta = np.exp(self.log_beta)
        dlog_beta = -(dlog * self.d2).sum(0) * beta
        dd2 = -dlog * beta
        # d|x-c|^2/dc = -2 (x - c)
        dC = -2 * (dd2.T @ self.X - dd2.sum(0)[:, None] * self.C)
        return {"C": dC, "log_beta": dlog_beta, "W": dW, "bias": r.sum(0)}
