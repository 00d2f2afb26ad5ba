"""Little WaveNet: a stack of dilated causal convolutions over time with gated units and skips."""

import numpy as np


def shift(x, d):
    """Delay x (batch, time, ch) by d steps, zeros come in."""
    out = np.zeros_like(x)
    out[:, d:] = x[:, :-d]
    return out


def unshift(g, d):
    out = np.zeros_like(g)
    out[:, :-d] = g[:, d:]
    return out


class WaveBlock:
    def __init__(self, ch, dilation):
        s = 1 / np.sqrt(2 * ch)
        self.d = dilation
        self.params = [
            np.random.randn(ch, 2 * ch) * s,  # now
            np.random.randn(ch, 2 * ch) * s,  # d steps ago
            np.zeros(2 * ch),
            np.random.randn(ch, ch) * s,
        ]

    def forward(self, x):
        w0, w1, b, wo = self.params
        past = shift(x, self.d)
        z = x @ w0 + past @ w1 + b
        f, g = np.split(z, 2, axis=-1)
        f = np.tanh(f)
        g = 1 / (1 + np.exp(-g))
        u = f * g
        self.saved = x, past, f, g, u
        skip = u @ wo
        return x + skip, skip

    def backward(self, dres, dskip):
        w0, w1, _, wo = self.params
        x, past, f, g, u = self.saved
        do = dres + dskip
        du = do @ wo.T
        dz = np.concatenate([du * g * (1 - f * f), du * f * g * (1 - g)], axis=-1)
        self.grads = [
            np.einsum("bti,bto->io", x, dz),
            np.einsum("bti,bto->io", past, dz),
            dz.sum(axis=(0, 1)),
            np.einsum("bti,bto->io", u, do),
        ]
        return dres + dz @ w0.T + unshift(dz @ w1.T, self.d)


class TinyWaveNet:
    def __init__(self, ch=12, dilations=(1, 2, 4)):
        self.inp = np.random.randn(1, ch)
        self.blocks = [WaveBlock(ch, d) for d in dilations]
        self.head = np.random.randn(ch, 1) / np.sqrt(ch)

    def loss(self, wave):
        """Mean squared error of the next sample; wave is (batch, time)."""
        x, target = wave[:, :-1, None], wave[:, 1:, None]
        h = x @ self.inp
        total = 0.0
        for blk in self.blocks:
            h, skip = blk.forward(h)
            total = total + skip
        pred = total @ self.head
        self.saved = x, target, total, pred
        return np.mean((pred - target) ** 2)

    def backward(self):
        x, target, total, pred = self.saved
        dp = 2 * (pred - target) / pred.size
        self.dhead = np.einsum("bti,bto->io", total, dp)
        dskip = dp @ self.head.T
        dres = np.zeros_like(dskip)
        for blk in reversed(self.blocks):
            dres = blk.backward(dres, dskip)
        self.dinp = np.einsum("bti,bto->io", x, dres)
