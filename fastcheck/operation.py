"""The user's own operation: ``fastcheck.op``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.node import Node
from fastcheck.graph.ops.opaque import Opaque
from fastcheck.tracing.apply import apply
from fastcheck.tracing.handle import Handle

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

SIZES = (1e-1, 1e-3, 1e-6)
"""Changes, relative to the inputs, at which :meth:`Operation.check` tries a difference rule."""
EXPECTED = 1e-6
"""How far rules may be from plain evaluation, relative to the largest entry."""


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
            shape = np.shape(self.function(*(np.full(s, 0.5) for s in shapes)))
        return Opaque(
            self.function, len(shapes), shape, difference=self.difference, vjp=self.vjp,
            independent=self.independent, name=self.__name__, sample_axes=axes,
        )  # fmt: skip

    def check(self, *arrays: ArrayLike, seed: int = 0) -> None:
        """Compare the rules with evaluations of the function, at some point.

        Parameters
        ----------
        *arrays : array_like
            The point.
        seed : int
            Seed of the changes and cotangents that are tried.

        Raises
        ------
        InputError
            If the difference is not the change of the function, or the vjp not its transpose, with
            the largest deviation and its place.
        """
        values = tuple(np.array(a, dtype=np.float64) for a in arrays)
        rng = np.random.default_rng(seed)
        if self.difference is not None:
            for size in SIZES:
                self._check_difference(values, size, rng)
        if self.vjp is not None:
            self._check_vjp(values, rng)

    def _check_difference(
        self, values: tuple[Floats, ...], size: float, rng: np.random.Generator
    ) -> None:
        assert self.difference is not None
        changes = [size * np.maximum(np.abs(v), 1.0) * rng.uniform(-1, 1, v.shape) for v in values]
        base = np.asarray(self.function(*values), dtype=np.float64)
        moved = np.asarray(
            self.function(*(v + d for v, d in zip(values, changes, strict=True))), dtype=np.float64
        )
        given = self.difference(*(d[..., None] for d in changes), *(v[..., None] for v in values))
        found = np.broadcast_to(np.asarray(given), (*base.shape, 1))[..., 0]
        noise = 16.0 * 2.0**-53 * float(np.abs(base).max(initial=0.0))
        _compare("difference", found, moved - base, noise, f"for changes of relative size {size:g}")

    def _check_vjp(self, values: tuple[Floats, ...], rng: np.random.Generator) -> None:
        assert self.vjp is not None
        shape = np.shape(self.function(*values))
        cotangent = rng.uniform(0.5, 1.5, shape)
        plain = Opaque(self.function, len(values), shape, name=self.__name__)
        parts = self.vjp(cotangent, *values)
        parts = parts if isinstance(parts, tuple | list) else [parts]
        truths = plain.vjp(cotangent, values, np.zeros(shape))
        for i, (part, truth) in enumerate(zip(parts, truths, strict=True)):
            noise = EXPECTED * float(np.abs(truth).max(initial=0.0))
            _compare("vjp", np.asarray(part), truth, noise, f"of input {i}")


def _compare(rule: str, found: Floats, truth: Floats, noise: float, what: str) -> None:
    if found.shape != truth.shape:
        raise InputError(
            f"`{rule}` must have shape {truth.shape} {what}, got {found.shape}; sum over the axes "
            "along which an input was broadcast"
        )
    error = np.abs(found - truth)
    allowed = EXPECTED * np.abs(truth) + noise
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
    Without `difference` the slopes of `f` are found by evaluating it, four times per entry of its
    inputs, good to about 1e-12; bounds account for that. Without `vjp` the same slopes serve the
    reference gradient. With more than 4096 entries both rules must be given.

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
