"""Networks with hand-written backward passes, for the suite ``nightly.toml`` beside this file."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

import fastcheck as fc

SLOPES = {  # of the activation, by its value
    "tanh": lambda a: 1 - a * a,
    "relu": lambda a: (a > 0).astype(float),
    "sigmoid": lambda a: a * (1 - a),
    "softplus": lambda a: 1 - np.exp(-a),
}
ACTIVATIONS = {
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "softplus": lambda z: np.logaddexp(0, z),
}
LAYERS = {"tanh": fc.Tanh, "relu": fc.ReLU, "sigmoid": fc.Sigmoid, "softplus": fc.Softplus}


def perceptron(batch, seed, widths=(16,), activation="tanh", n_classes=10, l2=0.0, mistake=""):
    """Return a classifier with hidden layers, described, and its gradient, written by hand."""
    sizes = [batch.x.shape[1], *widths, n_classes]
    layers = []
    for k, (n_in, n_out) in enumerate(pairwise(sizes)):
        layers += [fc.Dense(n_in, n_out)]
        layers += [LAYERS[activation]()] if k < len(widths) else []
    net = fc.Network(layers, loss=fc.SoftmaxCrossEntropy(), l2=l2)
    params = net.init_params(seed=seed, scale="fan_in", biases="random")
    grads = _backward(params, batch.x, batch.y, len(widths), activation, l2)
    if mistake == "mean twice":
        grads = {name: g / len(batch.x) for name, g in grads.items()}
    elif mistake == "no penalty":
        grads = _backward(params, batch.x, batch.y, len(widths), activation, 0.0)
    return net.objective(batch), params, grads


def _backward(p, x, y, n_hidden, activation, l2):
    a = [x]
    for k in range(1, n_hidden + 1):
        a.append(ACTIVATIONS[activation](a[-1] @ p[f"W{k}"] + p[f"b{k}"]))
    last = n_hidden + 1
    scores = a[-1] @ p[f"W{last}"] + p[f"b{last}"]
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    d = e / e.sum(axis=1, keepdims=True)
    d[np.arange(len(y)), y] -= 1
    d /= len(y)
    grads = {}
    for k in range(last, 0, -1):
        grads[f"W{k}"] = a[k - 1].T @ d + l2 * p[f"W{k}"]
        grads[f"b{k}"] = d.sum(axis=0)
        if k > 1:
            d = (d @ p[f"W{k}"].T) * SLOPES[activation](a[k - 1])
    return grads


def regression(batch, seed, n_classes=10):
    """Return softmax regression, of which the loss is plain NumPy code, followed as it runs."""
    rng = np.random.default_rng(seed)
    n = len(batch.y)
    W, b = rng.normal(size=(batch.x.shape[1], n_classes)) / 28, np.zeros(n_classes)

    def forward():
        e = np.exp(batch.x @ W + b)
        p = e / e.sum(axis=1, keepdims=True)
        return -np.log(p[np.arange(n), batch.y]).mean(), p

    dz = (forward()[1] - np.eye(n_classes)[batch.y]) / n
    return lambda: forward()[0], {"W": W, "b": b}, {"W": batch.x.T @ dz, "b": dz.sum(axis=0)}


def cat_logistic(batch, seed, scale=0.01):
    """Return logistic regression, the first network of many courses."""
    rng = np.random.default_rng(seed)
    w, b = scale * rng.normal(size=(batch.x.shape[1], 1)), np.zeros(1)
    y = batch.y[:, None]

    def forward():
        return 1 / (1 + np.exp(-(batch.x @ w + b)))

    def loss():
        a = forward()
        return -(y * np.log(a) + (1 - y) * np.log(1 - a)).mean()

    dz = (forward() - y) / len(y)
    return loss, {"w": w, "b": b}, {"w": batch.x.T @ dz, "b": dz.sum(axis=0)}
