"""A Dask cluster: tasks that tell where they are and can be spoken to; the one door to Dask."""

from __future__ import annotations

from fastcheck.cluster.client import Cluster
from fastcheck.cluster.futures import deaths, finished
from fastcheck.cluster.messages import Done, Lost, Told, Workers
from fastcheck.cluster.post import Post

__all__ = ["Cluster", "Done", "Lost", "Post", "Told", "Workers", "deaths", "finished"]
