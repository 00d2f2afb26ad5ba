"""A graph at a minibatch: values, loss, gradient, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import ops

pytestmark = pytest.mark.interpreted


def objective() -> fc.GraphObjective:
    """Return ``mean((x W + b)**2)`` with samples 1 and 2."""
    graph = fc.Graph()
    x = graph.data([[1.0], [2.0]], 0)
    z = x @ graph.param("W", (1, 1)) + graph.param("b", (1,))
    graph.set_loss(ops.mean(ops.square(z)))
    return fc.GraphObjective(graph)


def test_loss_and_gradient_are_those_of_the_formula() -> None:
    at = {"b": [1], "W": [[2.0]]}  # residuals 3 and 5
    assert objective().loss(at) == 17.0
    found = objective().gradient(at)
    assert list(found) == ["W", "b"]
    assert (found["W"].item(), found["b"].item()) == (13.0, 8.0)
    assert objective().shapes == {"W": (1, 1), "b": (1,)}


def test_values_are_copies_in_the_order_of_the_graph() -> None:
    given = {"b": np.array([1.0]), "W": np.array([[2.0]], np.float32)}
    values = objective().values(given)
    assert list(values) == ["W", "b"]
    assert all(v.dtype == np.float64 and v.flags.c_contiguous for v in values.values())
    values["b"][:] = 5.0
    assert given["b"].item() == 1.0


def test_a_parameter_that_does_not_matter_has_a_gradient_of_zero() -> None:
    graph = fc.Graph()
    graph.param("idle", (2, 2))
    graph.set_loss(ops.sum(graph.param("w", (1,))))
    found = fc.GraphObjective(graph).gradient({"idle": np.ones((2, 2)), "w": [3.0]})
    assert np.array_equal(found["idle"], np.zeros((2, 2)))
    result = fc.check_gradients(
        fc.GraphObjective(graph), {"idle": np.ones((2, 2)), "w": [3.0]}, found
    )
    assert result.tensors["idle"].verdict == "inconclusive"
    assert result.tensors["w"].passed
    assert not result


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"W": [[1.0]]}, r"the names \['W', 'b'\], got \['W'\]; add \['b'\]"),
        (
            {"W": [[1.0]], "b": [0.0], "c": [0.0]},
            r"the names \['W', 'b'\], got \['W', 'b', 'c'\]; remove \['c'\]",
        ),
        ({"W": [1.0], "b": [0.0]}, r"`params\['W'\]` must have shape \(1, 1\), got \(1,\)"),
        ({"W": [[1.0]], "b": [1j]}, r"`params\['b'\]` must be a real array, got dtype complex128"),
        ({"W": [["x"]], "b": [0.0]}, r"`params\['W'\]` must be a real array, got dtype <U1"),
        ({"W": [[np.nan]], "b": [0.0]}, r"`params\['W'\]` must be finite, got nan at \[0, 0\]"),
        ({"W": [[1.0]], "b": [-np.inf]}, r"`params\['b'\]` must be finite, got -inf at \[0\]"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(params: dict[str, Any], message: str) -> None:
    for use in (objective().loss, objective().gradient, objective().state):
        with pytest.raises(fc.InputError, match=message):
            use(params)


def test_the_first_value_that_is_not_finite_is_named() -> None:
    net = fc.Network([fc.Dense(3, 4)], loss=fc.SquaredError())
    params = net.init_params()
    params["W1"][2, 1] = params["W1"][1, 3] = np.inf
    with pytest.raises(fc.InputError, match=r"got inf at \[1, 3\]; look at how"):
        net.objective(np.ones((1, 3)), np.ones((1, 4))).loss(params)


def test_a_graph_without_a_loss_or_parameters_is_refused() -> None:
    graph = fc.Graph()
    x = graph.data([1.0])
    with pytest.raises(fc.InputError, match=r"`graph` must have a loss, got none; call"):
        fc.GraphObjective(graph)
    graph.set_loss(ops.sum(x))
    with pytest.raises(fc.InputError, match=r"`graph` must have parameters, got none; declare"):
        fc.GraphObjective(graph)
    with pytest.raises(fc.InputError, match=r"`node` must be a scalar, got shape \(2,\)"):
        graph.set_loss(graph.param("w", (2,)))


def test_a_batch_is_kept_for_the_report() -> None:
    graph = objective().graph
    assert fc.GraphObjective(graph).batch is None
    assert fc.GraphObjective(graph, "mine").batch == "mine"
