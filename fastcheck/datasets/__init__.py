"""Data sets in HDF5 files, of which minibatches are read with their provenance.

Files are opened for reading only, and nothing that a file claims is believed before it is
checked: a bad file is one sentence, never a crash or a full memory.
"""

from __future__ import annotations

from fastcheck.datasets.batch import Batch
from fastcheck.datasets.dataset import Dataset, Split
from fastcheck.datasets.description import describe, summarise
from fastcheck.datasets.downloads import download_data
from fastcheck.datasets.find import embedded, find_data
from fastcheck.datasets.mnist import import_mnist, open_idx
from fastcheck.datasets.opening import open_dataset
from fastcheck.datasets.own import write_own
from fastcheck.datasets.synthetic import make_synthetic

__all__ = [
    "Batch",
    "Dataset",
    "Split",
    "describe",
    "download_data",
    "embedded",
    "find_data",
    "import_mnist",
    "make_synthetic",
    "open_dataset",
    "open_idx",
    "summarise",
    "write_own",
]
