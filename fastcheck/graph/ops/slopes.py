"""Slopes of a function that can only be called, each with a bound on its error.

The function sees *samples*: its argument has shape (B, n_in) or (1, n_in), the latter for an input
that all samples share, and its result (B, n_out). A function not taken apart has one sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Shape = tuple[int, ...]
    Function = Callable[[Floats], Floats]

UNIT = 2.0**-53
TINY = 2.0**-1000
STEP = 2.0**-12
"""First step, relative to the size of the input. With a smooth function noise is then the larger
error, and unlike truncation it does not add up over samples."""
SHRINK, GROW = 2.0**-4, 2.0**3
"""By how much the step changes where truncation, or noise, is the larger error."""
N_STEPS = 5
"""How many steps are tried at most."""
GOOD = 2.0**-34
"""Relative error with which a slope is good enough."""
FLOOR = 0.01
"""Slopes below this share of the largest need not be known better than that share."""
ROUGH = 2.0**-14
"""A function bends or jumps within the step if slopes differ relatively by more than this."""
ELSEWHERE = 0.37
"""Where it is seen whether a result depends on an entry: at so much of it, with the other sign."""
PATH = 2.0**-18
"""Spacing of the points, relative to the size of the input, between which noise is measured."""
N_POINTS, N_PATHS, ORDER = 10, 3, 6


@dataclass(frozen=True, eq=False)
class Slopes:
    """Derivatives of a function with respect to one input.

    Attributes
    ----------
    value : ndarray of float64, shape (B, n_out, n_in)
        The slopes; at a kink the mean of those of both sides.
    error : ndarray of float64, same shape
        How wrong they can be, absolute.
    jump : ndarray of float64, same shape, or None
        Half of the slope above less the slope below, not zero at kinks only; None without kinks.
    """

    value: Floats
    error: Floats
    jump: Floats | None

    def kinked(self, b: int) -> Flags:
        """Return which entries of the input in sample `b` lie at a kink, shape (n_in,)."""
        assert self.jump is not None
        found: Flags = self.jump[b].any(axis=0)
        return found

    def change(self, d: Floats, b: int) -> Floats:
        """Return the change of sample `b` for changes `d` of shape (n_in, R)."""
        out: Floats = self.value[b] @ d
        if self.jump is not None:
            out += self.jump[b] @ np.abs(d)
        return out

    def taken_apart(
        self, shape: Shape, axis: int, source: Shape, source_axis: int | None
    ) -> Slopes:
        """Return the slopes of each sample, of slopes that know of no samples.

        `shape` and `axis` are those of the result, `source` and `source_axis` those of the input.
        """

        def parts(table: Floats) -> Floats:
            full = np.moveaxis(table.reshape(*shape, *source), axis, 0)
            if source_axis is not None:  # the block of each sample
                full = np.diagonal(full, 0, 0, len(shape) + source_axis)
                full = np.moveaxis(full, -1, 0)
            return np.ascontiguousarray(full.reshape(shape[axis], math.prod(shape) // shape[axis],
                                                     -1))  # fmt: skip

        jump = None if self.jump is None else parts(self.jump)
        return Slopes(parts(self.value), parts(self.error), jump)


@dataclass(frozen=True, eq=False)
class _Measured:
    """Slopes with respect to one entry of each sample, with one step for each.

    The first five have shape (B, n_out); the others have a number for each moved entry, shape
    (B, 1) or (1, 1). `moves` tells whether any result changes.
    """

    value: Floats
    second: Floats
    error: Floats
    noise: Floats
    half_jump: Floats
    total: Floats
    size: Floats
    bend: Floats
    is_rough: Flags
    is_noisy: Flags
    moves: Flags

    def at_kink(self) -> _Measured:
        """Return the same with the means of the slopes of both sides."""
        return replace(self, value=self.second, error=self.noise)


def find_slopes(function: Function, x: Floats, noise: Floats) -> Slopes:
    """Return the slopes of `function` at `x`.

    Parameters
    ----------
    function : callable
        Takes an array of the shape of `x`, and returns shape (B, n_out). Column ``j`` is moved in
        all samples at once: the result of a sample may depend on no other sample.
    x : ndarray of float64, shape (B, n_in) or (1, n_in)
        The point.
    noise : ndarray of float64, shape (B, n_out)
        Largest error of a result, see :func:`find_noise`.

    Notes
    -----
    With ``C(h) = (f(x + h) - f(x - h)) / 2h`` a slope is ``(4 C(h) - C(2h)) / 3``, whose truncation
    error, ``h**4 f5 / 30``, is not measured. Known are ``e = |slope - C(h)| = h**2 f3 / 6`` and the
    difference of the curvatures from h and 2h, ``b = h**3 f4 / 4``. For derivatives that grow like
    powers (a function that bends on one scale) the error is a tenth of ``b**2 / e``, and about
    ``5 e**2 / |slope|``; the larger counts, ``e`` at most. A kink at the point itself does not show
    in `e`, but in `b`. While an error is too large the step
    shrinks, or it grows if noise is the larger part; the best step of each entry counts. What still
    bends as much at the smallest step is a kink at the point. Costs five evaluations per entry of a
    sample, and four more for each further step.
    """
    base = function(x)
    value = np.empty((*base.shape, x.shape[1]))
    error = np.empty_like(value)
    jump: Floats | None = None
    sizes = _sizes(x)
    largest = 0.0
    for j in range(x.shape[1]):
        column = _Column(function, x, base, noise, j)
        found, is_kink = column.best(STEP * sizes[:, j : j + 1], largest)
        value[:, :, j] = found.value
        error[:, :, j] = found.error
        if is_kink.any():
            jump = np.zeros_like(value) if jump is None else jump
            felt = is_kink & (np.abs(found.half_jump) > found.error)
            jump[:, :, j] = np.where(felt, found.half_jump, 0.0)
        finite = found.size[np.isfinite(found.size)]
        largest = max(largest, float(finite.max(initial=0.0)))
    return Slopes(value, error, jump)


@dataclass(frozen=True, eq=False)
class _Column:
    """The function, as one entry of each sample is moved."""

    function: Function
    x: Floats
    base: Floats
    noise: Floats
    j: int

    def best(self, h: Floats, largest: float) -> tuple[_Measured, Flags]:
        """Return what the best step of each entry gives, from `h` on, and which are at a kink.

        `largest` is the largest slope known so far.
        """
        found = self.measured(h, largest)
        still = ~found.moves & self._any(self.reaches)
        if still.any():
            h = np.where(still, np.maximum(h, STEP), h)
            found = self.measured(h, largest)
        first = last = found
        active = np.ones(h.shape, bool)
        direction = np.zeros(h.shape, np.int64)
        n_shrunk = np.zeros(h.shape, np.int64)
        for _ in range(N_STEPS - 1):
            wanted = np.where(last.is_noisy, 1, -1)
            good = found.total <= GOOD * np.maximum(found.size, FLOOR * largest)
            active = active & ~good & (direction * wanted >= 0)
            if not active.any():
                break
            direction = wanted
            n_shrunk += active & (wanted < 0)
            h = np.where(active, h * np.where(wanted > 0, GROW, SHRINK), h)
            last = self.measured(h, largest)
            found = _chosen(active & (last.total < found.total), last, found)
        lasting = (last.bend >= first.bend / 4.0) & (last.bend > ROUGH * last.size)
        is_kink = (n_shrunk == N_STEPS - 1) & last.is_rough & lasting
        return _chosen(is_kink, last.at_kink(), found), is_kink

    def measured(self, h: Floats, largest: float) -> _Measured:
        """Return the slopes with step `h`."""
        low, below, above, high = (self._moved(k * h) for k in (-2.0, -1.0, 1.0, 2.0))
        near, far = above - below, high - low
        second, fourth = near / (2.0 * h), (8.0 * near - far) / (12.0 * h)
        half_jump = (above - 2.0 * self.base + below) / (2.0 * h)
        bend = np.abs((high - 2.0 * self.base + low) / (4.0 * h) - 2.0 * half_jump)
        moves = (near != 0.0) | (far != 0.0) | (half_jump != 0.0)
        noisy = np.where(moves | self.reaches, 2.0 * self.noise / h, 0.0)
        noisy += np.abs(fourth) * 2.0 * UNIT * np.abs(self.x[:, self.j : self.j + 1]) / h
        apart = np.abs(fourth - second)
        size, noise = self._top(np.abs(fourth)), self._top(noisy)
        limit = ROUGH * np.maximum(size, FLOOR * largest) + 8.0 * noise
        is_rough = ~(self._top(np.maximum(bend, apart)) <= limit)
        smooth = np.minimum(
            apart,
            np.maximum(
                5.0 * apart * (apart / np.maximum(size, TINY)),
                2.0 * bend * (bend / np.maximum(apart, TINY)),
            ),
        )
        truncation = np.where(is_rough, 4.0 * np.maximum(apart, bend), smooth)
        error = truncation + noisy
        error = np.where(np.isfinite(error), error, np.inf)
        return _Measured(
            fourth, second, error, noisy, half_jump, self._top(error), size, self._top(bend),
            is_rough, self._top(truncation) < noise, self._any(moves),
        )  # fmt: skip

    @cached_property
    def reaches(self) -> Flags:
        """Which results depend on the entry at all.

        One that is saturated may not change nearby, and one of ordinary size not for an entry that
        is tiny, as the root of one and its square.
        """
        x = self.x[:, self.j : self.j + 1]
        to = np.where(x == 0.0, ELSEWHERE * _sizes(self.x)[:, self.j : self.j + 1], -ELSEWHERE * x)
        try:
            found = self._moved(to - x) != self.base
            if not found.all():
                found |= self._moved(np.copysign(ELSEWHERE, x) - x) != self.base
        except Exception:  # so far from the point a function may refuse
            return np.ones(self.base.shape, bool)
        return np.asarray(found)

    def _moved(self, d: Floats) -> Floats:
        moved = self.x.copy()
        moved[:, self.j : self.j + 1] += d
        return self.function(moved)

    def _top(self, a: Floats) -> Floats:
        """Return the largest of what belongs to each moved entry."""
        return np.asarray(a.max(axis=self._own_axis, keepdims=True, initial=0.0))

    def _any(self, a: Flags) -> Flags:
        """Return whether any holds of what belongs to each moved entry."""
        return np.asarray(a.any(axis=self._own_axis, keepdims=True))

    @property
    def _own_axis(self) -> int | None:
        return 1 if self.x.shape[0] == self.base.shape[0] else None


def _chosen(where: Flags, one: _Measured, other: _Measured) -> _Measured:
    if not where.any():
        return other
    return _Measured(*(np.where(where, getattr(one, f.name), getattr(other, f.name))
                       for f in fields(_Measured)))  # fmt: skip


def _sizes(x: Floats) -> Floats:
    """Return powers of two of about the size of the entries, at least of a typical one."""
    typical = np.sqrt(np.mean(x * x, axis=1, keepdims=True)) if x.size else 0.0
    size = np.maximum(np.abs(x), typical)
    size = np.where((size > 0.0) & np.isfinite(size), size, 1.0)
    return np.asarray(2.0 ** np.floor(np.log2(size)))


def find_noise(function: Callable[..., Floats], values: tuple[Floats, ...]) -> Floats:
    """Return how large the errors of the results of `function` are, absolute.

    Parameters
    ----------
    function : callable
        Takes arrays of the shapes of `values`.
    values : tuple of ndarray of float64
        The point.

    Notes
    -----
    On a short path the sixth differences of a smooth function are noise only. For independent
    errors of variance ``s**2`` their mean square is ``924 s**2`` (the sum of the squares of the
    binomial coefficients; Hamming, Numerical Methods, 1973, chapter 6). The median of three paths
    is taken, as a kink may lie on one, and not less than what is usual relative to the size of a
    result; four times that, and at least two roundings of the result.
    """
    rng = np.random.default_rng(0)
    base = np.asarray(function(*values))
    found = []
    for _ in range(N_PATHS):
        steps = [PATH * _sizes(v.reshape(1, -1)).reshape(v.shape) * rng.choice((-1.0, 1.0), v.shape)
                 * rng.uniform(0.5, 1.0, v.shape) for v in values]  # fmt: skip
        path = [function(*(v + k * d for v, d in zip(values, steps, strict=True)))
                for k in range(N_POINTS)]  # fmt: skip
        table = np.diff(np.array(path), ORDER, axis=0)
        found.append(np.sqrt(np.mean(table * table, axis=0) / math.comb(2 * ORDER, ORDER)))
    spread = np.median(found, axis=0)
    size = np.abs(base)
    relative = spread[size > 0.0] / size[size > 0.0]
    relative = relative[np.isfinite(relative)]
    usual = float(np.median(relative)) if relative.size else 0.0
    return np.asarray(np.fmax(4.0 * np.fmax(spread, usual * size), 2.0 * UNIT * size))
