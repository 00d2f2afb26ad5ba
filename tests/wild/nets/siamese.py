"""Siamese net: both pictures go through the same weights, contrastive loss on the distance."""

import numpy as np


class Siamese:
    def __init__(self, n_in, n_hid, n_emb, margin=2.0):
        self.margin = margin
        self.W1 = np.random.randn(n_in, n_hid) / np.sqrt(n_in)
        self.b1 = np.random.randn(n_hid) * 0.1
        self.W2 = np.random.randn(n_hid, n_emb) / np.sqrt(n_hid)
        self.b2 = np.random.randn(n_emb) * 0.1

    def embed(self, x):
        h = np.tanh(x.dot(self.W1) + self.b1)
        return h.dot(self.W2) + self.b2, (x, h)

    def embed_backward(self, de, cache, grads):
        x, h = cache
        grads["W2"] += h.T.dot(de)
        grads["b2"] += de.sum(axis=0)
        dz = de.dot(self.W2.T) * (1 - h**2)
        grads["W1"] += x.T.dot(dz)
        grads["b1"] += dz.sum(axis=0)

    def loss(self, xa, xb, same):
        ea, self.ca = self.embed(xa)
        eb, self.cb = self.embed(xb)
        self.diff = ea - eb
        self.dist = np.sqrt(np.sum(self.diff**2, axis=1))
        self.gap = np.maximum(self.margin - self.dist, 0)
        self.same = same
        return np.mean(same * 0.5 * self.dist**2 + (1 - same) * 0.5 * self.gap**2)

    def backprop(self):
        grads = {k: np.zeros_like(getattr(self, k)) for k in ("W1", "b1", "W2", "b2")}
        n = len(self.same)
        ddist = (self.same * self.dist - (1 - self.same) * self.gap) / n
        ddiff = (ddist / self.dist)[:, None] * self.diff
        self.embed_backward(ddiff, self.ca, grads)
        self.embed_backward(-ddiff, self.cb, grads)
        return grads
