"""Gradients on receipt: matched to parameters by name, copied, and looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.params import check_mapping, did_you_mean, keys_of
from fastcheck.preflight.shapes import about_shape
from fastcheck.result import Finding, TensorResult
from fastcheck.result.wording import count, listing, quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Shape = tuple[int, ...]

MOST_NAMES = 10
OF_DTYPES = {
    "c": "take its real part; if the imaginary part is not zero, look for a root of a negative "
    "number",
    "b": "a mask was returned: multiply it by the upstream gradient",
    "O": "convert it with astype(float); lists of different lengths, or None among numbers, make "
    "such arrays",
}


@dataclass
class Receipt:
    """The gradients that are compared, and what is said about the others.

    Attributes
    ----------
    analytic : dict of str to ndarray
        Copies, by name, in the shapes of the parameters.
    refused : dict of str to str
        Tensors that should have been compared, with the reason why they cannot be.
    findings : list of Finding
        An error for each of those, and warnings and notes.
    extra : list of str
        Keys that belong to no parameter.
    misshapen : dict of str to ndarray
        Copies of those of another shape than their parameter.
    """

    analytic: dict[str, Array] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    misshapen: dict[str, Array] = field(default_factory=dict)

    def refuse(self, kind: str, name: str, reason: str, remedy: str) -> None:
        """Add a tensor that cannot be compared."""
        self.refused[name] = reason
        self.findings.append(Finding(kind, "error", name, f"{name}: {reason}; {remedy}"))

    def results(self, shapes: Mapping[str, Shape]) -> dict[str, TensorResult]:
        """Return an inconclusive result for each tensor that was refused."""
        return {
            name: TensorResult(
                name=name,
                shape=shapes[name],
                verdict="inconclusive",
                reason=reason,
                n_entries=math.prod(shapes[name]),
                n_checked=0,
            )
            for name, reason in self.refused.items()
        }


def receive(
    shapes: Mapping[str, Shape],
    names: Sequence[str],
    grads: Any,
    *,
    fixed: Mapping[str, Any] = MappingProxyType({}),
    others: Callable[[], Mapping[str, Array]] = dict,
    reads: Callable[[str], bool] = bool,
) -> Receipt:
    """Return copies of the gradients of `names`, and what is to be said about them.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Shape of every tensor.
    names : sequence of str
        Those to be checked.
    grads : mapping of str to array_like or None
        The gradient of ``W1`` under ``W1`` or ``dW1``; None for a tensor that is frozen.
    fixed : mapping of str to object
        Parameters of integers, which cannot be perturbed, so that a gradient cannot be compared.
    others : callable
        Returns arrays that the loss reaches, by name, to tell where a wrong shape comes from.
    reads : callable
        Says of one of them whether the loss changes with it.

    Raises
    ------
    InputError
        If `grads` is no mapping.
    """
    check_mapping("grads", grads)
    keys = keys_of(grads, [*shapes, *fixed])
    receipt = Receipt(extra=[str(key) for key in grads if key not in keys.values()])
    _about_missing(receipt, [name for name in names if name not in keys], names, grads)
    frozen = [name for name in names if name in keys and grads[keys[name]] is None]
    receipt.findings += _about_frozen(frozen)
    for name, value in fixed.items():
        if name in keys and _is_trained(grads[keys[name]]):
            receipt.findings.append(_about_integers(name, value))
    for name in names:
        if name in keys and name not in frozen:
            _take(receipt, name, grads[keys[name]], shapes[name], others, reads)
    return receipt


def _take(
    receipt: Receipt,
    name: str,
    value: Any,
    shape: Shape,
    others: Callable[[], Mapping[str, Array]],
    reads: Callable[[str], bool],
) -> None:
    """Copy one gradient, or refuse it."""
    try:
        array = np.array(value, order="C")
    except ValueError as problem:
        receipt.refuse("wrong-shape", name, f"its gradient is not one array ({problem})",
                       "return an array")  # fmt: skip
        return
    if array.dtype.kind not in "fiu":
        remedy = OF_DTYPES.get(array.dtype.kind, "convert it to float64")
        receipt.refuse("wrong-dtype", name, f"its gradient is of dtype {array.dtype}", remedy)
    elif array.shape != shape:
        reason = f"its gradient has shape {array.shape}, the parameter {shape}"
        known = {other: x for other, x in others().items() if other != name}
        receipt.refuse("wrong-shape", name, reason, about_shape(array, shape, known, reads))
        receipt.misshapen[name] = array
    else:
        receipt.analytic[name] = array
        receipt.findings += [*_about_dtype(name, array), *_about_values(name, array)]


# ---------------------------------------------------------------- sentences


def _is_trained(gradient: Any) -> bool:
    """Return whether a gradient is one of a parameter that is moved in training."""
    try:
        array = np.asarray(gradient)
    except ValueError:
        return True
    return array.dtype.kind == "f" and bool(array.any())


def _about_integers(name: str, value: Any) -> Finding:
    message = (
        f"{name}: it has a gradient, but consists of integers ({np.asarray(value).dtype}), which "
        "cannot be moved a little, so that it was not checked; convert it to float64"
    )
    return Finding("integer-parameter", "error", name, message)


def _about_missing(
    receipt: Receipt, missing: list[str], names: Sequence[str], grads: Mapping[Any, Any]
) -> None:
    given = [str(key) for key in grads]
    if missing and len(missing) == len(names):
        message = (
            f"`grads` has a gradient for none of {listing(missing, MOST_NAMES)}, but for "
            f"{listing(given, MOST_NAMES) if given else 'nothing'}{did_you_mean(given, names)}; "
            "use the names of the parameters"
        )
        receipt.refused |= dict.fromkeys(missing, "no gradient of it was given")
        receipt.findings.append(Finding("missing-gradient", "error", None, message))
        return
    for name in missing:
        near = did_you_mean([name], receipt.extra)
        remedy = f"add it to `grads`{near}, or leave the tensor out with skip="
        receipt.refuse("missing-gradient", name, "no gradient of it was given", remedy)


def _about_frozen(names: list[str]) -> list[Finding]:
    return [
        Finding(
            "frozen",
            "note",
            name,
            f"{name}: its gradient is None, so that it counts as frozen and was not checked; if it "
            "is trained, the backward pass did not reach it",
        )
        for name in names
    ]


def _about_dtype(name: str, array: Array) -> list[Finding]:
    if array.dtype.kind == "f" or not array.size:
        return []
    message = (
        f"{name}: its gradient consists of integers ({array.dtype}); it was checked as it is, but "
        "a buffer of integers cuts off what is added to it: make it with dtype=float"
    )
    return [Finding("wrong-dtype", "note", name, message)]


def _about_values(name: str, array: Array) -> list[Finding]:
    if not array.size:
        message = f"{name}: the tensor has no entries ({array.shape}), so there is nothing to check"
        return [Finding("empty", "note", name, message)]
    wrong = np.argwhere(~np.isfinite(array))
    if not wrong.size:
        return []
    place = tuple(int(i) for i in wrong[0])
    message = (
        f"{name}: {quantity(len(wrong), 'entry', 'entries')} of {count(array.size)} of its "
        f"gradient {'is' if len(wrong) == 1 else 'are'} not finite, the first is "
        f"{array[place]} at {list(place)}, although the loss is; look for a division by zero, or "
        "0 times infinity, in the backward pass"
    )
    return [Finding("gradient-not-finite", "warning", name, message)]


def about_zeros(
    analytic: Mapping[str, Array], tensors: Mapping[str, TensorResult]
) -> list[Finding]:
    """Return a warning if all gradients are zero, or for each that is zero and should not be."""
    filled = {name: array for name, array in analytic.items() if array.size}
    zero = [name for name, array in filled.items() if not array.any()]
    if zero and len(zero) == len(filled):
        message = (
            f"the gradient of {listing(zero, MOST_NAMES)} is zero in every entry: perhaps the "
            "backward pass was not run, or its buffers were reset since"
        )
        return [Finding("gradient-all-zero", "warning", None, message)]
    return [
        Finding(
            "gradient-all-zero",
            "warning",
            name,
            f"{name}: its gradient is zero in every entry, although the loss depends on it; the "
            "backward pass does not reach it, or does not store what it finds",
        )
        for name in zero
        if name in tensors and tensors[name].verdict == "fail"
    ]
