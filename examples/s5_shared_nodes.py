"""Nodes in decimal arithmetic, and a check that failed although backpropagation was right.

The original is a grid of nodes, each with an array of weights as large as the grid below. It moves
each weight by 0.99399, and accepts a derivative that is off by a tenth. Three networks pass, and
the fourth fails: its five hidden nodes were created from one and the same array. It concludes that
backpropagation may be wrong, asks why, and got no answer.

fastcheck answers before it compares a number: the five share their memory, so that moving a weight
of one moves all five. Each part of the gradient is right, and so is their sum. It also tells how
far off derivatives with a step of 0.99399 are: with most other weights than these, the step alone
makes the original fail a right gradient.

    python examples/s5_shared_nodes.py
"""

from __future__ import annotations

from decimal import Decimal, getcontext

import numpy as np
from telling import found, said, spoken, tell, timed, timed_twice, title

import fastcheck as fc

STEP, TOLERANCE = Decimal("0.99399"), Decimal("0.1")

getcontext().prec = 28


# ------------------------------------------------------------ the user's network


def sigmoid(x):
    """Return the sigmoid of a decimal, by way of float64."""
    return Decimal(1 / (1 + float(np.exp(-float(x)))))


class Node:
    """A node with a weight for each node of the grid below."""

    def __init__(self, weights):
        self.weights = weights

    def activation(self, below):
        """Return the sigmoid of the weighted sum."""
        return sigmoid(sum(w * a for w, a in zip(flat(self.weights), flat(below), strict=True)))


class Grids:
    """Layers of nodes in rows and columns, without biases."""

    def __init__(self, layers, inputs, expected):
        self.layers, self.inputs, self.expected = layers, inputs, expected

    @property
    def weights(self):
        """The weights of each node, by its layer and place."""
        return {f"layer{k}[{i},{j}]": node.weights for k, i, j, node in self._nodes()}

    def _nodes(self):
        for k, layer in enumerate(self.layers, 1):
            for i, row in enumerate(layer):
                for j, node in enumerate(row):
                    yield k, i, j, node

    def activations(self):
        """Return the values of all grids, the inputs first."""
        grids = [self.inputs]
        for layer in self.layers:
            grids.append([[node.activation(grids[-1]) for node in row] for row in layer])
        return grids

    def loss(self):
        """Return half the sum of the squared errors."""
        pairs = zip(flat(self.expected), flat(self.activations()[-1]), strict=True)
        return sum((e - a) ** 2 for e, a in pairs) / 2

    def gradient(self):
        """Return the derivative by each node's weights, by the deltas of the textbook."""
        grids, grads = self.activations(), {}
        outer = [
            [(a - e) for a, e in zip(*rows, strict=True)]
            for rows in zip(grids[-1], self.expected, strict=True)
        ]
        for k in range(len(self.layers), 0, -1):
            deltas = [
                [d * a * (1 - a) for d, a in zip(*rows, strict=True)]
                for rows in zip(outer, grids[k], strict=True)
            ]
            outer = [[Decimal(0) for _ in row] for row in grids[k - 1]]
            for i, row in enumerate(self.layers[k - 1]):
                for j, node in enumerate(row):
                    grads[f"layer{k}[{i},{j}]"] = [
                        [deltas[i][j] * a for a in line] for line in grids[k - 1]
                    ]
                    for r, line in enumerate(node.weights):
                        for c, w in enumerate(line):
                            outer[r][c] += deltas[i][j] * w
        return grads


def flat(grid):
    """Return the values of a grid, row by row."""
    return [value for row in grid for value in row]


def filled(shape, draw):
    """Return a grid of decimals."""
    return [[Decimal(draw()) for _ in range(shape[1])] for _ in range(shape[0])]


def network(shapes, inputs, expected, seed=5, *, is_shared=False):
    """Return a network with random weights, in the first layer those of one array if asked."""
    rng = np.random.default_rng(seed)
    layers, below = [], (len(inputs), len(inputs[0]))
    for shape in shapes:
        common = filled(below, rng.normal)
        is_common = is_shared and not layers
        layers.append(
            [
                [Node(common if is_common else filled(below, rng.normal)) for _ in range(shape[1])]
                for _ in range(shape[0])
            ]
        )
        below = shape
    return Grids(layers, inputs, expected)


def cases():
    """Return the four networks of the original, by name."""
    inputs = [[Decimal(k) / 10 for k in range(-9, 11, 2)]]
    one, fifths = [[Decimal(1)]], [[Decimal("-0.2")] * 5]
    three = [[Decimal(0), Decimal(1), Decimal("0.5")]]
    return {
        "one node per layer": network([(1, 1), (1, 1)], [[Decimal("0.35")]], one),
        "1 x 10, 3 x 3, 1 output": network([(3, 3), (1, 1)], inputs, one),
        "1 x 10, 3 x 3, 1 x 3 outputs": network([(3, 3), (1, 3)], inputs, three),
        "1 x 5, five nodes made from one array, 1 output": network(
            [(5, 1), (1, 1)], fifths, one, is_shared=True
        ),
    }


# ------------------------------------------------------------ the published recipe


def worst_difference(net):
    """Return the largest |a - n| / (|a| + |n|) of all weights, and where it is."""
    worst, place = Decimal(0), None
    grads = net.gradient()
    for name, weights in net.weights.items():
        for i, row in enumerate(weights):
            for j, kept in enumerate(row):
                row[j] = kept + STEP
                up = net.loss()
                row[j] = kept - STEP
                down = net.loss()
                row[j] = kept
                n, a = (up - down) / (2 * STEP), grads[name][i][j]
                off = abs(a - n) or Decimal("1e-20")
                if off / (abs(a) + abs(n)) > worst:
                    worst, place = off / (abs(a) + abs(n)), f"{name}[{i}][{j}]"
    return worst, place


# ------------------------------------------------------------ what is shown


def main():
    """Show the recipe and fastcheck side by side."""
    title("S5  Two-dimensional nodes in decimals, and five of them that are one")
    for name, net in cases().items():
        title(name)
        (worst, place), took = timed(worst_difference, net)
        outcome = "passes" if worst <= TOLERANCE else "FAILS: is backpropagation wrong?"
        tell("original", f"largest difference {worst:.2g} at {place}: {outcome} ({spoken(took)})")
        result, took = timed_twice(fc.check_gradients, net.loss, net.weights, net.gradient())
        if "aliased" in [finding.kind for finding in result.findings]:
            tell("warning", found(result, "aliased"))
        tell("fastcheck", f"{said(result)} ({took})")
    title("The step")
    net = cases()["1 x 10, 3 x 3, 1 output"]
    result = fc.check_gradients(net.loss, net.weights, net.gradient(), step=float(STEP))
    tell("fastcheck", found(result, "step-too-large"))


if __name__ == "__main__":
    main()
