"""Pre-norm transformer language model: token and position embeddings, GELU by tanh, causal mask.

Everything with a backward() of its own; gradients are collected in a dict under the
names of the parameters, prefixed by the layer.
"""

import numpy as np


class Linear:
    def __init__(self, p, name, n, m, rng):
        self.p, self.name = p, name
        p[name + ".W"] = rng.normal(0, 1 / np.sqrt(n), (n, m))
        p[name + ".b"] = np.zeros(m)

    def forward(self, x):
        self.x = x
        return x @ self.p[self.name + ".W"] + self.p[self.name + ".b"]

    def backward(self, d, g):
        n, m = self.p[self.name + ".W"].shape
        g[self.name + ".W"] = self.x.reshape(-1, n).T @ d.reshape(-1, m)
        g[self.name + ".b"] = d.reshape(-1, m).sum(axis=0)
        return d @ self.p[self.name + ".W"].T


class LayerNorm:
    def __init__(self, p, name, n):
        self.p, self.name = p, name
        p[name + ".g"], p[name + ".b"] = np.ones(n), np.zeros(n)

    def forward(self, x):
        mu = x.mean(axis=-1, keepdims=True)
        self.inv = 1.0 / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
        self.xh = (x - mu) * self.inv
        return self.xh * self.p[self.name + ".g"] + self.p[self.name + ".b"]

    def backward(self, d, g):
        g[self.name + ".g"] = (d * self.xh).sum(axis=(0, 1))
        g[self.name + ".b"] = d.sum(axis=(0, 1))
        d = d * self.p[self.name + ".g"]
        m1 = d.mean(axis=-1, keepdims=True)
        m2 = (d * self.xh).mean(axis=-1, keepdims=True)
        return (d - m1 - self.xh * m2) * self.inv


class Attention:
    def __init__(self, p, name, width, heads, rng):
        self.h = heads
        self.qkv = Linear(p, name + ".qkv", width, 3 * width, rng)
        self.out = Linear(p, name + ".out", width, width, rng)

    def split(self, x):
        B, T, D = x.shape
        return x.reshape(B, T, self.h, D // self.h).transpose(0, 2, 1, 3)

    def merge(self, x):
        B, h, T, d = x.shape
        return x.transpose(0, 2, 1, 3).reshape(B, T, h * d)

    def forward(self, x):
        T = x.shape[1]
        q, k, v = np.split(self.qkv.forward(x), 3, axis=-1)
        q, k, v = self.split(q), self.split(k), self.split(v)
        att = q @ k.transpose(0, 1, 3, 2) / np.sqrt(q.shape[-1])
        mask = np.tril(np.ones((T, T)))
        att = np.where(mask == 0, -1e9, att)
        att = np.exp(att - att.max(axis=-1, keepdims=True))
        att = att / att.sum(axis=-1, keepdims=True)
        self.saved = q, k, v, att
        return self.out.forward(self.merge(att @ v))

    def backward(self, d, g):
        q, k, v, att = self.saved
        d = self.split(self.out.backward(d, g))
        dv = att.transpose(0, 1, 3, 2) @ d
        datt = d @ v.transpose(0, 1, 3, 2)
        ds = att * (datt - (datt * att).sum(axis=-1, keepdims=True)) / np.sqrt(q.shape[-1])
        dq, dk = ds @ k, ds.transpose(0, 1, 3, 2) @ q
        dqkv = np.concatenate([self.merge(dq), self.merge(dk), self.merge(dv)], axis=-1)
        return self.qkv.backward(dqkv, g)


class Gelu:
    C = np.sqrt(2 / np.pi)

    def forward(self, x):
        self.x = x
        self.t = np.tanh(self.C * (x + 0.044715 * x**3))
        return 0.5 * x * (1 + self.t)

    def backward(self, d):
        x, t = self.x, self.t
        dt = (1 - t**2) * self.C * (1 + 3 * 0.044715 * x**2)
        return d * (0.5 * (1 + t) + 0.5 * x * dt)


class Block:
    def __init__(self, p, name, width, heads, rng):
        self.ln1, self.ln2 = LayerNorm(p, name + ".ln1", width), LayerNorm(p, name + ".ln2", width)
        self.att = Attention(p, name + ".att", width, heads, rng)
        self.fc1 = Linear(p, name + ".fc1", width, 4 * width, rng)
        self.fc2 = Linear(p, name + ".fc2", 4 * width, width, rng)
        self.gelu = Gelu()

    def forward(self, x):
        x = x + self.att.forward(self.ln1.forward(x))
        return x + self.fc2.forward(self.gelu.forward(self.fc1.forward(self.ln2.forward(x))))

    def backward(self, d, g):
        dm = self.fc1.backward(self.gelu.backward(self.fc2.backward(d, g)), g)
        d = d + self.ln2.backward(dm, g)
        return d + self.ln1.backward(self.att.backward(d, g), g)


class TransformerLM:
    def __init__(self, vocab=11, width=16, heads=2, tokens=6, layers=2, seed=0):
        rng = np.random.default_rng(seed)
        p = self.params = {}
        p["wte"] = rng.normal(0, 1, (vocab, width))
        p["wpe"] = rng.normal(0, 0.5, (tokens, width))
        self.blocks = [Block(p, "h%d" % i, width, heads, rng) for i in range(layers)]
        self.ln_f = LayerNorm(p, "ln_f", width)
        self.head = Linear(p, "head", width, vocab, rng)

    def loss(self, idx, targets):
        B, T = idx.shape
        x = self.params["wte"][idx] + self.params["wpe"][:T]
        for b in self.blocks:
            x = b.forward(x)
        logits = self.head.forward(self.ln_f.forward(x)).reshape(B * T, -1)
        logits = logits - np.max(logits, axis=1, keepdims=True)
        logp = logits - np.log(np.sum(np.exp(logits), axis=1, keepdims=True))
        self.probs = np.exp(logp)
        self.idx, self.targets = idx, targets
        return -logp[np.arange(B * T), targets.ravel()].mean()

    def backward(self):
        B, T = self.idx.shape
        g = {}
        d = self.probs.copy()
        d[np.arange(B * T), self.targets.ravel()] -= 1
        d = (d / (B * T)).reshape(B, T, -1)
        d = self.ln_f.backward(self.head.backward(d, g), g)
        for b in self.blocks[::-1]:
            d = b.backward(d, g)
        g["wpe"] = np.zeros_like(self.params["wpe"])
        g["wpe"][:T] = d.sum(axis=0)
        g["wte"] = np.zeros_like(self.params["wte"])
        np.add.at(g["wte"], self.idx, d)
        return g
