"""Functions that only move entries, or add them at places."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastcheck.graph import ops
from tests.graph.ops.entry import Array, Entry

PICK = np.array([[2, 0, 0], [1, 2, 2], [0, 1, 0]])


def of(*shapes: tuple[int, ...]) -> Any:
    return lambda rng: [rng.standard_normal(shape) for shape in shapes]


def entry(name: str, build: Any, exact: Any, torch: Any, *shapes: tuple[int, ...]) -> Entry:
    """Return the entry of a linear function without rounding errors of its own."""
    return Entry(name, build, of(*(shapes or [(3, 4)])), exact, torch, slack=0.0, units=0.0)


def padded(a: Array) -> Array:
    out = np.full((3, 7), a[0, 0] * 0)
    out[:, 1:5] = a
    return out


def added(a: Array) -> Array:
    out = np.zeros((3, 3)) * a[0, 0]
    np.add.at(out, (np.arange(3)[:, None], PICK), a)
    return out


ENTRIES = [
    entry("expand_dims", lambda a: ops.expand_dims(a, 1), lambda a: a[:, None],
          lambda t, a: a[:, None]),
    entry("squeeze", lambda a: ops.squeeze(a, 1), lambda a: a[:, 0], lambda t, a: a.squeeze(1),
          (3, 1, 4)),
    entry("transpose", lambda a: ops.transpose(a, (0, 2, 1)), lambda a: a.transpose(0, 2, 1),
          lambda t, a: a.permute(0, 2, 1), (3, 4, 2)),
    entry("swapaxes", lambda a: ops.swapaxes(a, 0, 2), lambda a: a.swapaxes(0, 2),
          lambda t, a: a.swapaxes(0, 2), (3, 4, 2)),
    entry("reshape", lambda a: ops.reshape(a, (3, -1)), lambda a: a.reshape(3, 8),
          lambda t, a: a.reshape(3, 8), (3, 4, 2)),
    entry("reshape that joins samples", ops.ravel, np.ravel, lambda t, a: a.ravel()),
    entry("broadcast_to", lambda a: ops.broadcast_to(a, (2, 3, 4)),
          lambda a: np.broadcast_to(a, (2, 3, 4)), lambda t, a: a.broadcast_to((2, 3, 4))),
    entry("concatenate", lambda a, b: ops.concatenate([b, a], 1),
          lambda a, b: np.concatenate([b, a], 1), lambda t, a, b: t.cat([b, a], 1), (3, 4), (3, 2)),
    entry("stack", lambda *p: ops.stack(p, 1), lambda *p: np.stack(p, 1),
          lambda t, *p: t.stack(p, 1), (3, 2), (3, 2), (3, 2)),
    entry("split", lambda a: ops.split(a, 2, 1)[1], lambda a: a[:, 2:],
          lambda t, a: t.tensor_split(a, 2, 1)[1]),
    entry("pad", lambda a: ops.pad(a, ((0, 0), (1, 2))), padded,
          lambda t, a: t.nn.functional.pad(a, (1, 2))),
    entry("pad by reflection", lambda a: ops.pad(a, ((0, 0), (2, 1)), "reflect"),
          lambda a: np.pad(a, ((0, 0), (2, 1)), "reflect"),
          lambda t, a: t.nn.functional.pad(a, (2, 1), "reflect")),
    entry("flip", lambda a: ops.flip(a, 1), lambda a: np.flip(a, 1), lambda t, a: a.flip(1)),
    entry("flip of samples", lambda a: ops.flip(a, 0), lambda a: np.flip(a, 0),
          lambda t, a: a.flip(0)),
    entry("roll", lambda a: ops.roll(a, 1, 1), lambda a: np.roll(a, 1, 1),
          lambda t, a: a.roll(1, 1)),
    entry("repeat", lambda a: ops.repeat(a, 2, 1), lambda a: np.repeat(a, 2, 1),
          lambda t, a: a.repeat_interleave(2, 1)),
    entry("tile", lambda a: ops.tile(a, (1, 2)), lambda a: np.tile(a, (1, 2)),
          lambda t, a: a.tile(1, 2)),
    entry("take", lambda a: ops.take(a, PICK, 1), lambda a: a[:, PICK],
          lambda t, a: a[:, t.tensor(PICK)]),
    entry("take_along_axis", lambda a: ops.take_along_axis(a, PICK, 1),
          lambda a: np.take_along_axis(a, PICK, 1), lambda t, a: a.gather(1, t.tensor(PICK))),
    entry("an entry of each sample", lambda a: a[np.arange(3), [3, 0, 1]],
          lambda a: a[np.arange(3), [3, 0, 1]], lambda t, a: a[t.arange(3), t.tensor([3, 0, 1])]),
    entry("a slice", lambda a: a[:, 1::2], lambda a: a[:, 1::2], lambda t, a: a[:, 1::2]),
    entry("a slice of samples", lambda a: a[1:], lambda a: a[1:], lambda t, a: a[1:]),
    entry("tril", lambda a: ops.tril(a, 1), lambda a: np.where(np.tri(4, 4, 1) > 0, a, 0 * a),
          lambda t, a: a.tril(1), (3, 4, 4)),
    entry("triu", ops.triu, lambda a: np.where(np.tri(4, 4, -1) > 0, 0 * a, a),
          lambda t, a: a.triu(), (3, 4, 4)),
    entry("diagonal", lambda a: ops.diagonal(a, 0, 1, 2), lambda a: np.diagonal(a, 0, 1, 2),
          lambda t, a: a.diagonal(0, 1, 2), (3, 4, 4)),
    entry("windows", lambda a: ops.windows(a, (3,), (1,), strides=2),
          lambda a: np.stack([a[:, 0:3], a[:, 2:5]], 1), lambda t, a: a.unfold(1, 3, 2), (3, 6)),
    entry("assign", lambda a, b: ops.assign(a, np.s_[:, 1:3], b),
          lambda a, b: np.concatenate([a[:, :1], b, a[:, 3:]], 1),
          lambda t, a, b: t.cat([a[:, :1], b, a[:, 3:]], 1), (3, 4), (3, 2)),
    Entry("scatter_add", lambda a: ops.scatter_add(a, (np.arange(3)[:, None], PICK), (3, 3)),
          of((3, 3)), added, lambda t, a: t.zeros(3, 3).double().scatter_add(1, t.tensor(PICK), a)),
    Entry("scatter_add across samples", lambda a: ops.scatter_add(a, PICK, (3,)), of((3, 3)),
          lambda a: np.array([a[k == PICK].sum() for k in range(3)]),
          lambda t, a: t.zeros(9).double().index_add(0, t.tensor(PICK.ravel()), a.ravel())[:3]),
]  # fmt: skip
