"""Mistakes in the whole gradient, and in the regulariser."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.faulty.catalogue import FAULTS, Planted, expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.faulty.network import Net
    from benchmarks.faulty.passes import Arrays, Changes, Floats


def all_of(change: Callable[[Floats], Any]) -> Changes:
    """Return what changes every gradient."""
    return {("gradient", 0): lambda grads, _: {n: change(g) for n, g in grads.items()}}


def every(net: Net) -> tuple[str | None, ...]:
    """Return the address of something that concerns all tensors."""
    return (None, *net.params) if len(net.params) == 1 else (None,)


@FAULTS.add("all doubled by two backward passes", "whole")
def _(net: Net, k: int) -> Planted:
    return Planted(all_of(lambda g: 2 * g), expect("factor accumulated", [None], 2.0))


@FAULTS.add("all halved", "whole")
def _(net: Net, k: int) -> Planted:
    return Planted(all_of(lambda g: g / 2), expect("factor", [None], 0.5))


@FAULTS.add("all negated", "whole")
def _(net: Net, k: int) -> Planted:
    return Planted(all_of(lambda g: -g), expect("sign", [None], -1.0))


@FAULTS.add("all times the learning rate", "whole")
def _(net: Net, k: int) -> Planted:
    return Planted(all_of(lambda g: 0.01 * g), expect("factor", [None], 0.01))


@FAULTS.add("all over the batch once more", "whole")
def _(net: Net, k: int) -> Planted:
    m = net.setting.n_batch
    return Planted(all_of(lambda g: g / m), expect("mean-for-sum", [None], 1 / m))


@FAULTS.add("all times the batch", "whole")
def _(net: Net, k: int) -> Planted:
    m = net.setting.n_batch
    return Planted(all_of(lambda g: g * m), expect("sum-for-mean", [None], m))


@FAULTS.add("all without sign", "whole")
def _(net: Net, k: int) -> Planted:
    return Planted(all_of(np.abs), expect("without-sign", [None]))


def below(value: float) -> float:
    """Return the largest number of one digit below `value`."""
    unit = 10.0 ** np.floor(np.log10(value))
    digit = np.ceil(value / unit) - 1.0
    return float(f"{digit * unit if digit else 0.9 * unit:.1g}")


@FAULTS.add("all clipped by value", "whole")
def _(net: Net, k: int) -> Planted:
    def clipped(grads: Arrays, _: Any) -> Arrays:
        limit = limit_of(grads)
        return {n: g.clip(-limit, limit) for n, g in grads.items()}

    limit = limit_of(right(net))
    return Planted({("gradient", 0): clipped}, expect("clipped", [None], limit))


def limit_of(grads: Arrays) -> float:
    """Return a limit that at least three entries are above."""
    sizes = np.sort(np.abs(np.concatenate([g.ravel() for g in grads.values()])))
    return below(float(sizes[-max(4, sizes.size // 8)]))


def right(net: Net) -> Arrays:
    """Return the right gradient."""
    from benchmarks.faulty.passes import right_gradient

    return right_gradient(net)


@FAULTS.add("all clipped by norm", "whole")
def _(net: Net, k: int) -> Planted:
    def clipped(grads: Arrays, _: Any) -> Arrays:
        norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
        return {n: g * (below(norm) / norm) for n, g in grads.items()}

    return Planted({("gradient", 0): clipped}, expect("clipped-norm", [None]))


@FAULTS.add("all rounded to float32", "whole")
def _(net: Net, k: int) -> Planted:
    changes = all_of(lambda g: g.astype(np.float32).astype(np.float64))
    return Planted(changes, expect("precision", [None]))


@FAULTS.add("all rounded to float16", "whole")
def _(net: Net, k: int) -> Planted:
    changes = all_of(lambda g: g.astype(np.float16).astype(np.float64))
    return Planted(changes, expect("precision", [None]))


@FAULTS.add("all computed in float32", "whole")
def _(net: Net, k: int) -> Planted:
    found = right(net.single())
    assert all(g.dtype == np.float32 for g in found.values())
    changes: Changes = {
        ("gradient", 0): lambda grads, at: {n: g.astype(np.float64) for n, g in found.items()}
    }
    return Planted(changes, expect("precision", [None]))


def exchanged(letter: str) -> Callable[[Net, int], Planted | None]:
    """Return what exchanges the gradients of two layers of one shape."""

    def plant(net: Net, k: int) -> Planted | None:
        one = f"{letter}{k}"
        other = alike(net, one)
        if other is None:
            return None

        def change(grads: Arrays, _: Any) -> Arrays:
            return grads | {one: grads[other], other: grads[one]}

        return Planted({("gradient", 0): change}, expect("exchanged", [None]))

    return plant


def alike(net: Net, name: str) -> str | None:
    """Return the next tensor of the shape and the letter of another, None if there is none."""
    shape = net.params[name].shape
    found = [n for n, a in net.params.items() if a.shape == shape and n != name and n[0] == name[0]]
    return min(found, key=lambda n: (n < name, n), default=None)


FAULTS.add("weights of two layers exchanged", "tensor")(exchanged("W"))
FAULTS.add("biases of two layers exchanged", "tensor")(exchanged("b"))


@FAULTS.add("weight of another layer handed back", "tensor")
def _(net: Net, k: int) -> Planted | None:
    name = f"W{k}"
    other = alike(net, name)
    if other is None:
        return None
    changes: Changes = {("gradient", 0): lambda grads, _: grads | {name: grads[other]}}
    return Planted(changes, expect("other-tensor", [name]))


# ------------------------------------------------------------ the regulariser


def weights(net: Net) -> list[int]:
    """Return the layers that have weights."""
    return [*range(1, net.n_layers + 1)]


def regularised(net: Net, multiple: float | None) -> Planted | None:
    """Return a penalty that is multiplied in all layers."""
    if not net.setting.l2 or multiple is None or multiple == 1.0:
        return None
    changes: Changes = {("penalty", j): lambda p, _: multiple * p for j in weights(net)}
    return Planted(changes, expect("regulariser", [None], multiple))


FAULTS.add("regulariser missing", "whole")(lambda net, k: regularised(net, 0.0))
FAULTS.add("regulariser doubled", "whole")(lambda net, k: regularised(net, 2.0))
FAULTS.add("regulariser halved", "whole")(lambda net, k: regularised(net, 0.5))
FAULTS.add("regulariser subtracted", "whole")(lambda net, k: regularised(net, -1.0))
FAULTS.add("regulariser over the batch", "whole")(
    lambda net, k: None if net.setting.is_divided else regularised(net, 1 / net.setting.n_batch)
)
FAULTS.add("regulariser not over the batch", "whole")(
    lambda net, k: regularised(net, net.setting.n_batch) if net.setting.is_divided else None
)
FAULTS.add("regulariser without its strength", "whole")(
    lambda net, k: regularised(net, 1 / net.setting.penalty) if net.setting.l2 else None
)


@FAULTS.add("regulariser missing in one layer", "tensor")
def _(net: Net, k: int) -> Planted | None:
    if not net.setting.l2:
        return None
    return Planted({("penalty", k): lambda p, _: 0 * p}, expect("regulariser", [f"W{k}"], 0.0))


@FAULTS.add("regulariser doubled in one layer", "tensor")
def _(net: Net, k: int) -> Planted | None:
    if not net.setting.l2:
        return None
    return Planted({("penalty", k): lambda p, _: 2 * p}, expect("regulariser", [f"W{k}"], 2.0))


def on_biases(net: Net) -> Changes:
    """Return a penalty on all biases."""
    return {
        ("offset", j): lambda p, at, j=j: net.setting.penalty * net.params[f"b{j}"]
        for j in weights(net)
    }


@FAULTS.add("regulariser on biases too", "whole")
def _(net: Net, k: int) -> Planted | None:
    if not net.setting.l2:
        return None
    return Planted(on_biases(net), expect("regulariser-on-biases", [None]))


@FAULTS.add("regulariser on biases only", "whole")
def _(net: Net, k: int) -> Planted | None:
    if not net.setting.l2:
        return None
    missing: Changes = {("penalty", j): lambda p, _: 0 * p for j in weights(net)}
    halves = (*expect("regulariser-on-biases", [None]), *expect("regulariser", [None], 0.0))
    return Planted(on_biases(net) | missing, tuple(replace(e, is_part=True) for e in halves))


@FAULTS.add("regulariser of L1", "whole")
def _(net: Net, k: int) -> Planted | None:
    if not net.setting.l2:
        return None
    changes: Changes = {
        ("penalty", j): lambda p, at, j=j: net.setting.penalty * np.sign(net.params[f"W{j}"])
        for j in weights(net)
    }
    return Planted(changes, expect("regulariser-l1", [None]))


@FAULTS.add("weight decay that the loss has not", "whole")
def _(net: Net, k: int) -> Planted | None:
    if net.setting.l2:
        return None
    changes: Changes = {
        ("penalty", j): lambda p, at, j=j: 0.02 * net.params[f"W{j}"] for j in weights(net)
    }
    return Planted(changes, expect("weight-decay", [None], 0.02))


@FAULTS.add("L1 decay that the loss has not", "whole")
def _(net: Net, k: int) -> Planted | None:
    if net.setting.l2:
        return None
    changes: Changes = {
        ("penalty", j): lambda p, at, j=j: 0.02 * np.sign(net.params[f"W{j}"]) for j in weights(net)
    }
    return Planted(changes, expect("l1-decay", [None], 0.02))
