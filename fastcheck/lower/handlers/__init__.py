"""NumPy's functions and the operations that they become."""

from fastcheck.lower.handlers import entrywise, products, reductions
from fastcheck.lower.handlers.registry import HANDLERS, operand

__all__ = ["HANDLERS", "entrywise", "operand", "products", "reductions"]
