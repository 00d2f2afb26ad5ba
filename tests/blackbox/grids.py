"""A network of grids of nodes in decimal arithmetic, with weights in arrays of its nodes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext

import numpy as np

Grid = list[list[Decimal]]
Shape = tuple[int, int]

DIGITS = 28


class Node:
    """A node with a weight for each node of the grid below.

    Attributes
    ----------
    weights : ndarray of float64, in the shape of the grid below
        What is learnt; the very array that was given.
    """

    def __init__(self, weights: np.ndarray) -> None:
        self.weights = weights

    def activate(self, below: Grid) -> Decimal:
        """Return the sigmoid, in float64, of a weighted sum of 28 digits."""
        total = sum(
            (Decimal(float(self.weights[i, j])) * value
             for i, row in enumerate(below) for j, value in enumerate(row)),
            Decimal(0),
        )  # fmt: skip
        return Decimal(1.0 / (1.0 + np.exp(-float(total))))


class GridNetwork:
    """Layers of nodes in rows and columns, fully connected, without biases.

    Parameters
    ----------
    layers : list of list of list of Node
        From the first hidden grid to the output grid.
    inputs, expected : ndarray
        The grid below all, and what the last should give.
    """

    def __init__(
        self, layers: list[list[list[Node]]], inputs: np.ndarray, expected: np.ndarray
    ) -> None:
        self.layers = layers
        self.inputs = decimals(inputs)
        self.expected = decimals(expected)

    @classmethod
    def drawn(
        cls, shapes: Sequence[Shape], inputs: np.ndarray, expected: np.ndarray, seed: int = 0
    ) -> GridNetwork:
        """Return a network with an array of random weights for each node."""
        rng = np.random.default_rng(seed)
        layers, below = [], inputs.shape
        for n_rows, n_cols in shapes:
            layers.append(
                [[Node(rng.uniform(-1, 1, below)) for _ in range(n_cols)] for _ in range(n_rows)]
            )
            below = (n_rows, n_cols)
        return cls(layers, inputs, expected)

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """The arrays of all nodes, by layer and place."""
        return {
            f"layer{k}[{i},{j}]": node.weights
            for k, layer in enumerate(self.layers, start=1)
            for i, row in enumerate(layer)
            for j, node in enumerate(row)
        }

    def forward(self) -> list[Grid]:
        """Return the activations of all grids, the inputs first."""
        grids = [self.inputs]
        for layer in self.layers:
            grids.append([[node.activate(grids[-1]) for node in row] for row in layer])
        return grids

    def loss(self) -> float:
        """Return half the sum of the squared errors."""
        with localcontext(prec=DIGITS):
            pairs = zip(flat(self.expected), flat(self.forward()[-1]), strict=True)
            return float(sum(((e - a) ** 2 for e, a in pairs), Decimal(0)) / 2)

    def gradient(self) -> dict[str, np.ndarray]:
        """Return the derivative of the loss with respect to each node's weights, by deltas.

        Each node's is its own, whether or not nodes share an array.
        """
        with localcontext(prec=DIGITS):
            grids, found = self.forward(), {}
            ahead = [
                [(a - e) * a * (1 - a) for e, a in zip(*rows, strict=True)]
                for rows in zip(self.expected, grids[-1], strict=True)
            ]
            for k in range(len(self.layers), 0, -1):
                below, layer = grids[k - 1], self.layers[k - 1]
                for i, row in enumerate(layer):
                    for j, _ in enumerate(row):
                        values = [[float(ahead[i][j] * v) for v in line] for line in below]
                        found[f"layer{k}[{i},{j}]"] = np.array(values)
                ahead = [
                    [self._delta(layer, ahead, r, c, value) for c, value in enumerate(line)]
                    for r, line in enumerate(below)
                ]
        return found

    @staticmethod
    def _delta(layer: list[list[Node]], ahead: Grid, r: int, c: int, value: Decimal) -> Decimal:
        total = sum(
            (delta * Decimal(float(node.weights[r, c]))
             for nodes, deltas in zip(layer, ahead, strict=True)
             for node, delta in zip(nodes, deltas, strict=True)),
            Decimal(0),
        )  # fmt: skip
        return total * value * (1 - value)


def decimals(values: np.ndarray) -> Grid:
    """Return a grid of decimal numbers."""
    return [[Decimal(float(value)) for value in row] for row in values]


def flat(grid: Grid) -> list[Decimal]:
    """Return the numbers of a grid, row by row."""
    return [value for row in grid for value in row]
