"""In which shapes users hold parameters and gradients, and what of them shares memory."""

from fastcheck.holding.aliases import Aliases, find_aliases
from fastcheck.holding.foreign import plain
from fastcheck.holding.gradients import errors_of, is_meant, named_gradients, taken
from fastcheck.holding.held import Held

__all__ = [
    "Aliases",
    "Held",
    "errors_of",
    "find_aliases",
    "is_meant",
    "named_gradients",
    "plain",
    "taken",
]
