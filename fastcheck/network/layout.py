"""Which axis of an activation counts the samples, and what follows for weights and biases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.graph.node import Node


@dataclass(frozen=True)
class Layout:
    """How activations lie.

    Attributes
    ----------
    name : str
        How users call it.
    batch, features : int
        The axes of an activation.
    """

    name: str
    batch: int
    features: int

    def shape(self, n_batch: int, n_features: int) -> tuple[int, int]:
        """Return the shape of an activation."""
        return (n_batch, n_features) if self.batch == 0 else (n_features, n_batch)

    def described(self, n_features: int) -> str:
        """Return the shape of an activation as text, with n for the number of samples."""
        return f"(n, {n_features})" if self.batch == 0 else f"({n_features}, n)"

    def weight_shape(self, n_in: int, n_out: int) -> tuple[int, int]:
        """Return the shape of a weight."""
        return self.shape(n_in, n_out)

    def bias_shape(self, n_out: int) -> tuple[int, ...]:
        """Return the shape of a bias, which broadcasts over the samples."""
        return (n_out,) if self.batch == 0 else (n_out, 1)

    def placed(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return a batch-first array (or a weight of shape (n_in, n_out)) in this layout."""
        return array if self.batch == 0 else array.T

    def product(self, x: Node, W: Node) -> Node:
        """Return the node ``x @ W``, or ``W @ x`` where columns are samples."""
        return x @ W if self.batch == 0 else W @ x


BATCH_FIRST = Layout("batch_first", batch=0, features=1)
FEATURES_FIRST = Layout("features_first", batch=1, features=0)
LAYOUTS = {layout.name: layout for layout in (BATCH_FIRST, FEATURES_FIRST)}
