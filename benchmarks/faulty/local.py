"""Mistakes in the gradient of one tensor, or of one layer, that nothing below inherits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.faulty.activations import SLOPES
from benchmarks.faulty.catalogue import FAULTS, Planted, both, expect
from benchmarks.faulty.passes import only
from benchmarks.faulty.whole import below

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.faulty.network import Net
    from benchmarks.faulty.passes import Changes, Floats

    Constant = Callable[[Net], float]


def put(
    name: str, letter: str, kinds: str, change: Callable[[Floats], Any], **options: Any
) -> None:
    """Add a mistake that needs nothing but the gradient itself.

    Parameters
    ----------
    name : str
        The fault.
    letter : {"W", "b"}
        Whose gradient, before the penalty is added.
    kinds : str
        Words for it.
    change : callable
        From the right to the wrong gradient.
    options
        ``constant``, a number or a function of the network; ``fits``, a condition on the gradient.
    """
    constant, fits = options.get("constant"), options.get("fits")

    def plant(net: Net, k: int) -> Planted | None:
        tensor = f"{letter}{k}"
        if fits is not None and not fits(net.params[tensor]):
            return None
        c = constant(net) if callable(constant) else constant
        step = "weight" if letter == "W" else "bias"
        return Planted({(step, k): lambda g, _: change(g)}, expect(kinds, [tensor], c))

    FAULTS.add(name, "tensor")(plant)


def with_m(name: str, letter: str, kinds: str, power: int) -> None:
    """Add a factor of the number of samples."""

    def plant(net: Net, k: int) -> Planted:
        c = float(net.setting.n_batch) ** power
        step = "weight" if letter == "W" else "bias"
        return Planted({(step, k): lambda g, _: c * g}, expect(kinds, [f"{letter}{k}"], c))

    FAULTS.add(name, "tensor")(plant)


def zeroed(*index: Any) -> Callable[[Floats], Floats]:
    """Return what sets a part to zero."""

    def change(g: Floats) -> Floats:
        g = g.copy()
        g[index] = 0.0
        return g

    return change


def times(factor: float, *index: Any) -> Callable[[Floats], Floats]:
    """Return what multiplies a part."""

    def change(g: Floats) -> Floats:
        g = g.copy()
        g[index] *= factor
        return g

    return change


def shuffled(n: int) -> Any:
    """Return an order of `n` rows."""
    return np.random.default_rng(3).permutation(n)


def is_square(W: Floats) -> bool:
    """Return whether a weight has as many rows as columns."""
    return W.shape[0] == W.shape[1] > 1


def is_long(b: Floats) -> bool:
    """Return whether a bias has three entries or more."""
    return b.shape[-1] > 2


def is_large(W: Floats) -> bool:
    """Return whether a weight has more rows and columns than the parts that are spoilt."""
    return min(W.shape) > 2


# ------------------------------------------------------------ weights

with_m("weight over the batch", "W", "mean-for-sum", -1)
with_m("weight times the batch", "W", "sum-for-mean", 1)
put("weight negated", "W", "sign", lambda g: -g, constant=-1.0)
put("weight doubled", "W", "factor accumulated", lambda g: 2 * g, constant=2.0)
put("weight transposed", "W", "transposed", lambda g: g.T, fits=is_square)
put("weight reshaped for transposed", "W", "memory-order", lambda g: g.T.reshape(g.shape),
    fits=is_large)  # fmt: skip
put("weight with its rows rolled", "W", "rolled", lambda g: np.roll(g, 1, 0), fits=is_large)
put("weight with its columns rolled", "W", "rolled", lambda g: np.roll(g, 1, 1), fits=is_large)
put("weight with its rows rolled back", "W", "rolled", lambda g: np.roll(g, -1, 0), fits=is_large)
put("weight with its rows reversed", "W", "reversed", lambda g: g[::-1], fits=is_large)
put("weight with its columns reversed", "W", "reversed", lambda g: g[:, ::-1], fits=is_large)
put("weight with its rows in another order", "W", "reordered",
    lambda g: g[shuffled(len(g))], fits=lambda W: len(W) > 4)  # fmt: skip
put("weight forgotten", "W", "zero", lambda g: 0 * g)
put("last row of a weight zero", "W", "zero-part", zeroed(-1), fits=is_large)
put("last column of a weight zero", "W", "zero-part", zeroed(slice(None), -1), fits=is_large)
put("block of a weight zero", "W", "zero-part", zeroed(slice(1, 3), slice(0, 2)), fits=is_large)
put("row of a weight doubled", "W", "factor-part", times(2.0, 1), fits=is_large, constant=2.0)
put("entry of a weight off", "W", "one-entry", times(1.5, 2, 1), fits=is_large)
put("entry of a weight slightly off", "W", "one-entry", times(1.001, 0, -1), fits=is_large)
put("entry of a weight off by a millionth", "W", "one-entry", times(1 + 1e-6, 1, 0), fits=is_large)
put("entry of a weight zero", "W", "one-entry zero-part", times(0.0, 1, 1), fits=is_large)
put("first two rows of a weight exchanged", "W", "wrong-part reordered",
    lambda g: g[[1, 0, *range(2, len(g))]], fits=is_large)  # fmt: skip


@FAULTS.add("weight clipped", "tensor")
def _(net: Net, k: int) -> Planted:
    W = f"W{k}"
    from benchmarks.faulty.passes import right_gradient

    sizes = np.sort(np.abs(right_gradient(net)[W]), axis=None)
    limit = below(float(sizes[-min(max(4, sizes.size // 8), sizes.size)]))
    changes: Changes = {("gradient", 0): lambda gs, _: gs | {W: gs[W].clip(-limit, limit)}}
    return Planted(changes, expect("clipped", [W], limit))


def outer(name: str, kind: str, which: Callable[[int], int]) -> None:
    """Add outer products in which samples are left out."""

    def plant(net: Net, k: int) -> Planted | None:
        m = net.setting.n_batch
        if m < 3:
            return None
        one = only(net, which(m))
        keep = one if kind == "only-sample" else 1 - one
        changes: Changes = {("weight", k): lambda g, at: at.x.T @ (keep * at.d)}
        return Planted(changes, expect(kind, [f"W{k}"], which(m)))

    FAULTS.add(name, "tensor")(plant)


outer("weight of the last sample only", "only-sample", lambda m: m - 1)
outer("weight of the first sample only", "only-sample", lambda m: 0)
outer("weight without the last sample", "sample-dropped", lambda m: m - 1)
outer("weight without the first sample", "sample-dropped", lambda m: 0)


@FAULTS.add("input before the activation", "tensor")
def _(net: Net, k: int) -> Planted | None:
    if k == 1:
        return None
    changes: Changes = {("input", k): lambda x, at: at.f[f"z{k - 1}"]}
    return Planted(changes, expect("input-before-activation", [f"W{k}"]))


@FAULTS.add("input of another layer", "tensor")
def _(net: Net, k: int) -> Planted | None:
    x = net.forward[f"x{k}"]
    others = [
        j for j in range(1, net.n_layers + 1) if j != k and net.forward[f"x{j}"].shape == x.shape
    ]
    if not others:
        return None
    changes: Changes = {("input", k): lambda x, at: at.f[f"x{others[0]}"]}
    return Planted(changes, expect("input-elsewhere", [f"W{k}"]))


@FAULTS.add("output of the layer for its input", "tensor")
def _(net: Net, k: int) -> Planted | None:
    x = net.forward[f"x{k}"]
    if k == net.n_layers or net.forward[f"a{k}"].shape != x.shape:
        return None
    changes: Changes = {("input", k): lambda x, at: at.f[f"a{k}"]}
    return Planted(changes, expect("input-elsewhere input-before-dropout", [f"W{k}"]))


@FAULTS.add("input before the dropout", "whole")
def _(net: Net, k: int) -> Planted | None:
    if net.mask is None:
        return None
    return Planted({("input", 2): lambda x, at: at.f["a1"]}, expect("input-before-dropout", ["W2"]))


# ------------------------------------------------------------ biases

with_m("bias is a mean", "b", "mean-for-sum", -1)
with_m("bias times the batch", "b", "sum-for-mean", 1)
put("bias negated", "b", "sign", lambda g: -g, constant=-1.0, fits=lambda b: b.size > 1)
put("bias doubled", "b", "factor accumulated", lambda g: 2 * g, constant=2.0,
    fits=lambda b: b.size > 1)  # fmt: skip
put("bias forgotten", "b", "zero", lambda g: 0 * g, fits=lambda b: b.size > 1)
put("bias rolled", "b", "rolled", lambda g: np.roll(g, 1), fits=is_long)
put("bias rolled back", "b", "rolled", lambda g: np.roll(g, -1), fits=is_long)
put("bias reversed", "b", "reversed", lambda g: g[::-1], fits=is_long)
put("bias summed over all", "b", "summed-over-all", lambda g: g.sum() + 0 * g,
    fits=lambda b: b.size > 1)  # fmt: skip
put("entry of a bias off", "b", "one-entry", times(1.01, 1), fits=is_long)


def of_samples(name: str, kind: str, which: Callable[[int], int]) -> None:
    """Add bias sums in which samples are left out."""

    def plant(net: Net, k: int) -> Planted | None:
        m = net.setting.n_batch
        if m < 3:
            return None
        one = only(net, which(m))
        keep = one if kind == "only-sample" else 1 - one
        changes: Changes = {("bias", k): lambda g, at: (keep * at.d).sum(axis=0)}
        return Planted(changes, expect(kind, [f"b{k}"], which(m)))

    FAULTS.add(name, "tensor")(plant)


of_samples("bias of the last sample only", "only-sample", lambda m: m - 1)
of_samples("bias of the first sample only", "only-sample", lambda m: 0)
of_samples("bias without the last sample", "sample-dropped", lambda m: m - 1)


@FAULTS.add("bias summed over the units", "tensor")
def _(net: Net, k: int) -> Planted | None:
    if net.setting.n_batch != net.setting.widths[k] or net.setting.n_batch < 2:
        return None
    changes: Changes = {("bias", k): lambda g, at: at.d.sum(axis=1)}
    return Planted(changes, expect("summed-over-units", [f"b{k}"]))


@FAULTS.add("bias with the slope once more", "tensor")
def _(net: Net, k: int) -> Planted | None:
    if k == net.n_layers:
        return None
    slope = SLOPES[net.setting.activation](net.forward[f"z{k}"])
    changes: Changes = {("bias", k): lambda g, at: (at.d * slope).sum(axis=0)}
    return Planted(changes, expect("slope-twice", [f"b{k}"]))


# ------------------------------------------------------------ both of a layer


def layered(name: str, kinds: str, factor: Callable[[int], float]) -> None:
    """Add a factor in both tensors of a layer, not in the delta below."""

    def plant(net: Net, k: int) -> Planted:
        c = factor(net.setting.n_batch)
        changes: Changes = {
            ("weight", k): lambda g, _: c * g,
            ("bias", k): lambda g, _: c * g,
        }
        return Planted(changes, expect(kinds, (None, *both(k)), c))

    FAULTS.add(name, "tensor")(plant)


layered("layer over the batch", "mean-for-sum", lambda m: 1 / m)
layered("layer times the batch", "sum-for-mean", lambda m: float(m))
layered("layer negated", "sign", lambda m: -1.0)


@FAULTS.add("layer forgotten", "tensor")
def _(net: Net, k: int) -> Planted:
    changes: Changes = {("weight", k): lambda g, _: 0 * g, ("bias", k): lambda g, _: 0 * g}
    return Planted(changes, expect("zero", (None, *both(k))))
