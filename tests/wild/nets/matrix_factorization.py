"""Recommender by matrix factorisation: latent factors, user and item biases, L2 penalty."""

import numpy as np


class MF:
    def __init__(self, n_users, n_items, k=8, reg=0.02, mean=0.0, seed=7):
        rng = np.random.default_rng(seed)
        self.reg, self.mu = reg, mean
        self.P = rng.normal(scale=1.0 / k, size=(n_users, k)) + 0.1
        self.Q = rng.normal(scale=1.0 / k, size=(n_items, k)) + 0.1
        self.bu = rng.normal(scale=0.1, size=n_users)
        self.bi = rng.normal(scale=0.1, size=n_items)

    def predict(self, u, i):
        return self.mu + self.bu[u] + self.bi[i] + (self.P[u] * self.Q[i]).sum(axis=1)

    def objective(self, u, i, r):
        e = r - self.predict(u, i)
        penalty = sum((a**2).sum() for a in (self.P, self.Q, self.bu, self.bi))
        return (e**2).mean() + self.reg * penalty / len(r)

    def gradient(self, u, i, r):
        n = len(r)
        de = -2 * (r - self.predict(u, i)) / n
        dP = 2 * self.reg / n * self.P
        dQ = 2 * self.reg / n * self.Q
        dbu = 2 * self.reg / n * self.bu
        dbi = 2 * self.reg / n * self.bi
        np.add.at(dP, u, de[:, None] * self.Q[i])
        np.add.at(dQ, i, de[:, None] * self.P[u])
        np.add.at(dbu, u, de)
        np.add.at(dbi, i, de)
        return dP, dQ, dbu, dbi
