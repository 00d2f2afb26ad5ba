"""Sentiment from averaged word vectors: lookup, mean over the sentence, one ReLU layer."""

import numpy as np


class Embedding:
    def __init__(self, n, dim):
        self.W = np.random.uniform(-0.5, 0.5, (n, dim))

    def forward(self, idx):
        self.idx = idx
        return self.W[idx]

    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        np.add.at(self.dW, self.idx, dout)


class MeanOverTime:
    def forward(self, x):
        self.T = x.shape[1]
        return x.mean(axis=1)

    def backward(self, dout):
        return np.repeat(dout[:, None, :] / self.T, self.T, axis=1)


class Linear:
    def __init__(self, i, o):
        self.W, self.b = np.random.randn(i, o) * np.sqrt(2 / i), np.random.randn(o) * 0.1

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class ReLU:
    def forward(self, x):
        self.on = x > 0
        return x * self.on

    def backward(self, dout):
        return dout * self.on


class BCEWithLogits:
    def forward(self, z, t):
        z = z[:, 0]
        self.d = (1 / (1 + np.exp(-z)) - t)[:, None] / len(t)
        # max(z, 0) - z t + log(1 + exp(-|z|)), stable for either sign
        return np.mean(np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z))))

    def backward(self):
        return self.d


class BagOfWords:
    def __init__(self, vocab=150, dim=16, hidden=24):
        self.emb, self.l1, self.l2 = Embedding(vocab, dim), Linear(dim, hidden), Linear(hidden, 1)
        self.layers = [self.emb, MeanOverTime(), self.l1, ReLU(), self.l2]
        self.criterion = BCEWithLogits()

    def forward_loss(self, idx, t):
        x = idx
        for layer in self.layers:
            x = layer.forward(x)
        return self.criterion.forward(x, t)

    def backward(self):
        d = self.criterion.backward()
        for layer in self.layers[::-1]:
            d = layer.backward(d)
