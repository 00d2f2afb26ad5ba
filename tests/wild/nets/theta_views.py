"""One flat vector theta, weights are views into it: training is then theta -= lr * grad, once."""

import numpy as np


class FlatNet:
    def __init__(self, sizes, seed=0):
        shapes = []
        for n, m in zip(sizes[:-1], sizes[1:], strict=True):
            shapes += [(n, m), (m,)]
        self.theta = np.zeros(sum(int(np.prod(s)) for s in shapes))
        self.grad = np.zeros_like(self.theta)
        self.views, self.gviews = [], []
        at = 0
        for s in shapes:
            k = int(np.prod(s))
            self.views.append(self.theta[at : at + k].reshape(s))
            self.gviews.append(self.grad[at : at + k].reshape(s))
            at += k
        rng = np.random.default_rng(seed)
        for v in self.views:
            v[...] = rng.normal(size=v.shape) * (1 / np.sqrt(len(v)) if v.ndim == 2 else 0.1)

    def loss(self, X, y):
        self.acts = [X]
        n_layers = len(self.views) // 2
        a = X
        for i in range(n_layers):
            W, b = self.views[2 * i], self.views[2 * i + 1]
            a = a @ W
            a += b
            if i < n_layers - 1:
                np.tanh(a, out=a)
                self.acts.append(a)
        a -= a.max(axis=1)[:, None]
        np.exp(a, out=a)
        a /= a.sum(axis=1)[:, None]
        self.p, self.y = a, y
        return -np.log(a[np.arange(len(y)), y]).mean()

    def backward(self):
        n = len(self.y)
        d = self.p.copy()
        d[np.arange(n), self.y] -= 1
        d /= n
        for i in range(len(self.views) // 2 - 1, -1, -1):
            np.matmul(self.acts[i].T, d, out=self.gviews[2 * i])
            d.sum(axis=0, out=self.gviews[2 * i + 1])
            if i:
                d = (d @ self.views[2 * i].T) * (1 - self.acts[i] ** 2)
        return self.grad
