"""Turning recorded NumPy calls into a graph."""

from fastcheck.lower.lowering import lower

__all__ = ["lower"]
