"""Networks of random architecture: both layouts, the literal passes and the engine agree."""

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import fastcheck as fc
from fastcheck.numdiff import Prober
from tests.network import cases, literal


@st.composite
def networks(draw: Any) -> tuple[list, list[tuple], str, dict[str, Any]]:
    """Draw layers, their descriptions, the name of a loss and the options of the network."""
    hidden = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    sizes = [*hidden, draw(st.integers(2, 4))]
    n_in = draw(st.integers(1, 6))
    layers, names = [], []
    for i, n_out in enumerate(sizes):
        has_bias = draw(st.booleans())
        layers.append(fc.Dense(n_in, n_out, bias=has_bias))
        names.append(("dense",) if has_bias else ("dense", "no bias"))
        if i < len(sizes) - 1:
            layer, name = cases.ACTIVATIONS[draw(st.sampled_from(sorted(cases.ACTIVATIONS)))]
            layers.append(layer)
            names.append(name)
        n_in = n_out
    loss = draw(st.sampled_from(sorted(cases.LOSSES)))
    ending = cases.LOSSES[loss][1]
    if ending:
        layers.append(cases.ACTIVATIONS[ending][0])
        names.append(cases.ACTIVATIONS[ending][1])
    options = {
        "reduction": draw(st.sampled_from(["batch", "sum", "mean"])),
        "l2": draw(st.sampled_from([0.0, 0.05])),
        "n_batch": draw(st.integers(1, 5)),
        "seed": draw(st.integers(0, 1000)),
    }
    return layers, names, loss, options


@settings(max_examples=60)
@given(networks())
def test_a_random_network_agrees_with_the_literal_passes_in_both_layouts(case: Any) -> None:
    layers, names, loss, options = case
    dense = [layer for layer in layers if isinstance(layer, fc.Dense)]
    n_in, n_out = dense[0].n_in, dense[-1].n_out
    x, labels = cases.data(options["n_batch"], n_in, n_out, options["seed"])
    _, _, kind, guard = cases.LOSSES[loss]
    made = cases.made(loss, options["reduction"])
    rows = fc.Network(layers, loss=made, l2=options["l2"])
    cases.assert_agrees(rows, names, x, labels, kind, guard)

    columns = fc.Network(layers, loss=made, l2=options["l2"], layout="features_first")
    one, other = rows.objective(x, labels), columns.objective(x.T, labels)
    first, second = cases.random_params(rows), cases.random_params(columns)
    assert other.loss(second) == pytest.approx(one.loss(first), rel=1e-13)
    found = other.gradient(second)
    for name, wanted in one.gradient(first).items():
        cases.assert_close(found[name].T.reshape(wanted.shape), wanted, name)


@pytest.mark.interpreted
@pytest.mark.parametrize("layout", ["batch_first", "features_first"])
@pytest.mark.parametrize("name", cases.LOSSES)
def test_the_engine_probes_what_a_network_is_lowered_to(name: str, layout: str) -> None:
    _, ending, kind, guard = cases.LOSSES[name]
    layers = [fc.Dense(4, 5), fc.Tanh(), fc.Dropout(0.3, seed=2), fc.Dense(5, 3)]
    if ending:
        layers.append(cases.ACTIVATIONS[ending][0])
    net = fc.Network(layers, loss=cases.made(name), l2=0.1, layout=layout)
    x, labels = cases.data(4, 4, 3)
    objective = net.objective(x if layout == "batch_first" else x.T, labels)
    params = cases.random_params(net)
    mask = fc.Network(layers, loss=cases.made(name)).masks(4)[2] / 0.7
    names = [("dense",), ("tanh",), ("mask", mask), ("dense",)]
    if ending:
        names.append(cases.ACTIVATIONS[ending][1])
    rows = cases.random_params(fc.Network(layers, loss=cases.made(name)))
    _, wanted = literal.loss_and_gradients(
        names, rows, x, cases.one_hot(labels, 3), kind, guard, l2=0.1
    )
    state = objective.state(params)
    for node in objective.graph.nodes:
        if not node.name or node.name == "x":
            continue
        prober = Prober(state, node)
        entries = prober.entries()
        found = np.zeros(node.size)
        found[entries] = prober.probe(entries).values
        target = wanted[node.name] if layout == "batch_first" else wanted[node.name].T
        largest = np.abs(target).max()
        np.testing.assert_allclose(
            found, target.ravel(), rtol=1e-10, atol=1e-11 * largest, err_msg=node.name
        )
