"""LSTM with a weight matrix per gate, z = row_stack(h, x), columns, one sequence of symbols."""

import numpy as np


class Param:
    def __init__(self, name, value):
        self.name = name
        self.v = value  # parameter value
        self.d = np.zeros_like(value)  # derivative


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dsigmoid(y):
    return y * (1 - y)


def dtanh(y):
    return 1 - y * y


class Parameters:
    def __init__(self, H_size, X_size, weight_sd=0.1):
        z_size = H_size + X_size
        w = lambda *s: np.random.randn(*s) * weight_sd  # noqa: E731
        self.W_f = Param("W_f", w(H_size, z_size) + 0.05)
        self.b_f = Param("b_f", np.zeros((H_size, 1)))
        self.W_i = Param("W_i", w(H_size, z_size) + 0.05)
        self.b_i = Param("b_i", np.zeros((H_size, 1)))
        self.W_C = Param("W_C", w(H_size, z_size))
        self.b_C = Param("b_C", np.zeros((H_size, 1)))
        self.W_o = Param("W_o", w(H_size, z_size) + 0.05)
        self.b_o = Param("b_o", np.zeros((H_size, 1)))
        self.W_v = Param("W_v", w(X_size, H_size))
        self.b_v = Param("b_v", np.zeros((X_size, 1)))

    def all(self):
        return list(self.__dict__.values())


def forward(x, h_prev, C_prev, p):
    z = np.vstack((h_prev, x))
    f = sigmoid(np.dot(p.W_f.v, z) + p.b_f.v)
    i = sigmoid(np.dot(p.W_i.v, z) + p.b_i.v)
    C_bar = np.tanh(np.dot(p.W_C.v, z) + p.b_C.v)
    C = f * C_prev + i * C_bar
    o = sigmoid(np.dot(p.W_o.v, z) + p.b_o.v)
    h = o * np.tanh(C)
    v = np.dot(p.W_v.v, h) + p.b_v.v
    y = np.exp(v) / np.sum(np.exp(v))
    return z, f, i, C_bar, C, o, h, v, y


def backward(target, dh_next, dC_next, C_prev, z, f, i, C_bar, C, o, h, y, p):
    dv = np.copy(y)
    dv[target] -= 1
    p.W_v.d += np.dot(dv, h.T)
    p.b_v.d += dv
    dh = np.dot(p.W_v.v.T, dv)
    dh += dh_next
    do = dsigmoid(o) * dh * np.tanh(C)
    p.W_o.d += np.dot(do, z.T)
    p.b_o.d += do
    dC = np.copy(dC_next)
    dC += dh * o * dtanh(np.tanh(C))
    dC_bar = dtanh(C_bar) * dC * i
    p.W_C.d += np.dot(dC_bar, z.T)
    p.b_C.d += dC_bar
    di = dsigmoid(i) * dC * C_bar
    p.W_i.d += np.dot(di, z.T)
    p.b_i.d += di
    df = dsigmoid(f) * dC * C_prev
    p.W_f.d += np.dot(df, z.T)
    p.b_f.d += df
    dz = (
        np.dot(p.W_f.v.T, df)
        + np.dot(p.W_i.v.T, di)
        + np.dot(p.W_C.v.T, dC_bar)
        + np.dot(p.W_o.v.T, do)
    )
    return dz[: h.shape[0], :], f * dC


def forward_backward(inputs, targets, h_prev, C_prev, parameters):
    x_s, z_s, f_s, i_s, C_bar_s, C_s, o_s, h_s, v_s, y_s = ({} for _ in range(10))
    h_s[-1] = np.copy(h_prev)
    C_s[-1] = np.copy(C_prev)
    X_size = parameters.b_v.v.shape[0]
    loss = 0
    for t in range(len(inputs)):
        x_s[t] = np.zeros((X_size, 1))
        x_s[t][inputs[t]] = 1
        (z_s[t], f_s[t], i_s[t], C_bar_s[t], C_s[t], o_s[t], h_s[t], v_s[t], y_s[t]) = forward(
            x_s[t], h_s[t - 1], C_s[t - 1], parameters
        )
        loss += -np.log(y_s[t][targets[t], 0])
    for q in parameters.all():
        q.d.fill(0)
    dh_next = np.zeros_like(h_s[0])
    dC_next = np.zeros_like(C_s[0])
    for t in reversed(range(len(inputs))):
        dh_next, dC_next = backward(
            targets[t], dh_next, dC_next, C_s[t - 1], z_s[t], f_s[t], i_s[t],
            C_bar_s[t], C_s[t], o_s[t], h_s[t], y_s[t], parameters,
        )  # fmt: skip
    return loss
