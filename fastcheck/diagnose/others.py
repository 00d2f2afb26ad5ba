"""Gradients that belong to other tensors: exchanged, copied, shared among several names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.diagnose.choose import Cause
from fastcheck.diagnose.fit import Fit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastcheck.diagnose.evidence import Case, Evidence

    Floats = NDArray[np.float64]

MOST_TENSORS = 64
"""Failed tensors of one shape up to which each is compared with each."""


def _cause(kind: str, names: tuple[str, ...], n: int, complexity: float, message: str) -> Cause:
    fits = tuple(Fit(kind, name, n if k == 0 else 0, complexity) for k, name in enumerate(names))
    return Cause(kind, "", fits, message=message)


def find_relations(case: Case) -> Iterator[Cause]:
    """Yield what explains tensors by other tensors."""
    shapes: dict[tuple[int, ...], list[Evidence]] = {}
    for tensor in case.tensors:
        shapes.setdefault(tensor.shape, []).append(tensor)
    failed = case.failed[:MOST_TENSORS]
    for tensor in failed:
        alike = [t for t in shapes[tensor.shape] if t is not tensor][:MOST_TENSORS]
        yield from _of_another(tensor, alike)
        turned = [t for t in shapes.get(tensor.shape[::-1], []) if t is not tensor][:MOST_TENSORS]
        yield from _not_summed(tensor, alike, turned if tensor.analytic.ndim == 2 else [])
        yield from _elementwise(tensor, case)


def _of_another(tensor: Evidence, alike: list[Evidence]) -> Iterator[Cause]:
    for other in alike:
        if not other.explained_by(tensor.analytic):
            continue
        n = int(np.count_nonzero(tensor.clear & other.known))
        if other.failed and tensor.explained_by(other.analytic):
            if tensor.informs(other.analytic):
                n += int(np.count_nonzero(other.clear & tensor.known))
                names = tuple(sorted((tensor.name, other.name)))
                message = (
                    f"the gradients of {names[0]} and {names[1]} are exchanged: each is exactly "
                    "that of the other"
                )
                yield _cause("exchanged", names, n, 1.1, message)
        elif np.count_nonzero(other.numerical[other.known]) > 1:
            message = (
                f"{tensor.name}: this is the gradient of {other.name}, entry by entry: look for "
                f"{other.name} where {tensor.name} is meant"
            )
            yield _cause("other-tensor", (tensor.name,), n, 1.6, message)


def _not_summed(tensor: Evidence, alike: list[Evidence], turned: list[Evidence]) -> Iterator[Cause]:
    """Yield sums of the gradients under several names that are right."""
    parts = [([t.name], t.analytic) for t in alike]
    parts += [([f"{t.name}.T"], t.analytic.T) for t in turned]
    if len(alike) > 1:
        parts.append(([t.name for t in alike], sum(t.analytic for t in alike)))  # type: ignore[arg-type]
    for names, part in parts:
        if part.any() and tensor.explained_by(tensor.analytic + part):
            message = (
                f"{tensor.name}: the numerical gradient is the sum of the gradients given for "
                f"{tensor.name} and {', '.join(names)}: {tensor.name} is used in several places, "
                "whose parts are to be added up"
            )
            n = tensor.informs(tensor.analytic + part)
            yield _cause("not-summed", (tensor.name,), n, 1.5, message)
            return


def _elementwise(tensor: Evidence, case: Case) -> Iterator[Cause]:
    """Yield the gradient of ``sum(W * x)`` where the loss is ``sum(W @ x)``."""
    if tensor.analytic.ndim not in (1, 2):
        return
    arrays: dict[str, Any] = {t.name: t.values for t in case.tensors if t is not tensor}
    for name, array in {**case.data, **arrays}.items():
        if array is None or np.shape(array) != tensor.shape or array.dtype.kind not in "fiu":
            continue
        if not np.array_equal(array, tensor.analytic):
            continue
        for kind, right in _products(np.asarray(array, np.float64), tensor.shape):
            if tensor.explained_by(right):
                message = (
                    f"{tensor.name}: this is {name} itself, the gradient of "
                    f"sum({name} * {tensor.name}); the loss has the matrix product "
                    f"{kind.format(W=name, x=tensor.name)}, of which the gradient is a sum over "
                    f"{name}"
                )
                yield _cause("elementwise", (tensor.name,), tensor.informs(right), 1.6, message)
                return


def _products(array: Floats, shape: tuple[int, ...]) -> Iterator[tuple[str, Floats]]:
    if array.ndim == 2:
        yield (
            "{W} @ {x}",
            np.broadcast_to(array.sum(axis=0)[:, None], shape).copy()
            if (array.shape[1] == shape[0])
            else np.full(shape, np.nan),
        )
        yield (
            "{x} @ {W}",
            np.broadcast_to(array.sum(axis=1)[None, :], shape).copy()
            if (array.shape[0] == shape[1])
            else np.full(shape, np.nan),
        )
