"""Convolution on as_strided windows, stride 2 with padding, then average pooling and softmax."""

import numpy as np
from numpy.lib.stride_tricks import as_strided


def windows(x, k, s):
    n, c, h, w = x.shape
    oh, ow = (h - k) // s + 1, (w - k) // s + 1
    sn, sc, sh, sw = x.strides
    return as_strided(x, (n, c, oh, ow, k, k), (sn, sc, s * sh, s * sw, sh, sw))


class Conv2D:
    def __init__(self, cin, cout, k, stride, pad):
        self.w = np.random.randn(cout, cin, k, k) * np.sqrt(2 / (cin * k * k))
        self.b = np.random.randn(cout) * 0.1
        self.k, self.s, self.p = k, stride, pad

    def __call__(self, x):
        p = self.p
        self.xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        self.cols = windows(self.xp, self.k, self.s)
        out = np.tensordot(self.cols, self.w, axes=((1, 4, 5), (1, 2, 3)))  # n oh ow cout
        out += self.b
        return np.moveaxis(out, -1, 1)

    def backward(self, g):
        self.db = g.sum(axis=(0, 2, 3))
        self.dw = np.tensordot(g, self.cols, axes=((0, 2, 3), (0, 2, 3)))
        dx = np.zeros_like(self.xp)
        oh, ow = g.shape[2:]
        for i in range(self.k):
            for j in range(self.k):
                part = np.tensordot(g, self.w[:, :, i, j], axes=(1, 0))  # n oh ow cin
                dx[:, :, i : i + self.s * oh : self.s, j : j + self.s * ow : self.s] += (
                    part.transpose(0, 3, 1, 2)
                )
        p = self.p
        return dx[:, :, p:-p, p:-p] if p else dx


class AvgPool:
    def __init__(self, k):
        self.k = k

    def __call__(self, x):
        n, c, h, w = x.shape
        self.shape = x.shape
        k = self.k
        return x.reshape(n, c, h // k, k, w // k, k).mean(axis=(3, 5))

    def backward(self, g):
        k = self.k
        return np.repeat(np.repeat(g, k, axis=2), k, axis=3) / (k * k)


class ELU:
    def __call__(self, x):
        self.x = x
        self.y = np.where(x > 0, x, np.expm1(np.minimum(x, 0)))
        return self.y

    def backward(self, g):
        return g * np.where(self.x > 0, 1.0, self.y + 1.0)


class Dense:
    def __init__(self, n, m):
        self.w = np.random.randn(n, m) / np.sqrt(n)
        self.b = np.zeros(m)

    def __call__(self, x):
        self.shape = x.shape
        self.x = x.reshape(len(x), -1)
        return self.x @ self.w + self.b

    def backward(self, g):
        self.dw, self.db = self.x.T @ g, g.sum(0)
        return (g @ self.w.T).reshape(self.shape)


class Net:
    def __init__(self):
        self.stack = [
            Conv2D(1, 8, 5, 2, 2),
            ELU(),
            Conv2D(8, 16, 3, 1, 1),
            ELU(),
            AvgPool(2),
            Dense(16 * 3 * 3, 10),
        ]

    def logits(self, x):
        for f in self.stack:
            x = f(x)
        return x

    def nll(self, x, y):
        s = self.logits(x)
        top = s.max(axis=1, keepdims=True)
        lse = top[:, 0] + np.log(np.exp(s - top).sum(axis=1))
        self.ds = np.exp(s - lse[:, None])
        self.ds[np.arange(len(y)), y] -= 1
        self.ds /= len(y)
        return (lse - s[np.arange(len(y)), y]).mean()

    def backprop(self):
        g = self.ds
        for f in self.stack[::-1]:
            g = f.backward(g)
