"""What every operation promises, tested for each entry of the catalogue."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.graph import Graph, Node, ops
from fastcheck.graph.reference import gradient, gradient_and_terms
from fastcheck.graph.state import State
from tests.graph.drive import UNIT, probe
from tests.graph.ops.catalogue import CATALOGUE
from tests.graph.ops.driving import built, moved, with_loss
from tests.graph.ops.entry import Array, Entry, exact_array

SIZES = (1e-1, 9e-3, 1e-4, 1e-6, 1e-8, 1e-12)
ALL = pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE.keys())


def with_exact(entry: Entry) -> Any:
    if entry.exact is None:
        pytest.skip("no formula in 50-digit arithmetic is given")
    return entry.exact


def with_torch(entry: Entry) -> tuple[Any, Any]:
    if entry.torch is None:
        pytest.skip("torch has no such function")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch", reason="torch is not installed")
    return torch, entry.torch


def changes(entry: Entry, arrays: list[Array]) -> list[Array]:
    """Return changes of parameters, each of all sizes and of several signs, along a last axis."""
    found = []
    for k, a in enumerate(arrays):
        rng = np.random.default_rng(k)
        signs = [np.ones(a.shape), -np.ones(a.shape), rng.choice([-1.0, 0.5], a.shape)]
        sizes = [d for d in SIZES if d <= entry.largest]
        d = np.stack([size * sign for size in sizes for sign in signs], axis=-1)
        found.append(d * np.abs(a)[..., None] if entry.relative else d)
    return found


def first_order(entry: Entry, arrays: list[Array], n: int, d: list[Array]) -> Array:
    """Return the sums of absolute first-order terms, of the shape of the change."""
    node, params = built(entry, arrays, n)
    out = np.zeros((node.size, d[0].shape[-1]))
    weights = np.zeros(node.shape)
    selected = node * node.graph.data(weights)
    node.graph.set_loss(ops.sum(selected))
    constant = selected.inputs[1].index
    for i in range(node.size):
        weights = np.zeros(node.size)
        weights[i] = 1.0
        node.graph.constants[constant] = weights.reshape(node.shape)
        slopes = gradient(node.graph, State(node.graph, params).values)
        for g, a in zip(slopes.values(), d, strict=True):
            out[i] += np.abs(g.ravel()) @ np.abs(a.reshape(g.size, -1))
    return out.reshape(*node.shape, -1)


@pytest.mark.interpreted
@ALL
def test_the_value_is_that_of_50_digits(entry: Entry) -> None:
    formula = with_exact(entry)
    arrays, n = entry.inputs()
    node, params = built(entry, arrays, n)
    found = State(node.graph, params).value(node)
    truth = np.asarray(formula(*map(exact_array, arrays))).astype(float)
    assert found.shape == truth.shape == node.shape
    np.testing.assert_allclose(found, truth, rtol=1e-13, atol=1e-15)


def true_changes(entry: Entry, arrays: list[Array], d: list[Array]) -> Array:
    """Return the change of the value in 50 digits, for each of the changes `d`."""
    formula = with_exact(entry)
    base = [exact_array(a) for a in arrays]
    start = np.asarray(formula(*base))
    found = []
    for k in range(d[0].shape[-1]):
        ends = [b + exact_array(a[..., k]) for b, a in zip(base, d, strict=False)]
        found.append(np.asarray(formula(*ends, *base[len(d) :]) - start).astype(float))
    return np.stack(found, axis=-1)


@pytest.mark.interpreted
@ALL
def test_a_difference_of_any_size_has_an_error_of_a_few_units(entry: Entry) -> None:
    arrays, n = entry.inputs()
    node, params = built(entry, arrays, n)
    d = changes(entry, arrays[:n])
    truth = true_changes(entry, arrays, d)
    scale = np.abs(truth)
    if entry.slack:
        scale = np.maximum(scale, entry.slack * first_order(entry, arrays, n, d))
    if entry.floor:
        largest = [np.abs(a).reshape(-1, a.shape[-1]).max(axis=0) for a in d]
        scale = np.maximum(scale, entry.floor * np.sum(largest, axis=0))
    columns = np.arange(d[0].shape[-1])
    for some in (columns, *columns.reshape(-1, 3)):  # all sizes together, and one by one
        found, _ = moved(node, params, [a[..., some] for a in d])
        error = np.abs(found - truth[..., some])
        size = scale[..., some]
        assert np.all(error <= entry.units * UNIT * size), units_text(error, size)


def units_text(error: Array, size: Array) -> str:
    """Return how large errors are, for a message."""
    with np.errstate(all="ignore"):
        return f"{np.nanmax(error / size) / UNIT:.0f} units"


def probes(node: Node, params: dict[str, Array], **settings: Any) -> dict[str, Array]:
    """Return the changes of the loss for both signs, and the kinks, of all parameters."""
    found = {}
    for name, leaf in node.graph.params.items():
        seen = probe(node.graph, params, leaf, **settings)
        found |= {f"{name} up": seen.plus, f"{name} down": seen.minus, f"{name} kink": seen.kink}
    return found


def assert_same(one: dict[str, Array], other: dict[str, Array], rtol: float) -> None:
    """Compare results of `probes`; changes relative to the largest."""
    assert one.keys() == other.keys()
    for name in one:
        scale = 1.0 if name.endswith("kink") else float(np.abs(other[name]).max(initial=0.0))
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=rtol * scale, err_msg=name)


def steps_of(entry: Entry, arrays: list[Array]) -> list[float]:
    """Return a small and a large step that stay in the domain."""
    least = min(float(np.abs(a).min(initial=1.0)) for a in arrays) if entry.relative else 1.0
    return [1e-9 * least, min(0.04, entry.largest) * least]


@ALL
def test_the_change_by_a_pinned_entry_is_that_of_the_general_form(entry: Entry) -> None:
    arrays, n = entry.inputs(1)
    for step in steps_of(entry, arrays[:n]):
        node, params = built(entry, arrays, n)
        weights = with_loss(node)
        found = probes(node, params, step=step, chunk=7)
        expected = {}
        for name, a in params.items():
            for label, sign in (("up", 1.0), ("down", -1.0)):
                one_hot = sign * step * np.eye(a.size).reshape(*a.shape, a.size)
                none = {k: np.zeros((*b.shape, a.size)) for k, b in params.items()}
                change, kink = moved(node, params, list((none | {name: one_hot}).values()))
                change = np.tensordot(weights, change, node.ndim)
                expected[f"{name} {label}"] = change.reshape(a.shape)
                before = expected.get(f"{name} kink", False)
                expected[f"{name} kink"] = kink.reshape(a.shape) | before
        assert_same(found, expected, 1e-12)


def streamed(
    entry: Entry, arrays: list[Array], n: int, declared: bool
) -> tuple[Node, dict[str, Array]]:
    """Return the operation on data to which products and rows that are zero are added.

    Parameters are the weights of the products and the rows.
    """
    graph = Graph()
    rng = np.random.default_rng(3)
    params: dict[str, Array] = {}
    n_batch = len(arrays[0])
    nodes = []
    for k, a in enumerate(arrays):
        if not a.ndim or len(a) != n_batch:
            nodes.append(graph.data(a))
            continue
        node = graph.data(a, 0 if declared else None)
        if k < n:
            params[f"b{k}"] = np.zeros(a.shape[1:])
            node = node + graph.param(f"b{k}", a.shape[1:])
            if a.ndim == 2:
                x = rng.choice([-1.0, 0.0, 0.5, 1.0], (n_batch, 3))
                params[f"w{k}"] = np.zeros((3, a.shape[1]))
                node = node + graph.data(x, 0 if declared else None) @ graph.param(
                    f"w{k}", (3, a.shape[1])
                )
        nodes.append(node)
    return entry.build(*nodes), params


@ALL
def test_streamed_differences_are_those_of_the_whole_batch(entry: Entry) -> None:
    arrays, n = entry.inputs(2)
    if not arrays[0].ndim:
        pytest.skip("there is no axis that could count samples")
    for step in steps_of(entry, arrays[:n]):
        found = []
        for declared in (True, False):
            node, params = streamed(entry, arrays, n, declared)
            with_loss(node)
            small = {"chunk": 5, "n_rows": 13} if declared else {}
            found.append(probes(node, params, step=step, **small))
        assert_same(*found, 1e-12)


@ALL
def test_the_vjp_is_that_of_torch(entry: Entry) -> None:
    torch, formula = with_torch(entry)
    arrays, n = entry.inputs(3)
    node, params = built(entry, arrays, n)
    weights = with_loss(node)
    values = State(node.graph, params).values
    found, bounds = gradient_and_terms(node.graph, values)
    tensors = [torch.tensor(a, requires_grad=k < n) for k, a in enumerate(arrays)]
    out = formula(torch, *tensors)
    np.testing.assert_allclose(out.detach().numpy(), values[node.index], rtol=1e-12, atol=1e-14)
    (out * torch.tensor(weights)).sum().backward()
    for name, tensor in zip(params, tensors, strict=False):
        truth = 0.0 if tensor.grad is None else tensor.grad.numpy()
        error = np.abs(found[name] - truth)
        assert np.all(error <= 1e-12 * np.abs(found[name]) + 1e-14 * bounds[name])


@pytest.mark.interpreted
@ALL
def test_the_absolute_vjp_bounds_the_vjp(entry: Entry) -> None:
    arrays, n = entry.inputs(4)
    node, params = built(entry, arrays, n)
    with_loss(node)
    values = State(node.graph, params).values
    found = gradient(node.graph, values)
    for name, bound in gradient_and_terms(node.graph, values)[1].items():
        assert np.all(bound >= np.abs(found[name]) * (1 - 1e-14))


@ALL
def test_a_network_with_it_passes_a_check(entry: Entry) -> None:
    arrays, n = entry.inputs(5)
    if entry.relative:  # one step serves all entries of a tensor
        arrays = [np.clip(a, 0.2, 4.0) for a in arrays]
    node, params = built(entry, arrays, n)
    with_loss(node)
    objective = fc.GraphObjective(node.graph)
    grads = objective.gradient(params)
    result = fc.check_gradients(objective, params, grads)
    assert result, str(result)
    name = max(grads, key=lambda k: float(np.abs(grads[k]).max(initial=0.0)))
    place = np.unravel_index(np.abs(grads[name]).argmax(), grads[name].shape)
    grads[name][place] *= 1.0 + 1e-4
    assert not fc.check_gradients(objective, params, grads)
