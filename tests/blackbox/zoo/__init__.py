"""Losses with right gradients, written by hand, of every kind that people check.

``MEMBERS`` holds them by name; each is made from a seed.
"""

from tests.blackbox.zoo import dense, functions, kinks, layers, odd, scales, singles
from tests.blackbox.zoo.base import MEMBERS, Member

__all__ = ["MEMBERS", "Member", "dense", "functions", "kinks", "layers", "odd", "scales", "singles"]
