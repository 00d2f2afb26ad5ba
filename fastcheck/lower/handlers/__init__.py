"""NumPy's functions and the operations that they become."""

from fastcheck.lower.handlers import entrywise, products, reductions
from fastcheck.lower.handlers.registry import HANDLERS, handler_of, operand

__all__ = ["HANDLERS", "entrywise", "handler_of", "operand", "products", "reductions"]
