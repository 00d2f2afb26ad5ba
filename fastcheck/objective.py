"""A white-box loss at one minibatch: what checks are made on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.reference import gradient
from fastcheck.graph.state import State, evaluate
from fastcheck.params import check_mapping, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import ArrayLike, NDArray

    from fastcheck.graph.graph import Graph

    Floats = NDArray[np.float64]


class GraphObjective:
    """A scalar loss as a function of named parameters, given as a graph.

    Parameters
    ----------
    graph : Graph
        A graph whose loss is set.
    batch : object, optional
        Where the data came from: a :class:`fastcheck.datasets.Batch`, kept for the report.

    Raises
    ------
    InputError
        If the graph has no loss or no parameters.

    Examples
    --------
    >>> import numpy as np
    >>> import fastcheck as fc
    >>> graph = fc.Graph()
    >>> x = graph.data(np.ones((4, 3)), batch_axis=0)
    >>> graph.set_loss(fc.ops.mean(fc.ops.tanh(x @ graph.param("W1", (3, 2)))))
    >>> objective = fc.GraphObjective(graph)
    >>> objective.loss({"W1": np.zeros((3, 2))})
    0.0
    """

    def __init__(self, graph: Graph, batch: Any = None) -> None:
        if graph.loss is None:
            raise InputError("`graph` must have a loss, got none; call graph.set_loss(node)")
        if not graph.params:
            raise InputError("`graph` must have parameters, got none; declare them by graph.param")
        self.graph = graph
        self.batch = batch

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter, by name."""
        return {name: node.shape for name, node in self.graph.params.items()}

    @property
    def intermediates(self) -> dict[str, tuple[int, ...]]:
        """Shape of each named intermediate value, by name; see :meth:`Graph.mark`."""
        return {name: self.graph.shapes[name] for name in self.graph.intermediates}

    def values(self, params: Mapping[str, ArrayLike]) -> dict[str, Floats]:
        """Return `params` as C-contiguous float64 copies, in the order of the graph.

        Raises
        ------
        InputError
            If a name is missing or unknown, a shape is wrong, or a value is not a finite number.
        """
        check_mapping("params", params)
        unknown = sorted(set(params) - set(self.graph.params))
        missing = sorted(set(self.graph.params) - set(params))
        if unknown or missing:
            raise InputError(
                f"`params` must have the names {sorted(self.graph.params)}, got {sorted(params)}; "
                + (f"add {missing}" if missing else f"remove {unknown}")
            )
        return {name: _value(name, params[name], node.shape)
                for name, node in self.graph.params.items()}  # fmt: skip

    def state(self, params: Mapping[str, ArrayLike]) -> State:
        """Return the base point at `params`."""
        return State(self.graph, self.values(params))

    def loss(self, params: Mapping[str, ArrayLike]) -> float:
        """Return the loss at `params`; one evaluation."""
        assert self.graph.loss is not None
        values = evaluate(self.graph, self.values(params))
        return float(values[self.graph.loss.index].reshape(()))

    def gradient(
        self, params: Mapping[str, ArrayLike], names: Iterable[str] | None = None
    ) -> dict[str, Floats]:
        """Return the reference gradient at `params`, by the vjps of the operations.

        Parameters
        ----------
        params : mapping of str to array_like
            The point.
        names : iterable of str, optional
            Parameters and named intermediate values; by default all parameters.

        Raises
        ------
        InputError
            If a name is unknown.

        Notes
        -----
        This is ordinary backpropagation, for users whose own gradient is wrong. No numerical
        derivative is computed with it. At a kink it takes the slope on the left.
        """
        values = evaluate(self.graph, self.values(params))
        known = self.shapes | self.intermediates
        chosen = tuple(self.shapes if names is None else names)
        unknown = [name for name in chosen if name not in known]
        if unknown:
            raise InputError(
                f"`names` must be among {', '.join(known)}, got {', '.join(map(str, unknown))}"
                f"{did_you_mean(map(str, unknown), known)}; name values with graph.mark or "
                "fastcheck.mark"
            )
        found = gradient(self.graph, values, chosen)
        return {name: g.reshape(known[name]) for name, g in found.items()}


def _value(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Floats:
    try:
        given = np.asarray(value)
    except ValueError as problem:
        raise InputError(f"`params[{name!r}]` must be one array, got {problem}") from None
    if given.dtype.kind not in "fiu":
        raise InputError(
            f"`params[{name!r}]` must be a real array, got dtype {given.dtype}; convert it to "
            "float64"
        )
    if given.shape != shape:
        raise InputError(
            f"`params[{name!r}]` must have shape {shape}, got {given.shape}; transpose or reshape "
            "it"
        )
    array = np.array(given, dtype=np.float64, order="C")
    if not np.isfinite(array).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InputError(
            f"`params[{name!r}]` must be finite, got {array[place]} at {list(place)}; look at how "
            "it was initialised or updated"
        )
    return array
