"""Layers that update their parameters in the backward pass: gradients from the update."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.layers.attributes import Held, arrays_of

if TYPE_CHECKING:
    from collections.abc import Mapping

RATES = ("learning_rate", "learn_rate", "lr", "eta", "rate")
"""Names by which a backward pass asks for a learning rate."""
RATE = 2.0**20
"""The rate that it is given: a power of two, so large that rounding the updated parameter does not
matter, and the gradient has all its digits."""


def updated_parameters(
    owner: object, before: Mapping[str, Any], copies: Mapping[str, Any]
) -> dict[str, Held]:
    """Return what a backward pass has updated, by name.

    Parameters
    ----------
    owner : object
        The layer, after the backward pass.
    before, copies : mapping of str to ndarray
        The arrays that it held before, and what was in them.
    """
    now = arrays_of(owner)
    return {
        name: Held(array, "from the update", partial(_from_update, owner, name, copies[name]))
        for name, array in before.items()
        if name in now
        and now[name].shape == array.shape
        and now[name].tobytes() != copies[name].tobytes()
    }


def _from_update(owner: object, name: str, before: Any) -> Any:
    """Return the gradient with which a parameter was updated: ``(before - after) / rate``."""
    return (before - np.asarray(arrays_of(owner)[name])) / before.dtype.type(RATE)
