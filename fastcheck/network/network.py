"""A network: layers and a loss, ready to be bound to a minibatch."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.network import init
from fastcheck.network.build import build
from fastcheck.network.checks import count, shown
from fastcheck.network.dropout import Dropout
from fastcheck.network.inputs import examples, targets
from fastcheck.network.layers import Dense, Layer
from fastcheck.network.layout import BATCH_FIRST, LAYOUTS, Layout
from fastcheck.network.structure import checked
from fastcheck.objective import GraphObjective

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from fastcheck.network.losses import Loss

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Network:
    """A feed-forward network with a scalar loss.

    Parameters
    ----------
    layers : sequence of Layer
        Kept as a tuple; one :class:`Dense` or more.
    loss : Loss
        What is made of the outputs and the labels.
    l2 : float
        Adds ``l2 / 2 sum W**2`` over all weights, not the biases, whatever the reduction of the
        loss; not negative.
    layout : {"batch_first", "features_first"}
        How arrays lie. With "batch_first" an activation has shape (n_batch, n_features), W (n_in,
        n_out), b (n_out,) and ``z = x @ W + b``. With "features_first" the samples are columns:
        an activation has shape (n_features, n_batch), W (n_out, n_in), b (n_out, 1) and
        ``z = W @ x + b``.

    Raises
    ------
    InputError
        If a layer or the loss is none, sizes do not follow from each other, or the loss does not
        fit the last layer; the message says at which index.

    Notes
    -----
    Parameters are called W1, b1, W2, b2, ..., counted by Dense layers. In the graph of an objective
    z1, z2, ... are the results of these layers, and a1, a2, ... those of the first activation after
    each, before any dropout.

    Examples
    --------
    >>> import numpy as np
    >>> import fastcheck as fc
    >>> net = fc.Network([fc.Dense(4, 3), fc.Tanh(), fc.Dense(3, 2)], loss=fc.SoftmaxCrossEntropy())
    >>> net.shapes
    {'W1': (4, 3), 'b1': (3,), 'W2': (3, 2), 'b2': (2,)}
    >>> objective = net.objective(np.ones((5, 4)), np.array([0, 1, 1, 0, 1]))
    >>> round(objective.loss(net.init_params(scale=0.0)), 6)  # log(2)
    0.693147
    """

    layers: Sequence[Layer]
    loss: Loss
    _: KW_ONLY
    l2: float = 0.0
    layout: str = "batch_first"

    def __post_init__(self) -> None:
        for name, value in checked(self.layers, self.loss, self.l2, self.layout).items():
            object.__setattr__(self, name, value)

    @property
    def axes(self) -> Layout:
        """The layout, with its axes."""
        return LAYOUTS[self.layout]

    @property
    def dense(self) -> list[Dense]:
        """The layers that have parameters."""
        return [layer for layer in self.layers if isinstance(layer, Dense)]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each parameter, by name, in the order of the layers."""
        found: dict[str, tuple[int, ...]] = {}
        for k, layer in enumerate(self.dense, start=1):
            found |= layer.shapes(k, self.axes)
        return found

    @property
    def n_params(self) -> int:
        """The number of parameters, all entries counted."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def init_params(
        self, seed: int = 0, scale: str | float = "fan_in", biases: str | float = 0.0
    ) -> dict[str, Floats]:
        """Return parameters to start from.

        Parameters
        ----------
        seed : int
            What they are drawn from. Both layouts draw the same network.
        scale : {"fan_in", "he", "glorot"} or float
            The weights are normal with mean 0 and variance 1 / n_in ("fan_in"), 2 / n_in ("he"),
            2 / (n_in + n_out) ("glorot"), or this standard deviation.
        biases : float or "random"
            The value of all biases, or normal ones with standard deviation 0.1. The weights do
            not depend on it.

        Returns
        -------
        dict of str to ndarray of float64, C-contiguous
            By name, with the shapes of :attr:`shapes`.

        Raises
        ------
        InputError
            If an argument is none of these.
        """
        rng = np.random.default_rng(count("seed", seed, least=0))
        drawn = init.weights(self.dense, self.axes, rng, scale)
        offsets = init.biases(self.dense, self.axes, rng, biases)
        values = {f"W{k}": W for k, W in enumerate(drawn, start=1)}
        values |= {f"b{k}": b for k, b in enumerate(offsets, start=1)}
        return {name: values[name] for name in self.shapes}

    def masks(self, n_batch: int) -> dict[int, Floats]:
        """Return the masks of the dropout layers for a batch of `n_batch` samples.

        Returns
        -------
        dict of int to ndarray of float64
            By the index of the layer; 1 where an activation is kept, 0 where it is dropped, in the
            layout of the network.

        Raises
        ------
        InputError
            If a mask was given and is not for `n_batch` samples.
        """
        n_batch = count("n_batch", n_batch)
        width, found = self.dense[0].n_in, {}
        for place, layer in enumerate(self.layers):
            if isinstance(layer, Dense):
                width = layer.n_out
            elif isinstance(layer, Dropout):
                found[place] = layer.kept(self.axes.shape(n_batch, width), self.axes, place)
        return found

    def objective(self, x: Any, y: ArrayLike | None = None) -> GraphObjective:
        """Return the loss at one minibatch as a function of the parameters.

        Parameters
        ----------
        x : Batch or array_like
            Anything that has ``.x`` of shape (n_batch, n_in) and ``.y``, with the batch first in
            either layout; or examples, in the layout of the network.
        y : array_like, optional
            With examples, their labels: integers of shape (n_batch,), or an array of the shape of
            the outputs (one-hot labels, probabilities, targets of a regression). For one output
            the shape (n_batch,) will do.

        Returns
        -------
        GraphObjective
            It has copies of the data. A batch that says where it comes from (``.source``) is kept
            as its attribute ``batch``, for reports.

        Raises
        ------
        InputError
            If shapes do not fit, a label is out of range, or a value is not finite.
        """
        is_batch = hasattr(x, "x") and hasattr(x, "y")
        if is_batch == (y is not None):  # both or neither
            got = "a batch and `y`" if is_batch else f"{shown(x)} without `y`"
            raise InputError(
                f"`x` must be a batch with .x and .y, or an array with `y` beside it, got {got}; "
                "give one or the other"
            )
        origin = x if is_batch and hasattr(x, "source") else None
        x, y, given = (x.x, x.y, BATCH_FIRST) if is_batch else (x, y, self.axes)
        inputs = examples(x, self.dense[0].n_in, given)
        labels = targets(y, inputs.shape[given.batch], self.dense[-1].n_out, given, self.loss)
        if given is not self.axes:
            inputs, labels = inputs.T, labels.T
        return GraphObjective(build(self, inputs, labels), origin)
