"""Dropout with a frozen mask."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.network.checks import count, first, number, real_array
from fastcheck.network.layers import Layer

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastcheck.graph.node import Node
    from fastcheck.network.layout import Layout

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Dropout(Layer):
    """Inverted dropout, ``a mask / (1 - rate)``, with a mask that is frozen.

    A gradient can only be checked where the loss gives the same value twice. The mask is therefore
    drawn once, and every evaluation of an objective uses it.

    Parameters
    ----------
    rate : float
        The probability of an activation to be dropped, in [0, 1).
    seed : int
        What the mask is drawn from, together with the index of the layer in its network, so that
        two layers with one seed do not drop the same units.
    mask : array_like of shape (n_batch, n_features) in the layout of the network, optional
        1 (or True) where an activation is kept and 0 where it is dropped; copied. Give the mask
        of the code that is checked here, or read the one that was drawn from
        :meth:`fastcheck.network.Network.masks`.

    Raises
    ------
    InputError
        If `rate` or `seed` is out of range, or `mask` has other entries than 0 and 1.

    Notes
    -----
    The drawn mask keeps an entry where ``u >= rate``, with u uniform on [0, 1) drawn as an array of
    shape (n_batch, n_features) by ``numpy.random.default_rng([seed, place])``, in both layouts.
    """

    rate: float
    seed: int = 0
    mask: ArrayLike | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", number("rate", self.rate, low=0.0, below=1.0))
        object.__setattr__(self, "seed", count("seed", self.seed, least=0))
        if self.mask is not None:
            object.__setattr__(self, "mask", _frozen(self.mask))

    def kept(self, shape: tuple[int, ...], layout: Layout, place: int) -> Floats:
        """Return the mask for activations of `shape`: 1 where kept, 0 where dropped.

        Raises
        ------
        InputError
            If a mask was given and has another shape.
        """
        if self.mask is None:
            rng = np.random.default_rng([self.seed, place])
            u = rng.random((shape[layout.batch], shape[layout.features]))
            return layout.placed(u >= self.rate).astype(np.float64, order="C")
        mask: Floats = np.asarray(self.mask, dtype=np.float64)
        if mask.shape != shape:
            raise InputError(
                f"`mask` of layers[{place}] must have shape {shape} with layout={layout.name!r}, "
                f"got {mask.shape}; give one entry for each activation of the batch"
            )
        return mask

    def lower(self, node: Node, layout: Layout, place: int) -> Node:
        factor = self.kept(node.shape, layout, place) / (1.0 - self.rate)
        return node * node.graph.data(factor, batch_axis=layout.batch)


def _frozen(mask: Any) -> Floats:
    given = real_array("mask", mask)
    bad = (given != 0) & (given != 1)
    if bad.any():
        place = first(bad)
        raise InputError(
            f"`mask` must be 0 or 1, but mask{list(place)} is {given[place]}; leave the division "
            "by 1 - rate to the layer"
        )
    array = np.array(given, dtype=np.float64, order="C")
    array.flags.writeable = False
    return array
