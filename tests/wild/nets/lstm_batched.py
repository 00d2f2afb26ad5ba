"""Batched LSTM with one big matrix: rows are [bias, input, hidden], columns i, f, o, g.

X is (time, batch, input). On top sits a softmax on the last hidden state.
"""

import numpy as np


class LSTM:
    @staticmethod
    def init(input_size, hidden_size, fancy_forget_bias_init=3):
        WLSTM = np.random.randn(input_size + hidden_size + 1, 4 * hidden_size) / np.sqrt(
            input_size + hidden_size
        )
        WLSTM[0, :] = 0  # initialize biases to zero
        if fancy_forget_bias_init != 0:
            WLSTM[0, hidden_size : 2 * hidden_size] = fancy_forget_bias_init
        return WLSTM

    @staticmethod
    def forward(X, WLSTM, c0=None, h0=None):
        n, b, input_size = X.shape
        d = WLSTM.shape[1] // 4
        if c0 is None:
            c0 = np.zeros((b, d))
        if h0 is None:
            h0 = np.zeros((b, d))

        xphpb = WLSTM.shape[0]
        Hin = np.zeros((n, b, xphpb))  # input [1, xt, ht-1] to each tick of the LSTM
        Hout = np.zeros((n, b, d))
        IFOG = np.zeros((n, b, d * 4))  # input, forget, output, gate
        IFOGf = np.zeros((n, b, d * 4))  # after nonlinearity
        C = np.zeros((n, b, d))
        Ct = np.zeros((n, b, d))  # tanh of cell content
        for t in range(n):
            prevh = Hout[t - 1] if t > 0 else h0
            Hin[t, :, 0] = 1  # bias
            Hin[t, :, 1 : input_size + 1] = X[t]
            Hin[t, :, input_size + 1 :] = prevh
            IFOG[t] = Hin[t].dot(WLSTM)
            IFOGf[t, :, : 3 * d] = 1.0 / (1.0 + np.exp(-IFOG[t, :, : 3 * d]))
            IFOGf[t, :, 3 * d :] = np.tanh(IFOG[t, :, 3 * d :])
            prevc = C[t - 1] if t > 0 else c0
            C[t] = IFOGf[t, :, :d] * IFOGf[t, :, 3 * d :] + IFOGf[t, :, d : 2 * d] * prevc
            Ct[t] = np.tanh(C[t])
            Hout[t] = IFOGf[t, :, 2 * d : 3 * d] * Ct[t]
        cache = (WLSTM, Hout, IFOGf, C, Ct, Hin, c0)
        return Hout, cache

    @staticmethod
    def backward(dHout_in, cache):
        WLSTM, _, IFOGf, C, Ct, Hin, c0 = cache
        n, b, d = dHout_in.shape
        input_size = WLSTM.shape[0] - d - 1
        dIFOG = np.zeros((n, b, 4 * d))
        dIFOGf = np.zeros((n, b, 4 * d))
        dWLSTM = np.zeros(WLSTM.shape)
        dC = np.zeros(C.shape)
        dHout = dHout_in.copy()
        for t in reversed(range(n)):
            dIFOGf[t, :, 2 * d : 3 * d] = Ct[t] * dHout[t]
            dC[t] += (1 - Ct[t] ** 2) * (IFOGf[t, :, 2 * d : 3 * d] * dHout[t])
            if t > 0:
                dIFOGf[t, :, d : 2 * d] = C[t - 1] * dC[t]
                dC[t - 1] += IFOGf[t, :, d : 2 * d] * dC[t]
            else:
                dIFOGf[t, :, d : 2 * d] = c0 * dC[t]
            dIFOGf[t, :, :d] = IFOGf[t, :, 3 * d :] * dC[t]
            dIFOGf[t, :, 3 * d :] = IFOGf[t, :, :d] * dC[t]
            dIFOG[t, :, 3 * d :] = (1 - IFOGf[t, :, 3 * d :] ** 2) * dIFOGf[t, :, 3 * d :]
            y = IFOGf[t, :, : 3 * d]
            dIFOG[t, :, : 3 * d] = (y * (1.0 - y)) * dIFOGf[t, :, : 3 * d]
            dWLSTM += np.dot(Hin[t].T, dIFOG[t])
            dHin = dIFOG[t].dot(WLSTM.T)
            if t > 0:
                dHout[t - 1] += dHin[:, input_size + 1 :]
        return dWLSTM


class SequenceClassifier:
    def __init__(self, input_size=8, hidden_size=16, classes=5):
        self.model = {
            "WLSTM": LSTM.init(input_size, hidden_size),
            "Wd": np.random.randn(hidden_size, classes) * 0.5,
            "bd": np.zeros((1, classes)),
        }

    def loss(self, X, y):
        H, cache = LSTM.forward(X, self.model["WLSTM"])
        logits = H[-1].dot(self.model["Wd"]) + self.model["bd"]
        e = np.exp(logits - np.max(logits, axis=1, keepdims=True))
        P = e / np.sum(e, axis=1, keepdims=True)
        self.last = (H, P, cache)
        return -np.mean(np.log(P[np.arange(y.shape[0]), y]))

    def grads(self, X, y):
        self.loss(X, y)
        H, P, cache = self.last
        d = P.copy()
        d[np.arange(y.shape[0]), y] -= 1.0
        d /= y.shape[0]
        dH = np.zeros_like(H)
        dH[-1] = d.dot(self.model["Wd"].T)
        return {
            "WLSTM": LSTM.backward(dH, cache),
            "Wd": H[-1].T.dot(d),
            "bd": d.sum(axis=0, keepdims=True),
        }
