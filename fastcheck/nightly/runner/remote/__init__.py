"""Cases on a Dask cluster, each in a process of its own on the machine of a worker."""

from __future__ import annotations

from fastcheck.nightly.runner.remote.places import DaskPlaces

__all__ = ["DaskPlaces"]
