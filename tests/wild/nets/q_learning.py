"""Dueling Q-network: value and advantage streams, Huber loss at the actions that were taken."""

import numpy as np


class DuelingDQN:
    def __init__(self, n_state, n_hidden, n_actions, seed=3):
        g = np.random.default_rng(seed)
        s = lambda a, b: g.normal(0, np.sqrt(2 / a), (a, b))  # noqa: E731
        self.weights = dict(
            w1=s(n_state, n_hidden),
            b1=g.normal(0, 0.1, n_hidden),
            wv=s(n_hidden, 1),
            bv=np.zeros(1),
            wa=s(n_hidden, n_actions),
            ba=np.zeros(n_actions),
        )

    def q(self, s):
        w = self.weights
        z = s @ w["w1"] + w["b1"]
        h = z.clip(min=0)
        v = h @ w["wv"] + w["bv"]
        a = h @ w["wa"] + w["ba"]
        return v + a - a.mean(axis=1, keepdims=True), z, h

    def td_loss(self, s, action, target):
        q, _, _ = self.q(s)
        td = q[np.arange(len(s)), action] - target
        clipped = np.clip(td, -1, 1)
        return np.mean(0.5 * clipped**2 + np.abs(td) - np.abs(clipped))

    def td_grads(self, s, action, target):
        w = self.weights
        q, z, h = self.q(s)
        rows = np.arange(len(s))
        dq = np.zeros_like(q)
        dq[rows, action] = np.clip(q[rows, action] - target, -1, 1) / len(s)
        da = dq - dq.mean(axis=1, keepdims=True)
        dv = dq.sum(axis=1, keepdims=True)
        # the mean is taken over actions, each with weight 1/n
        dh = dv @ w["wv"].T + da @ w["wa"].T
        dz = np.where(z > 0, dh, 0)
        return dict(w1=s.T @ dz, b1=dz.sum(0), wv=h.T @ dv, bv=dv.sum(0), wa=h.T @ da, ba=da.sum(0))
