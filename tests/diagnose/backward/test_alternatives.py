"""A mistake in all tensors is divided out where something else is left unexplained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastcheck.diagnose.backward.alternatives import find_alternatives
from fastcheck.diagnose.backward.hypothesis import Hypothesis
from fastcheck.diagnose.backward.reason import Reason, decay_reason, l1_reason
from tests.diagnose.backward.common import Mlp
from tests.diagnose.backward.test_say import setting_of


def alternatives(net: Mlp, *reasons: Reason) -> list[tuple[Reason, Any]]:
    first = Hypothesis().with_([*reasons], {})
    return [*find_alternatives(setting_of(net, net.right), first)]


def test_a_simple_factor_is_divided_out_of_every_tensor() -> None:
    net = Mlp(l2=0.1)
    factor = Reason("factor", "", 2.0, ("W3",), -1.0, is_shared=True)
    ((reason, setting),) = alternatives(net, factor)
    assert set(reason.tensors) == set(net.params)
    assert reason.passes_on
    for name, subject in setting.subjects.items():
        np.testing.assert_allclose(subject.evidence.analytic, -net.right[name])


def test_any_number_is_not_divided_out_nor_is_zero() -> None:
    net = Mlp()
    assert alternatives(net, Reason("factor", "", 3.5, ("W3",), 0.377, is_shared=True)) == []
    assert alternatives(net, Reason("zero", "", 1.3, ("W3",))) == []
    assert alternatives(net) == []


@pytest.mark.parametrize("c", [0.0, 2.0, -1.0])
def test_the_regulariser_is_changed_in_every_tensor_that_has_one(c: float) -> None:
    net = Mlp(l2=0.1)
    found = alternatives(net, Reason("regulariser", "", 1.0, ("W3",), c, is_shared=True))
    ((reason, setting),) = found
    assert set(reason.tensors) == {"W1", "W2", "W3"}
    for name, subject in setting.subjects.items():
        if name.startswith("b") or not c:
            assert subject.direct is None
        else:
            np.testing.assert_allclose(subject.direct, c * 0.1 * net.params[name])


def test_a_regulariser_on_biases_is_one_on_all_of_them() -> None:
    net = Mlp(l2=0.1)
    ((reason, setting),) = alternatives(net, decay_reason("b2", 0.1, is_known=True))
    assert set(reason.tensors) == {"b1", "b2", "b3"}
    np.testing.assert_allclose(setting.subjects["b1"].direct, 0.1 * net.params["b1"])
    np.testing.assert_allclose(setting.subjects["W1"].direct, 0.1 * net.params["W1"])


def test_absolute_values_are_those_of_all_weights() -> None:
    net = Mlp(l2=0.1)
    ((reason, setting),) = alternatives(net, l1_reason(("W2",), 0.1))
    assert set(reason.tensors) == {"W1", "W2", "W3"}
    np.testing.assert_allclose(setting.subjects["W3"].direct, 0.1 * np.sign(net.params["W3"]))


def test_a_decay_that_the_loss_has_not_is_one_of_all_weights() -> None:
    net = Mlp()
    ((reason, setting),) = alternatives(net, decay_reason("W2", 0.3, is_known=False))
    assert set(reason.tensors) == {"W1", "W2", "W3"}
    assert setting.subjects["b1"].direct is None
    np.testing.assert_allclose(setting.subjects["W1"].direct, 0.3 * net.params["W1"])


def test_the_setting_that_is_changed_leaves_the_first_as_it_is() -> None:
    net = Mlp(l2=0.1)
    setting = setting_of(net, net.right)
    before = dict(setting.subjects)
    first = Hypothesis().with_([Reason("factor", "", 2.0, ("W3",), 2.0)], {})
    ((_, other),) = find_alternatives(setting, first)
    assert setting.subjects == before
    assert other.subjects["W1"] is not before["W1"]


CASES: dict[str, tuple[float, dict[str, Any], set[str]]] = {
    "sign and slope": (-1.0, {"slope1": np.ones_like}, {"sign", "slope-missing"}),
    "sign and rows": (-1.0, {"weight2": lambda g: g[::-1]}, {"sign", "reversed"}),
    "sum and weights": (7.0, {"back2": np.transpose}, {"sum-for-mean", "not-transposed"}),
}  # fmt: skip


@pytest.mark.parametrize(("c", "wrong", "expected"), CASES.values(), ids=CASES)
def test_what_a_factor_of_everything_hides_is_found(
    c: float, wrong: dict[str, Any], expected: set[str]
) -> None:
    net = Mlp(l2=0.1)
    found = net.said({name: c * g for name, g in net.grads(**wrong).items()})
    assert {d.kind for d in found} == expected, [str(d) for d in found]


def test_what_a_missing_regulariser_hides_is_found() -> None:
    net = Mlp(l2=0.1)
    wrong: dict[str, Any] = {f"penalty{k}": 0.0 for k in (1, 2, 3)}
    found = net.said(net.grads(**wrong, weight2=lambda g: np.roll(g, 1, 0), slope1=np.ones_like))
    assert {d.kind for d in found} == {"regulariser", "rolled", "slope-missing"}
