"""Layers as functions with a cache: normalisation, images, sequences."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np

from tests.layers.entry import Entry, normal


def batchnorm(fault: str) -> dict[str, Any]:
    """Return batch normalisation in training mode, with running averages in a dict."""

    def forward(x: Any, gamma: Any, beta: Any, bn_param: Any) -> Any:
        mean, var = x.mean(axis=0), x.var(axis=0)
        running = bn_param.get("running_mean", np.zeros(x.shape[1]))
        bn_param["running_mean"] = 0.9 * running + 0.1 * mean
        std = np.sqrt(var + 1e-5)
        xhat = (x - mean) / std
        return gamma * xhat + beta, (xhat, gamma, std)

    def backward(dout: Any, cache: Any) -> Any:
        xhat, gamma, std = cache
        dgamma, dbeta = (dout * xhat).sum(axis=0), dout.sum(axis=0)
        if fault == "gamma over features":
            dgamma = (dout * xhat)[:4].sum(axis=1)
        d = dout * gamma
        if fault == "constant statistics":
            return d / std, dgamma, dbeta
        mean = 0.0 if fault == "no mean term" else d.mean(axis=0)
        return (d - mean - xhat * (d * xhat).mean(axis=0)) / std, dgamma, dbeta

    inputs = (normal(6, 4), normal(4, seed=1), normal(4, seed=2), {"mode": "train"})
    return {"forward": forward, "backward": backward, "inputs": inputs}


class LayerNorm:
    """Normalises the last axis; gains and shifts in attributes with other names."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.gain, self.shift = normal(4, seed=1), normal(4, seed=2)

    def forward(self, x: Any) -> Any:
        self.std = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
        self.xhat = (x - x.mean(axis=-1, keepdims=True)) / self.std
        return self.gain * self.xhat + self.shift

    def backward(self, dout: Any) -> Any:
        self.gain_grad = (dout * self.xhat).sum(axis=(0, 1))
        self.shift_grad = dout.sum(axis=(0, 1))
        if self.fault == "shift averaged":
            self.shift_grad = dout.mean(axis=(0, 1))
        d = dout * self.gain
        if self.fault == "no mean terms":
            return d / self.std
        if self.fault == "wrong axis":
            return (
                d - d.mean(axis=1, keepdims=True)
                - self.xhat * (d * self.xhat).mean(axis=1, keepdims=True)
            ) / self.std  # fmt: skip
        d = d - d.mean(-1, keepdims=True) - self.xhat * (d * self.xhat).mean(-1, keepdims=True)
        return d / self.std


def _columns(x: Any, size: int) -> Any:
    """Return the windows of images as rows."""
    n, c, h, w = x.shape
    oh, ow = h - size + 1, w - size + 1
    col = np.zeros((n, c, size, size, oh, ow))
    for i in range(size):
        for j in range(size):
            col[:, :, i, j] = x[:, :, i : i + oh, j : j + ow]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(n * oh * ow, -1)


def convolution(fault: str) -> dict[str, Any]:
    """Return a convolution by im2col."""

    def forward(x: Any, W: Any, b: Any) -> Any:
        n, _, h, w = x.shape
        size = W.shape[2]
        col = _columns(x, size)
        out = col @ W.reshape(len(W), -1).T + b
        out = out.reshape(n, h - size + 1, w - size + 1, len(W)).transpose(0, 3, 1, 2)
        return out, (x.shape, W, col)

    def backward(dout: Any, cache: Any) -> Any:
        (n, c, h, w), W, col = cache
        size = W.shape[2]
        oh, ow = h - size + 1, w - size + 1
        rows = dout.transpose(0, 2, 3, 1).reshape(-1, len(W))
        db = rows.sum(axis=0)
        dW = (rows.T @ col).reshape(W.shape)
        if fault == "flipped":
            dW = dW[:, :, ::-1]
        dcol = (rows @ W.reshape(len(W), -1)).reshape(n, oh, ow, c, size, size)
        dx = np.zeros((n, c, h, w))
        for i in range(size):
            for j in range(size):
                part = dcol[:, :, :, :, i, j].transpose(0, 3, 1, 2)
                if fault == "overwritten":
                    dx[:, :, i : i + oh, j : j + ow] = part
                else:
                    dx[:, :, i : i + oh, j : j + ow] += part
        return dx, dW, db

    inputs = normal(2, 2, 4, 4), normal(3, 2, 2, 2, seed=1), normal(3, seed=1)
    return {"forward": forward, "backward": backward, "inputs": inputs}


def maxpool(fault: str) -> dict[str, Any]:
    """Return max-pooling of 2 × 2 without overlap."""

    def forward(x: Any) -> Any:
        n, c, h, w = x.shape
        blocks = x.reshape(n, c, h // 2, 2, w // 2, 2)
        out = blocks.max(axis=(3, 5))
        return out, (blocks, out)

    def backward(dout: Any, cache: Any) -> Any:
        blocks, out = cache
        mask = blocks == out[:, :, :, None, :, None]
        if fault == "minimum":
            mask = blocks == blocks.min(axis=(3, 5), keepdims=True)
        if fault == "spread":
            mask = np.full(blocks.shape, 0.25)
        n, c, h, _, w, _ = blocks.shape
        return (mask * dout[:, :, :, None, :, None]).reshape(n, c, 2 * h, 2 * w)

    return {"forward": forward, "backward": backward, "inputs": normal(2, 2, 4, 4)}


def embedding(fault: str) -> dict[str, Any]:
    """Return a look-up in which words repeat."""

    def forward(words: Any, W: Any) -> Any:
        return W[words], (words, W.shape)

    def backward(dout: Any, cache: Any) -> Any:
        words, shape = cache
        dW = np.zeros(shape)
        if fault == "not added":
            dW[words] = dout
        elif fault == "shifted":
            np.add.at(dW, (words + 1) % len(dW), dout)
        else:
            np.add.at(dW, words, dout)
        return dW

    inputs = np.array([[0, 2, 2], [4, 2, 0]]), normal(5, 3)
    return {"forward": forward, "backward": backward, "inputs": inputs}


def rnn_step(fault: str) -> dict[str, Any]:
    """Return one step of a simple recurrence, with parameters as inputs."""

    def rnn_step_forward(x: Any, prev_h: Any, Wx: Any, Wh: Any, b: Any) -> Any:
        h = np.tanh(x @ Wx + prev_h @ Wh + b)
        return h, (x, prev_h, Wx, Wh, h)

    def rnn_step_backward(dnext_h: Any, cache: Any) -> Any:
        x, prev_h, Wx, Wh, h = cache
        dz = dnext_h * (1 - h**2)
        dprev = dz @ (Wh if fault == "not transposed" else Wh.T)
        dWh = (h if fault == "next state" else prev_h).T @ dz
        return dz @ Wx.T, dprev, x.T @ dz, dWh, dz.sum(axis=0)

    inputs = (
        normal(3, 4), normal(3, 5), normal(4, 5, seed=1), normal(5, 5, seed=2), normal(5, seed=1)
    )  # fmt: skip
    return {"forward": rnn_step_forward, "backward": rnn_step_backward, "inputs": inputs}


def lstm_step(fault: str) -> dict[str, Any]:
    """Return one step of an LSTM: two outputs, each with its upstream gradient."""

    def sigmoid(z: Any) -> Any:
        return 1 / (1 + np.exp(-z))

    def forward(x: Any, prev_h: Any, prev_c: Any, Wx: Any, Wh: Any, b: Any) -> Any:
        z = x @ Wx + prev_h @ Wh + b
        zi, zf, zo, zg = np.split(z, 4, axis=1)
        i, f, o, g = sigmoid(zi), sigmoid(zf), sigmoid(zo), np.tanh(zg)
        next_c = f * prev_c + i * g
        next_h = o * np.tanh(next_c)
        return next_h, next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)

    def backward(dnext_h: Any, dnext_c: Any, cache: Any) -> Any:
        x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
        t = np.tanh(next_c)
        dc = dnext_h * o * (1 - t**2)
        if fault != "cell forgotten":
            dc = dc + dnext_c
        dz = np.hstack([
            dc * g * i * (1 - i), dc * prev_c * f * (1 - f),
            dnext_h * t * o * (1 - o), dc * i * (1 - g**2),
        ])  # fmt: skip
        dprev_c = dc * (i if fault == "input gate" else f)
        return dz @ Wx.T, dz @ Wh.T, dprev_c, x.T @ dz, prev_h.T @ dz, dz.sum(axis=0)

    shapes = (2, 3), (2, 4), (2, 4), (3, 16), (4, 16), (16,)
    inputs = tuple(normal(*shape, seed=k) for k, shape in enumerate(shapes))
    return {"forward": forward, "backward": backward, "inputs": inputs}


def attention(fault: str) -> dict[str, Any]:
    """Return scaled dot-product attention of batches of heads."""

    def forward(q: Any, k: Any, v: Any) -> Any:
        s = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1])
        p = np.exp(s - s.max(axis=-1, keepdims=True))
        p = p / p.sum(axis=-1, keepdims=True)
        return p @ v, (q, k, v, p)

    def backward(dout: Any, cache: Any) -> Any:
        q, k, v, p = cache
        dv = p.swapaxes(-1, -2) @ dout
        dp = dout @ v.swapaxes(-1, -2)
        ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True))
        if fault == "diagonal":
            ds = dp * p * (1 - p)
        if fault == "not scaled":
            ds = ds * math.sqrt(q.shape[-1])
        ds = ds / math.sqrt(q.shape[-1])
        if fault == "no transpose":
            dv = p @ dout
        return ds @ k, ds.swapaxes(-1, -2) @ q, dv

    inputs = normal(2, 3, 4), normal(2, 3, 4, seed=1), normal(2, 3, 4, seed=2)
    return {"forward": forward, "backward": backward, "inputs": inputs}


def residual(fault: str) -> dict[str, Any]:
    """Return ``x + relu(x W) V``, parameters held outside."""
    W, V = normal(4, 6, seed=1), normal(6, 4, seed=1)
    kept: dict[str, Any] = {}

    def forward(x: Any) -> Any:
        kept["x"], kept["z"] = x, x @ W
        return x + np.maximum(kept["z"], 0) @ V

    def backward(dout: Any) -> Any:
        dz = dout @ V.T
        dz[kept["z"] < 0] = 0
        kept["dW"] = kept["x"].T @ dz
        kept["dV"] = np.maximum(kept["z"], 0).T @ dout
        if fault == "no skip":
            return dz @ W.T
        if fault == "before relu":
            kept["dV"] = kept["z"].T @ dout
        return dout + dz @ W.T

    return {
        "forward": forward, "backward": backward, "inputs": normal(3, 4),
        "params": {"W": W, "V": V}, "grads": lambda: kept,
    }  # fmt: skip


def literal(fault: str) -> dict[str, Any]:
    """Return loops over Python's floats that add in decimal arithmetic, which no trace follows."""
    w = np.array([[0.5, -1.25, 2.0], [1.5, 0.75, -0.5]])

    def forward(x: Any) -> Any:
        rows = []
        for row in x:
            terms = [[Decimal(a) * Decimal(b) for a, b in zip(row, c, strict=True)] for c in w.T]
            rows.append([math.tanh(sum(column)) for column in terms])
        return rows

    def backward(dout: Any, x: Any) -> Any:
        dx = [[0.0] * 2 for _ in x]
        dw = [[0.0] * 3 for _ in range(2)]
        for s, row in enumerate(forward(x)):
            for j, a in enumerate(row):
                dz = float(dout[s, j]) * (1 - a * a)
                for i in range(2):
                    dx[s][i] += dz * float(w[i, j])
                    dw[i][j] += dz * float(x[s, 0 if fault == "index" else i])
        if fault == "last entry":
            dx[-1][-1] *= 1.001
        return np.array(dx), np.array(dw)

    return {"forward": forward, "backward": backward, "inputs": normal(4, 2), "params": {"w": w}}


ENTRIES = [
    Entry(
        "batchnorm", batchnorm, "x gamma beta",
        {"constant statistics": "x", "no mean term": "x", "gamma over features": "gamma"},
    ),
    Entry(
        "layernorm",
        lambda fault: {"forward": LayerNorm(fault), "inputs": normal(2, 3, 4)},
        "x gain shift",
        {"no mean terms": "x", "wrong axis": "x", "shift averaged": "shift"},
    ),
    Entry("convolution", convolution, "x W b", {"flipped": "W", "overwritten": "x"}),
    Entry("max-pooling", maxpool, "x", {"minimum": "x", "spread": "x"}),
    Entry("embedding", embedding, "W", {"not added": "W", "shifted": "W"}),
    Entry(
        "recurrent step", rnn_step, "x prev_h Wx Wh b",
        {"not transposed": "prev_h", "next state": "Wh"},
    ),
    Entry(
        "LSTM step", lstm_step, "x prev_h prev_c Wx Wh b",
        {"cell forgotten": "x prev_h prev_c Wx Wh b", "input gate": "prev_c"},
    ),
    Entry(
        "attention", attention, "q k v",
        {"diagonal": "q k", "not scaled": "q k", "no transpose": "v"},
    ),
    Entry("residual block", residual, "x W V", {"no skip": "x", "before relu": "V"}),
    Entry("loops over floats", literal, "x w", {"index": "w", "last entry": "x"}),
]  # fmt: skip
