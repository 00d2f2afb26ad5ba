"""A small network against TensorFlow's GradientTape, intermediate by intermediate.

The original derives backpropagation for a network 2-4-3 of sigmoids, prints dL/da2, dL/dz2 and so
on in float32, prints what tf.GradientTape gives, and concludes by eye that they agree: the last
digits differ by a unit here and there.

fastcheck checks every intermediate and every parameter against differences of the loss, needs no
TensorFlow for that, knows that a unit of the last digit is right in float32, and says which line is
wrong when one is. Where TensorFlow is installed, its gradients are checked in the same way.

    python examples/s2_gradient_tape.py
"""

from __future__ import annotations

import os

import numpy as np
from telling import said, spoken, tell, timed, timed_twice, title

import fastcheck as fc

X, Y = np.array([[1.0, 2.0]]), np.array([[0.3, 0.5, 0.2]])
W1 = np.array(
    [
        [-0.96988726, -0.84827805, 0.312042, 0.8871379],
        [0.6567688, -0.29099226, -0.80029106, -0.15143871],
    ]
)
PUBLISHED = {  # a1 is a value, all others are derivatives of the loss
    "a1": [[0.585077, 0.19305778, 0.2161, 0.64204717]],
    "da2": [[0.1497804, -0.05124322, 0.23775901]],
    "dz2": [[0.03706735, -0.01267625, 0.05851868]],
    "dW2": [
        [0.02168725, -0.00741658, 0.03423793],
        [0.00715614, -0.00244725, 0.01129749],
        [0.00801025, -0.00273934, 0.01264589],
        [0.02379899, -0.00813875, 0.03757175],
    ],
}


def sigmoid(z):
    """Return 1 / (1 + exp(-z))."""
    return 1 / (1 + np.exp(-z))


def parameters(dtype=np.float32):
    """Return W (n_in, n_out) and b of both layers.

    W2 was not published. This one is random but for what makes a2 equal to y + dL/da2.
    """
    a1, a2 = sigmoid(X @ W1), Y + PUBLISHED["da2"]
    W2 = np.random.default_rng(0).normal(size=(4, 3))
    W2 += a1.T @ (np.log(a2 / (1 - a2)) - a1 @ W2) / np.sum(a1 * a1)
    p = {"W1": W1, "b1": np.zeros(4), "W2": W2, "b2": np.zeros(3)}
    return {name: value.astype(dtype) for name, value in p.items()}


# ------------------------------------------------------------ an example is a row, as in TensorFlow


def loss(p, x, y):
    """Return half the squared error; the names are for fastcheck, and nothing to anybody else."""
    z1 = fc.mark("z1", x @ p["W1"] + p["b1"])
    a1 = fc.mark("a1", sigmoid(z1))
    z2 = fc.mark("z2", a1 @ p["W2"] + p["b2"])
    a2 = fc.mark("a2", sigmoid(z2))
    return 0.5 * np.sum((a2 - y) ** 2)


def gradient(p, x, y):
    """Return the derivatives of the loss, the last first, by hand."""
    a1 = sigmoid(x @ p["W1"] + p["b1"])
    a2 = sigmoid(a1 @ p["W2"] + p["b2"])
    da2 = a2 - y
    dz2 = da2 * a2 * (1 - a2)
    da1 = dz2 @ p["W2"].T
    dz1 = da1 * a1 * (1 - a1)
    return {
        "da2": da2, "dz2": dz2, "da1": da1, "dz1": dz1,
        "dW2": a1.T @ dz2, "db2": dz2.sum(axis=0), "dW1": x.T @ dz1, "db1": dz1.sum(axis=0),
    }  # fmt: skip


def with_wrong_slope(p, x, y):
    """Return the derivatives with a usual mistake: z1 * (1 - z1) where a1 * (1 - a1) belongs."""
    right, z1 = gradient(p, x, y), x @ p["W1"] + p["b1"]
    dz1 = right["da1"] * z1 * (1 - z1)
    return right | {"dz1": dz1, "dW1": x.T @ dz1, "db1": dz1.sum(axis=0)}


# ------------------------------------------------------------ an example is a column, as derived


def in_columns(p):
    """Return W (n_out, n_in) and b (n_out, 1)."""
    return {name: value.reshape(len(value), -1) if value.ndim == 1 else value.T
            for name, value in p.items()}  # fmt: skip


def loss_in_columns(p, x, y):
    """Return half the squared error."""
    a1 = fc.mark("a1", sigmoid(fc.mark("z1", p["W1"] @ x + p["b1"])))
    a2 = fc.mark("a2", sigmoid(fc.mark("z2", p["W2"] @ a1 + p["b2"])))
    return 0.5 * np.sum((a2 - y) ** 2)


def gradient_in_columns(p, x, y):
    """Return the derivatives of the loss, the last first, by hand."""
    a1 = sigmoid(p["W1"] @ x + p["b1"])
    a2 = sigmoid(p["W2"] @ a1 + p["b2"])
    da2 = a2 - y
    dz2 = da2 * a2 * (1 - a2)
    da1 = p["W2"].T @ dz2
    dz1 = da1 * a1 * (1 - a1)
    return {
        "da2": da2, "dz2": dz2, "da1": da1, "dz1": dz1,
        "dW2": dz2 @ a1.T, "db2": dz2, "dW1": dz1 @ x.T, "db1": dz1,
    }  # fmt: skip


# ------------------------------------------------------------ TensorFlow


def tensorflow_gradient(p, x, y):
    """Return the loss and its derivatives as TensorFlow has them."""
    import tensorflow as tf

    v = {name: tf.Variable(value) for name, value in p.items()}
    with tf.GradientTape() as tape:
        z1 = tf.matmul(tf.constant(x), v["W1"]) + v["b1"]
        a1 = tf.sigmoid(z1)
        z2 = tf.matmul(a1, v["W2"]) + v["b2"]
        a2 = tf.sigmoid(z2)
        value = 0.5 * tf.reduce_sum((a2 - y) ** 2)
    return value, tape.gradient(value, {**v, "z1": z1, "a1": a1, "z2": z2, "a2": a2})


# ------------------------------------------------------------ what is shown


def units_off(found, published):
    """Return by how many units of the eighth decimal values differ from published ones."""
    return int(np.rint(np.abs(np.asarray(found, float) - published) * 1e8).max())


def check(loss, p, grads, x=X, y=Y, **options):
    """Check parameters and intermediates: whatever `grads` has."""
    x, y = x.astype(np.float32), y.astype(np.float32)
    return fc.check_gradients(lambda p: loss(p, x, y), p, grads, **options)


def show_published(p, grads):
    """Show how far our float32 values are from the published ones."""
    title("The published values")
    found = {"a1": sigmoid(X.astype(np.float32) @ p["W1"]), **grads}
    told = [f"{name} {units_off(found[name], np.array(PUBLISHED[name]))}" for name in PUBLISHED]
    tell("original", f"differ from float32 here by so many units of 1e-8: {', '.join(told)}")


def show_by_hand(p, grads, x, y):
    """Show the check of what is written by hand, in both layouts, right and wrong."""
    title("By hand, in float32")
    result, took = timed_twice(check, loss, p, grads)
    tell("fastcheck", f"rows: {said(result)} ({took})")
    tell("", f"checked: {', '.join(result.tensors)}")
    worst = result.tensors["a2"].worst
    told = f"{worst.analytic:.8f}, and {worst.numerical:.8f} by differences"
    tell("", f"da2{list(worst.index)}: {told}: right, float32 allows {worst.bound:.0e}")
    q = in_columns(p)
    result = check(loss_in_columns, q, gradient_in_columns(q, x.T, y.T), X.T, Y.T)
    tell("", f"columns: {said(result)}")
    tell(
        "",
        f"with the slope of z1 for that of a1: {said(check(loss, p, with_wrong_slope(p, x, y)))}",
    )


def show_tensorflow(p, grads, x, y):
    """Show the check of TensorFlow's gradients, if it is there."""
    title("tf.GradientTape, in float32")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        _, took = timed(__import__, "tensorflow")
    except ImportError:
        tell("skipped", "TensorFlow is not installed: pip install tensorflow-cpu")
        return
    tell("original", f"importing TensorFlow takes {spoken(took)}")
    (value, tape), took = timed_twice(tensorflow_gradient, p, x, y)
    told = [f"{k} {units_off(tape[k.removeprefix('d')], grads[k])}" for k in grads]
    tell("", f"differs from ours by units of 1e-8: {', '.join(told)} ({took})")
    result, took = timed_twice(check, loss, p, tape, loss_value=value)
    tell("fastcheck", f"{said(result)} ({took})")


def main():
    """Show both, side by side."""
    p, x, y = parameters(), X.astype(np.float32), Y.astype(np.float32)
    grads = gradient(p, x, y)
    title("S2  Every intermediate of a network 2-4-3, against differences and GradientTape")
    show_published(p, grads)
    show_by_hand(p, grads, x, y)
    show_tensorflow(p, grads, x, y)


if __name__ == "__main__":
    main()
