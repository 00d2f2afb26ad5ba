"""The code of the page on processes runs, on a cluster too."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from fastcheck.blackbox import workers
from tests.docs.pages import blocks

distributed = pytest.importorskip("distributed", reason="dask[distributed] is not installed")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


def test_both_ways_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PAYS", 0.0)  # else so little work is not sent
    local, cluster = (block.text for block in blocks("docs/parallel.md"))
    names: dict[str, Any] = {"__name__": "page"}
    exec(local, names)
    first = names["numerical"]
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None,
        silence_logs=logging.CRITICAL,
    ) as found:  # fmt: skip
        address = "tcp://scheduler:8786"
        assert address in cluster
        exec(cluster.replace(address, found.scheduler_address), names)
        names["client"].close()
        assert found.scheduler.transition_counter > 0  # it had something to do
    second = names["numerical"]
    assert second is not first
    for name, values in first.values.items():
        np.testing.assert_array_equal(values, second.values[name])
