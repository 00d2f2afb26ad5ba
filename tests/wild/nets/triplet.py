"""Triplet loss on unit-length embeddings: anchor, positive and negative run as one batch."""

import numpy as np


def init_weights(d_in, d_hid, d_out, seed=11):
    rs = np.random.RandomState(seed)
    return [
        [rs.randn(d_in, d_hid) * np.sqrt(2 / d_in), rs.randn(d_hid) * 0.1],
        [rs.randn(d_hid, d_out) * np.sqrt(1 / d_hid), rs.randn(d_out) * 0.1],
    ]


def embed(layers, x):
    (W1, b1), (W2, b2) = layers
    z1 = x @ W1 + b1
    a1 = np.where(z1 > 0, z1, 0)
    z2 = a1 @ W2 + b2
    norm = np.linalg.norm(z2, axis=1, keepdims=True)
    return z2 / norm, (x, z1, a1, norm)


def triplet_loss(layers, batch, margin=0.6):
    """Take a batch (3, n, d) of anchors, positives, negatives."""
    three, n, d = batch.shape
    e, _ = embed(layers, batch.reshape(three * n, d))
    a, p, q = e[:n], e[n : 2 * n], e[2 * n :]
    per = ((a - p) ** 2).sum(1) - ((a - q) ** 2).sum(1) + margin
    return np.maximum(per, 0).mean()


def triplet_grads(layers, batch, margin=0.6):
    three, n, d = batch.shape
    e, (x, z1, a1, norm) = embed(layers, batch.reshape(three * n, d))
    a, p, q = e[:n], e[n : 2 * n], e[2 * n :]
    per = ((a - p) ** 2).sum(1) - ((a - q) ** 2).sum(1) + margin
    w = ((per > 0) / n)[:, None]
    de = np.vstack([2 * (q - p) * w, -2 * (a - p) * w, 2 * (a - q) * w])
    dz2 = (de - e * (de * e).sum(1, keepdims=True)) / norm
    W2 = layers[1][0]
    dz1 = (dz2 @ W2.T) * (z1 > 0)
    return [[x.T @ dz1, dz1.sum(0)], [a1.T @ dz2, dz2.sum(0)]]
