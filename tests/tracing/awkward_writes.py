"""Losses that write in place, through views and aliases, and use numbers one by one.

Factories ``f(W, x) -> loss`` over two live arrays. Nothing here knows of the tracer.
"""

import math

import numpy as np

TRACED = []


def traced(factory):
    TRACED.append(factory)
    return factory


@traced
def rows_of_a_buffer(W, x):
    def loss():
        h = np.zeros((3, 4))
        row = h[1]
        row[:] = x
        h[1] *= 2
        return (h * h).sum() + row.sum()

    return loss


@traced
def strided_write_into_ravel(W, x):
    def loss():
        h = np.zeros((4, 4))
        h.ravel()[::5] = x
        return (h @ W).sum()

    return loss


@traced
def write_through_a_transpose(W, x):
    def loss():
        h = np.zeros((4, 3))
        h.T[0] = x
        return (W @ h).sum()

    return loss


@traced
def out_into_a_row(W, x):
    def loss():
        h = np.zeros((2, 4))
        np.add(x, x * x, out=h[0])
        return (h[0] * x).sum()

    return loss


@traced
def alias_of_a_sum_in_place(W, x):
    def loss():
        total = np.zeros(4)
        alias = total
        total += x
        return (alias * x).sum()

    return loss


@traced
def flat_entries(W, x):
    def loss():
        h = np.zeros((2, 2))
        h.flat[2] = x[1]
        h.flat[0:2] = x[2:4]
        return (h * W[:2, :2]).sum()

    return loss


@traced
def diagonal_and_copyto(W, x):
    def loss():
        h = np.zeros((4, 4))
        np.fill_diagonal(h, x)
        g = np.zeros(4)
        np.copyto(g, x, where=x > 0)
        g[[0, 1]] = g[[1, 0]]
        return (h @ W).sum() + (g * x).sum()

    return loss


@traced
def masks_and_repeated_indices(W, x):
    def loss():
        h = W.copy()
        h[W > 0] = 0
        h[[0, 0, 1]] += x
        return (h * h).sum()

    return loss


@traced
def rows_changed_while_iterating(W, x):
    def loss():
        h = W * 1.0
        for row in h:
            row += x
        return (h * h * h).sum()

    return loss


@traced
def halves_of_a_split(W, x):
    def loss():
        a, b = np.split(W * 1.0, 2)
        a -= b
        a[0, 0] = x[0]
        return (a * a).sum()

    return loss


@traced
def view_taken_before_the_write(W, x):
    def loss():
        b = np.ones(4)
        c = b[:2]
        b[...] = x
        return (c * c).sum()

    return loss


@traced
def add_at_and_sort(W, x):
    def loss():
        h = np.zeros((4, 4))
        np.add.at(h, [0, 0, 2], x)
        np.subtract.at(h, (0, 1), x[2])
        h[:, :2] = W[:, 2:]
        h.sort(axis=1)
        return (h * W).sum()

    return loss


@traced
def masked_divide(W, x):
    def loss():
        y = np.zeros_like(x)
        np.divide(1.0, x, out=y, where=x > 0)
        y[y == 0] = -1
        return (y * x * x).sum()

    return loss


@traced
def in_place_on_a_captured_array(W, x):
    scale = np.ones(4)

    def loss():
        scale[:] = 1.0
        scale[1:] += x[1:]
        return (scale * x).sum()

    return loss


@traced
def changed_constant_between_uses(W, x):
    def loss():
        mask = np.zeros(4)
        total = 0.0
        for k in range(4):
            mask[:] = 0
            mask[k] = k + 1
            total += (mask * x).sum()
        return total

    return loss


@traced
def views_into_captured_arrays(W, x):
    memory = np.zeros(8)
    first, second = memory[:4], memory[4:]

    def loss():
        first[...] = x
        second[...] = x * x
        return (memory * np.arange(8)).sum()

    return loss


@traced
def rolling_window(W, x):
    def loss():
        windows = np.lib.stride_tricks.sliding_window_view(x, 2)
        strided = np.lib.stride_tricks.as_strided(W, (3, 3, 2, 2), W.strides * 2)
        return (windows**2).sum() + np.einsum("abij,ij->", strided, W[:2, :2])

    return loss


@traced
def integer_powers_and_roots(W, x):
    def loss():
        h = np.abs(x) + 1.0
        return (h**3 + h**0.5 + h**-1 + 2.0**h + h**2 + h**x).sum() + np.power(h, 3).mean()

    return loss


@traced
def shape_assignment_and_reshape_of_views(W, x):
    def loss():
        h = np.zeros((4, 2)) + W.reshape(2, 8)[:, 1:5].T
        h.shape = (2, 4)
        h[0] = x
        return (h @ W).sum() + np.swapaxes(h, 0, 1)[1, 1]

    return loss


@traced
def float_in_the_middle(W, x):
    def loss():
        penalty = float(np.sum(W * W))
        return float(x.sum() + 0.1 * penalty)

    return loss


@traced
def math_functions(W, x):
    def loss():
        return sum(math.log1p(math.exp(v)) for v in x) + math.sqrt((W**2).sum())

    return loss


@traced
def item_and_tolist(W, x):
    def loss():
        a, b, c, d = x.tolist()
        return a * b + c * d + W[1, 2].item() ** 2 + W.item(3)

    return loss


@traced
def builtins_of_numbers(W, x):
    def loss():
        return max(x) * min(x) + sorted(x)[1] + abs(x[0]) + sum(x) + round(x[1], 3)

    return loss


@traced
def branch_on_values(W, x):
    def loss():
        total = 0.0
        for v in x:
            total = total + (v * v if v > 0 else -v)
        while total > 3:
            total = total / 2
        return total

    return loss


@traced
def labels_by_argmax(W, x):
    def loss():
        best = np.argmax(W, axis=1)
        one_hot = np.eye(4)[best]
        names = ["a", "b", "c", "d"]
        return (W * one_hot).sum() + len(names[best[0]]) * x[int(best[1])]

    return loss


@traced
def scalar_written_into_a_list_and_array(W, x):
    def loss():
        parts = [0.0] * 4
        for k in range(4):
            parts[k] = W[k] @ x
        h = np.array([x[0], x[1] * 2, 3.0])
        h[h < 0] = 0.1
        return np.sum(parts) + np.mean([x, x * 2]) + (h**2).sum() + np.array(parts).std()

    return loss


@traced
def elementwise_python(W, x):
    np.vectorize(lambda v: v * v if v > 0 else -v)

    def loss():
        g = np.vectorize(lambda v: 3 * v)
        return g(x).sum() + np.apply_along_axis(lambda r: r * r.sum(), 1, W).sum()

    return loss


@traced
def joined_and_enumerated(W, x):
    def loss():
        total = np.r_[x, x * 2, 1.0].sum() + (np.c_[x, x] * np.c_[x, 2 * x]).sum()
        for (i, j), w in np.ndenumerate(W):
            total += w * x[i] * x[j]
        return total

    return loss
