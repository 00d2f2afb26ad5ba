"""What fastcheck is timed against: literal NumPy losses and the Python loops that people write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Params = dict[str, Floats]
    Slice = Mapping[str, Ints]


# ------------------------------------------------------------ losses


def affine_relu_loss(p: Params, x: Floats, y: Ints, guard: float) -> float:
    """Return the guarded cross-entropy of a two-layer network with ReLU on its logits too."""
    a1 = np.maximum(x @ p["W1"] + p["b1"], 0)
    a2 = np.maximum(a1 @ p["W2"] + p["b2"], 0)
    e = np.exp(a2 - a2.max(axis=1, keepdims=True))
    prob = e / e.sum(axis=1, keepdims=True)
    return float(-np.sum(np.log(prob[np.arange(len(y)), y] + guard)) / len(y))


def sigmoid_output_loss(p: Params, x: Floats, y: Ints) -> float:
    """Return the binary cross-entropy of a network with tanh layers and a sigmoid output."""
    a = x
    n_layers = len(p) // 2
    for k in range(1, n_layers):
        a = np.tanh(a @ p[f"W{k}"] + p[f"b{k}"])
    a = 1 / (1 + np.exp(-(a @ p[f"W{n_layers}"] + p[f"b{n_layers}"])))[:, 0]
    return float(-np.sum(y * np.log(a) + (1 - y) * np.log(1 - a)) / len(y))


def softmax_output_loss(p: Params, x: Floats, y: Ints, act: Callable[[Floats], Floats]) -> float:
    """Return the cross-entropy of a network with the same activation after each hidden layer."""
    a = x
    n_layers = len(p) // 2
    for k in range(1, n_layers):
        a = act(a @ p[f"W{k}"] + p[f"b{k}"])
    z = a @ p[f"W{n_layers}"] + p[f"b{n_layers}"]
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return float(-log_p[np.arange(len(y)), y].mean())


def relu(z: Floats) -> Floats:
    """Return the positive part."""
    return np.maximum(z, 0)


# ------------------------------------------------------------ loops


class Loop(Protocol):
    """A central-difference loop over single entries, for some of them."""

    name: str
    step: float

    def base(self) -> float:
        """Return the loss where nothing is moved."""
        ...

    def run(self, entries: Slice) -> dict[str, Floats]:
        """Return the losses above and below each of `entries`, shape (n, 2), by tensor."""
        ...


class PlainLoop:
    """The loop as people write it: one entry moved in place, the loss evaluated twice.

    Parameters
    ----------
    loss : callable
        ``loss(params)``.
    params : dict of str to ndarray
        Copied.
    step : float
        Absolute.
    """

    name = "plain"

    def __init__(self, loss: Callable[[Params], float], params: Params, step: float) -> None:
        self.loss = loss
        self.params = {name: value.copy() for name, value in params.items()}
        self.step = step

    def base(self) -> float:
        """Return the loss where nothing is moved."""
        return self.loss(self.params)

    def run(self, entries: Slice) -> dict[str, Floats]:
        """Return the losses above and below each of `entries`."""
        found = {}
        for name, some in entries.items():
            theta = self.params[name].reshape(-1)  # a view: entries are moved in place
            ends = np.empty((some.size, 2))
            for k, i in enumerate(some):
                old = theta[i]
                theta[i] = old + self.step
                ends[k, 0] = self.loss(self.params)
                theta[i] = old - self.step
                ends[k, 1] = self.loss(self.params)
                theta[i] = old
            found[name] = ends
        return found


class PublishedLoop:
    """The loop of the course that the network of case s1 is from.

    All parameters are rolled into one column. For each entry the whole column is copied twice, one
    number of each copy is moved, and a dictionary of parameters is rebuilt from it. The network
    has one example per column and weights of shape (n_out, n_in).

    Parameters
    ----------
    params : dict of str to ndarray
        In the layout of fastcheck: W of shape (n_in, n_out), b (n_out,).
    x : ndarray of float64, shape (n_batch, n_in)
        Examples.
    y : ndarray of int64, shape (n_batch,)
        Labels, 0 or 1.
    step : float
        Absolute.
    """

    name = "published"

    def __init__(self, params: Params, x: Floats, y: Ints, step: float = 1e-7) -> None:
        self.step = step
        self.x = x.T  # as flattening and transposing images leaves it
        self.y = y.reshape(1, -1)
        self.shapes = {
            name: value.T.shape if value.ndim == 2 else (value.size, 1)
            for name, value in params.items()
        }
        rolled = [np.ascontiguousarray(value.T).reshape(-1, 1) for value in params.values()]
        self.theta = np.concatenate(rolled, axis=0)
        sizes = [value.size for value in params.values()]
        self.starts = dict(zip(params, np.cumsum([0, *sizes[:-1]]), strict=True))

    def base(self) -> float:
        """Return the loss where nothing is moved."""
        return self.loss(self.unrolled(self.theta))

    def run(self, entries: Slice) -> dict[str, Floats]:
        """Return the losses above and below each of `entries`."""
        found = {}
        for name, some in entries.items():
            ends = np.empty((some.size, 2))
            for k, i in enumerate(self._places(name, some)):
                above = np.copy(self.theta)
                above[i] = above[i] + self.step
                ends[k, 0] = self.loss(self.unrolled(above))
                below = np.copy(self.theta)
                below[i] = below[i] - self.step
                ends[k, 1] = self.loss(self.unrolled(below))
            found[name] = ends
        return found

    def _places(self, name: str, some: Ints) -> Ints:
        """Return where entries of W of shape (n_in, n_out) stand in theta."""
        n_out, n_in = self.shapes[name]
        if name.startswith("b"):
            return np.asarray(self.starts[name] + some)
        row, column = np.divmod(some, n_out)
        return np.asarray(self.starts[name] + column * n_in + row)

    def unrolled(self, theta: Floats) -> Params:
        """Return the parameters in one column as a dictionary of arrays of their own."""
        params, lo = {}, 0
        for name, shape in self.shapes.items():
            size = shape[0] * shape[1]
            params[name] = theta[lo : lo + size].reshape(shape).copy()
            lo += size
        return params

    def loss(self, p: Params) -> float:
        """Return the mean binary cross-entropy, examples in columns."""
        a = self.x
        n_layers = len(p) // 2
        for k in range(1, n_layers):
            a = np.tanh(np.dot(p[f"W{k}"], a) + p[f"b{k}"])
        a = 1 / (1 + np.exp(-(np.dot(p[f"W{n_layers}"], a) + p[f"b{n_layers}"])))
        costs = self.y * np.log(a) + (1 - self.y) * np.log(1 - a)
        return float(-np.sum(costs) / self.y.shape[1])


def spread(shapes: Mapping[str, tuple[int, ...]], n: int, start: float = 0.5) -> dict[str, Ints]:
    """Return about `n` entries spread evenly over all tensors, in proportion to their sizes.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        The tensors.
    n : int
        How many entries; all where there are not so many.
    start : float
        Where in the first interval the first entry lies, in [0, 1).
    """
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    total = sum(sizes)
    n = min(n, total)
    places = np.floor((np.arange(n) + start) * (total / n)).astype(np.int64)
    edges = np.cumsum([0, *sizes])
    return {
        name: places[(places >= lo) & (places < hi)] - lo
        for name, lo, hi in zip(shapes, edges[:-1], edges[1:], strict=True)
    }
