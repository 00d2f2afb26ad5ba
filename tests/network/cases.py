"""Networks beside their literal descriptions, and comparisons."""

from typing import Any

import numpy as np

import fastcheck as fc
from fastcheck.graph.reference import backward
from fastcheck.graph.state import evaluate
from fastcheck.objective import GraphObjective
from tests.network import literal

ACTIVATIONS: dict[str, tuple[Any, tuple]] = {
    "relu": (fc.ReLU(), ("relu",)),
    "leaky": (fc.LeakyReLU(0.2), ("leaky", 0.2)),
    "sigmoid": (fc.Sigmoid(), ("sigmoid",)),
    "tanh": (fc.Tanh(), ("tanh",)),
    "softplus": (fc.Softplus(), ("softplus",)),
    "softmax": (fc.Softmax(), ("softmax",)),
}

# loss, the activation that ends the network, literal name, guard
LOSSES: dict[str, tuple[Any, str | None, str, float]] = {
    "softmax cross-entropy": (fc.SoftmaxCrossEntropy, None, "logits", 0.0),
    "guarded softmax cross-entropy": (fc.SoftmaxCrossEntropy, None, "logits", 1e-2),
    "softmax cross-entropy after relu": (fc.SoftmaxCrossEntropy, "relu", "logits", 1e-7),
    "cross-entropy after softmax": (fc.CrossEntropy, "softmax", "probabilities", 0.0),
    "guarded cross-entropy after softmax": (fc.CrossEntropy, "softmax", "probabilities", 1e-2),
    "cross-entropy after sigmoid": (fc.CrossEntropy, "sigmoid", "probabilities", 0.0),
    "guarded cross-entropy after sigmoid": (fc.CrossEntropy, "sigmoid", "probabilities", 1e-2),
    "binary cross-entropy": (fc.BinaryCrossEntropy, "sigmoid", "binary", 0.0),
    "guarded binary cross-entropy": (fc.BinaryCrossEntropy, "sigmoid", "binary", 1e-2),
    "binary cross-entropy after softmax": (fc.BinaryCrossEntropy, "softmax", "binary", 0.0),
    "binary with logits": (fc.BinaryCrossEntropyWithLogits, None, "binary logits", 0.0),
    "squared error": (fc.SquaredError, "tanh", "squares", 0.0),
}


def made(name: str, reduction: str = "batch") -> Any:
    """Return the loss of that name."""
    cls, _, _, guard = LOSSES[name]
    return cls(guard=guard, reduction=reduction) if guard else cls(reduction=reduction)


def data(n_batch: int, n_in: int, n_out: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return examples and integer labels."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_batch, n_in)), rng.integers(0, n_out, n_batch)


def one_hot(labels: np.ndarray, n_out: int) -> np.ndarray:
    return np.array([[float(label == k) for k in range(n_out)] for label in labels])


def random_params(net: fc.Network, seed: int = 0) -> dict[str, np.ndarray]:
    return net.init_params(seed, biases="random")


def assert_close(found: np.ndarray, wanted: np.ndarray, name: str = "") -> None:
    """Compare to 1e-12 of each entry, or of the largest where terms cancel."""
    assert found.shape == wanted.shape, name
    largest = np.abs(wanted).max(initial=0.0)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13 * largest, err_msg=name)


def intermediates(objective: GraphObjective, params: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return the gradient of each named intermediate, by the vjps."""
    values = evaluate(objective.graph, objective.values(params))
    cotangents = backward(objective.graph, values)
    marked = [n for n in objective.graph.intermediates.values() if n.op is not None]
    return {node.name: cotangents[node.index] for node in marked}


def assert_agrees(
    net: fc.Network, layers: list[tuple], x: np.ndarray, labels: np.ndarray, kind: str, guard: float
) -> None:
    """Compare the loss and all gradients of a batch-first `net` with the literal passes."""
    objective = net.objective(x, labels)
    params = random_params(net)
    y = labels if labels.ndim == 2 else one_hot(labels, net.dense[-1].n_out)
    loss, gradients = literal.loss_and_gradients(
        layers, params, x, y, kind, guard, net.loss.reduction, net.l2
    )
    assert abs(objective.loss(params) - loss) <= 1e-13 * abs(loss)
    found = objective.gradient(params)
    assert list(found) == list(net.shapes)
    for name, gradient in (found | intermediates(objective, params)).items():
        assert_close(gradient, gradients[name], name)
