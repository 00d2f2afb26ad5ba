"""Several mistakes are all named; a right gradient is not accused; what nothing explains is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fastcheck.diagnose.backward import explain_graph
from tests.diagnose.backward.common import SLOPES, Arrays, Mlp, claims, named, wrong_names
from tests.diagnose.backward.test_deltas import dropped
from tests.diagnose.backward.test_local import delta

PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any], set[tuple[str, str | None]]]] = {
    "slopes of two layers": (
        {}, {"slope1": np.ones_like, "slope2": np.square},
        {("slope-missing", "W1"), ("slope-squared", "W2")},
    ),
    "loss and slope": (
        {}, {"delta3": lambda d: 2 * d, "slope1": np.ones_like},
        {("factor", None), ("slope-missing", "W1")},
    ),
    "delta and the bias of the same layer": (
        {}, {"slope2": np.ones_like, "bias2": lambda g: g / 7},
        {("slope-missing", "W2"), ("mean-for-sum", "b2")},
    ),
    "delta and the weights of the same layer": (
        {}, {"slope2": np.ones_like, "weight2": np.transpose},
        {("slope-missing", "W2"), ("transposed", "W2")},
    ),
    "bias above and delta below": (
        {}, {"bias3": np.negative, "back2": np.transpose},
        {("sign", "b3"), ("not-transposed", "W1")},
    ),
    "two gradients of one layer": (
        {}, {"weight2": lambda g: g[::-1], "bias2": lambda g: 0 * g},
        {("reversed", "W2"), ("zero", "b2")},
    ),
    "regulariser and slope": (
        {"l2": 0.1},
        {f"penalty{k}": lambda g: 0 * g for k in (1, 2, 3)} | {"slope1": np.ones_like},
        {("regulariser", None), ("slope-missing", "W1")},
    ),
    "regulariser and a row of one weight": (
        {"l2": 0.1},
        {f"penalty{k}": lambda g: 2 * g for k in (1, 2, 3)}
        | {"weight2": lambda g: g * (np.arange(5) != 1)[:, None]},
        {("regulariser", None), ("zero-part", "W2")},
    ),
    "two biases": (
        {}, {"bias1": lambda g: g / 7, "bias3": lambda g: g / 7}, {("mean-for-sum", None)},
    ),
    "three layers": (
        {}, {"bias3": np.negative, "slope2": np.ones_like, "weight1": lambda g: 2 * g},
        {("sign", "b3"), ("slope-missing", "W2"), ("factor", "W1")},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("options", "wrong", "expected"), PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize("columns", [False, True])
def test_several_mistakes_are_all_named(
    options: dict[str, Any], wrong: dict[str, Any], expected: set[Any], columns: bool
) -> None:
    net = Mlp(**options, columns=columns)
    found = net.said(net.grads(**wrong))
    assert all(d.is_exact or d.kind in ("zero-part", "one-entry") for d in found)
    assert len(found) == len(expected), [str(d) for d in found]
    for kind, tensor in expected:
        others = {"factor", "delta-factor", "accumulated"} if kind == "factor" else {kind}
        assert any(d.kind in others and tensor in (d.tensor, None) for d in found), (kind, tensor)


def test_the_mistake_nearest_to_the_loss_comes_first() -> None:
    net = Mlp()
    found = net.said(
        net.grads(weight1=np.negative, slope2=np.ones_like, bias3=lambda g: g / 7)
    )
    assert [d.tensor for d in found] == ["b3", "W2", "W1"]


def test_the_same_mistake_everywhere_is_told_once() -> None:
    net = Mlp()
    found = net.only(net.grads(**{f"bias{k}": lambda g: g / 7 for k in (1, 2, 3)}))
    assert (found.kind, found.tensor) == ("mean-for-sum", None)
    assert set(found.tensors) == {"b1", "b2", "b3"}


# ------------------------------------------------------------ the whole gradient


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize(
    ("c", "kinds"),
    [(-1.0, {"sign"}), (7.0, {"sum-for-mean"}), (1 / 7, {"mean-for-sum"}), (0.37, {"factor"})],
)
def test_a_factor_of_everything_is_told_once(l2: float, c: float, kinds: set[str]) -> None:
    net = Mlp(l2=l2)
    found = net.only({name: c * g for name, g in net.right.items()})
    assert found.kind in kinds
    assert found.constant == pytest.approx(c, rel=1e-9)
    assert set(found.tensors) == set(net.params)


def test_a_factor_of_the_loss_beside_a_regulariser_that_is_right() -> None:
    net = Mlp(l2=0.1)
    found = net.only(net.grads(delta3=lambda d: 7 * d))
    assert found.kind in ("sum-for-mean", "delta-factor")
    assert found.constant == 7.0
    assert set(found.tensors) == set(net.params)


def test_a_factor_of_everything_and_one_mistake_more() -> None:
    net = Mlp(l2=0.1)
    wrong = {name: -g for name, g in net.grads(slope1=np.ones_like).items()}
    kinds = {d.kind for d in net.said(wrong)}
    assert "slope-missing" in kinds
    assert "sign" in kinds


# ------------------------------------------------------------ right gradients


@pytest.mark.parametrize("seed", range(12))
def test_a_right_gradient_is_not_accused(seed: int) -> None:
    rng = np.random.default_rng(seed)
    activation = str(rng.choice([*SLOPES]))
    head = str(rng.choice(["softmax", "sigmoid", "linear", "squares"]))
    net = Mlp(
        widths=tuple(int(n) for n in rng.integers(1, 7, rng.integers(2, 5))), m=int(rng.integers(1, 8)),
        activation=activation, head=head, l2=float(rng.choice([0.0, 0.1])),
        columns=bool(rng.integers(2)), bias=bool(rng.integers(2)), seed=seed,
    )  # fmt: skip
    result = net.check(net.right)
    assert result.verdict != "fail", str(result)  # all rectifiers may be shut
    assert result.diagnosis == ()


@pytest.mark.parametrize("seed", range(6))
def test_only_what_is_wrong_is_called_wrong(seed: int) -> None:
    net = Mlp(seed=seed, l2=0.1 * (seed % 2))
    rng = np.random.default_rng(seed)
    for wrong in (
        {"slope2": np.ones_like}, {"bias1": np.negative}, {"weight3": lambda g: g * 1.5},
        {"delta2": lambda d: rng.standard_normal(d.shape)},
        {"weight2": lambda g: g + rng.standard_normal(g.shape)},
    ):  # fmt: skip
        given = net.grads(**wrong)
        told = {name for d in net.said(given) for name in (*d.tensors, d.tensor) if name}
        assert told == wrong_names(given, net.right)


# ------------------------------------------------------------ what nothing explains


def noisy(g: np.ndarray, seed: int, size: float = 0.1) -> np.ndarray:
    noise = np.random.default_rng([seed, 5]).standard_normal(g.shape)
    return g + size * np.abs(g).max() * noise


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("size", [1e-7, 1e-3, 1.0])
def test_noise_in_a_delta_is_unexplained_and_its_layer_is_known(seed: int, size: float) -> None:
    net = Mlp(seed=seed, activation=[*SLOPES][seed % 5], l2=0.1 * (seed % 2), columns=seed > 3)
    layer = 1 + seed % 3
    given = net.grads(**{f"delta{layer}": lambda d: noisy(d, seed, size)})
    found = net.said(given)
    assert claims(found) == []
    assert found[0].tensor in (f"W{layer}", f"b{layer}")
    told = {name for d in found for name in d.tensors}
    assert told == wrong_names(given, net.right)


@pytest.mark.parametrize("name", ["W1", "b2", "W3"])
@pytest.mark.parametrize("size", [1e-8, 1e-2])
def test_noise_in_a_gradient_is_unexplained_at_that_gradient(name: str, size: float) -> None:
    net = Mlp()
    given = net.right | {name: noisy(net.right[name], 3, size)}
    found = net.only(given)
    assert not found.is_exact
    assert (found.tensor, found.tensors) == (name, (name,))


def test_an_unexplained_layer_says_where_to_begin() -> None:
    net = Mlp()
    found = net.said(net.grads(delta2=lambda d: noisy(d, 0)))
    assert found[0].kind == "unexplained"
    assert {d.tensor for d in found} == {"b2", "W2"}
    assert "nearest to the loss" in found[-1].message
    assert "W1 and b1" in found[-1].message


def test_what_lies_after_an_unexplained_gradient_is_still_explained() -> None:
    net = Mlp()
    found = net.said(net.grads(weight3=lambda g: noisy(g, 1), slope1=np.ones_like))
    assert named(found) == [("unexplained", "W3"), ("slope-missing", "W1")]


def test_wrong_columns_of_a_weight_are_told_and_not_why() -> None:
    net = Mlp()
    given = net.right | {"W2": net.right["W2"].copy()}
    given["W2"][:, 3] = noisy(given["W2"][:, 3], 4)
    found = net.only(given)
    assert claims((found,)) == []
    assert "column 3" in found.message


# ------------------------------------------------------------ what is not given


def test_layers_that_are_left_out_do_not_stop_the_walk() -> None:
    net = Mlp()
    given = net.grads(slope1=np.ones_like)
    found = net.said(given, skip=["W2", "b2"])
    assert named(found) == [("slope-missing", "W1")]
    found = net.said(given, only=["W1"])
    assert named(found) == [("slope-missing", "W1")]


def test_a_mistake_in_a_layer_that_is_left_out_is_not_blamed_on_another() -> None:
    net = Mlp()
    found = net.said(net.grads(slope2=np.ones_like), skip=["W2", "b2"])
    assert claims(found) == []
    assert {name for d in found for name in d.tensors} == {"W1", "b1"}


def test_gradients_that_are_not_given_are_not_explained() -> None:
    net = Mlp()
    given = net.grads(slope1=np.ones_like)
    found = net.said({n: g for n, g in given.items() if n != "b1"}, skip="b1")
    assert [(d.kind, d.tensor, d.tensors) for d in found] == [("slope-missing", "W1", ("W1",))]


# ------------------------------------------------------------ shapes of networks


BARE: dict[str, tuple[str, dict[str, Any]]] = {
    "slope": ("slope-missing", {"slope2": np.ones_like}),
    "weights": ("not-transposed", {"back3": np.transpose}),
    "sample": ("sample-dropped", {"delta2": lambda d: d * (np.arange(7) < 6)[:, None]}),
    "factor": ("delta-factor", {"delta2": lambda d: 0.3 * d}),
}


@pytest.mark.parametrize(("kind", "wrong"), BARE.values(), ids=BARE)
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_mistakes_in_a_network_without_biases(kind: str, wrong: dict[str, Any], l2: float) -> None:
    net = Mlp(widths=(5, 5, 5, 5), bias=False, l2=l2)
    found = net.only(net.grads(**wrong))
    assert found.kind == kind, str(found)
    assert found.tensor == "W2"
    assert set(found.tensors) == {"W1", "W2"}


def test_stale_weights_in_a_network_without_biases() -> None:
    for l2 in (0.0, 0.1):
        net = Mlp(bias=False, l2=l2)
        wrong = net.grads(back2=net.params["W2"] - 0.25 * net.right["W2"])
        found = net.only(wrong)
        assert (found.kind, found.tensor) == ("stale-weights", "W1"), str(found)
        assert found.constant == pytest.approx(0.25, rel=1e-6)


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_a_batch_of_one(columns: bool, l2: float) -> None:
    net = Mlp(m=1, columns=columns, l2=l2)
    assert named((net.only(net.grads(slope2=np.ones_like)),)) == [("slope-missing", "W2")]
    assert net.only(net.grads(bias2=np.negative)).kind == "sign"
    given = net.grads(delta2=lambda d: noisy(d, 0))
    assert claims(net.said(given)) == []


@pytest.mark.parametrize("widths", [(1, 1), (1, 1, 1), (3, 1, 2), (2, 3, 1)])
def test_layers_of_one_unit_are_never_explained_wrongly(widths: tuple[int, ...]) -> None:
    net = Mlp(widths=widths, head="linear")
    for k in range(1, net.n + 1):
        given = net.grads(**{f"delta{k}": lambda d: noisy(d, 2)})
        assert claims(net.said(given)) == []


def test_one_layer_alone() -> None:
    net = Mlp(widths=(6, 3))
    assert net.only(net.grads(delta1=net.forward["p"] / 7)).kind == "labels-ignored"
    assert net.only(net.grads(bias1=lambda g: g / 7)).kind == "mean-for-sum"


# ------------------------------------------------------------ formats, samples, kinks


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [("slope-missing", {"slope2": np.ones_like}), ("sample-dropped", {"delta3": None})],
)
def test_gradients_in_single_precision(kind: str, wrong: dict[str, Any]) -> None:
    net = Mlp()
    wrong = {n: w or (lambda d: d * dropped(net)) for n, w in wrong.items()}
    given = {n: g.astype(np.float32) for n, g in net.grads(**wrong).items()}
    result = net.check(given)
    assert kind in {d.kind for d in result.diagnosis}, str(result)
    assert [d for d in result.diagnosis if d.kind not in (kind, "precision")] == []


def test_a_right_gradient_in_single_precision_is_not_accused() -> None:
    net = Mlp()
    result = net.check({n: g.astype(np.float32) for n, g in net.right.items()}, strict=False)
    assert result.passed
    assert claims(result.diagnosis) == []


@pytest.mark.parametrize("plan", ["sample", "units", "exhaustive"])
def test_mistakes_are_named_with_every_plan(plan: str) -> None:
    net = Mlp(widths=(20, 15, 12, 3))
    given = net.grads(slope2=np.ones_like)
    found = net.said(given, plan=plan)
    assert ("slope-missing", "W2") in named(found), [str(d) for d in found]
    given = net.right | {"b3": -net.right["b3"]}
    assert net.only(given, plan=plan).kind == "sign"


def test_what_was_not_measured_is_not_accused() -> None:
    net = Mlp(widths=(20, 15, 12, 3))
    assert net.said(net.right, plan="sample") == ()
    given = net.grads(bias3=np.negative)
    told = {name for d in net.said(given, plan="sample") for name in d.tensors}
    assert told == {"b3"}


def at_kinks() -> Mlp:
    """Return a network of rectifiers in which one unit is exactly at its kink for some samples."""
    net = Mlp(activation="relu")
    net.params["W1"][:, 1] = 0.0
    net.params["b1"][1] = 0.0
    return net


def test_kinks_are_no_reason_to_say_nothing() -> None:
    net = at_kinks()
    found = net.said(net.grads(slope2=np.ones_like))
    assert ("slope-missing", "W2") in named(found), [str(d) for d in found]


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_another_slope_at_a_kink_is_not_accused_beside_a_mistake(slope: float) -> None:
    net = at_kinks()
    z = net.forward["z1"]
    at = np.where(z > 0, 1.0, np.where(z == 0, slope, 0.0))
    assert not [n for n, t in net.check(net.grads(slope1=at)).tensors.items() if t.verdict == "fail"]
    found = net.said(net.grads(slope1=at, bias3=np.negative))
    assert named(found) == [("sign", "b3")], [str(d) for d in found]


# ------------------------------------------------------------ robustness


def test_a_gradient_that_is_not_finite_leaves_the_others_explained() -> None:
    net = Mlp()
    given = net.grads(slope1=np.ones_like)
    given["W3"] = given["W3"] * np.nan
    found = net.said(given)
    assert ("slope-missing", "W1") in named(found), [str(d) for d in found]


@pytest.mark.parametrize("size", [1e-200, 1e-30, 1e30, 1e150])
def test_losses_of_any_size(size: float) -> None:
    net = Mlp(head="linear")
    net.y = net.y * size
    wrong: Arrays = net.grads(slope1=np.ones_like)
    found = net.said(wrong)
    assert [d for d in found if d.is_exact and d.kind != "slope-missing"] == []


def test_nothing_is_said_if_the_numbers_do_not_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    from fastcheck.check import graph

    net = Mlp()
    seen: list[Any] = []

    def spoilt(case: Any, state: Any, seed: int = 0) -> Any:
        case.by_name["W2"].numerical.flat[3] += 1e-6  # a numerical gradient that is wrong itself
        seen.append(explain_graph(case, state, seed))
        return seen[0]

    monkeypatch.setattr(graph, "explain_graph", spoilt)
    net.said(net.grads(slope2=np.ones_like))
    assert seen == [[]]


def test_the_same_is_said_twice() -> None:
    net = Mlp(l2=0.1)
    given = net.grads(slope2=np.ones_like, bias1=np.negative, delta3=lambda d: delta(net, 3))
    assert net.said(given) == net.said(given)


Wrong = Callable[[Mlp], Arrays]
