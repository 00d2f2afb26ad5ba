"""GRU over a batch of sequences, (N, T, D); predicts one number from the last state."""

import numpy as np


def sigm(a):
    return 0.5 * (np.tanh(0.5 * a) + 1.0)


class GRU:
    def __init__(self, D, H):
        k = 1.0 / np.sqrt(H)
        u = lambda *shape: np.random.uniform(-k, k, shape)  # noqa: E731
        self.Wz, self.Uz, self.bz = u(D, H), u(H, H), u(H)
        self.Wr, self.Ur, self.br = u(D, H), u(H, H), u(H)
        self.Wn, self.Un, self.bn = u(D, H), u(H, H), u(H)
        self.v, self.c = u(H, 1), u(1)

    names = ("Wz", "Uz", "bz", "Wr", "Ur", "br", "Wn", "Un", "bn", "v", "c")

    def loss(self, x, y):
        N, T, _ = x.shape
        H = self.Uz.shape[0]
        h = np.zeros((N, T + 1, H))
        self.tape = []
        for t in range(T):
            xt, hp = x[:, t], h[:, t]
            z = sigm(xt @ self.Wz + hp @ self.Uz + self.bz)
            r = sigm(xt @ self.Wr + hp @ self.Ur + self.br)
            n = np.tanh(xt @ self.Wn + (r * hp) @ self.Un + self.bn)
            h[:, t + 1] = (1 - z) * n + z * hp
            self.tape.append((xt, hp, z, r, n))
        self.h = h
        self.err = (h[:, -1] @ self.v + self.c).ravel() - y
        return np.mean(self.err**2)

    def backward(self):
        g = {k: np.zeros_like(getattr(self, k)) for k in self.names}
        do = (2 * self.err / len(self.err))[:, None]
        g["v"] = self.h[:, -1].T @ do
        g["c"] = do.sum(0)
        dh = do @ self.v.T
        for xt, hp, z, r, n in reversed(self.tape):
            dz = dh * (hp - n) * z * (1 - z)
            dn = dh * (1 - z) * (1 - n**2)
            drh = dn @ self.Un.T
            dr = drh * hp * r * (1 - r)
            g["Wz"] += xt.T @ dz
            g["Uz"] += hp.T @ dz
            g["bz"] += dz.sum(0)
            g["Wr"] += xt.T @ dr
            g["Ur"] += hp.T @ dr
            g["br"] += dr.sum(0)
            g["Wn"] += xt.T @ dn
            g["Un"] += (r * hp).T @ dn
            g["bn"] += dn.sum(0)
            dh = dh * z + drh * r + dz @ self.Uz.T + dr @ self.Ur.T
        return g
