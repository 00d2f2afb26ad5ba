"""What is collected: examples in docstrings, where the library that they use is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

FRAMEWORKS = ("jax", "tensorflow", "torch")
PACKAGE = Path(__file__).parent / "fastcheck"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the examples of a framework that is missing."""
    for name in (name for name in FRAMEWORKS if find_spec(name) is None):
        reason = pytest.mark.skip(reason=f"{name} is not installed")
        for item in items:
            if item.path.is_relative_to(PACKAGE / name):
                item.add_marker(reason)
