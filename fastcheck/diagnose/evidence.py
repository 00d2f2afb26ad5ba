"""What explanations rest on: two gradients, their bounds and the parameters, by tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from fastcheck.result import Region

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

ROUNDING = 2.0**-49
"""Allowance for what an explanation computes, relative to the larger of both values."""
CLEAR = 100.0
"""An entry tells something if it is off by at least so many bounds."""
MOST_COUNTED = 64
"""Clearly wrong entries of a tensor that speak for an explanation."""
MOST_DIGITS = 15.0
"""What one of them says at most."""
UPSTREAM = "upstream"
"""What the upstream gradient is called where a layer is checked."""
UNNAMED = ("an array", UPSTREAM)
"""What data are called that have no name of the user's."""
FIRST = 64
"""Entries that are compared before all are."""


@dataclass(eq=False)
class Evidence:
    """One tensor: what was given, what was measured, and how well.

    Attributes
    ----------
    name : str
        The tensor.
    analytic, numerical, allowance : ndarray of float64, in its shape
        The two gradients, and by how much they may differ if both are right.
    known : ndarray of bool, same shape
        The entries that were measured, off kinks.
    values : ndarray of float64 or None
        The parameter itself, None if it is not known.
    failed : bool
        Whether it is to be explained.
    passes : bool
        Whether it passes nonetheless, because all that is wrong is within ``rtol``.
    regions : tuple of Region
        Where random directions found it wrong.
    is_coarse : bool
        Whether it was given in less than double precision.
    is_cleared : bool
        Whether single entries were measured only where random directions found something, so that
        all others count as measured.
    """

    name: str
    analytic: Floats
    numerical: Floats
    allowance: Floats
    known: Flags
    values: Floats | None
    failed: bool
    passes: bool = False
    regions: tuple[Region, ...] = ()
    is_coarse: bool = False
    is_cleared: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.analytic.shape

    @cached_property
    def is_complete(self) -> bool:
        """Whether every entry was measured."""
        return bool(self.known.all())

    @cached_property
    def is_local(self) -> bool:
        """Whether random directions found only parts of it wrong."""
        whole = tuple((0, n) for n in self.shape)
        return bool(self.regions) and all(region.bounds != whole for region in self.regions)

    @cached_property
    def wrong(self) -> Flags:
        """The entries that are known to be outside their bounds."""
        return self.known & (np.abs(self.analytic - self.numerical) > self.allowance)

    @cached_property
    def told(self) -> Flags:
        """The entries that were measured and are not zero on both sides, as far as is known."""
        size = np.maximum(np.abs(self.analytic), np.abs(self.numerical))
        return self.known & (size > self.allowance)

    @cached_property
    def is_wrong_everywhere(self) -> bool:
        """Whether all entries are wrong that were measured and are not zero on both sides."""
        return bool(self.wrong.any()) and not bool(np.any(self.told & ~self.wrong))

    @cached_property
    def clear(self) -> Flags:
        """The entries that are wrong by so much that a chance agreement means nothing."""
        off = np.abs(self.analytic - self.numerical)
        return self.known & (off > CLEAR * self.allowance)

    @cached_property
    def n_clear(self) -> int:
        """How many entries are clearly wrong."""
        return int(np.count_nonzero(self.clear))

    @cached_property
    def digits(self) -> tuple[float, ...]:
        """What each clearly wrong entry says of what explains it, in decimal digits, most first.

        An entry that is off by 1e-3 and would have to be right within 1e-12 says nine. Entries of
        one value count once, and at most the first few count.
        """
        off = np.abs(self.analytic - self.numerical)
        return digits_of(self.analytic, off, self.allowance, self.clear)

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.known)

    @cached_property
    def measured(self) -> Measured:
        """What was measured, in one axis."""
        values = None if self.values is None else self.values[self.known]
        given, right, allowed = self.analytic, self.numerical, self.allowance
        return Measured(given[self.known], right[self.known], allowed[self.known], values)

    @cached_property
    def few(self) -> Measured:
        """Some of what was measured, from everywhere, to look at before all of it."""
        return self.measured.thinned()

    def explained_by(self, other: Floats) -> bool:
        """Return whether `other`, in the shape of the tensor, is right in every known entry."""
        known = self._places
        some = known[:: max(1, known.size // FIRST)]
        at = np.unravel_index(some, self.shape) if self.shape else ()
        if not _agree(other[at], self.numerical[at], self.allowance[at]):
            return False  # without copying what is a view in another order
        if self.is_complete:
            return _agree(other, self.numerical, self.allowance)
        return _agree(other[self.known], self.numerical[self.known], self.allowance[self.known])


def digits_of(given: Floats, off: Floats, allowed: Floats, clear: Flags) -> tuple[float, ...]:
    """Return what entries that are `clear` say, in decimal digits: see :attr:`Evidence.digits`."""
    places = np.flatnonzero(clear)
    places = places[:: max(1, places.size // MOST_COUNTED)][:MOST_COUNTED]
    far = off.reshape(-1)[places]
    with np.errstate(over="ignore"):
        values = np.asarray(given.reshape(-1)[places] + 1j * far, np.complex64)
    _, distinct = np.unique(values, return_index=True)
    least = np.maximum(allowed.reshape(-1)[places], np.finfo(float).tiny)
    found = np.minimum(np.log10(far / least), MOST_DIGITS)[distinct]
    return tuple(sorted(found.tolist(), reverse=True))


def _agree(given: Floats, right: Floats, allowed: Floats) -> bool:
    """Return whether two gradients agree in every entry, but for rounding."""
    off = np.abs(given - right)
    return bool(np.all(off <= allowed + ROUNDING * np.maximum(np.abs(given), np.abs(right))))


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Entries in one axis: analytic, numerical, allowance, and parameters if they are known."""

    given: Floats
    right: Floats
    allowed: Floats
    values: Floats | None

    def thinned(self) -> Measured:
        """Return some of them."""
        step = slice(None, None, max(1, self.given.size // FIRST))
        values = None if self.values is None else self.values[step]
        return Measured(self.given[step], self.right[step], self.allowed[step], values)


@dataclass(eq=False)
class Case:
    """All tensors of a check.

    Attributes
    ----------
    tensors : list of Evidence
        Those that were compared.
    data : dict of str to ndarray
        What else the loss reaches, by name.
    n_samples : int or None
        The size of the batch, where it is known.
    extra : dict of str to ndarray
        Gradients that were given under names that no parameter has.
    reads : callable
        Says of one of `data` whether the loss changes with it: others are only within its reach, as
        what it writes, or what a backward pass left there.
    """

    tensors: list[Evidence]
    data: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    n_samples: int | None = None
    extra: Mapping[str, Floats] = field(default_factory=dict)
    reads: Callable[[str], bool] = bool

    @cached_property
    def failed(self) -> list[Evidence]:
        """Those that are to be explained."""
        return [tensor for tensor in self.tensors if tensor.failed]

    def without(self, names: set[str]) -> Case:
        """Return the same with the tensors of `names` taken for explained."""
        kept = [
            replace(tensor, failed=False) if tensor.name in names else tensor
            for tensor in self.tensors
        ]
        return replace(self, tensors=kept)

    @cached_property
    def by_name(self) -> dict[str, Evidence]:
        """The same by name."""
        return {tensor.name: tensor for tensor in self.tensors}

    @cached_property
    def lengths(self) -> tuple[Length, ...]:
        """What lengths there are, and of what; the likeliest to be averaged over first."""
        return tuple(find_lengths(self))

    @cached_property
    def norm(self) -> float:
        """The Euclidean norm of the whole analytic gradient."""
        return math.sqrt(sum(float(np.sum(t.analytic**2)) for t in self.tensors))


@dataclass(frozen=True, slots=True)
class Length:
    """A length that people average over, or forget to.

    Attributes
    ----------
    n : int
        The length.
    text : str
        What has it, as in ``"the length of axis 0 of x"``.
    is_samples : bool
        Whether it is known to be the number of samples.
    is_data : bool
        Whether it belongs to data, not to parameters alone.
    """

    n: int
    text: str
    is_samples: bool = False
    is_data: bool = False


def find_lengths(case: Case) -> Iterator[Length]:
    """Yield each length once: of the batch, of axes of data, of all of their entries, of tensors.

    Data of one number, one axis or many are alike; an index array such as that of the labels has
    the length of the batch.
    """
    known = {0, 1}
    data = {name: np.shape(array) for name, array in case.data.items()}
    of_data = {n for shape in data.values() for n in shape}
    if case.n_samples is not None and case.n_samples not in known:
        known.add(case.n_samples)
        yield Length(case.n_samples, "the number of samples", is_samples=True, is_data=True)
    tensors = {tensor.name: tensor.shape for tensor in case.tensors}
    named = {n for shape in tensors.values() for n in shape}
    for name, shape in [*data.items(), *tensors.items()]:
        for axis, n in enumerate(shape):
            if n in known or (name in UNNAMED and n in named):  # a parameter says it better
                continue
            known.add(n)
            where = name if len(shape) == 1 else f"axis {axis} of {name}"
            yield Length(n, f"the length of {where}", is_data=n in of_data)
    for name, shape in data.items():
        n = math.prod(shape)
        if len(shape) > 1 and n not in known and name not in UNNAMED:
            known.add(n)
            yield Length(n, f"the number of entries of {name}", is_data=True)
