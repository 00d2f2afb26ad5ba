"""Batch normalization taken apart into its nine graph nodes, forwards and backwards.

A small regression net around it, so that there is something to differentiate.
"""

import numpy as np


def forward(params, X):
    # dense
    z = X.dot(params["W1"])
    N, _ = z.shape
    # step1: calculate mean
    mu = 1.0 / N * np.sum(z, axis=0)
    # step2: subtract mean vector of every training example
    xmu = z - mu
    # step3: following the lower branch - calculation denominator
    sq = xmu**2
    # step4: calculate variance
    var = 1.0 / N * np.sum(sq, axis=0)
    # step5: add eps for numerical stability, then sqrt
    sqrtvar = np.sqrt(var + 1e-5)
    # step6: invert sqrtvar
    ivar = 1.0 / sqrtvar
    # step7: execute normalization
    xhat = xmu * ivar
    # step8: Nor the two transformation steps
    gammax = params["gamma"] * xhat
    # step9
    out = gammax + params["beta"]
    h = np.tanh(out)
    pred = h.dot(params["W2"]) + params["b2"]
    cache = (xhat, xmu, ivar, sqrtvar, var, h, pred)
    return pred, cache


def compute_loss(params, X, y):
    pred, _ = forward(params, X)
    return 0.5 * np.mean(np.sum((pred - y) ** 2, axis=1))


def backward(params, X, y):
    pred, (xhat, xmu, ivar, sqrtvar, var, h, _) = forward(params, X)
    N = X.shape[0]
    grads = {}
    dpred = (pred - y) / N
    grads["W2"] = h.T.dot(dpred)
    grads["b2"] = dpred.sum(axis=0)
    dout = dpred.dot(params["W2"].T) * (1 - h**2)
    # step9
    grads["beta"] = np.sum(dout, axis=0)
    dgammax = dout
    # step8
    grads["gamma"] = np.sum(dgammax * xhat, axis=0)
    dxhat = dgammax * params["gamma"]
    # step7
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    # step6
    dsqrtvar = -1.0 / (sqrtvar**2) * divar
    # step5
    dvar = 0.5 * 1.0 / np.sqrt(var + 1e-5) * dsqrtvar
    # step4
    dsq = 1.0 / N * np.ones(xmu.shape) * dvar
    # step3
    dxmu2 = 2 * xmu * dsq
    # step2
    dx1 = dxmu1 + dxmu2
    dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)
    # step1
    dx2 = 1.0 / N * np.ones(xmu.shape) * dmu
    # step0
    dz = dx1 + dx2
    grads["W1"] = X.T.dot(dz)
    return grads
