"""Why one gradient, or the delta of a layer, is wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastcheck.diagnose.backward.constants import Constant


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one gradient, or the delta of a layer, is wrong.

    Attributes
    ----------
    kind, text : str
        What it is called, and what is said of it, after the names of tensors.
    complexity : float
        How far-fetched it is.
    tensors : tuple of str
        What it is about, the first is its address.
    constant : float or None
        The number found.
    is_shared : bool
        Whether the same in other tensors is the same mistake.
    passes_on : bool
        Whether layers before this one are wrong because of it.
    is_exact : bool
        Whether it explains every entry.
    other : str
        Another tensor that belongs to it.
    """

    kind: str
    text: str
    complexity: float
    tensors: tuple[str, ...]
    constant: float | None = None
    is_shared: bool = False
    passes_on: bool = False
    is_exact: bool = True
    other: str = ""


Reasons = tuple[Reason, ...]
VAGUE = ("wrong-part", "zero-part", "factor-part", "one-entry", "unexplained")
"""What says where a gradient is wrong, not why: too little to speak for another mistake beside."""


def cost_of(reasons: Reasons) -> float:
    """Return how far-fetched reasons are together."""
    return sum(reason.complexity for reason in reasons)


def is_same(one: Reason, other: Reason) -> bool:
    """Return whether two reasons are one mistake in two places."""
    if one.kind != other.kind or (one.constant is None) != (other.constant is None):
        return False
    if one.constant is None or other.constant is None:
        return True
    return abs(one.constant - other.constant) <= 1e-6 * max(abs(one.constant), abs(other.constant))


def is_included(reason: Reason, other: Reason) -> bool:
    """Return whether the regulariser is multiplied by what the delta of the loss is."""
    if reason.kind != "regulariser" or other.kind != "delta-factor":
        return False
    return is_same(replace(reason, kind=other.kind), other)


# ------------------------------------------------------------ regularisers


def regulariser_reason(name: str, k: Constant) -> Reason:
    """Return that the term of the regulariser is k times what it should be."""
    text = {
        0.0: "the term of the regulariser is missing",
        -1.0: "the term of the regulariser has the wrong sign",
    }.get(k.value, f"the term of the regulariser is {k.text} times what it should be")
    return Reason("regulariser", text, 1.0 + 0.5 * k.complexity, (name,), k.value, is_shared=True)


def beside_reason(name: str, other_use: str, k: Constant) -> Reason:
    """Return that what does not come through the layer is k times what it should be.

    Parameters
    ----------
    name : str
        The parameter.
    other_use : str
        What that part is called; empty for a regulariser.
    k : Constant
        The number.
    """
    if not other_use:
        return regulariser_reason(name, k)
    text, kind = f"{other_use} is {k.text} times what it should be", "branch-factor"
    if k.value == 0.0:
        text, kind = f"{other_use} is missing", "branch-missing"
    constant = k.value or None
    return Reason(kind, text, 1.0 + 0.5 * k.complexity, (name,), constant)


def l1_reason(names: tuple[str, ...], size: float) -> Reason:
    """Return that the regulariser has the gradient of absolute values."""
    text = "the gradient of the regulariser is the sign of the weights (L1), not L2"
    return Reason("regulariser-l1", text, 1.6, names, size, is_shared=True)


def decay_reason(name: str, size: float, *, is_known: bool) -> Reason:
    """Return that a regulariser of strength `size` is added, known from other parameters or not."""
    if is_known:
        text = "the regulariser is applied here too, where the loss has none"
        return Reason("regulariser-on-biases", text, 1.5, (name,), size, is_shared=True)
    text = (
        f"{size:.6g} times the parameter is added, a regulariser that the loss has not"
        if size > 0
        else f"{-size:.6g} times the parameter is subtracted, which the loss has not"
    )
    return Reason("weight-decay", text, 2.0, (name,), size, is_shared=True)
