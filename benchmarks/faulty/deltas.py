"""Mistakes in a delta: what arrives at a layer from the loss or from the layer above."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.faulty.activations import SLOPES, softmax
from benchmarks.faulty.catalogue import FAULTS, Planted, both, expect
from benchmarks.faulty.passes import only, output_cotangent

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.faulty.network import Net
    from benchmarks.faulty.passes import Change, Floats

STALE = 0.1
"""The learning rate of an update that comes too early."""


def at_loss(kinds: str, change: Change, net: Net, k: int, *constants: float) -> Planted:
    """Return a mistake in the delta of the last layer."""
    return Planted({("delta", k): change}, expect(kinds, both(k), *constants))


# ------------------------------------------------------------ constants


def scaled(net: Net, k: int, c: float) -> Planted | None:
    """Return a delta that is `c` times the right one."""
    if abs(c - 1.0) < 1e-9:
        return None
    m, n_out = net.setting.n_batch, net.setting.widths[-1]
    words = {1 / n_out: "mean-for-sum factor", m: "sum-for-mean", 1 / m: "mean-for-sum"}
    word = (words | {2.0: "factor", 0.5: "factor", -1.0: "sign"}).get(c, "factor")
    found = expect(f"delta-factor {word}", both(k), c)
    if k == net.n_layers:  # then the gradient of the data is c times the right one everywhere
        found += expect(f"delta-factor {word}", [None], c)
    return Planted({("delta", k): lambda d, _: c * d}, found)


FAULTS.add("sum over the batch, not its mean", "loss")(
    lambda net, k: scaled(net, k, net.setting.n_batch)
)
FAULTS.add("mean over the batch twice", "loss")(
    lambda net, k: scaled(net, k, 1 / net.setting.n_batch)
)
FAULTS.add("loss doubled", "loss")(lambda net, k: scaled(net, k, 2.0))
FAULTS.add("loss halved", "loss")(lambda net, k: scaled(net, k, 0.5))
FAULTS.add("mean over one sample too few", "loss")(
    lambda net, k: scaled(net, k, net.setting.n_batch / (net.setting.n_batch - 1))
)
FAULTS.add("labels minus outputs", "loss")(lambda net, k: scaled(net, k, -1.0))
FAULTS.add("mean over the outputs too", "loss")(
    lambda net, k: scaled(net, k, 1 / net.setting.widths[-1])
)
FAULTS.add("delta over the batch", "delta")(lambda net, k: scaled(net, k, 1 / net.setting.n_batch))
FAULTS.add("delta times the batch", "delta")(lambda net, k: scaled(net, k, net.setting.n_batch))
FAULTS.add("delta negated", "delta")(lambda net, k: scaled(net, k, -1.0))
FAULTS.add("delta doubled", "delta")(lambda net, k: scaled(net, k, 2.0))


# ------------------------------------------------------------ labels and the loss


def fused(net: Net, y: Floats) -> Floats:
    """Return the delta of the loss for other labels, as its author computes it."""
    head, f, m = net.setting.head, net.forward, net.setting.n_batch
    if head.kind == "cross-entropy":
        p = f["out"]
        q = (y * p / (p + head.guard)).sum(axis=1, keepdims=True)
        return (p - y) * q / m
    other = _Relabelled(net, y)
    return output_cotangent(other) * SLOPES[head.output](f[f"z{net.n_layers}"])  # type: ignore[arg-type]


class _Relabelled:
    """A network with other labels, as far as its loss goes."""

    def __init__(self, net: Net, y: Floats) -> None:
        self.setting, self.forward, self.y = net.setting, net.forward, y


def labelled(kind: str, move: Callable[[Floats], Floats], *constants: float) -> Any:
    """Return a mistake in the labels."""

    def plant(net: Net, k: int) -> Planted | None:
        y = move(net.y)
        if np.array_equal(y, net.y):
            return None
        return at_loss(kind, lambda d, _: fused(net, y), net, k, *constants)

    return plant


FAULTS.add("labels one class further", "loss")(
    labelled("labels-shifted", lambda y: np.roll(y, 1, axis=1), 1.0)
)
FAULTS.add("labels one class back", "loss")(
    labelled("labels-shifted", lambda y: np.roll(y, -1, axis=1), -1.0)
)
FAULTS.add("labels of the next sample", "loss")(
    labelled("labels-reordered", lambda y: np.roll(y, -1, axis=0))
)
FAULTS.add("labels of the previous sample", "loss")(
    labelled("labels-reordered", lambda y: np.roll(y, 1, axis=0))
)


@FAULTS.add("labels not subtracted", "loss")
def _(net: Net, k: int) -> Planted | None:
    head, m = net.setting.head, net.setting.n_batch
    if head.kind == "cross-entropy":
        if head.guard:  # nobody's code: its factor is that of the label
            return None
        return at_loss("labels-ignored", lambda d, _: net.forward["out"] / m, net, k)
    return at_loss("labels-ignored", lambda d, _: fused(net, 0 * net.y), net, k)


@FAULTS.add("slope of the output twice", "loss")
def _(net: Net, k: int) -> Planted | None:
    head, f = net.setting.head, net.forward
    if head.output == "linear":
        return None
    if head.output == "softmax":
        p = f["out"]
        return at_loss(
            "double-derivative", lambda d, _: p * (d - (d * p).sum(axis=1, keepdims=True)), net, k
        )
    slope = SLOPES[head.output](f[f"z{k}"])
    return at_loss("double-derivative slope-squared", lambda d, _: d * slope, net, k)


@FAULTS.add("p (1 - p) after p - y", "loss")
def _(net: Net, k: int) -> Planted | None:
    p = net.forward["out"]
    if net.setting.head.output != "softmax":
        return None
    return at_loss("double-derivative diagonal-softmax", lambda d, _: d * p * (1 - p), net, k)


@FAULTS.add("softmax Jacobian without what is off its diagonal", "loss")
def _(net: Net, k: int) -> Planted | None:
    p = net.forward["out"]
    if net.setting.head.output != "softmax":
        return None
    u = output_cotangent(net)
    return at_loss("diagonal-softmax", lambda d, _: u * p * (1 - p), net, k)


@FAULTS.add("slope of the output missing", "loss")
def _(net: Net, k: int) -> Planted | None:
    if net.setting.head.output == "linear":
        return None
    u = output_cotangent(net)
    return at_loss("slope-missing", lambda d, _: u, net, k)


@FAULTS.add("softmax twice", "loss")
def _(net: Net, k: int) -> Planted | None:
    if net.setting.head.kind != "cross-entropy" or net.setting.head.guard:
        return None
    p, m = softmax(net.forward["out"]), net.setting.n_batch
    return at_loss("double-softmax", lambda d, _: (p - net.y) / m, net, k)


@FAULTS.add("guard ignored", "loss")
def _(net: Net, k: int) -> Planted | None:
    head = net.setting.head
    if not head.guard:
        return None
    plain = (net.forward["out"] - net.y) / net.setting.n_batch
    return at_loss("guard-ignored", lambda d, _: plain, net, k, head.guard)


# ------------------------------------------------------------ samples


def sampled(kind: str, which: Callable[[int], int]) -> Any:
    """Return a loss of which some samples are left out on the way back."""

    def plant(net: Net, k: int) -> Planted | None:
        m = net.setting.n_batch
        if m < 3:  # then one that is dropped leaves one
            return None
        one = only(net, which(m))
        keep = one if kind == "only-sample" else 1 - one
        return at_loss(kind, lambda d, _: d * keep, net, k, which(m))

    return plant


FAULTS.add("first sample only", "loss")(sampled("only-sample", lambda m: 0))
FAULTS.add("last sample only", "loss")(sampled("only-sample", lambda m: m - 1))
FAULTS.add("first sample dropped", "loss")(sampled("sample-dropped", lambda m: 0))
FAULTS.add("last sample dropped", "loss")(sampled("sample-dropped", lambda m: m - 1))


# ------------------------------------------------------------ weights on the way back


def through(
    kinds: str, weights: Callable[[Net, int], Floats | None], *, decides: bool = False
) -> Any:
    """Return a delta that came through other weights than those above it."""

    def plant(net: Net, k: int) -> Planted | None:
        W = weights(net, k)
        if W is None or (decides and not is_decided(net, k)):
            return None
        return Planted({("back", k + 1): lambda _, at: W}, expect(kinds, both(k)))

    return plant


def is_decided(net: Net, k: int) -> bool:
    """Return whether the gradients of layer `k` can tell other weights above it from anything else.

    For each unit they give at most n_in + 1 equations, and no more than there are samples; each
    weight that may be another is an unknown.
    """
    n_in, _, above = net.setting.widths[k - 1 : k + 2]
    return min(net.setting.n_batch, n_in + 1) > above


def _turned(net: Net, k: int) -> Floats | None:
    W = net.params[f"W{k + 1}"]
    return W.T if W.shape[0] == W.shape[1] and W.size > 1 else None


def _older(net: Net, k: int) -> Floats:
    W = net.params[f"W{k + 1}"]
    return W + 0.05 * np.random.default_rng(k).standard_normal(W.shape)


def _other(net: Net, k: int) -> Floats | None:
    from benchmarks.faulty.whole import alike

    other = alike(net, f"W{k + 1}")
    return None if other is None else net.params[other]


FAULTS.add("weights not transposed", "delta")(through("not-transposed", _turned))


@FAULTS.add("weights updated too early", "delta")
def _(net: Net, k: int) -> Planted:
    above = f"W{k + 1}"  # one unknown: the learning rate
    return Planted(
        {("back", k + 1): lambda W, at: W - STALE * at.grads[above]},
        expect("stale-weights other-weights", both(k)),
    )


FAULTS.add("weights of an older step", "delta")(
    through("stale-weights other-weights", _older, decides=True)
)
FAULTS.add("weights of another layer", "delta")(through("other-weights", _other))
