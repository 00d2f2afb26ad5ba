"""How much a data file may claim before it is believed; all figures are stated in messages.

A few hundred bytes of HDF5 can declare terabytes, and a few kilobytes of gzip can inflate to
gigabytes. Everything is therefore compared with these limits, and with the size of the file,
before anything is allocated for it.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "MAX_BATCH_BYTES",
    "MAX_CHUNK_BYTES",
    "MAX_CLASSES",
    "MAX_DATASET_BYTES",
    "MAX_DEFLATE_RATIO",
    "MAX_EXAMPLES",
    "MAX_EXAMPLE_BYTES",
    "MAX_IDX_BYTES",
    "MAX_NAME_BYTES",
    "human_bytes",
]

MAX_DATASET_BYTES: Final = 64 * 2**30
"""The declared size of one array in a file."""

MAX_EXAMPLE_BYTES: Final = 64 * 2**20
"""The declared size of one example."""

MAX_CHUNK_BYTES: Final = 64 * 2**20
"""The size of one chunk after decompression."""

MAX_BATCH_BYTES: Final = 8 * 2**30
"""The size of one minibatch as float64, in memory."""

MAX_IDX_BYTES: Final = 2**30
"""The size of one IDX file after decompression, which is read as a whole."""

MAX_EXAMPLES: Final = 2**24
"""The number of examples of one split; their labels are read as a whole."""

MAX_CLASSES: Final = 2**16
"""The number of classes."""

MAX_NAME_BYTES: Final = 2**10
"""The length of the name of a class, and of a text attribute."""

MAX_DEFLATE_RATIO: Final = 1040
"""What deflate cannot exceed: 258 bytes from two bits is a ratio of 1032."""


def human_bytes(n: int) -> str:
    """Return a number of bytes as a person would say it.

    Examples
    --------
    >>> human_bytes(784), human_bytes(3 * 2**20), human_bytes(2**50)
    ('784 bytes', '3.0 MiB', '1024.0 TiB')
    """
    if n < 2**10:
        return f"{n} bytes"
    for power, unit in enumerate(("KiB", "MiB", "GiB"), start=1):
        if n < 2 ** (10 * power + 10):
            return f"{n / 2 ** (10 * power):.1f} {unit}"
    return f"{n / 2**40:.1f} TiB"
