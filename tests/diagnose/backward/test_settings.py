"""The walk with parts of a gradient, odd networks, other plans and formats, and at kinks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastcheck.check import graph
from fastcheck.diagnose.backward import explain_graph
from tests.diagnose.backward.common import Arrays, Mlp, claims, named
from tests.diagnose.backward.test_deltas import dropped
from tests.diagnose.backward.test_local import delta
from tests.diagnose.backward.test_walk import noisy

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
    assert not [
        n for n, t in net.check(net.grads(slope1=at)).tensors.items() if t.verdict == "fail"
    ]
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
