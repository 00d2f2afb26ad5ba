"""Attention over encoder states with an additive score v . tanh(W s + U h), two decoder steps."""

import numpy as np


class Decoder:
    def __init__(self, n_enc, n_dec, n_att, n_out, rng):
        w = lambda *s: rng.normal(size=s) / np.sqrt(s[0])  # noqa: E731
        self.Wa, self.Ua, self.va = w(n_dec, n_att), w(n_enc, n_att), w(n_att)
        self.Wc, self.Ws, self.bs = w(n_enc, n_dec), w(n_dec, n_dec), np.zeros(n_dec)
        self.Wo = w(n_dec, n_out)

    def step(self, s, enc):
        """Return the next state; s is (B, n_dec), enc is (B, T, n_enc)."""
        u = np.tanh((s @ self.Wa)[:, None, :] + enc @ self.Ua)
        e = u @ self.va
        a = np.exp(e - e.max(axis=1, keepdims=True))
        a /= a.sum(axis=1, keepdims=True)
        c = (a[:, :, None] * enc).sum(axis=1)
        new = np.tanh(c @ self.Wc + s @ self.Ws + self.bs)
        return new, (s, u, a, c, new)

    def loss(self, enc, s0, targets):
        """Sum over steps of half the squared errors, mean over the batch."""
        s, self.tape, self.enc, self.targets = s0, [], enc, targets
        total = 0.0
        for t in range(targets.shape[1]):
            s, saved = self.step(s, enc)
            err = s @ self.Wo - targets[:, t]
            self.tape.append((*saved, err))
            total += 0.5 * (err**2).sum() / len(enc)
        return total

    def backward(self):
        names = ["Wa", "Ua", "va", "Wc", "Ws", "bs", "Wo"]
        g = {n: np.zeros_like(getattr(self, n)) for n in names}
        ds = 0.0
        for s, u, a, c, new, err in self.tape[::-1]:
            err = err / len(self.enc)
            g["Wo"] += new.T @ err
            dz = (ds + err @ self.Wo.T) * (1 - new**2)
            g["Wc"] += c.T @ dz
            g["Ws"] += s.T @ dz
            g["bs"] += dz.sum(axis=0)
            dc = dz @ self.Wc.T
            da = np.einsum("be,bte->bt", dc, self.enc)
            de = a * (da - (da * a).sum(axis=1, keepdims=True))
            g["va"] += np.einsum("bt,bta->a", de, u)
            du = de[:, :, None] * self.va * (1 - u**2)
            g["Ua"] += np.einsum("bte,bta->ea", self.enc, du)
            dsum = du.sum(axis=1)
            g["Wa"] += s.T @ dsum
            ds = dz @ self.Ws.T + dsum @ self.Wa.T
        return g
