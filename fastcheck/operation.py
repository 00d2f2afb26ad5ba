"""The user's own operation: ``fastcheck.op``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.node import Node
from fastcheck.graph.ops.opaque import LARGEST, Opaque
from fastcheck.graph.ops.slopes import find_noise
from fastcheck.tracing.apply import apply
from fastcheck.tracing.handle import Handle

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

SIZES = (1e-1, 1e-3, 1e-6)
"""Changes, relative to the inputs, at which :meth:`Operation.check` tries a difference rule."""
EXPECTED = 1e-10
"""How far rules may be from evaluations beyond noise, relative to the largest entry."""
PROPORTIONAL = (2.0**-26, 2.0**-38)
"""Changes so small that a difference is proportional to them."""
LOST = 2.0**-20
"""By how much it may deviate from that: curvature has less, two values subtracted have more."""


class Operation:
    """A function of arrays that can be used in a graph, in traced code and by itself.

    Made by :func:`op`.

    Attributes
    ----------
    function : callable
        The function.
    difference, vjp : callable or None
        Its rules.
    independent : bool
        Whether samples stay apart.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        difference: Callable[..., Any] | None,
        vjp: Callable[..., Any] | None,
        independent: bool,
    ) -> None:
        self.function = function
        self.difference = difference
        self.vjp = vjp
        self.independent = independent
        self.__name__ = getattr(function, "__name__", "function")

    def __call__(self, *args: Any) -> Any:
        """Apply the function to nodes of a graph, to arrays that are being traced, or to arrays."""
        traced = next((a for a in args if isinstance(a, Handle)), None)
        if traced is not None:
            return apply(traced._tape, self, args, {})
        node = next((a for a in args if isinstance(a, Node)), None)
        if node is None:
            return self.function(*args)
        nodes = [a if isinstance(a, Node) else node.graph.data(a) for a in args]
        axes = [n.batch_axis for n in nodes]
        return node.graph.apply(self.opaque([n.shape for n in nodes], axes=axes), *nodes)

    def opaque(
        self,
        shapes: list[tuple[int, ...]],
        shape: tuple[int, ...] | None = None,
        axes: list[int | None] | None = None,
    ) -> Opaque:
        """Return the operation for inputs of some shapes, and axes of samples if they are known.

        The function is called for the shape of the result if that is not given.
        """
        if shape is None:
            shape = self._result_shape(shapes)
        return Opaque(
            self.function, len(shapes), shape, difference=self.difference, vjp=self.vjp,
            independent=self.independent, name=self.__name__, sample_axes=axes,
        )  # fmt: skip

    def _result_shape(self, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
        """Return the shape of the result, by calling the function once."""
        try:
            result = np.asarray(self.function(*map(_tame, shapes)))
        except Exception as problem:
            raise InputError(
                f"`{self.__name__}` must take arrays of shape {', '.join(map(str, shapes))}, got "
                f"{type(problem).__name__}: {problem}; look at the shapes of its inputs"
            ) from problem
        if result.dtype.kind not in "fiub":
            raise InputError(
                f"`{self.__name__}` must return real numbers, got {result.dtype}; return real and "
                "imaginary parts as an axis"
            )
        return result.shape

    def check(self, *arrays: ArrayLike, seed: int = 0) -> None:
        """Compare the rules with evaluations of the function, at some point.

        Parameters
        ----------
        *arrays : array_like
            The point. For an independent function samples lie along the first axis of the first.
        seed : int
            Seed of the changes and cotangents that are tried.

        Raises
        ------
        InputError
            If the difference is not the change of the function, or loses digits, or the vjp is not
            that of the function, or samples do not stay apart; with the largest deviation and its
            place.

        Notes
        -----
        Values of the function are compared within their measured noise, slopes within their known
        errors (see :mod:`fastcheck.graph.ops.slopes`), and 1e-10 relative. Whether a difference
        loses digits is seen where changes are so small that it must be proportional to them.
        """
        values = tuple(np.array(a, dtype=np.float64) for a in arrays)
        rng = np.random.default_rng(seed)
        if self.independent:
            self._check_independence(values)
        if self.difference is not None:
            for size in SIZES:
                self._check_difference(values, size, rng)
            self._check_digits(values, rng)
        if self.vjp is not None:
            self._check_vjp(values, rng)

    def _evaluated(self, *values: Floats) -> Floats:
        return np.asarray(self.function(*(v.copy() for v in values)), dtype=np.float64)

    def _check_independence(self, values: tuple[Floats, ...]) -> None:
        base = self._evaluated(*values)
        moved = values[0].copy()
        moved[:1] *= 1.0 + SIZES[0]
        moved[:1] += SIZES[0]
        change = np.abs(self._evaluated(moved, *values[1:]) - base)[1:]
        if not np.all(change <= 8.0 * find_noise(self._evaluated, values)[1:]):
            raise InputError(
                "`independent` must be False, as a change of the first sample changes sample "
                f"{1 + int(np.argmax(change.reshape(change.shape[0], -1).max(axis=1)))} by "
                f"{change.max():.3g}; leave it out"
            )

    def _changed(self, changes: list[Floats], values: tuple[Floats, ...]) -> Floats:
        assert self.difference is not None
        found = np.asarray(
            self.difference(*(d[..., None] for d in changes), *(v[..., None] for v in values))
        )
        shape = (*self._evaluated(*values).shape, 1)
        try:
            return np.broadcast_to(found, shape)[..., 0]
        except ValueError:
            raise InputError(
                f"`difference` must return shape {shape} for one probe, got {found.shape}; keep "
                "the last axis, that of the probes"
            ) from None

    def _check_difference(
        self, values: tuple[Floats, ...], size: float, rng: np.random.Generator
    ) -> None:
        wanted = [size * np.maximum(np.abs(v), 1.0) * rng.uniform(-1, 1, v.shape) for v in values]
        moved = tuple(v + d for v, d in zip(values, wanted, strict=True))
        changes = [m - v for m, v in zip(moved, values, strict=True)]  # what was added, exactly
        truth = self._evaluated(*moved) - self._evaluated(*values)
        noise = find_noise(self._evaluated, values) + find_noise(self._evaluated, moved)
        found = self._changed(changes, values)
        _compare("difference", found, truth, noise, f"for changes of relative size {size:g}")

    def _check_digits(self, values: tuple[Floats, ...], rng: np.random.Generator) -> None:
        ways = [np.maximum(np.abs(v), 1.0) * rng.uniform(-1, 1, v.shape) for v in values]
        near, nearer = (
            self._changed([t * d for d in ways], values) / t for t in PROPORTIONAL
        )  # fmt: skip
        lost = float(np.abs(nearer - near).max(initial=0.0))
        size = float(np.abs(near).max(initial=0.0))
        if not lost <= LOST * size:
            raise InputError(
                "`difference` must be proportional to small changes, got a relative deviation of "
                f"{lost / size if size else np.inf:.3g} at {PROPORTIONAL[1]:.1g}; do not subtract "
                "two values that nearly agree"
            )

    def _check_vjp(self, values: tuple[Floats, ...], rng: np.random.Generator) -> None:
        assert self.vjp is not None
        size = sum(v.size for v in values)
        if size > LARGEST:
            raise InputError(
                f"`arrays` must have at most {LARGEST} entries for a comparison with slopes, got "
                f"{size}; check the operation on smaller ones"
            )
        shape = self._evaluated(*values).shape
        cotangent = rng.uniform(0.5, 1.5, shape)
        plain = Opaque(self.function, len(values), shape, name=self.__name__)
        given = self.vjp(cotangent, *(v.copy() for v in values))
        parts = given if isinstance(given, tuple | list) else [given]
        if len(parts) != len(values):
            raise InputError(
                f"`vjp` must return {len(values)} arrays, one for each input, got {len(parts)}; "
                "return zeros for an input without effect"
            )
        truths = plain.vjp(cotangent, values, np.zeros(shape))
        errors = plain.vjp_error(cotangent, values)
        assert errors is not None
        for i, (part, truth, slopes) in enumerate(
            zip(parts, truths, plain.slopes(values), strict=True)
        ):
            error = 2.0 * errors[i]
            if slopes.jump is not None:  # any slope in between is right
                error = np.where(slopes.kinked(0).reshape(error.shape), np.inf, error)
            _compare("vjp", np.asarray(part), truth, error, f"of input {i}")


def _tame(shape: tuple[int, ...]) -> Floats:
    """Return positive numbers; square matrices are positive definite."""
    value = np.random.default_rng(0).uniform(0.5, 1.0, shape)
    if len(shape) > 1 and shape[-1] == shape[-2]:
        value = (value + np.swapaxes(value, -1, -2)) / 2.0 + shape[-1] * np.eye(shape[-1])
    return value


def _compare(rule: str, found: Floats, truth: Floats, noise: Floats, what: str) -> None:
    if found.shape != truth.shape:
        raise InputError(
            f"`{rule}` must have shape {truth.shape} {what}, got {found.shape}; sum over the axes "
            "along which an input was broadcast"
        )
    error = np.abs(found - truth)
    allowed = EXPECTED * np.abs(truth).max(initial=0.0) + noise
    if not np.all(error <= allowed):
        ratio = np.where(np.isfinite(error), error / np.maximum(allowed, 1e-300), np.inf)
        place = np.unravel_index(int(np.argmax(ratio)), found.shape)
        at = list(map(int, place))
        raise InputError(
            f"`{rule}` must be that of the function {what}, got {found[place]:.9g} in place of "
            f"{truth[place]:.9g} at {at}; look at the formula, or leave it out"
        )


def op(
    f: Callable[..., Any],
    difference: Callable[..., Any] | None = None,
    vjp: Callable[..., Any] | None = None,
    *,
    independent: bool = False,
) -> Operation:
    """Make an operation of any function of arrays.

    Parameters
    ----------
    f : callable
        ``f(*arrays)`` returns an array of float64 whose shape depends on their shapes only.
    difference : callable, optional
        ``difference(*changes, *arrays)`` returns ``f(arrays + changes) - f(arrays)`` without
        subtracting them. All arrays have one more axis, the last: the changes and the result have
        a column per probe, the arrays have length 1 there or as many columns.
    vjp : callable, optional
        ``vjp(cotangent, *arrays)`` returns the cotangent of each input.
    independent : bool
        Whether each sample of the result depends on the same sample of the inputs only.

    Returns
    -------
    Operation
        Called with nodes it extends their graph; called in a loss that is traced it is recorded;
        called with arrays it is `f`. Its method ``check(*arrays)`` compares the rules with `f`.

    Notes
    -----
    Without `difference` the slopes of `f` are found by evaluating it, five times per entry of its
    inputs, or of one sample's if it is independent; where `f` bends within the step, more often.
    Each slope has a bound on its error, near 1e-11 for a smooth function, which verdicts account
    for; an entry that moves a kink at the point itself is reported as a kink. Without `vjp` the
    same slopes serve the reference gradient. With more than 4096 entries (of one sample) both rules
    must be given. Rules get arrays that they must not write to; `f` gets copies.

    Examples
    --------
    >>> import numpy as np
    >>> import fastcheck as fc
    >>> cube = fc.op(lambda x: x**3)
    >>> graph = fc.Graph()
    >>> graph.set_loss(fc.ops.sum(cube(graph.param("w", (2,)))))
    >>> numerical = fc.numerical_gradient(fc.GraphObjective(graph), {"w": [1.0, 2.0]})
    >>> numerical.values["w"].round(6).tolist()
    [3.0, 12.0]
    """
    if not callable(f):
        raise InputError(f"`f` must be a function of arrays, got {type(f).__name__}; pass one")
    return Operation(f, difference, vjp, independent)
