"""Gradients that belong to other tensors, and arrays that are no gradients at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.diagnose.choose import Cause
from fastcheck.diagnose.evidence import UNNAMED, UPSTREAM
from fastcheck.diagnose.fit import Fit
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fastcheck.diagnose.evidence import Case, Evidence

MOST_TENSORS = 64
"""Failed tensors up to which each is compared with others of its shape, and those others."""


def said_cause(kind: str, tensors: tuple[Evidence, ...], complexity: float, message: str) -> Cause:
    """Return a cause that has its sentence, and explains all of some tensors or none."""
    fits = tuple(Fit(kind, tensor.name, tensor.digits, complexity, cost=1.0) for tensor in tensors)
    return Cause(kind, "", fits, message=message)


def alike(case: Case, shape: tuple[int, ...], but: Evidence) -> list[Evidence]:
    """Return other tensors of a shape."""
    found = (t for t in case.tensors if t.shape == shape and t is not but)
    return [tensor for tensor, _ in zip(found, range(MOST_TENSORS), strict=False)]


def find_exchanges(case: Case) -> Iterator[Cause]:
    """Yield tensors whose gradients are exactly those of others, in a circle or not."""
    owners: dict[str, Evidence] = {}
    for tensor in case.failed[:MOST_TENSORS]:
        for other in alike(case, tensor.shape, tensor):
            if np.count_nonzero(other.clear | other.known & (other.numerical != 0.0)) and (
                other.explained_by(tensor.analytic)
            ):
                owners[tensor.name] = other
                break
    circles: set[str] = set()
    for name in owners:
        circle = circle_from({n: owner.name for n, owner in owners.items()}, name)
        if circle and not circles.intersection(circle):
            circles.update(circle)
            yield _exchanged(case, circle, owners)
    for name, other in owners.items():
        tensor = case.by_name[name]
        if (
            name not in circles
            and tensor.n_clear
            and np.count_nonzero(other.numerical[other.known]) > 1
        ):
            message = (
                f"{name}: this is the gradient of {other.name}, entry by entry: look for "
                f"{other.name} where {name} is meant"
            )
            yield said_cause("other-tensor", (tensor,), 1.6, message)


def circle_from(owners: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Return the tensors from one to the owner of its gradient and so on, if that leads back."""
    circle = [name]
    while (owner := owners.get(circle[-1])) is not None:
        if owner == name:
            return tuple(circle)
        if owner in circle:
            break
        circle.append(owner)
    return ()


def _exchanged(case: Case, circle: tuple[str, ...], owners: dict[str, Evidence]) -> Cause:
    tensors = tuple(t for t in case.tensors if t.name in circle)
    names = [tensor.name for tensor in tensors]
    message = exchange_text(names, {name: owners[name].name for name in names})
    return said_cause("exchanged", tensors, 1.1, message)


def exchange_text(names: list[str], owners: Mapping[str, str]) -> str:
    """Return the sentence about gradients that went round in a circle."""
    if len(names) == 2:
        text = "each is exactly that of the other"
    else:
        text = listing([f"what was given for {n} is that of {owners[n]}" for n in names], 10)
    return f"the gradients of {listing(names, 10)} are exchanged: {text}"


def find_arrays(case: Case) -> Iterator[Cause]:
    """Yield tensors for which an array was given that the loss reads, in place of a gradient."""
    arrays: dict[str, Any] = {t.name: t.values for t in case.tensors if t.values is not None}
    for tensor in case.failed[:MOST_TENSORS]:
        for name, array in {**case.data, **arrays}.items():
            is_it = np.shape(array) == tensor.shape and np.array_equal(array, tensor.analytic)
            is_told = is_it and tensor.n_clear > 1 and np.ptp(tensor.analytic) > 0.0
            if is_told and (name in arrays or case.reads(name)):
                yield _array_given(tensor, name)
                break


def _array_given(tensor: Evidence, name: str) -> Cause:
    """Return that an array was given for a gradient; `name` is what the loss calls it."""
    if name == UPSTREAM:
        message = (
            f"{tensor.name}: the upstream gradient is passed on unchanged: the derivative of the "
            "layer is missing"
        )
        return said_cause("slope-missing", (tensor,), 1.65, message)
    what = "the parameter itself" if name == tensor.name else f"the array {name}"
    what = "an array that the loss reads" if name in UNNAMED else what
    message = (
        f"{tensor.name}: what was given is {what}, bit for bit: return the gradient, or multiply "
        "by the derivative that is missing"
    )
    return said_cause("other-tensor", (tensor,), 1.65, message)
