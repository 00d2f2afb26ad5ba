"""Skip-gram with negative sampling for a whole batch at once, embeddings of a larger vocabulary."""

import numpy as np


class SGNS:
    def __init__(self, vocab, dim):
        self.W_in = np.random.uniform(-0.5, 0.5, (vocab, dim))
        self.W_out = np.random.uniform(-0.5, 0.5, (vocab, dim))

    def forward(self, center, context, negatives):
        """Take center (B,), context (B,), negatives (B, K)."""
        v = self.W_in[center]
        idx = np.concatenate([context[:, None], negatives], axis=1)
        u = self.W_out[idx]
        sign = -np.ones(idx.shape)
        sign[:, 0] = 1.0
        score = np.sum(u * v[:, None, :], axis=2)
        self.cache = center, idx, v, u, sign, score
        return np.logaddexp(0, -sign * score).sum() / len(center)

    def backward(self):
        center, idx, v, u, sign, score = self.cache
        ds = -sign / (1 + np.exp(sign * score)) / len(center)
        dW_in, dW_out = np.zeros_like(self.W_in), np.zeros_like(self.W_out)
        np.add.at(dW_in, center, (ds[:, :, None] * u).sum(axis=1))
        np.add.at(dW_out, idx, ds[:, :, None] * v[:, None, :])
        return dW_in, dW_out
