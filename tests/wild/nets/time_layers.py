"""Language model of "Time" layers: embedding, LSTM and affine over whole blocks of time steps.

Each layer has the lists params and grads; gradients are written into place with [...].
"""

import numpy as np


class TimeEmbedding:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, xs):
        (W,) = self.params
        N, T = xs.shape
        out = np.empty((N, T, W.shape[1]), dtype=W.dtype)
        for t in range(T):
            out[:, t, :] = W[xs[:, t]]
        self.xs = xs
        return out

    def backward(self, dout):
        (dW,) = self.grads
        dW[...] = 0
        for t in range(self.xs.shape[1]):
            np.add.at(dW, self.xs[:, t], dout[:, t, :])


class LSTM:
    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
        self.cache = None

    def forward(self, x, h_prev, c_prev):
        Wx, Wh, b = self.params
        _, H = h_prev.shape
        A = np.dot(x, Wx) + np.dot(h_prev, Wh) + b
        f = 1 / (1 + np.exp(-A[:, :H]))
        g = np.tanh(A[:, H : 2 * H])
        i = 1 / (1 + np.exp(-A[:, 2 * H : 3 * H]))
        o = 1 / (1 + np.exp(-A[:, 3 * H :]))
        c_next = f * c_prev + g * i
        h_next = o * np.tanh(c_next)
        self.cache = (x, h_prev, c_prev, i, f, g, o, c_next)
        return h_next, c_next

    def backward(self, dh_next, dc_next):
        Wx, Wh, _ = self.params
        x, h_prev, c_prev, i, f, g, o, c_next = self.cache
        tanh_c_next = np.tanh(c_next)
        ds = dc_next + (dh_next * o) * (1 - tanh_c_next**2)
        dc_prev = ds * f
        di = ds * g * i * (1 - i)
        df = ds * c_prev * f * (1 - f)
        do = dh_next * tanh_c_next * o * (1 - o)
        dg = ds * i * (1 - g**2)
        dA = np.hstack((df, dg, di, do))
        self.grads[0][...] = np.dot(x.T, dA)
        self.grads[1][...] = np.dot(h_prev.T, dA)
        self.grads[2][...] = dA.sum(axis=0)
        return np.dot(dA, Wx.T), np.dot(dA, Wh.T), dc_prev


class TimeLSTM:
    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]

    def forward(self, xs):
        N, T, _ = xs.shape
        H = self.params[1].shape[0]
        self.layers = []
        hs = np.empty((N, T, H))
        h, c = np.zeros((N, H)), np.zeros((N, H))
        for t in range(T):
            layer = LSTM(*self.params)
            h, c = layer.forward(xs[:, t, :], h, c)
            hs[:, t, :] = h
            self.layers.append(layer)
        return hs

    def backward(self, dhs):
        N, T, _ = dhs.shape
        dxs = np.empty((N, T, self.params[0].shape[0]))
        dh, dc = 0, 0
        grads = [0, 0, 0]
        for t in reversed(range(T)):
            layer = self.layers[t]
            dx, dh, dc = layer.backward(dhs[:, t, :] + dh, dc)
            dxs[:, t, :] = dx
            for i, grad in enumerate(layer.grads):
                grads[i] += grad
        for i, grad in enumerate(grads):
            self.grads[i][...] = grad
        return dxs


class TimeAffine:
    def __init__(self, W, b):
        self.params, self.grads = [W, b], [np.zeros_like(W), np.zeros_like(b)]

    def forward(self, x):
        N, T, _ = x.shape
        W, b = self.params
        self.x = x
        return (np.dot(x.reshape(N * T, -1), W) + b).reshape(N, T, -1)

    def backward(self, dout):
        N, T, D = self.x.shape
        dout = dout.reshape(N * T, -1)
        self.grads[0][...] = np.dot(self.x.reshape(N * T, D).T, dout)
        self.grads[1][...] = np.sum(dout, axis=0)
        return np.dot(dout, self.params[0].T).reshape(N, T, D)


class Rnnlm:
    def __init__(self, V, D, H):
        rn = np.random.randn
        self.layers = [
            TimeEmbedding(rn(V, D) / 2),
            TimeLSTM(rn(D, 4 * H) / np.sqrt(D), rn(H, 4 * H) / np.sqrt(H), np.zeros(4 * H)),
            TimeAffine(rn(H, V) / np.sqrt(H), np.zeros(V)),
        ]
        self.params, self.grads = [], []
        for layer in self.layers:
            self.params += layer.params
            self.grads += layer.grads

    def forward(self, xs, ts):
        for layer in self.layers:
            xs = layer.forward(xs)
        N, T, V = xs.shape
        xs = xs.reshape(N * T, V)
        e = np.exp(xs - xs.max(axis=1, keepdims=True))
        self.ys, self.ts = e / e.sum(axis=1, keepdims=True), ts.reshape(N * T)
        self.shape = N, T, V
        return -np.log(self.ys[np.arange(N * T), self.ts]).sum() / (N * T)

    def backward(self):
        dx = self.ys
        dx[np.arange(len(dx)), self.ts] -= 1
        dx = (dx / len(dx)).reshape(self.shape)
        for layer in reversed(self.layers):
            dx = layer.backward(dx)
