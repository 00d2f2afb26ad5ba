"""Highway network: y = T(x) * H(x) + (1 - T(x)) * x, parameters as attributes of small objects."""

import numpy as np


class HighwayLayer:
    def __init__(self, n, t_bias=-1.0):
        self.Wh = np.random.randn(n, n) / np.sqrt(n)
        self.bh = np.zeros(n)
        self.Wt = np.random.randn(n, n) / np.sqrt(n)
        self.bt = np.full(n, t_bias)

    def fprop(self, x):
        self.x = x
        self.h = np.tanh(x @ self.Wh + self.bh)
        self.t = 1.0 / (1.0 + np.exp(-(x @ self.Wt + self.bt)))
        return self.t * self.h + (1.0 - self.t) * x

    def bprop(self, dy):
        dzh = dy * self.t * (1 - self.h**2)
        dzt = dy * (self.h - self.x) * self.t * (1 - self.t)
        self.dWh, self.dbh = self.x.T @ dzh, dzh.sum(axis=0)
        self.dWt, self.dbt = self.x.T @ dzt, dzt.sum(axis=0)
        return dy * (1 - self.t) + dzh @ self.Wh.T + dzt @ self.Wt.T


class HighwayNet:
    def __init__(self, n_in, n, depth, n_out):
        self.Win = np.random.randn(n_in, n) / np.sqrt(n_in)
        self.layers = [HighwayLayer(n) for _ in range(depth)]
        self.Wout = np.random.randn(n, n_out) / np.sqrt(n)

    def cost(self, X, T):
        """T is one-hot."""
        a = X @ self.Win
        for layer in self.layers:
            a = layer.fprop(a)
        self.X, self.T, self.top = X, T, a
        o = a @ self.Wout
        e = np.exp(o - o.max(axis=1, keepdims=True))
        self.P = e / e.sum(axis=1, keepdims=True)
        return -(T * np.log(self.P)).sum() / len(X)

    def bprop(self):
        do = (self.P - self.T) / len(self.X)
        self.dWout = self.top.T @ do
        d = do @ self.Wout.T
        for layer in self.layers[::-1]:
            d = layer.bprop(d)
        self.dWin = self.X.T @ d
