"""What operations of torch are in NumPy, by their names in ATen, with its order of arguments.

An argument that a function here does not take is one with which it cannot be followed; dtypes and
layouts are left out before.
"""

from __future__ import annotations

from fastcheck.torch import arrays, networks

OPERATIONS = {**arrays.OPERATIONS, **networks.OPERATIONS}
