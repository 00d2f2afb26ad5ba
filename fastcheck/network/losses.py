"""The losses of a network: from outputs and targets to one number.

In the formulas i counts the samples of a batch and k the outputs of a sample; y are the targets.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from fastcheck.errors import InputError
from fastcheck.graph import ops
from fastcheck.network.checks import choice, flag, number
from fastcheck.network.layers import Layer, Sigmoid, Softmax

if TYPE_CHECKING:
    from fastcheck.graph.node import Node
    from fastcheck.network.layout import Layout

REDUCTIONS = ("batch", "sum", "mean")


@dataclass(frozen=True)
class Loss(ABC):
    """A loss: entries, and how they are reduced to one number.

    Parameters
    ----------
    reduction : {"batch", "sum", "mean"}
        With the entries l[i, k], one per sample and output: "batch" is their sum over the outputs
        and mean over the batch, ``sum_ik l[i, k] / n_batch``; "sum" is ``sum_ik l[i, k]``; "mean"
        is ``sum_ik l[i, k] / (n_batch n_out)``. The classes of a cross-entropy are outputs too, so
        that its usual mean over the samples is "batch".

    Raises
    ------
    InputError
        If `reduction` is none of these.
    """

    reduction: str = field(default="batch", kw_only=True)

    lowest: ClassVar[float | None] = None
    """The least value that a target may have; None for any."""

    highest: ClassVar[float | None] = None
    """The greatest value that a target may have; None for any."""

    def __post_init__(self) -> None:
        choice("reduction", self.reduction, REDUCTIONS)

    @property
    def weight(self) -> float:
        """What the reduced entries are multiplied by."""
        return 1.0

    def absorbs(self, last: Layer) -> bool:
        """Return whether the loss takes the place of the last layer, with which it is fused."""
        return False

    @abstractmethod
    def check(self, last: Layer, place: int, n_out: int) -> None:
        """Refuse a network whose outputs the loss is not made for.

        Parameters
        ----------
        last : Layer
            The last layer of the network.
        place : int
            Its index.
        n_out : int
            The number of outputs of a sample.

        Raises
        ------
        InputError
            If they do not fit together.
        """

    @abstractmethod
    def entries(self, node: Node, y: Node, layout: Layout, fused: bool) -> Node:
        """Return the losses l[i, k], or their sums over the outputs.

        `fused` says that the last layer was left to the loss.
        """

    def lower(self, node: Node, y: Node, layout: Layout, fused: bool) -> Node:
        """Append the loss of the outputs `node` with the targets `y` and return its node."""
        n_batch = node.shape[layout.batch]
        divisor = {"batch": n_batch, "sum": 1, "mean": node.size}[self.reduction]
        entries = self.entries(node, y, layout, fused)
        if self.weight == 1.0 and divisor == entries.size:
            return ops.mean(entries)
        total = ops.sum(entries)
        factor = self.weight / divisor
        return total if factor == 1.0 else ops.scale(total, factor)


@dataclass(frozen=True)
class _Guarded(Loss):
    """A loss with a logarithm of a probability plus `guard`."""

    guard: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "guard", number("guard", self.guard, low=0.0))


@dataclass(frozen=True)
class SoftmaxCrossEntropy(_Guarded):
    """Cross-entropy from logits z: ``l[i, k] = -y[i, k] log(softmax(z[i])[k] + guard)``.

    Parameters
    ----------
    guard : float
        Added to the probability inside the logarithm, as in ``log(p + 1e-7)``; not negative.
    reduction : {"batch", "sum", "mean"}
        See :class:`Loss`; "batch" is the mean over the samples.

    Raises
    ------
    InputError
        If an argument is out of range.
    """

    lowest = 0.0

    def check(self, last: Layer, place: int, n_out: int) -> None:
        if isinstance(last, Softmax):
            raise InputError(
                f"`loss` must get logits, but layers[{place}] is {last!r} and {self!r} applies a "
                "softmax of its own (a double softmax); remove the layer, or use CrossEntropy()"
            )
        _check_classes(self, n_out)

    def entries(self, node: Node, y: Node, layout: Layout, fused: bool) -> Node:
        return ops.softmax_cross_entropy(node, y, guard=self.guard, axis=layout.features)


@dataclass(frozen=True)
class CrossEntropy(_Guarded):
    """Cross-entropy from probabilities p: ``l[i, k] = -y[i, k] log(p[i, k] + guard)``.

    Parameters
    ----------
    guard : float
        Added to the probability inside the logarithm; not negative.
    reduction : {"batch", "sum", "mean"}
        See :class:`Loss`; "batch" is the mean over the samples.

    Raises
    ------
    InputError
        If an argument is out of range.

    Notes
    -----
    After a :class:`Softmax` layer both are evaluated together, from the logits, because a softmax
    followed by a logarithm loses digits where a probability is small. The probabilities are then
    no node of the graph. After a :class:`Sigmoid` layer the formula is evaluated as it stands.
    """

    lowest = 0.0

    def absorbs(self, last: Layer) -> bool:
        return isinstance(last, Softmax)

    def check(self, last: Layer, place: int, n_out: int) -> None:
        _check_probabilities(self, last, place, "end with Softmax(), or use SoftmaxCrossEntropy()")
        if isinstance(last, Softmax):
            _check_classes(self, n_out)

    def entries(self, node: Node, y: Node, layout: Layout, fused: bool) -> Node:
        if fused:
            return ops.softmax_cross_entropy(node, y, guard=self.guard, axis=layout.features)
        return ops.cross_entropy(node, y, guard=self.guard)


@dataclass(frozen=True)
class BinaryCrossEntropy(_Guarded):
    """Binary cross-entropy from probabilities a.

    ``l[i, k] = -y[i, k] log(a[i, k] + guard) - (1 - y[i, k]) log(1 - a[i, k] + guard)``.

    Parameters
    ----------
    guard : float
        Added to the probabilities inside the logarithms; not negative.
    reduction : {"batch", "sum", "mean"}
        See :class:`Loss`.

    Raises
    ------
    InputError
        If an argument is out of range.
    """

    lowest = 0.0
    highest = 1.0

    def check(self, last: Layer, place: int, n_out: int) -> None:
        remedy = "end with Sigmoid(), or use BinaryCrossEntropyWithLogits()"
        _check_probabilities(self, last, place, remedy)

    def entries(self, node: Node, y: Node, layout: Layout, fused: bool) -> Node:
        return ops.binary_cross_entropy(node, y, guard=self.guard)


@dataclass(frozen=True)
class BinaryCrossEntropyWithLogits(Loss):
    """Binary cross-entropy from logits z: ``l[i, k] = log(1 + exp(z[i, k])) - y[i, k] z[i, k]``.

    Parameters
    ----------
    reduction : {"batch", "sum", "mean"}
        See :class:`Loss`.

    Raises
    ------
    InputError
        If `reduction` is none of these.
    """

    lowest = 0.0
    highest = 1.0

    def check(self, last: Layer, place: int, n_out: int) -> None:
        if isinstance(last, Sigmoid | Softmax):
            raise InputError(
                f"`loss` must get logits, but layers[{place}] is {last!r} and {self!r} applies a "
                "sigmoid of its own; remove the layer, or use BinaryCrossEntropy()"
            )

    def entries(self, node: Node, y: Node, layout: Layout, fused: bool) -> Node:
        return ops.binary_cross_entropy_with_logits(node, y)


@dataclass(frozen=True)
class SquaredError(Loss):
    """Squared error of outputs a: ``l[i, k] = (a[i, k] - y[i, k])**2``, or half of it.

    Parameters
    ----------
    half : bool
        Whether to multiply by 1/2.
    reduction : {"batch", "sum", "mean"}
        See :class:`Loss`; "mean" is the mean squared error.

    Raises
    ------
    InputError
        If `half` is not a bool or `reduction` is unknown.
    """

    half: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "half", flag("half", self.half))

    @property
    def weight(self) -> float:
        return 0.5 if self.half else 1.0

    def check(self, last: Layer, place: int, n_out: int) -> None:
        """Accept all outputs."""

    def entries(self, node: Node, y: Node, layout: Layout, fused: bool) -> Node:
        return ops.square(node - y)


def _check_classes(loss: Loss, n_out: int) -> None:
    if n_out < 2:
        raise InputError(
            f"`loss` must get 2 outputs or more, but {loss!r} gets {n_out}, of which the softmax "
            "is always 1; use a binary cross-entropy"
        )


def _check_probabilities(loss: Loss, last: Layer, place: int, remedy: str) -> None:
    if not isinstance(last, Sigmoid | Softmax):
        raise InputError(
            f"`loss` must get outputs in [0, 1], but layers[{place}] is {last!r} and {loss!r} "
            f"takes probabilities; {remedy}"
        )
