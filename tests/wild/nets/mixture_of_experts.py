"""Mixture of experts: a softmax gate weighs the tanh experts; squared error of the mixture."""

import numpy as np


def setup(n_in, n_hidden, n_experts, n_out, rng):
    return {
        "gate": rng.normal(0, 0.7, (n_in, n_experts)),
        "A": rng.normal(0, 1 / np.sqrt(n_in), (n_experts, n_in, n_hidden)),
        "a": rng.normal(0, 0.1, (n_experts, n_hidden)),
        "B": rng.normal(0, 1 / np.sqrt(n_hidden), (n_experts, n_hidden, n_out)),
    }


def moe(params, X):
    s = X @ params["gate"]
    s = s - np.max(s, axis=1, keepdims=True)
    gate = np.exp(s)
    gate = gate / np.sum(gate, axis=1, keepdims=True)
    n, E = X.shape[0], params["A"].shape[0]
    hidden, experts = [], np.zeros((n, E, params["B"].shape[2]))
    for e in range(E):
        h = np.tanh(X @ params["A"][e] + params["a"][e])
        hidden.append(h)
        experts[:, e, :] = h @ params["B"][e]
    out = np.sum(gate[:, :, np.newaxis] * experts, axis=1)
    return out, gate, hidden, experts


def cost(params, X, Y):
    out, _, _, _ = moe(params, X)
    return np.sum((out - Y) ** 2) / (2 * len(X))


def cost_grad(params, X, Y):
    out, gate, hidden, experts = moe(params, X)
    g = {k: np.zeros_like(v) for k, v in params.items()}
    d = (out - Y) / len(X)
    dgate = np.einsum("nk,nek->ne", d, experts)
    ds = gate * (dgate - np.sum(dgate * gate, axis=1, keepdims=True))
    g["gate"] = X.T @ ds
    for e, h in enumerate(hidden):
        de = d * gate[:, e : e + 1]
        g["B"][e] = h.T @ de
        dz = (de @ params["B"][e].T) * (1 - h**2)
        g["A"][e] = X.T @ dz
        g["a"][e] = dz.sum(axis=0)
    return g
