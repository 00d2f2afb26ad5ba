"""Convolution step by step: zero_pad, conv_single_step, pooling windows - all in plain loops.

Channels last: A_prev is (m, n_H_prev, n_W_prev, n_C_prev). One convolution, one pooling
layer (max or average), and a linear read-out with squared error, on very small pictures.
"""

import numpy as np


def zero_pad(X, pad):
    return np.pad(X, ((0, 0), (pad, pad), (pad, pad), (0, 0)), "constant", constant_values=(0, 0))


def conv_single_step(a_slice_prev, W, b):
    s = np.multiply(a_slice_prev, W)
    Z = np.sum(s)
    Z = Z + b.item()
    return Z


def conv_forward(A_prev, W, b, hparameters):
    (m, n_H_prev, n_W_prev, _) = A_prev.shape
    (f, f, _, n_C) = W.shape
    stride = hparameters["stride"]
    pad = hparameters["pad"]
    n_H = int((n_H_prev - f + 2 * pad) / stride) + 1
    n_W = int((n_W_prev - f + 2 * pad) / stride) + 1
    Z = np.zeros((m, n_H, n_W, n_C))
    A_prev_pad = zero_pad(A_prev, pad)
    for i in range(m):
        a_prev_pad = A_prev_pad[i]
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    vert_start = h * stride
                    horiz_start = w * stride
                    a_slice_prev = a_prev_pad[
                        vert_start : vert_start + f, horiz_start : horiz_start + f, :
                    ]
                    Z[i, h, w, c] = conv_single_step(a_slice_prev, W[:, :, :, c], b[:, :, :, c])
    cache = (A_prev, W, b, hparameters)
    return Z, cache


def conv_backward(dZ, cache):
    (A_prev, W, _, hparameters) = cache
    (f, f, _, n_C) = W.shape
    stride, pad = hparameters["stride"], hparameters["pad"]
    (m, n_H, n_W, n_C) = dZ.shape
    dW = np.zeros(W.shape)
    db = np.zeros((1, 1, 1, n_C))
    A_prev_pad = zero_pad(A_prev, pad)
    for i in range(m):
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    y, x = h * stride, w * stride
                    a_slice = A_prev_pad[i, y : y + f, x : x + f, :]
                    dW[:, :, :, c] += a_slice * dZ[i, h, w, c]
                    db[:, :, :, c] += dZ[i, h, w, c]
    return dW, db


def pool_forward(A_prev, hparameters, mode="max"):
    (m, n_H_prev, n_W_prev, n_C) = A_prev.shape
    f, stride = hparameters["f"], hparameters["stride"]
    n_H = int(1 + (n_H_prev - f) / stride)
    n_W = int(1 + (n_W_prev - f) / stride)
    A = np.zeros((m, n_H, n_W, n_C))
    for i in range(m):
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    y, x = h * stride, w * stride
                    a_prev_slice = A_prev[i, y : y + f, x : x + f, c]
                    if mode == "max":
                        A[i, h, w, c] = np.max(a_prev_slice)
                    elif mode == "average":
                        A[i, h, w, c] = np.mean(a_prev_slice)
    return A, (A_prev, hparameters, mode)


def pool_backward(dA, cache):
    (A_prev, hparameters, mode) = cache
    f, stride = hparameters["f"], hparameters["stride"]
    dA_prev = np.zeros(A_prev.shape)
    for i, h, w, c in np.ndindex(*dA.shape):
        y, x = h * stride, w * stride
        if mode == "max":
            a = A_prev[i, y : y + f, x : x + f, c]
            mask = a == np.max(a)
            dA_prev[i, y : y + f, x : x + f, c] += mask * dA[i, h, w, c]
        else:
            dA_prev[i, y : y + f, x : x + f, c] += dA[i, h, w, c] / (f * f)
    return dA_prev


def model(parameters, X, Y, mode):
    Z, conv_cache = conv_forward(X, parameters["W"], parameters["b"], {"stride": 2, "pad": 1})
    P, pool_cache = pool_forward(np.tanh(Z), {"f": 2, "stride": 1}, mode)
    out = P.reshape(P.shape[0], -1) @ parameters["V"]
    cost = np.sum((out - Y) ** 2) / (2 * X.shape[0])
    return cost, (Z, P, out, conv_cache, pool_cache)


def model_backward(parameters, X, Y, mode):
    _, (Z, P, out, conv_cache, pool_cache) = model(parameters, X, Y, mode)
    dout = (out - Y) / X.shape[0]
    dP = (dout @ parameters["V"].T).reshape(P.shape)
    dZ = pool_backward(dP, pool_cache) * (1 - np.tanh(Z) ** 2)
    dW, db = conv_backward(dZ, conv_cache)
    return {"W": dW, "b": db, "V": P.reshape(P.shape[0], -1).T @ dout}
