"""What is looked at before a gradient is blamed: the loss, the gradient on receipt, the point."""

from fastcheck.preflight.gradient import GradientCalls
from fastcheck.preflight.influence import about_unread, is_read, unread
from fastcheck.preflight.loss import Preflight, drifted, mutated
from fastcheck.preflight.mode import about_mode, named_mode
from fastcheck.preflight.point import about_integers, about_point
from fastcheck.preflight.precision import about_casts, about_precision
from fastcheck.preflight.reach import Reach
from fastcheck.preflight.receipt import Receipt, about_zeros, receive
from fastcheck.preflight.step import about_step, about_steps_of_graph

__all__ = [
    "GradientCalls",
    "Preflight",
    "Reach",
    "Receipt",
    "about_casts",
    "about_integers",
    "about_mode",
    "about_point",
    "about_precision",
    "about_step",
    "about_steps_of_graph",
    "about_unread",
    "about_zeros",
    "drifted",
    "is_read",
    "mutated",
    "named_mode",
    "receive",
    "unread",
]
