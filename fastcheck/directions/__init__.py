"""Directional derivatives of a loss: what they rule out, and where it is wrong if they do not."""

from fastcheck.directions.lines import foreseen
from fastcheck.directions.survey import Seen, look_along
from fastcheck.directions.verdict import joined, seen_statement

__all__ = ["Seen", "foreseen", "joined", "look_along", "seen_statement"]
