"""The elementwise product taken for a matrix product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.diagnose.evidence import ROUNDING
from fastcheck.diagnose.exchange import MOST_TENSORS, said_cause
from fastcheck.diagnose.fit import interval_of, is_narrow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastcheck.diagnose.choose import Cause
    from fastcheck.diagnose.evidence import Case

    Floats = NDArray[np.float64]


def find_products(case: Case) -> Iterator[Cause]:
    """Yield tensors given the gradient of ``sum(W * x)`` where the loss is ``sum(W @ x)``.

    Both may have the same factor, as in a mean.
    """
    arrays: dict[str, Any] = {t.name: t.values for t in case.tensors if t.values is not None}
    for tensor in case.failed[:MOST_TENSORS]:
        for name, array in {**case.data, **arrays}.items():
            if np.shape(array) != tensor.shape or array.dtype.kind not in "fiu":
                continue
            factor = np.asarray(array, np.float64)
            rounding = ROUNDING * np.abs(tensor.analytic)
            scale = interval_of(tensor.analytic, factor, rounding)
            for product, right in _products(factor, name, tensor.name) if scale else ():
                known = tensor.known
                found = interval_of(tensor.numerical[known], right[known], tensor.allowance[known])
                if (
                    found
                    and scale
                    and is_narrow((max(found[0], scale[0]), min(found[1], scale[1])))
                    and (name in arrays or case.reads(name))
                ):
                    yield said_cause(
                        "elementwise", (tensor,), 1.4, message(name, tensor.name, product)
                    )
                    break


def message(array: str, tensor: str, product: str) -> str:
    """Return the sentence; `product` is as in ``"W @ x"``."""
    right = f"{array}.T @ ones" if product.startswith(array) else f"ones @ {array}.T"
    return (
        f"{tensor}: this is the gradient of sum({array} * {tensor}), which is {array}, but the "
        f"loss has the matrix product {product}, and the gradient of sum({product}) is {right}"
    )


def _products(factor: Floats, name: str, tensor: str) -> Iterator[tuple[str, Floats]]:
    """Yield products of a matrix and a tensor of its shape, with the gradient of their sum."""
    if factor.ndim == 2 and factor.shape[0] == factor.shape[1]:
        rows, columns = factor.sum(axis=1), factor.sum(axis=0)
        yield f"{name} @ {tensor}", np.broadcast_to(columns[:, None], factor.shape)
        yield f"{tensor} @ {name}", np.broadcast_to(rows[None, :], factor.shape)
