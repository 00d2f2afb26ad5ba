"""Spatial group normalization after a 1x1 and a 3x3 convolution, ending in a global average."""

import numpy as np

EPS = 1e-5


def spatial_groupnorm_forward(x, gamma, beta, G):
    N, C, H, W = x.shape
    xg = x.reshape(N, G, C // G, H, W)
    mean = xg.mean(axis=(2, 3, 4), keepdims=True)
    var = xg.var(axis=(2, 3, 4), keepdims=True)
    xhat = ((xg - mean) / np.sqrt(var + EPS)).reshape(N, C, H, W)
    return xhat * gamma + beta, (xhat, gamma, var, G)


def spatial_groupnorm_backward(dout, cache):
    xhat, gamma, var, G = cache
    N, C, H, W = dout.shape
    dbeta = dout.sum(axis=(0, 2, 3), keepdims=True)
    dgamma = (dout * xhat).sum(axis=(0, 2, 3), keepdims=True)
    dxhat = (dout * gamma).reshape(N, G, C // G, H, W)
    xh = xhat.reshape(N, G, C // G, H, W)
    M = C // G * H * W
    dx = dxhat - dxhat.sum(axis=(2, 3, 4), keepdims=True) / M
    dx -= xh * (dxhat * xh).sum(axis=(2, 3, 4), keepdims=True) / M
    dx /= np.sqrt(var + EPS)
    return dx.reshape(N, C, H, W), dgamma, dbeta


def conv3x3(x, w):
    N, _, H, W = x.shape
    xp = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    out = np.zeros((N, w.shape[0], H, W))
    for i in range(3):
        for j in range(3):
            out += np.einsum("nchw,fc->nfhw", xp[:, :, i : i + H, j : j + W], w[:, :, i, j])
    return out


def conv3x3_dw(x, dout):
    H, W = x.shape[2:]
    xp = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    dw = np.zeros((dout.shape[1], x.shape[1], 3, 3))
    for i in range(3):
        for j in range(3):
            dw[:, :, i, j] = np.einsum("nfhw,nchw->fc", dout, xp[:, :, i : i + H, j : j + W])
    return dw


class GNNet:
    """conv3x3 -> group norm -> relu -> 1x1 conv -> mean over the map -> softmax."""

    def __init__(self, cin, channels, groups, classes, seed=0):
        r = np.random.RandomState(seed)
        self.G = groups
        self.w = r.randn(channels, cin, 3, 3) * 0.3
        self.gamma = r.uniform(0.5, 1.5, size=(1, channels, 1, 1))
        self.beta = r.randn(1, channels, 1, 1) * 0.2
        self.v = r.randn(classes, channels) * 0.5

    def loss(self, x, y):
        self.x, self.y = x, y
        out, self.gn = spatial_groupnorm_forward(conv3x3(x, self.w), self.gamma, self.beta, self.G)
        self.act = out * (out > 0)
        self.feat = np.mean(self.act, axis=(2, 3))
        s = self.feat @ self.v.T
        s -= s.max(axis=1)[:, None]
        e = np.exp(s)
        self.p = e / e.sum(axis=1)[:, None]
        return -np.log(self.p[range(len(y)), y]).sum() / len(y)

    def grad(self):
        N, _, H, W = self.act.shape
        ds = self.p.copy()
        ds[range(N), self.y] -= 1
        ds /= N
        g = {"v": ds.T @ self.feat}
        dact = (ds @ self.v)[:, :, None, None] / (H * W) * np.ones((1, 1, H, W))
        dnorm = dact * (self.act > 0)
        dconv, g["gamma"], g["beta"] = spatial_groupnorm_backward(dnorm, self.gn)
        g["w"] = conv3x3_dw(self.x, dconv)
        return g
