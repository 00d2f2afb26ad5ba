"""A data set: splits of examples with labels, of which minibatches are read."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fastcheck.datasets import draw
from fastcheck.datasets.batch import Batch
from fastcheck.datasets.convert import as_features, one_hot
from fastcheck.datasets.digest import sha256_of
from fastcheck.datasets.limits import MAX_BATCH_BYTES, human_bytes
from fastcheck.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fastcheck.datasets.rows import Rows

    Ints = NDArray[np.int64]

__all__ = ["Dataset", "Split"]

LABELS = ("integer", "one_hot")


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a data set, such as its training examples.

    Attributes
    ----------
    name : str
        Such as ``"train"``.
    path : Path
        The file that holds the examples.
    place : str
        Where they are in the file, for messages.
    rows : Rows
        The examples, which are read when they are asked for.
    labels : ndarray of int64, shape (n,), read-only
        All labels, checked.
    """

    name: str
    path: Path
    place: str
    rows: Rows
    labels: Ints

    def __len__(self) -> int:
        return int(self.labels.size)

    def __repr__(self) -> str:
        return f"Split({self.name!r}, x={self.rows.dtype} {self.rows.shape})"


@dataclass(frozen=True, eq=False)
class Dataset:
    """Splits of labelled examples in a file that is never written to.

    Opening reads the labels; examples are read when a batch asks for them, and only those.

    Attributes
    ----------
    path : Path
        The file.
    layout : str
        The kind of file, for people.
    title : str
        What the data are.
    synthetic : bool
        Whether they were made by an algorithm.
    classes : tuple of str
        The names of the classes.
    splits : dict of str to Split
        ``"train"`` first, if there is one.
    generator, origin : str
        The algorithm that made the file and what it was made from, as far as the file says.
    seed : int or None
        The seed of that algorithm.
    note : str
        What somebody who asked for these data should know; usually empty.
    """

    path: Path
    layout: str
    title: str
    synthetic: bool
    classes: tuple[str, ...]
    splits: dict[str, Split]
    generator: str = ""
    origin: str = ""
    seed: int | None = None
    note: str = ""

    @property
    def n_classes(self) -> int:
        """The number of classes."""
        return len(self.classes)

    @property
    def sha256(self) -> str:
        """The sha256 of the file, computed once per process."""
        return sha256_of(self.path)

    def split(self, name: str | None = None) -> Split:
        """Return a split; without a name ``"train"`` if there is one, else the first.

        Raises
        ------
        DataError
            If there is no split of this name.
        """
        name = next(iter(self.splits)) if name is None else name
        if name not in self.splits:
            known = ", ".join(repr(known) for known in self.splits)
            raise DataError(f"{self.path}: has no split {name!r}; choose one of {known}")
        return self.splits[name]

    def sample(
        self,
        n: int,
        seed: int = 0,
        split: str | None = None,
        *,
        balanced: bool = False,
        labels: Literal["integer", "one_hot"] = "integer",
        scaled: bool = True,
        flatten: bool = True,
    ) -> Batch:
        """Draw a minibatch without replacement.

        Parameters
        ----------
        n : int
            The number of examples, 1 or more.
        seed : int, default 0
            Not negative; the same seed gives the same examples everywhere.
        split : str, optional
            By default ``"train"``, or the first split where there is no such.
        balanced : bool, default False
            Whether each class is drawn equally often; the numbers differ by one at most.
        labels : {"integer", "one_hot"}, default "integer"
            ``y`` of shape (n,), int64, or of shape (n, n_classes), float64.
        scaled : bool, default True
            Whether bytes are divided by 255. Features that are stored as floating-point
            numbers are returned as they are.
        flatten : bool, default True
            Whether an example becomes one row of features, in C order.

        Returns
        -------
        Batch
            Its ``indices`` ascend, so that equal sets of examples are equal batches. An
            unbalanced sample contains every smaller one with the same seed.

        Raises
        ------
        InputError
            If an argument breaks its contract.
        DataError
            If the split is too small, or the file is damaged or has changed.
        """
        n, seed = _count("n", n, 1), _count("seed", seed, 0)
        part = self.split(split)
        if n > len(part):
            raise DataError(
                f"{self.path}: split {part.name!r} has {len(part)} examples, {n} were asked "
                f"for; ask for {len(part)} at most"
            )
        indices = self._balanced(n, seed, part) if balanced else draw.draw(n, len(part), seed)
        return self._batch(part, indices, seed, labels, scaled, flatten)

    def take(
        self,
        indices: Sequence[int] | Ints,
        split: str | None = None,
        *,
        labels: Literal["integer", "one_hot"] = "integer",
        scaled: bool = True,
        flatten: bool = True,
    ) -> Batch:
        """Return the examples at given places, in the given order.

        Parameters
        ----------
        indices : sequence of int, shape (n,)
            Counted from 0 in the split; an example may be named more than once.
        split, labels, scaled, flatten
            As for :meth:`sample`.

        Returns
        -------
        Batch
            Its ``seed`` is None.

        Raises
        ------
        InputError
            If `indices` are not a flat, non-empty sequence of integers, or a choice is unknown.
        DataError
            If an index is outside the split, or the file is damaged or has changed.
        """
        part = self.split(split)
        places = np.asarray(indices)
        if places.ndim != 1 or places.size == 0 or places.dtype.kind not in "iu":
            raise InputError(
                "`indices` must be integers of shape (n,) with n above 0, got "
                f"{places.dtype} of shape {places.shape}"
            )
        outside = np.flatnonzero((places < 0) | (places >= len(part)))
        if outside.size:
            raise DataError(
                f"{self.path}: split {part.name!r} has {len(part)} examples, `indices"
                f"[{outside[0]}]` is {places[outside[0]]}; choose from 0 to {len(part) - 1}"
            )
        return self._batch(part, places.astype(np.int64), None, labels, scaled, flatten)

    def _balanced(self, n: int, seed: int, part: Split) -> Ints:
        """Return the places of a balanced sample."""
        sizes = draw.class_sizes(n, self.n_classes, seed)
        present = np.bincount(part.labels, minlength=self.n_classes)
        short = np.flatnonzero(sizes > present)
        if short.size:
            k = int(short[0])
            raise DataError(
                f"{self.path}: class {k} ({self.classes[k]}) has {present[k]} examples in split "
                f"{part.name!r}, a balanced sample of {n} needs {sizes[k]}; ask for fewer, or "
                "for balanced=False"
            )
        return draw.draw_balanced(sizes, part.labels, seed)

    def _batch(
        self,
        part: Split,
        indices: Ints,
        seed: int | None,
        labels: str,
        scaled: bool,
        flatten: bool,
    ) -> Batch:
        """Read the examples at `indices` and say where they come from."""
        if labels not in LABELS:
            choices = " or ".join(repr(choice) for choice in LABELS)
            raise InputError(f"`labels` must be {choices}, got {labels!r}")
        n_bytes = 8 * indices.size * int(np.prod(part.rows.shape[1:], dtype=np.int64))
        if n_bytes > MAX_BATCH_BYTES:
            raise DataError(
                f"{self.path}: {indices.size} examples take {human_bytes(n_bytes)} as float64, "
                f"the limit is {human_bytes(MAX_BATCH_BYTES)}; ask for fewer"
            )
        different, places = np.unique(indices, return_inverse=True)
        raw = part.rows.read(different)
        x = as_features(raw, different, part, scaled=scaled)[places]
        y = part.labels[indices]
        return Batch(
            x=x.reshape(indices.size, -1) if flatten else x,
            y=one_hot(y, self.n_classes) if labels == "one_hot" else y,
            indices=indices,
            source=str(part.path),
            split=part.name,
            sha256=sha256_of(part.path),
            seed=seed,
            n_classes=self.n_classes,
            classes=self.classes,
            synthetic=self.synthetic,
            title=self.title,
        )


def _count(name: str, value: int, least: int) -> int:
    """Return an argument that must be an integer from `least` on."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, bool | np.bool_):
        raise InputError(f"`{name}` must be an integer from {least} on, got {value!r}")
    return number
