"""Convolutional autoencoder: strided convolution down, transposed convolution up, squared error.

Down gathers k x k patches with stride 2; up scatters them again. Both are loops over the
kernel offsets, everything else is vectorized.
"""

import numpy as np

K, S = 4, 2


def out_size(n):
    return (n - K) // S + 1


def down(x, w):
    n, _, h, _ = x.shape
    o = out_size(h)
    y = np.zeros((n, w.shape[0], o, o))
    for i in range(K):
        for j in range(K):
            patch = x[:, :, i : i + S * o : S, j : j + S * o : S]
            y += np.tensordot(patch, w[:, :, i, j], axes=([1], [1])).transpose(0, 3, 1, 2)
    return y


def down_weight_grad(x, dy):
    o = dy.shape[2]
    dw = np.empty((dy.shape[1], x.shape[1], K, K))
    for i in range(K):
        for j in range(K):
            patch = x[:, :, i : i + S * o : S, j : j + S * o : S]
            dw[:, :, i, j] = np.tensordot(dy, patch, axes=([0, 2, 3], [0, 2, 3]))
    return dw


def up(y, w, size):
    """Transpose of down: y (n, f, o, o), w (f, c, K, K) -> (n, c, size, size)."""
    n, _, o, _ = y.shape
    x = np.zeros((n, w.shape[1], size, size))
    for i in range(K):
        for j in range(K):
            part = np.tensordot(y, w[:, :, i, j], axes=([1], [0])).transpose(0, 3, 1, 2)
            x[:, :, i : i + S * o : S, j : j + S * o : S] += part
    return x


class ConvAE:
    def __init__(self, channels, filters):
        self.We = np.random.randn(filters, channels, K, K) * 0.25
        self.be = np.random.randn(filters, 1, 1) * 0.1
        self.Wd = np.random.randn(filters, channels, K, K) * 0.25
        self.bd = np.random.randn(channels, 1, 1) * 0.1

    def forward(self, x):
        self.x = x
        self.z = down(x, self.We) + self.be
        self.code = np.maximum(0.1 * self.z, self.z)
        self.out = up(self.code, self.Wd, x.shape[2]) + self.bd
        return self.out

    def loss(self, x):
        return 0.5 * np.sum((self.forward(x) - x) ** 2) / len(x)

    def backward(self):
        d = (self.out - self.x) / len(self.x)
        self.dbd = d.sum(axis=(0, 2, 3)).reshape(self.bd.shape)
        self.dWd = down_weight_grad(d, self.code)
        dz = down(d, self.Wd) * np.where(self.z > 0, 1.0, 0.1)
        self.dbe = dz.sum(axis=(0, 2, 3)).reshape(self.be.shape)
        self.dWe = down_weight_grad(self.x, dz)
