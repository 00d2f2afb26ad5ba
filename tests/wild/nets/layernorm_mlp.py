"""MLP with layer norm and the exact GELU; uses scipy's erf and does without where it is missing."""

import math

import numpy as np

try:
    from scipy.special import erf
except ImportError:
    erf = np.vectorize(math.erf, otypes=[float])


def gelu(x):
    return 0.5 * x * (1.0 + erf(x / math.sqrt(2.0)))


def gelu_grad(x):
    pdf = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return 0.5 * (1.0 + erf(x / math.sqrt(2.0))) + x * pdf


class MLP:
    def __init__(self, sizes, seed=0):
        rng = np.random.RandomState(seed)
        self.W, self.b, self.gain, self.bias = [], [], [], []
        for n, m in zip(sizes[:-1], sizes[1:], strict=True):
            self.W.append(rng.randn(n, m) / math.sqrt(n))
            self.b.append(rng.randn(m) * 0.1)
            self.gain.append(np.ones(m))
            self.bias.append(np.zeros(m))
        # no normalization of the output
        self.gain.pop()
        self.bias.pop()

    def __call__(self, x):
        self.cache = []
        for i in range(len(self.gain)):
            z = x @ self.W[i] + self.b[i]
            z -= z.mean(1, keepdims=True)
            sigma = np.sqrt((z * z).mean(1, keepdims=True) + 1e-5)
            n = z / sigma
            a = n * self.gain[i] + self.bias[i]
            self.cache.append((x, n, sigma, a))
            x = gelu(a)
        self.last = x
        return x @ self.W[-1] + self.b[-1]

    def loss(self, x, t):
        self.diff = self(x) - t
        return 0.5 * (self.diff**2).sum(axis=1).mean()

    def backward(self):
        d = self.diff / len(self.diff)
        k = len(self.gain)
        dW, db, dgain, dbias = [None] * (k + 1), [None] * (k + 1), [None] * k, [None] * k
        dW[k], db[k] = self.last.T @ d, d.sum(0)
        d = d @ self.W[k].T
        for i in reversed(range(k)):
            x, n, sigma, a = self.cache[i]
            d = d * gelu_grad(a)
            dgain[i], dbias[i] = (d * n).sum(0), d.sum(0)
            d = d * self.gain[i]
            d = (d - d.mean(1, keepdims=True) - n * (d * n).mean(1, keepdims=True)) / sigma
            dW[i], db[i] = x.T @ d, d.sum(0)
            d = d @ self.W[i].T
        return dW, db, dgain, dbias
