"""Linear-chain CRF on a tanh layer: forward algorithm in log space, gradients by marginals."""

import numpy as np


def lse(a, axis):
    m = a.max(axis=axis, keepdims=True)
    return np.squeeze(m, axis) + np.log(np.exp(a - m).sum(axis=axis))


def emissions(params, x):
    h = np.tanh(x @ params["W"] + params["b"])
    return h @ params["U"], h


def forward_scores(E, A):
    """E (T, K) emissions, A (K, K) from previous tag to next."""
    alpha = np.zeros_like(E)
    alpha[0] = E[0]
    for t in range(1, len(E)):
        alpha[t] = E[t] + lse(alpha[t - 1][:, None] + A, axis=0)
    return alpha


def backward_scores(E, A):
    beta = np.zeros_like(E)
    for t in range(len(E) - 2, -1, -1):
        beta[t] = lse(A + (E[t + 1] + beta[t + 1])[None, :], axis=1)
    return beta


def compute_loss(params, x, y):
    """Negative log likelihood of the tags y of one sentence x (T, D)."""
    E, _ = emissions(params, x)
    A = params["A"]
    score = E[np.arange(len(y)), y].sum() + A[y[:-1], y[1:]].sum()
    return lse(forward_scores(E, A)[-1], axis=0) - score


def backward(params, x, y):
    E, h = emissions(params, x)
    A = params["A"]
    alpha, beta = forward_scores(E, A), backward_scores(E, A)
    logZ = lse(alpha[-1], axis=0)
    dE = np.exp(alpha + beta - logZ)
    dA = np.zeros_like(A)
    for t in range(len(y) - 1):
        dA += np.exp(alpha[t][:, None] + A + (E[t + 1] + beta[t + 1])[None, :] - logZ)
        dA[y[t], y[t + 1]] -= 1
    dE[np.arange(len(y)), y] -= 1
    dz = (dE @ params["U"].T) * (1 - h**2)
    return {"A": dA, "U": h.T @ dE, "W": x.T @ dz, "b": dz.sum(axis=0)}
