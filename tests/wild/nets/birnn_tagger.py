"""Bidirectional RNN tagger: embedding lookup, a pass in each direction, a tag for each word.

Padding positions (id 0) count neither in the loss nor in the gradient.
"""

import numpy as np


def init_model(vocab, emb, hid, tags, seed=0):
    rs = np.random.RandomState(seed)
    m = {"E": rs.randn(vocab, emb) * 0.5}
    for d in ("fw", "bw"):
        m["Wx_" + d] = rs.randn(emb, hid) / np.sqrt(emb)
        m["Wh_" + d] = rs.randn(hid, hid) / np.sqrt(hid) * 0.8
        m["b_" + d] = np.zeros(hid)
    m["Wy"] = rs.randn(2 * hid, tags) / np.sqrt(2 * hid)
    m["by"] = np.zeros(tags)
    return m


def run(m, d, x):
    """Read x, (N, T, emb), from its first word to its last."""
    N, T, _ = x.shape
    hs = np.zeros((N, T, m["b_" + d].size))
    h = np.zeros((N, m["b_" + d].size))
    for t in range(T):
        h = np.tanh(x[:, t] @ m["Wx_" + d] + h @ m["Wh_" + d] + m["b_" + d])
        hs[:, t] = h
    return hs


def run_back(m, d, x, hs, dhs, g):
    Wx, Wh = m["Wx_" + d], m["Wh_" + d]
    g["Wx_" + d] = np.zeros_like(Wx)
    g["Wh_" + d] = np.zeros_like(Wh)
    g["b_" + d] = np.zeros(Wh.shape[0])
    dx = np.empty_like(x)
    carry = 0
    for t in range(x.shape[1] - 1, -1, -1):
        da = (dhs[:, t] + carry) * (1 - hs[:, t] ** 2)
        g["Wx_" + d] += x[:, t].T @ da
        g["b_" + d] += da.sum(axis=0)
        if t > 0:
            g["Wh_" + d] += hs[:, t - 1].T @ da
        dx[:, t] = da @ Wx.T
        carry = da @ Wh.T
    return dx


def loss_and_cache(m, words, tags):
    x = m["E"][words]
    hf = run(m, "fw", x)
    hb = run(m, "bw", x[:, ::-1])
    h = np.concatenate((hf, hb[:, ::-1]), axis=2)
    s = h @ m["Wy"] + m["by"]
    s = s - s.max(axis=-1, keepdims=True)
    p = np.exp(s)
    p /= p.sum(axis=-1, keepdims=True)
    mask = (words != 0).astype(float)
    n, t = np.indices(words.shape)
    loss = -(np.log(p[n, t, tags]) * mask).sum() / mask.sum()
    return loss, (x, hf, hb, h, p, mask)


def gradients(m, words, tags):
    _, (x, hf, hb, h, p, mask) = loss_and_cache(m, words, tags)
    g = {}
    n, t = np.indices(words.shape)
    ds = p.copy()
    ds[n, t, tags] -= 1
    ds *= (mask / mask.sum())[..., None]
    g["Wy"] = np.tensordot(h, ds, axes=([0, 1], [0, 1]))
    g["by"] = ds.sum(axis=(0, 1))
    dh = ds @ m["Wy"].T
    H = hf.shape[2]
    dx = run_back(m, "fw", x, hf, dh[..., :H], g)
    dx += run_back(m, "bw", x[:, ::-1], hb, dh[:, ::-1, H:], g)[:, ::-1]
    g["E"] = np.zeros_like(m["E"])
    np.add.at(g["E"], words, dx)
    return g
