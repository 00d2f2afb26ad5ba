"""Deep linear network, the playground of learning-dynamics papers: y = W_L ... W_1 x, no biases."""

from functools import reduce

import numpy as np


class DeepLinear:
    def __init__(self, dims, rng):
        self.Ws = [rng.standard_normal((o, i)) / np.sqrt(i) for i, o in zip(dims, dims[1:])]  # noqa: B905

    def end_to_end(self):
        return reduce(lambda acc, W: W @ acc, self.Ws)

    def loss(self, X, Y):
        """0.5 * squared Frobenius norm of the residual per sample; X is (d, n)."""
        R = self.end_to_end() @ X - Y
        return 0.5 * np.linalg.norm(R, "fro") ** 2 / X.shape[1]

    def grads(self, X, Y):
        n = X.shape[1]
        G = (self.end_to_end() @ X - Y) @ X.T / n  # gradient w.r.t. the product
        out = []
        for k in range(len(self.Ws)):
            below = reduce(lambda a, W: W @ a, self.Ws[:k], np.eye(X.shape[0]))
            above = reduce(lambda a, W: W @ a, self.Ws[k + 1 :], np.eye(self.Ws[k].shape[0]))
            out.append(above.T @ G @ below.T)
        return out
