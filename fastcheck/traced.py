"""A loss written in NumPy as a white box: recorded, verified, and turned into a graph."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import FastcheckError, InputError, TraceError
from fastcheck.lower import lower
from fastcheck.objective import GraphObjective
from fastcheck.params import check_mapping
from fastcheck.tracing.session import record_closure, record_function
from fastcheck.tracing.verify import LiveLoss, number_of, preserved, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import ArrayLike, NDArray

    from fastcheck.graph.graph import Graph
    from fastcheck.tracing.recording import Recording

    Floats = NDArray[np.float64]

LOSS_RTOL = 1e-11
"""How far the loss of the graph may be from the recorded one, relative to its largest term: it is
the same function, evaluated in another order."""
SINGLE_RTOL = 2.0**-13
"""The same for a loss that goes through float32, which the graph does not."""
N_POINTS = 2
"""Random points at which they are compared, beside the base point."""
SPREAD = 1e-3
"""Size of the random changes, relative to the largest entry of a tensor."""


class TracedObjective(GraphObjective):
    """The graph of a loss that was written in NumPy.

    Made by :func:`trace`; accepted wherever an objective is.

    Attributes
    ----------
    recording : Recording
        The NumPy calls of the loss, in order.
    """

    def __init__(self, graph: Graph, recording: Recording) -> None:
        super().__init__(graph)
        self.recording = recording


def trace(
    loss: Callable[..., Any],
    params: Mapping[str, ArrayLike],
    *data: ArrayLike,
    batch_axis: int | None = 0,
    seed: int = 0,
) -> TracedObjective:
    """Record a loss written in NumPy and return it as an objective.

    Parameters
    ----------
    loss : callable
        ``loss(params, *data)`` returns the scalar loss. It is an ordinary function; NumPy is not
        changed, and neither are your arrays.
    params : mapping of str to array_like of float64
        The point.
    *data : array_like
        The minibatch: inputs, labels, whatever `loss` takes.
    batch_axis : int, optional
        The axis of the data that counts samples; None to look for it.
    seed : int
        Seed of the random points at which the recording is verified.

    Returns
    -------
    TracedObjective

    Raises
    ------
    TraceError
        If the loss cannot be followed, with the line and what to do.

    Notes
    -----
    The recording is replayed at the point and at random points around it and must give the loss of
    `loss` bit for bit; the graph must give it to rounding. Takes about ten evaluations.

    Examples
    --------
    >>> import numpy as np
    >>> import fastcheck as fc
    >>> def loss(params, x, y):
    ...     p = 1 / (1 + np.exp(-(x @ params["w"] + params["b"])))
    ...     return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    >>> params = {"w": np.array([0.5, -0.25]), "b": np.zeros(1)}
    >>> x, y = np.array([[1.0, 2.0], [0.0, -1.0], [2.0, 1.0]]), np.array([1.0, 0.0, 1.0])
    >>> objective = fc.trace(loss, params, x, y)
    >>> objective.gradient(params)["b"].round(6).tolist()
    [-0.086215]
    """
    check_mapping("params", params)
    if not callable(loss):
        raise InputError(f"`loss` must be a function, got {type(loss).__name__}; pass one")
    arrays = {name: np.array(value) for name, value in params.items()}
    with _explained(), preserved(loss):
        recording = record_function(loss, arrays, data, batch_axis)
        rng = np.random.default_rng(seed)
        verify(recording, lambda p: number_of(loss(p, *data)), arrays, rng)
        axes = recording.batch
        n_samples = next((recording.calls[i].shape[a] for i, a in axes.items()), None)
        return _objective(recording, arrays, n_samples, seed)


def trace_closure(
    loss: Callable[[], Any], params: Mapping[str, NDArray[Any]], seed: int = 0
) -> TracedObjective:
    """Record a loss without arguments, whose model holds the arrays of `params` itself.

    Parameters
    ----------
    loss : callable
        Returns the scalar loss. The objects that it reaches are as before afterwards.
    params : mapping of str to ndarray
        The very arrays that the model uses.
    seed : int
        Seed of the random points at which the recording is verified.

    Raises
    ------
    TraceError
        If the loss cannot be followed, with the line and what to do.
    """
    _check_apart(params)
    with _explained(), preserved(loss, dict(params)):
        recording = record_closure(loss, params)
        verify(recording, LiveLoss(loss, params), params, np.random.default_rng(seed))
        arrays = {name: np.array(value) for name, value in params.items()}
        return _objective(recording, arrays, None, seed)


def _check_apart(params: Mapping[str, NDArray[Any]]) -> None:
    """Refuse parameters that share entries: a derivative would be split between them."""
    for (one, a), (other, b) in combinations(params.items(), 2):
        if np.may_share_memory(a, b) and np.shares_memory(a, b):
            raise TraceError(
                f"{one} and {other} share memory, so that what belongs to one belongs to the other "
                "too; check one of them, or the array that they are parts of"
            )


@contextmanager
def _explained() -> Iterator[None]:
    """Let whatever goes wrong on the way be a reason why a loss cannot be traced."""
    try:
        yield
    except FastcheckError:
        raise
    except Exception as problem:
        raise TraceError(
            f"tracing ended with {type(problem).__name__}: {problem}; if your loss runs by itself, "
            "something in it cannot be followed"
        ) from problem


def _objective(
    recording: Recording, params: dict[str, Floats], n_samples: int | None, seed: int
) -> TracedObjective:
    """Return the objective, compositions recognised if they may be."""
    for recognises in (True, False):
        graph = lower(recording, params, n_samples, recognises=recognises)
        objective = TracedObjective(graph, recording)
        if _is_same(objective, recording, params, np.random.default_rng(seed)):
            return objective
    raise TraceError(
        "the operations that were recorded do not give your loss to float64 rounding; look for "
        "float32 or integers on the way from the parameters to the loss"
    )


def _is_same(
    objective: GraphObjective,
    recording: Recording,
    params: dict[str, Floats],
    rng: np.random.Generator,
) -> bool:
    """Return whether graph and recording agree at the point and near it."""
    rtol = SINGLE_RTOL if recording.coarse() else LOSS_RTOL
    points = [params, *(_moved(params, rng) for _ in range(N_POINTS))]
    for point in points:
        with np.errstate(all="ignore"):
            theirs = float(np.asarray(recording.replay(point)[recording.output]).reshape(()))
        ours = objective.loss(point)
        if not abs(ours - theirs) <= rtol * max(abs(theirs), 1e-300):
            return bool(np.isnan(ours) and np.isnan(theirs))
    return True


def _moved(params: dict[str, Floats], rng: np.random.Generator) -> dict[str, Floats]:
    """Return a random point near `params`."""
    return {
        name: p + SPREAD * np.abs(p).max(initial=1e-2) * rng.standard_normal(p.shape)
        for name, p in params.items()
    }
