"""Labels of losses: how they may be given, and that their samples are found."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.errors import InputError
from fastcheck.graph import Graph, Node, ops
from fastcheck.graph.route import find_route
from fastcheck.graph.state import evaluate

LABELS = np.array([2, 0, 1, 1, 2])


def scores(axis: int = 1) -> tuple[Node, dict[str, np.ndarray]]:
    """Return scores of 5 samples in 3 classes, which lie along `axis`."""
    rng = np.random.default_rng(0)
    graph = Graph()
    x, w = rng.standard_normal((5, 4)), rng.standard_normal((4, 3))
    if axis == 1:
        return graph.data(x, 0) @ graph.param("W", (4, 3)), {"W": w}
    return graph.param("W", (3, 4)) @ graph.data(x.T, 1), {"W": w.T.copy()}


@pytest.mark.parametrize("loss", [ops.nll, ops.multiclass_hinge])
def test_integers_are_one_hot_labels_on_any_axis(loss: Callable[..., Node]) -> None:
    found = []
    for axis in (1, 0):
        for labels in (LABELS, np.eye(3)[LABELS] if axis else np.eye(3)[LABELS].T):
            node, params = scores(axis)
            out = loss(node, labels, axis=axis)
            assert out.batch_axis == 0
            found.append(evaluate(node.graph, params)[out.index])
    for other in found[1:]:
        np.testing.assert_allclose(found[0], other, rtol=1e-14)


@pytest.mark.parametrize(
    "loss", [ops.nll, ops.multiclass_hinge, ops.huber, ops.l1, ops.poisson_nll, ops.hinge]
)
def test_an_array_of_labels_has_its_samples_where_the_prediction_has_them(
    loss: Callable[..., Node],
) -> None:
    node, params = scores()
    node.graph.set_loss(ops.mean(loss(node, np.eye(3)[LABELS])))
    assert not find_route(node.graph.params["W"]).coupled
    objective = fc.GraphObjective(node.graph)
    assert fc.check_gradients(objective, params, objective.gradient(params))


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda s: ops.nll(s, LABELS + 1), "labels must be from 0 to 2, got 1 to 3"),
        (lambda s: ops.nll(s, LABELS[:4]), "of shape (5, 3), got shape (4, 3)"),
        (lambda s: ops.nll(s, np.eye(5)[LABELS]), "one-hot of shape (5, 3), got shape (5, 5)"),
        (lambda s: ops.nll(np.ones((5, 3)), LABELS), "must be a graph node, got ndarray of shape"),
        (lambda s: ops.l1(s, s), "targets of a loss must be data, got <"),
        (lambda s: ops.kl_divergence(s, np.ones(3)), "the shape of the predictions, (5, 3), got"),
    ],
)
def test_a_mistake_is_named(mistake: Callable[[Node], Node], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        mistake(scores()[0])
