"""Sparse autoencoder of the tutorial kind: theta is flat, data are columns, KL sparsity penalty."""

import numpy as np


def initialize(hidden_size, visible_size):
    r = np.sqrt(6) / np.sqrt(hidden_size + visible_size + 1)
    W1 = np.random.random((hidden_size, visible_size)) * 2 * r - r
    W2 = np.random.random((visible_size, hidden_size)) * 2 * r - r
    b1 = np.zeros(hidden_size, dtype=np.float64)
    b2 = np.zeros(visible_size, dtype=np.float64)
    return np.concatenate((W1.reshape(-1), W2.reshape(-1), b1, b2))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def KL_divergence(x, y):
    return x * np.log(x / y) + (1 - x) * np.log((1 - x) / (1 - y))


def unpack(theta, v, h):
    W1 = theta[0 : h * v].reshape(h, v)
    W2 = theta[h * v : 2 * h * v].reshape(v, h)
    b1 = theta[2 * h * v : 2 * h * v + h]
    b2 = theta[2 * h * v + h :]
    return W1, W2, b1, b2


def cost(theta, visible_size, hidden_size, lambda_, sparsity_param, beta, data):
    W1, W2, b1, b2 = unpack(theta, visible_size, hidden_size)
    m = data.shape[1]

    z2 = W1.dot(data) + np.tile(b1, (m, 1)).transpose()
    a2 = sigmoid(z2)
    z3 = W2.dot(a2) + np.tile(b2, (m, 1)).transpose()
    h = sigmoid(z3)

    rho_hat = np.sum(a2, axis=1) / m
    rho = np.tile(sparsity_param, hidden_size)
    J = (
        np.sum((h - data) ** 2) / (2 * m)
        + (lambda_ / 2) * (np.sum(W1**2) + np.sum(W2**2))
        + beta * np.sum(KL_divergence(rho, rho_hat))
    )

    sparsity_delta = np.tile(-rho / rho_hat + (1 - rho) / (1 - rho_hat), (m, 1)).transpose()
    delta3 = -(data - h) * h * (1 - h)
    delta2 = (W2.transpose().dot(delta3) + beta * sparsity_delta) * a2 * (1 - a2)
    W1grad = delta2.dot(data.transpose()) / m + lambda_ * W1
    W2grad = delta3.dot(a2.transpose()) / m + lambda_ * W2
    b1grad = np.sum(delta2, axis=1) / m
    b2grad = np.sum(delta3, axis=1) / m
    return J, np.concatenate((W1grad.reshape(-1), W2grad.reshape(-1), b1grad, b2grad))
