"""MNIST with layers as objects: four mean differences, and the traps that they hide.

The original builds 784-50-10 from Affine, ReLU, Affine, ReLU (on the logits, too) and softmax with
cross-entropy, moves all 39,760 parameters by 1e-4, prints the mean of |analytic - numerical| for
W1, b1, W2 and b2, and concludes from small numbers that backpropagation is right.

fastcheck takes the same objects and answers entry by entry: what differs is the guard in
log(p + 1e-7), which the backward pass ignores, and nothing else. It checks each layer alone, too,
and tells of a ReLU that writes into the gradient that it is given.

    python examples/s3_mnist_layers.py            the original on every 37th entry
    python examples/s3_mnist_layers.py --whole    on every entry: half a minute
"""

from __future__ import annotations

import sys

import numpy as np
from telling import found, said, spoken, tell, timed, timed_twice, title

import fastcheck as fc

GUARD = 1e-7
STEP = 1e-4
EVERY = 37  # of the entries of W1 and W2 that the original looks at here


# ------------------------------------------------------------ the user's layers


class Affine:
    """``x @ W + b``."""

    def __init__(self, W, b):
        self.params, self.grads = {"W": W, "b": b}, {}

    def forward(self, x):
        """Return the output."""
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dout):
        """Return the gradient of the input; those of W and b go to `grads`."""
        self.grads["W"], self.grads["b"] = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.params["W"].T


class ReLU:
    """``max(x, 0)``."""

    def forward(self, x):
        """Return the output."""
        self.is_off = x <= 0
        return np.where(self.is_off, 0, x)

    def backward(self, dout):
        """Return the gradient of the input, in the memory of that of the output."""
        dout[self.is_off] = 0
        return dout


class SoftmaxLoss:
    """Softmax and the mean cross-entropy."""

    def forward(self, x, t):
        """Return the loss."""
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.p, self.t = e / e.sum(axis=1, keepdims=True), t
        return -np.mean(np.log(self.p[np.arange(len(t)), t] + GUARD))

    def backward(self, dout=1):
        """Return the gradient of the scores, as if there were no guard."""
        d = self.p.copy()
        d[np.arange(len(d)), self.t] -= 1
        return dout * d / len(d)


class TwoLayerNet:
    """Affine, ReLU, Affine, ReLU, softmax."""

    def __init__(self, x, t, seed=0):
        rng = np.random.default_rng(seed)
        self.x, self.t, self.last = x, t, SoftmaxLoss()
        self.first = Affine(0.01 * rng.normal(size=(784, 50)), np.zeros(50))
        self.second = Affine(0.01 * rng.normal(size=(50, 10)), np.zeros(10))
        self.layers = [self.first, ReLU(), self.second, ReLU()]

    @property
    def params(self):
        """W1, b1, W2 and b2, the arrays themselves."""
        return _named(self.first.params, self.second.params)

    def loss(self):
        """Return the loss."""
        a = self.x
        for layer in self.layers:
            a = layer.forward(a)
        return self.last.forward(a, self.t)

    def gradient(self):
        """Return the gradient by backpropagation."""
        self.loss()
        dout = self.last.backward()
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return _named(self.first.grads, self.second.grads)


def _named(first, second):
    return {"W1": first["W"], "b1": first["b"], "W2": second["W"], "b2": second["b"]}


# ------------------------------------------------------------ the published recipe


def numerical_gradient(loss, array, every=1):
    """Return central differences of some entries of an array, which are moved in place."""
    flat, places = array.reshape(-1), np.arange(0, array.size, every)
    n = np.zeros(len(places))
    for k, i in enumerate(places):
        kept = flat[i]
        flat[i] = kept + STEP
        up = loss()
        flat[i] = kept - STEP
        down = loss()
        flat[i], n[k] = kept, (up - down) / (2 * STEP)
    return places, n


def mean_differences(net, every=1):
    """Return means of |analytic - numerical|, the number of entries, and how many are 10 % off."""
    grads, means, n_entries, n_off = net.gradient(), {}, 0, 0
    for name, array in net.params.items():
        some = every if array.size > 100 else 1
        places, n = numerical_gradient(net.loss, array, some)
        a = grads[name].reshape(-1)[places]
        means[name] = np.mean(np.abs(a - n))
        n_entries += len(places)
        n_off += np.count_nonzero(np.abs(a - n) > 0.1 * np.maximum(np.abs(a), np.abs(n)))
    return means, n_entries, n_off


# ------------------------------------------------------------ what is shown


def images(n=100):
    """Return images with pixels from 0 to 255, as the original takes them, and their labels."""
    batch = fc.find_data("mnist").take(range(n), scaled=False)
    kind = "synthetic" if batch.synthetic else "real"
    return batch.x, batch.y, f"{kind}: {batch.title}, {n} images, pixels from 0 to 255"


def show_recipe(net, every):
    """Show what the original prints, of some entries or of all."""
    title("The whole network, as it is")
    (means, n, n_off), took = timed(mean_differences, net, every)
    tell("original", ", ".join(f"{name} {mean:.1e}" for name, mean in means.items()))
    whole = f"; all 39,760 would take {spoken(took / n * 39_760)}" if every > 1 else ""
    tell("", f"{n:,} entries in {spoken(took)}{whole}")
    tell("", f"{n_off} of them are off by 10 % or more: the step carries a unit across its kink")


def show_network(net):
    """Show what fastcheck says of all entries, with the guard and without."""
    result, took = timed_twice(fc.check_gradients, net.loss, net.params, net.gradient)
    tell("fastcheck", f"{said(result)} ({took})")
    result = fc.check_gradients(net.loss, net.params, net.gradient, accept="guard")
    n_kinks = sum(tensor.n_kink for tensor in result.tensors.values())
    tell("", f'accept="guard": {result.verdict.upper()}: {result.summary()}')
    tell("", f"entries at a kink: {n_kinks}")


def show_layers(net):
    """Show what fastcheck says of each layer."""
    title("Each layer alone, at its own input")
    layers, inputs = [*net.layers, net.last], (net.x, net.t)
    result, took = timed_twice(fc.check_layer, layers, inputs=inputs)
    tell("fastcheck", f"{said(result)} ({took})")
    tell("", f"checked: {', '.join(result.tensors)}")
    tell("", found(result, "cotangent-mutated"))


def main():
    """Show the recipe and fastcheck side by side."""
    x, t, data = images()
    net = TwoLayerNet(x, t)
    title("S3  MNIST, 784-50-10 in layer objects, 39,760 parameters, four mean differences")
    tell("data", data)

    show_recipe(net, 1 if "--whole" in sys.argv[1:] else EVERY)
    show_network(net)
    show_layers(net)


if __name__ == "__main__":
    main()
