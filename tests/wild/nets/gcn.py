"""Graph convolutional network: softmax(A relu(A X W0) W1), loss only on the labelled nodes."""

import numpy as np


def normalize_adj(adj):
    adj = adj + np.eye(len(adj))
    d = adj.sum(1) ** -0.5
    return d[:, None] * adj * d[None, :]


class GCN:
    def __init__(self, n_feat, n_hidden, n_class, weight_decay=5e-3, seed=0):
        rng = np.random.RandomState(seed)
        glorot = lambda a, b: rng.uniform(-1, 1, (a, b)) * np.sqrt(6.0 / (a + b))  # noqa: E731
        self.W0 = glorot(n_feat, n_hidden)
        self.W1 = glorot(n_hidden, n_class)
        self.wd = weight_decay

    def forward(self, A, X):
        self.AX = A @ X
        self.Z = self.AX @ self.W0
        self.H = np.maximum(self.Z, 0.0)
        self.AH = A @ self.H
        S = self.AH @ self.W1
        E = np.exp(S - S.max(axis=1, keepdims=True))
        self.P = E / E.sum(axis=1, keepdims=True)
        return self.P

    def loss(self, A, X, labels, train_idx):
        P = self.forward(A, X)
        picked = P[train_idx, labels[train_idx]]
        return -np.log(picked).mean() + 0.5 * self.wd * np.sum(self.W0**2)

    def grads(self, A, X, labels, train_idx):
        P = self.forward(A, X)
        D = np.zeros_like(P)
        D[train_idx] = P[train_idx]
        D[train_idx, labels[train_idx]] -= 1.0
        D /= len(train_idx)
        dW1 = self.AH.T @ D
        dH = A.T @ (D @ self.W1.T)
        dW0 = self.AX.T @ (dH * (self.Z > 0)) + self.wd * self.W0
        return dW0, dW1
