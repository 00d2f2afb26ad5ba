"""Mixture density network: means, log widths and weights of Gaussians, logsumexp likelihood."""

import numpy as np


def logsumexp(a):
    top = np.amax(a, axis=1, keepdims=True)
    return (top + np.log(np.sum(np.exp(a - top), axis=1, keepdims=True)))[:, 0]


class MDN:
    def __init__(self, n_in, n_hidden, K, rng):
        self.K = K
        self.w1 = rng.normal(size=(n_in, n_hidden)) / np.sqrt(n_in)
        self.b1 = rng.normal(size=n_hidden) * 0.3
        self.w2 = rng.normal(size=(n_hidden, 3 * K)) / np.sqrt(n_hidden)
        self.b2 = rng.normal(size=3 * K) * 0.3

    def forward(self, x):
        self.x = x
        self.h = np.tanh(x @ self.w1 + self.b1)
        out = self.h @ self.w2 + self.b2
        K = self.K
        return out[:, :K], out[:, K : 2 * K], out[:, 2 * K :]

    def nll(self, x, y):
        mu, logsig, alpha = self.forward(x)
        self.u = (y[:, None] - mu) * np.exp(-logsig)
        logN = -0.5 * self.u**2 - logsig - 0.5 * np.log(2 * np.pi)
        logpi = alpha - logsumexp(alpha)[:, None]
        joint = logpi + logN
        lse = logsumexp(joint)
        self.resp = np.exp(joint - lse[:, None])
        self.pi = np.exp(logpi)
        self.isig = np.exp(-logsig)
        return -np.mean(lse)

    def grads(self):
        n = len(self.x)
        dout = np.empty((n, 3 * self.K))
        K = self.K
        dout[:, :K] = -self.resp * self.u * self.isig
        dout[:, K : 2 * K] = self.resp * (1 - self.u**2)
        dout[:, 2 * K :] = self.pi - self.resp
        dout /= n
        dz = (dout @ self.w2.T) * (1.0 - self.h * self.h)
        return {
            "w1": self.x.T @ dz,
            "b1": np.sum(dz, 0),
            "w2": self.h.T @ dout,
            "b2": np.sum(dout, 0),
        }
