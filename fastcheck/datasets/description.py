"""What is in a data file, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.datasets.limits import human_bytes
from fastcheck.datasets.opening import open_dataset

if TYPE_CHECKING:
    from pathlib import Path

    from fastcheck.datasets.dataset import Dataset, Split

__all__ = ["describe", "summarise"]

SCAN_BYTES = 2**28
BLOCK_BYTES = 2**22
MAX_LISTED = 20


def describe(path: str | Path) -> str:
    """Return a description of a data file: layout, splits, types, classes, values, sha256.

    Parameters
    ----------
    path : path
        As for :func:`~fastcheck.datasets.open_dataset`.

    Returns
    -------
    str
        Several lines. The range of values is that of the first 256 MiB of each split.

    Raises
    ------
    DataError
        If the file is bad.
    """
    dataset = open_dataset(path)
    lines = [str(path), *_head(dataset)]
    for split in dataset.splits.values():
        lines += _split(split, dataset)
    return "\n".join(lines)


def summarise(dataset: Dataset) -> str:
    """Return what is in a data set in one line, such as ``train 60,000 examples; sha256 …``."""
    splits = (f"{name} {len(split):,} examples" for name, split in dataset.splits.items())
    return f"{', '.join(splits)}; sha256 {dataset.sha256}"


def _head(dataset: Dataset) -> list[str]:
    """Return the lines about the file as a whole."""
    seed = "" if dataset.seed is None else f", seed {dataset.seed}"
    made = f"{dataset.generator}{seed}" if dataset.generator else "not said"
    facts = {
        "title": dataset.title,
        "layout": dataset.layout,
        "synthetic": "yes" if dataset.synthetic else "no",
        "generator": made,
        "size": human_bytes(dataset.path.stat().st_size),
        "sha256": dataset.sha256,
    }
    facts |= {"made from": dataset.origin.replace("; ", f"\n{'':14}")} if dataset.origin else {}
    return [f"  {name:<11} {text}" for name, text in facts.items()]


def _split(split: Split, dataset: Dataset) -> list[str]:
    """Return the lines about one split."""
    default = " (default)" if split is dataset.split() else ""
    counts = np.bincount(split.labels, minlength=dataset.n_classes)
    classes = [f"{name}: {n}" for name, n in zip(dataset.classes, counts, strict=True)]
    more = f", and {len(classes) - MAX_LISTED} more" if len(classes) > MAX_LISTED else ""
    return [
        f"split {split.name}{default}, {len(split)} examples",
        f"  x           {split.rows.dtype} {split.rows.shape}, {split.rows.storage}",
        f"  values      {_values(split)}",
        f"  y           {dataset.n_classes} classes, 0 to {dataset.n_classes - 1}",
        f"  counts      {', '.join(classes[:MAX_LISTED])}{more}",
    ]


def _values(split: Split) -> str:
    """Return the range of the values and the share of zeros, which cost a check nothing."""
    rows = split.rows
    row = rows.dtype.itemsize * int(np.prod(rows.shape[1:], dtype=np.int64))
    n_rows, step = max(1, min(len(split), SCAN_BYTES // row)), max(1, BLOCK_BYTES // row)
    low, high, n_zero, n_bad = np.inf, -np.inf, 0, 0
    for start in range(0, n_rows, step):
        block = rows.read(np.arange(start, min(start + step, n_rows)))
        n_zero += int(np.count_nonzero(block == 0))
        finite = block[np.isfinite(block)]
        n_bad += block.size - finite.size
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    n_values = n_rows * row // rows.dtype.itemsize
    part = "" if n_rows == len(split) else f" (the first {n_rows} examples)"
    bad = f", {n_bad} not finite" if n_bad else ""
    return f"{low:g} to {high:g}, {100 * n_zero / n_values:.1f} % exactly zero{bad}{part}"
