"""Forward and backward pass written out by hand: batch first, one loop over the layers.

It shares nothing with the package. A layer is a tuple: ("dense",), ("dense", "no bias"),
("relu",), ("leaky", slope), ("sigmoid",), ("tanh",), ("softplus",), ("softmax",) or
("mask", factors).
"""

import numpy as np

Arrays = dict[str, np.ndarray]


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-z))


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def forward(layer: tuple, z: np.ndarray) -> np.ndarray:
    match layer:
        case ("relu",):
            return z * (z > 0)
        case ("leaky", slope):
            return np.where(z > 0, z, slope * z)
        case ("sigmoid",):
            return sigmoid(z)
        case ("tanh",):
            return np.tanh(z)
        case ("softplus",):
            return np.log(1.0 + np.exp(z))
        case ("softmax",):
            return softmax(z)
        case ("mask", factors):
            return z * factors
    raise AssertionError(layer)


def backward(layer: tuple, z: np.ndarray, a: np.ndarray, da: np.ndarray) -> np.ndarray:
    match layer:
        case ("relu",):
            return da * (z > 0)
        case ("leaky", slope):
            return da * np.where(z > 0, 1.0, slope)
        case ("sigmoid",):
            return da * a * (1 - a)
        case ("tanh",):
            return da * (1 - a**2)
        case ("softplus",):
            return da * sigmoid(z)
        case ("softmax",):
            return a * (da - (da * a).sum(axis=1, keepdims=True))
        case ("mask", factors):
            return da * factors
    raise AssertionError(layer)


def loss_entries(kind: str, a: np.ndarray, y: np.ndarray, guard: float) -> np.ndarray:
    match kind:
        case "logits":
            return -y * np.log(softmax(a) + guard)
        case "probabilities":
            return -y * np.log(a + guard)
        case "binary":
            return -y * np.log(a + guard) - (1 - y) * np.log(1 - a + guard)
        case "binary logits":
            return -y * np.log(sigmoid(a)) - (1 - y) * np.log(1 - sigmoid(a))
        case "squares":
            return (a - y) ** 2
        case "half squares":
            return (a - y) ** 2 / 2
    raise AssertionError(kind)


def loss_slopes(kind: str, a: np.ndarray, y: np.ndarray, guard: float) -> np.ndarray:
    match kind:
        case "logits":
            p = softmax(a)
            dp = -y / (p + guard)
            return p * (dp - (dp * p).sum(axis=1, keepdims=True))
        case "probabilities":
            return -y / (a + guard)
        case "binary":
            return -y / (a + guard) + (1 - y) / (1 - a + guard)
        case "binary logits":
            return sigmoid(a) - y
        case "squares":
            return 2 * (a - y)
        case "half squares":
            return a - y
    raise AssertionError(kind)


def loss_and_gradients(
    layers: list[tuple],
    params: Arrays,
    x: np.ndarray,
    y: np.ndarray,
    kind: str,
    guard: float = 0.0,
    reduction: str = "batch",
    l2: float = 0.0,
) -> tuple[float, Arrays]:
    """Return the loss and the gradient of every parameter and of every z1, a1, ..."""
    a, k, trace = x, 0, []
    for layer in layers:
        before = a
        if layer[0] == "dense":
            k += 1
            a = a @ params[f"W{k}"]
            if len(layer) == 1:
                a = a + params[f"b{k}"]
        else:
            a = forward(layer, a)
        trace.append((layer, k, before, a))

    divisor = {"batch": len(x), "sum": 1, "mean": y.size}[reduction]
    loss = loss_entries(kind, a, y, guard).sum() / divisor
    gradients = {}

    da = loss_slopes(kind, a, y, guard) / divisor
    for layer, k, before, after in reversed(trace):
        if layer[0] == "dense":
            W = params[f"W{k}"]
            loss += l2 / 2 * (W**2).sum()
            gradients[f"W{k}"] = before.T @ da + l2 * W
            if len(layer) == 1:
                gradients[f"b{k}"] = da.sum(axis=0)
            gradients[f"z{k}"] = da
            da = da @ W.T
        else:
            if layer[0] != "mask":
                gradients[f"a{k}"] = da
            da = backward(layer, before, after, da)
    return float(loss), gradients
