"""Residual MLP: x + W2 relu(W1 x) blocks, ReLU written as x * (x > 0), one vector of outputs."""

import numpy as np


def he(n, m):
    return np.random.randn(n, m) * np.sqrt(2.0 / n)


class ResidualBlock:
    def __init__(self, dim, inner):
        self.W1, self.b1 = he(dim, inner), 0.1 * np.random.randn(inner)
        self.W2, self.b2 = he(inner, dim) * 0.5, np.zeros(dim)

    def forward(self, x):
        self.x = x
        self.z = np.matmul(x, self.W1) + self.b1
        self.h = self.z * (self.z > 0)
        return x + np.matmul(self.h, self.W2) + self.b2

    def backward(self, dy):
        self.dW2 = np.matmul(self.h.T, dy)
        self.db2 = np.sum(dy, axis=0)
        dh = np.matmul(dy, self.W2.T)
        dz = dh * (self.z > 0)
        self.dW1 = np.matmul(self.x.T, dz)
        self.db1 = np.sum(dz, axis=0)
        return dy + np.matmul(dz, self.W1.T)


class ResMLP:
    def __init__(self, n_in, dim, inner, n_blocks, n_out):
        self.stem = he(n_in, dim)
        self.blocks = [ResidualBlock(dim, inner) for _ in range(n_blocks)]
        self.head = he(dim, n_out)

    def loss(self, X, Y):
        h = np.matmul(X, self.stem)
        for blk in self.blocks:
            h = blk.forward(h)
        self.X, self.h = X, h
        self.diff = np.matmul(h, self.head) - Y
        return np.mean(np.square(self.diff))

    def backward(self):
        d = 2.0 * self.diff / self.diff.size
        self.dhead = np.matmul(self.h.T, d)
        d = np.matmul(d, self.head.T)
        for blk in self.blocks[::-1]:
            d = blk.backward(d)
        self.dstem = np.matmul(self.X.T, d)
