"""Parameters that share memory: found exactly, and checked as tied."""

from __future__ import annotations

import time

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.holding import find_aliases
from tests.holding.shapes import drawn

strided = np.lib.stride_tricks.as_strided


def literal_cells(arrays: dict[str, np.ndarray]) -> dict[str, list[tuple[str, tuple[int, ...]]]]:
    """Return for each entry which entries move with it, by moving it."""
    found = {}
    for name, array in arrays.items():
        for index in np.ndindex(array.shape):
            old = {n: a.copy() for n, a in arrays.items()}
            array[index] += 1.0
            found[name, index] = [
                (n, i) for n, a in arrays.items() for i in np.ndindex(a.shape) if a[i] != old[n][i]
            ]
            array[index] = old[name][index]
    return found


def test_sharing_is_found_entry_by_entry() -> None:
    theta = drawn(24)
    arrays = {
        "whole": theta,
        "matrix": theta[:12].reshape(3, 4),
        "turned": theta[:12].reshape(3, 4).T,
        "every": theta[1::5],
        "back": theta[::-2],
        "apart": drawn(5),
        "rows": strided(drawn(3), (2, 3), (0, 8)),
        "hankel": strided(drawn(5), (3, 3), (8, 8)),
        "scalar": theta[7:8].reshape(()),
        "empty": theta[:0],
    }
    literal = literal_cells(arrays)
    aliases = find_aliases(arrays)
    assert aliases is not None
    assert aliases.groups == (
        ("whole", "matrix", "turned", "every", "back", "scalar"), ("rows",), ("hankel",),
    )  # fmt: skip
    entries = [(n, i) for n, cells in aliases.cells.items() for i in np.ndindex(cells.shape)]
    cell = {entry: aliases.cells[entry[0]][entry[1]] for entry in entries}
    for entry, moved in literal.items():
        if entry[0] in aliases.cells:
            assert moved == [other for other in entries if cell[other] == cell[entry]]
        else:
            assert moved == [entry]


def test_neighbours_that_share_nothing_are_no_aliases() -> None:
    block = drawn(6, 8)
    theta = drawn(10)
    assert find_aliases({"even": block[:, ::2], "odd": block[:, 1::2]}) is None
    assert find_aliases({"left": block[:, :3], "right": block[:, 3:]}) is None
    assert find_aliases({"W": theta[:6].reshape(2, 3), "b": theta[6:]}) is None
    assert find_aliases({"turned": block.T[::-1], "scalar": np.array(1.0)}) is None
    assert find_aliases({}) is None


def test_parts_are_summed_over_all_entries_of_a_cell() -> None:
    w = drawn(2, 3)
    arrays = {"a": w, "b": w.T, "c": w[0], "free": drawn(2)}
    aliases = find_aliases(arrays)
    assert aliases is not None
    a, b, c = drawn(2, 3, seed=1), drawn(3, 2, seed=2), drawn(3, seed=3)
    summed = aliases.summed({"a": a, "b": b, "c": c.astype(np.float32), "free": w[0]})
    total = a + b.T
    total[0] += c.astype(np.float32)
    assert np.allclose(summed["a"], total, rtol=1e-15)
    assert np.allclose(summed["b"], total.T, rtol=1e-15)
    assert np.allclose(summed["c"], total[0], rtol=1e-6)
    assert summed["c"].dtype == np.float32
    assert summed["free"] is w[0] or np.array_equal(summed["free"], w[0])
    frozen = aliases.summed({"a": a, "b": None, "c": np.array([1, 2, 3])})
    assert frozen["b"] is None
    assert np.allclose(frozen["a"], a + np.array([[1, 2, 3], [0, 0, 0]]), rtol=1e-15)
    assert frozen["c"].dtype == np.float64


def test_a_nan_in_a_part_is_one_in_the_sum() -> None:
    w = drawn(2)
    aliases = find_aliases({"a": w, "b": w})
    assert aliases is not None
    assert np.isnan(aliases.summed({"a": np.ones(2), "b": np.array([0.0, np.nan])})["a"][1])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            lambda w: {"a": w, "b": w.view(np.float32)},
            "a of float64 and b of float32, which overlap",
        ),
        (lambda w: {"b": w.view(np.float32)[1:2], "a": w}, "a of float64 and b of float32"),
        (
            lambda w: {"a": w, "b": w.view("u1")[4:20].view(np.float64)},
            "a of float64 and b of float64",
        ),
        (lambda w: {"a": w, "b": w.view(">f8")}, "a of float64 and b of >f8"),
        (lambda w: {"a": strided(w, (2,), (4,))}, "a of float64 and a of float64"),
    ],
)
def test_entries_that_overlap_by_a_part_are_refused(arrays: object, message: str) -> None:
    with pytest.raises(fc.InputError, match=f"must share whole numbers or nothing, got {message}"):
        find_aliases(arrays(drawn(4)))  # type: ignore[operator]


# ------------------------------------------------------------ checks


class Nodes:
    """Five nodes below one output, with weights of their own or the same ones."""

    def __init__(self, tied: bool) -> None:
        shared = drawn(1, 5)
        own = [drawn(1, 5, seed=i) for i in range(5)]
        self.weights = [shared] * 5 if tied else own
        self.out, self.below = drawn(5, seed=9), np.full((1, 5), -0.2)

    def passes(self) -> tuple[float, dict[str, np.ndarray]]:
        """Return the loss and the textbook deltas, node by node."""
        a = 1 / (1 + np.exp(-np.array([np.sum(w * self.below) for w in self.weights])))
        top = 1 / (1 + np.exp(-self.out @ a))
        delta = (top - 1) * top * (1 - top)
        parts = delta * self.out * a * (1 - a)
        grads = {f"n{i}": part * self.below for i, part in enumerate(parts)}
        return 0.5 * (top - 1) ** 2, grads | {"out": delta * a}

    @property
    def params(self) -> dict[str, np.ndarray]:
        """All weights, by node."""
        return {f"n{i}": w for i, w in enumerate(self.weights)} | {"out": self.out}


@pytest.mark.parametrize("engine", ["auto", "black box"])
def test_nodes_made_from_one_array_are_reported_and_pass(engine: str) -> None:
    net = Nodes(tied=True)
    result = fc.check_value_and_grad(net.passes, net.params, engine=engine)
    assert result.passed
    (finding,) = [f for f in result.findings if f.severity == "warning"]
    assert finding.kind == "aliased"
    assert finding.message.startswith(
        "n0, n1, n2, n3 and n4 share memory (5 numbers, each in up to 5 places)"
    )
    assert "were added up before they were compared" in finding.message
    apart = Nodes(tied=False)
    assert fc.check_value_and_grad(apart.passes, apart.params).findings == ()


def test_one_wrong_part_fails_in_all_places_that_share() -> None:
    net = Nodes(tied=True)
    _, grads = net.passes()
    grads["n3"] = grads["n3"].copy()
    grads["n3"][0, 2] *= 1.1
    result = fc.check_gradients(lambda: net.passes()[0], net.params, grads)
    assert [n for n, t in result.tensors.items() if t.verdict == "fail"] == [
        f"n{i}" for i in range(5)
    ]
    assert {m.index for t in result.tensors.values() for m in t.mismatches} == {(0, 2)}


def test_the_total_in_each_place_is_compared_as_it_is_with_a_warning() -> None:
    net = Nodes(tied=True)
    _, grads = net.passes()
    total = sum(grads[f"n{i}"] for i in range(5))
    result = fc.check_gradients(
        lambda: net.passes()[0], net.params, dict.fromkeys(grads, total) | {"out": grads["out"]}
    )
    assert result.passed
    assert result.tensors["n0"].worst.analytic == pytest.approx(total.flat[0])
    (finding,) = [f for f in result.findings if f.kind == "aliased"]
    assert finding.severity == "warning"
    assert "applied to each place would apply it 5 times" in finding.message


@pytest.mark.parametrize("factor", [0.5, 2.0, -1.0, 5.0])
def test_a_total_that_is_wrong_by_a_factor_fails(factor: float) -> None:
    net = Nodes(tied=True)
    _, grads = net.passes()
    total = factor * sum(grads[f"n{i}"] for i in range(5))
    result = fc.check_gradients(
        lambda: net.passes()[0], net.params, dict.fromkeys(grads, total) | {"out": grads["out"]}
    )
    assert [n for n, t in result.tensors.items() if t.verdict == "fail"] == [
        f"n{i}" for i in range(5)
    ]
    assert result.tensors["out"].passed


def test_equal_parts_of_tied_tensors_are_added_up() -> None:
    w = np.array([1.0, -2.0, 3.0])
    params = {"a": w, "b": w}
    result = fc.check_gradients(
        lambda: float(np.sum(params["a"] * params["b"])), params, {"a": w.copy(), "b": w.copy()}
    )
    assert result.passed
    assert "added up" in result.findings[0].message


def test_a_part_is_needed_of_tensors_that_are_not_checked_themselves() -> None:
    net = Nodes(tied=True)
    _, grads = net.passes()
    assert fc.check_gradients(lambda: net.passes()[0], net.params, grads, only="n1").passed
    one = {"n1": grads["n1"]}
    assert not fc.check_gradients(lambda: net.passes()[0], net.params, one, only="n1").passed


def test_an_array_that_shares_within_itself_is_tied() -> None:
    w = drawn(3)
    rows = strided(w, (4, 3), (0, 8))
    x = drawn(4, 3, seed=1)

    def loss() -> float:
        return float(np.sin(rows * x).sum())

    result = fc.check_gradients(loss, {"rows": rows}, {"rows": x * np.cos(rows * x)})
    assert result.passed
    (finding,) = [f for f in result.findings if f.kind == "aliased"]
    assert finding.message.startswith("rows shares memory with itself (3 numbers, each in up to 4")


def test_parts_that_cancel_are_judged_by_their_own_rounding() -> None:
    w = drawn(3)
    x = np.float32(drawn(3, seed=1)) * np.float32(1e4)

    def loss() -> float:
        return float((w * x).sum() - (w * x).sum() + 0.001 * w.sum())

    parts = {"plus": x.astype(np.float32), "minus": (0.001 - x.astype(float)).astype(np.float32)}
    result = fc.check_gradients(loss, {"plus": w, "minus": w}, parts, engine="black box")
    assert sum(t.n_disagree for t in result.tensors.values()) == 0


def test_copies_are_independent_and_a_note_says_so() -> None:
    W = drawn(3, 2)
    x = drawn(4, 3)

    def passes(p: dict[str, np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
        h = x @ p["enc"]
        r = h @ p["dec"] - x
        return 0.5 * float((r * r).sum()), {"enc": x.T @ (r @ p["dec"].T), "dec": h.T @ r}

    params = {"enc": W, "dec": W.T}
    for engine in ("auto", "black box"):
        result = fc.check_value_and_grad(passes, params, engine=engine)
        assert result.passed
        (finding,) = result.findings
        assert (finding.kind, finding.severity) == ("aliased", "note")
        assert finding.message.startswith("enc and dec share memory in `params`, but the loss was")


def test_lists_of_numbers_in_several_places_are_tied_too() -> None:
    shared = [0.5, -0.25]
    nodes = {"a": shared, "b": shared, "c": [1.0, 2.0]}

    def loss() -> float:
        return sum(x**2 * k for k, node in enumerate(nodes.values(), 1) for x in node)

    grads = {n: [2 * k * x for x in node] for k, (n, node) in enumerate(nodes.items(), 1)}
    result = fc.check_gradients(loss, nodes, grads)
    assert result.passed
    assert [f.kind for f in result.findings if f.severity == "warning"] == ["aliased"]
    assert shared == [0.5, -0.25]


def test_numerical_gradients_of_tied_tensors_are_totals() -> None:
    w = drawn(3)
    found = fc.numerical_gradient(lambda: float((w * w).sum()), {"a": w, "b": w})
    assert np.allclose(found.values["a"], 2 * w, rtol=1e-8)
    assert np.allclose(found.values["b"], 2 * w, rtol=1e-8)


def test_a_million_entries_are_looked_through_quickly() -> None:
    block = drawn(1000, 1000)
    start = time.perf_counter()
    aliases = find_aliases({"W": block, "turned": block.T, "own": drawn(10)})
    assert time.perf_counter() - start < 1.0
    assert aliases is not None
    assert aliases.n_cells == 1_000_000
