"""Check hand-written backpropagation: is a gradient right, and when it is not, where and why.

The public names are loaded when they are first used, so that ``import fastcheck`` stays
cheap and compiles nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastcheck import jax as jax
    from fastcheck import tensorflow as tensorflow
    from fastcheck import torch as torch
    from fastcheck.check import assert_gradients, check_gradients, numerical_gradient
    from fastcheck.check.value_and_grad import check_value_and_grad
    from fastcheck.datasets import find_data, open_dataset
    from fastcheck.errors import (
        DataError,
        FastcheckError,
        GradientMismatchError,
        InputError,
        TraceError,
    )
    from fastcheck.graph import Graph, ops
    from fastcheck.holding.accessors import accessors
    from fastcheck.holding.attributes import attributes
    from fastcheck.holding.recorder import Recorder
    from fastcheck.holding.update import grads_from_update
    from fastcheck.layers import assert_layer, check_layer
    from fastcheck.network import (
        BinaryCrossEntropy,
        BinaryCrossEntropyWithLogits,
        CrossEntropy,
        Dense,
        Dropout,
        LeakyReLU,
        Network,
        ReLU,
        Sigmoid,
        Softmax,
        SoftmaxCrossEntropy,
        Softplus,
        SquaredError,
        Tanh,
    )
    from fastcheck.objective import GraphObjective
    from fastcheck.operation import op
    from fastcheck.planting import selftest
    from fastcheck.result import CheckResult
    from fastcheck.result.selftest import SelfTest
    from fastcheck.traced import trace
    from fastcheck.tracing.mark import mark

__version__ = "0.1.0"

__all__ = [
    "BinaryCrossEntropy",
    "BinaryCrossEntropyWithLogits",
    "CheckResult",
    "CrossEntropy",
    "DataError",
    "Dense",
    "Dropout",
    "FastcheckError",
    "GradientMismatchError",
    "Graph",
    "GraphObjective",
    "InputError",
    "LeakyReLU",
    "Network",
    "ReLU",
    "Recorder",
    "SelfTest",
    "Sigmoid",
    "Softmax",
    "SoftmaxCrossEntropy",
    "Softplus",
    "SquaredError",
    "Tanh",
    "TraceError",
    "__version__",
    "accessors",
    "assert_gradients",
    "assert_layer",
    "attributes",
    "check_gradients",
    "check_layer",
    "check_value_and_grad",
    "find_data",
    "grads_from_update",
    "mark",
    "numerical_gradient",
    "op",
    "open_dataset",
    "ops",
    "selftest",
    "trace",
]

_HOMES = {
    "fastcheck.check": ("assert_gradients", "check_gradients", "numerical_gradient"),
    "fastcheck.check.value_and_grad": ("check_value_and_grad",),
    "fastcheck.datasets": ("find_data", "open_dataset"),
    "fastcheck.errors": (
        "DataError",
        "FastcheckError",
        "GradientMismatchError",
        "InputError",
        "TraceError",
    ),
    "fastcheck.graph": ("Graph",),
    "fastcheck.layers": ("assert_layer", "check_layer"),
    "fastcheck.holding.accessors": ("accessors",),
    "fastcheck.holding.attributes": ("attributes",),
    "fastcheck.holding.recorder": ("Recorder",),
    "fastcheck.holding.update": ("grads_from_update",),
    "fastcheck.network": (
        "BinaryCrossEntropy",
        "BinaryCrossEntropyWithLogits",
        "CrossEntropy",
        "Dense",
        "Dropout",
        "LeakyReLU",
        "Network",
        "ReLU",
        "Sigmoid",
        "Softmax",
        "SoftmaxCrossEntropy",
        "Softplus",
        "SquaredError",
        "Tanh",
    ),
    "fastcheck.objective": ("GraphObjective",),
    "fastcheck.operation": ("op",),
    "fastcheck.planting": ("selftest",),
    "fastcheck.result": ("CheckResult",),
    "fastcheck.result.selftest": ("SelfTest",),
    "fastcheck.traced": ("trace",),
    "fastcheck.tracing.mark": ("mark",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}
_FRAMEWORKS = ("jax", "tensorflow", "torch")
"""Submodules that are loaded as attributes; not in `__all__`, as a star would hide the libraries of
the same name."""

if not TYPE_CHECKING:  # a type checker that saw this function would accept any name

    def __getattr__(name: str) -> object:
        """Load a public name at its first use (PEP 562)."""
        if name == "ops":
            value: object = import_module("fastcheck.graph.ops")
        elif name in _HOME_OF:
            value = getattr(import_module(_HOME_OF[name]), name)
        elif name in _FRAMEWORKS:
            value = import_module(f"fastcheck.{name}")
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """Return all public names, loaded or not."""
    return sorted(set(globals()) | set(__all__))
