"""Networks described in layers, and how they become graphs."""

from fastcheck.network.dropout import Dropout
from fastcheck.network.layers import (
    Dense,
    Layer,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
)
from fastcheck.network.losses import (
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    CrossEntropy,
    Loss,
    SoftmaxCrossEntropy,
    SquaredError,
)
from fastcheck.network.network import Network

__all__ = [
    "BinaryCrossEntropy",
    "BinaryCrossEntropyWithLogits",
    "CrossEntropy",
    "Dense",
    "Dropout",
    "Layer",
    "LeakyReLU",
    "Loss",
    "Network",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "SoftmaxCrossEntropy",
    "Softplus",
    "SquaredError",
    "Tanh",
]
