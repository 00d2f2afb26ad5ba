"""Axes of NumPy code that stand for several axes at once.

People join axes to make one matrix product of a convolution: ``cols.reshape(n * oh * ow, -1) @ W``.
In the graph such an axis stays what it is, several axes one after the other, so that samples and
channels keep an axis of their own. A value of the user's shape ``(n * oh * ow, k)`` is then a node
of shape ``(n, oh, ow, k)`` with the *factors* ``((n, oh, ow), (k,))``. The order of the entries is
the same, hence a reshape that only joins or splits axes costs nothing.
"""

from __future__ import annotations

import math
from itertools import accumulate, pairwise
from operator import mul

Factors = tuple[tuple[int, ...], ...]
"""For each axis of the user's array, the axes of the node that it stands for."""


def plain(shape: tuple[int, ...]) -> Factors:
    """Return the factors of a value whose node has the user's shape."""
    return tuple((n,) for n in shape)


def joined(factors: Factors) -> tuple[int, ...]:
    """Return the shape of the node."""
    return tuple(n for factor in factors for n in factor)


def lengths(factors: Factors) -> tuple[int, ...]:
    """Return the shape that the user sees."""
    return tuple(math.prod(factor) for factor in factors)


def groups(factors: Factors) -> list[range]:
    """Return, for each axis of the user's array, the positions of its axes in the node."""
    ends = [0, *accumulate(len(factor) for factor in factors)]
    return [range(lo, hi) for lo, hi in pairwise(ends)]


def common(*choices: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the coarsest sizes that all `choices`, factors of one length, are joined from.

    None where there is none: (2, 3) and (3, 2) cut an axis of 6 at places that do not fit.
    """
    cuts = sorted({c for sizes in choices for c in _cuts(sizes)})
    sizes = []
    last = 1
    for cut in cuts:
        if cut % last:
            return None
        sizes.append(cut // last)
        last = cut
    return tuple(reversed(sizes)) or (1,)


def fitted(shape: tuple[int, ...], target: tuple[int, ...]) -> Factors | None:
    """Return factors of `target` that split the axes of `shape` only, None if they cross."""
    sizes = common(shape, target)
    if sizes is None:
        return None
    rest = list(sizes)
    found: list[tuple[int, ...]] = []
    for n in reversed(target):
        factor: list[int] = []
        while math.prod(factor) < n:
            factor.append(rest.pop())
        found.append(tuple(reversed(factor)) or (1,))
    return tuple(reversed(found))


def _cuts(sizes: tuple[int, ...]) -> list[int]:
    """Return the products of the innermost sizes, without 1."""
    return [c for c in accumulate(reversed(sizes), mul) if c > 1]
