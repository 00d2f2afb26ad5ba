"""Fully convolutional classifier: sliding_window_view and einsum, a dilated middle layer.

Ends in global average pooling over the feature maps, so the image size is free.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def conv(x, w, b, dilation=1):
    """Convolve x (n, c, h, w) with w (o, c, k, k), valid part only."""
    k = w.shape[-1]
    span = dilation * (k - 1) + 1
    v = sliding_window_view(x, (span, span), axis=(2, 3))[..., ::dilation, ::dilation]
    return np.einsum("ncyxij,ocij->noyx", v, w, optimize=True) + b[None, :, None, None], v


def conv_grad(dy, v, w, x_shape, dilation=1):
    dw = np.einsum("noyx,ncyxij->ocij", dy, v, optimize=True)
    db = np.einsum("noyx->o", dy)
    dx = np.zeros(x_shape)
    H, W = dy.shape[2:]
    k = w.shape[-1]
    for i in range(k):
        for j in range(k):
            a, c = i * dilation, j * dilation
            dx[:, :, a : a + H, c : c + W] += np.einsum("noyx,oc->ncyx", dy, w[:, :, i, j])
    return dx, dw, db


def init_params(rng, channels=(2, 8, 12), k=3, n_classes=5):
    c0, c1, c2 = channels
    return {
        "w1": rng.normal(size=(c1, c0, k, k)) / np.sqrt(c0 * k * k),
        "b1": rng.normal(size=c1) * 0.1,
        "w2": rng.normal(size=(c2, c1, k, k)) / np.sqrt(c1 * k * k),
        "b2": rng.normal(size=c2) * 0.1,
        "w3": rng.normal(size=(n_classes, c2, 1, 1)) / np.sqrt(c2),
        "b3": np.zeros(n_classes),
    }


def softplus(x):
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


def forward(params, x):
    z1, v1 = conv(x, params["w1"], params["b1"])
    a1 = softplus(z1)
    z2, v2 = conv(a1, params["w2"], params["b2"], dilation=2)
    a2 = softplus(z2)
    z3, v3 = conv(a2, params["w3"], params["b3"])
    logits = z3.mean(axis=(2, 3))
    return logits, (x, z1, v1, a1, z2, v2, a2, z3, v3)


def compute_loss(params, x, y):
    logits, _ = forward(params, x)
    logits = logits - logits.max(axis=1, keepdims=True)
    logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -np.mean(np.take_along_axis(logp, y[:, None], axis=1))


def backward(params, x, y):
    logits, (x, z1, v1, a1, z2, v2, a2, z3, v3) = forward(params, x)
    n = len(y)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    d = (p - np.eye(p.shape[1])[y]) / n
    area = z3.shape[2] * z3.shape[3]
    dz3 = np.broadcast_to(d[:, :, None, None] / area, z3.shape)
    g = {}
    da2, g["w3"], g["b3"] = conv_grad(dz3, v3, params["w3"], a2.shape)
    dz2 = da2 / (1 + np.exp(-z2))
    da1, g["w2"], g["b2"] = conv_grad(dz2, v2, params["w2"], a1.shape, dilation=2)
    dz1 = da1 / (1 + np.exp(-z1))
    _, g["w1"], g["b1"] = conv_grad(dz1, v1, params["w1"], x.shape)
    return g
