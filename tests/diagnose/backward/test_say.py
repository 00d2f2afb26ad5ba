"""What is said has names, an address, the number, and what is wrong because of it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from fastcheck.diagnose.backward.constants import Constant
from fastcheck.diagnose.backward.hypothesis import Hypothesis
from fastcheck.diagnose.backward.reason import Reason, decay_reason, regulariser_reason
from fastcheck.diagnose.backward.say import said
from fastcheck.diagnose.backward.setting import Setting
from fastcheck.diagnose.evidence import Case, Evidence
from fastcheck.result import Diagnosis
from tests.diagnose.backward.common import Mlp


def setting_of(net: Mlp, given: dict[str, np.ndarray]) -> Setting:
    tensors = [
        Evidence(
            name, given[name], right, np.full(right.shape, 1e-14), np.ones(right.shape, bool),
            net.params[name], not np.allclose(given[name], right, rtol=1e-12, atol=1e-15),
        )
        for name, right in net.right.items()
    ]  # fmt: skip
    return Setting(net.anatomy, Case(tensors, {}, net.m), {})


def say(*reasons: Reason, net: Mlp | None = None, **wrong: Any) -> list[Diagnosis]:
    net = net or Mlp()
    return said(setting_of(net, net.grads(**wrong)), Hypothesis().with_([*reasons], {}))


def reason(kind: str, *tensors: str, **options: Any) -> Reason:
    return Reason(kind, f"the text of {kind}", 1.0, tensors, **options)


def test_a_local_mistake_has_one_name() -> None:
    (found,) = say(reason("rolled", "W2", constant=1.0))
    assert found == Diagnosis("rolled", "W2", 1.0, "W2: the text of rolled", ("W2",), True)


def test_a_delta_has_its_layer_and_what_lies_before() -> None:
    (found,) = say(reason("slope-missing", "W2", "b2", passes_on=True), slope2=np.ones_like)
    assert found.tensor == "W2"
    assert found.tensors[:2] == ("W2", "b2")
    assert set(found.tensors) == {"W1", "b1", "W2", "b2"}
    assert re.match("W2: .*the text of slope-missing.*W1 and b1", found.message)


def test_what_lies_before_and_is_right_is_not_named() -> None:
    (found,) = say(reason("slope-missing", "W2", "b2", passes_on=True), bias2=np.negative)
    assert set(found.tensors) == {"W2", "b2"}
    assert "W1" not in found.message


def test_nothing_lies_before_the_first_layer() -> None:
    (found,) = say(reason("slope-missing", "W1", "b1", passes_on=True), slope1=np.ones_like)
    assert set(found.tensors) == {"W1", "b1"}


def test_the_same_mistake_in_several_tensors_is_said_once_in_the_order_of_parameters() -> None:
    (found,) = say(
        *(reason("mean-for-sum", f"b{k}", constant=0.5, is_shared=True) for k in (3, 2, 1))
    )
    assert (found.tensor, found.tensors) == (None, ("b1", "b2", "b3"))
    assert found.message.startswith("b1, b2 and b3: ")


def test_mistakes_that_are_made_once_for_each_tensor_are_said_one_by_one() -> None:
    found = say(reason("rolled", "W3", constant=1.0), reason("rolled", "W2", constant=1.0))
    assert [d.tensor for d in found] == ["W3", "W2"]


def test_different_constants_are_different_mistakes() -> None:
    found = say(
        reason("regulariser", "W3", constant=0.0, is_shared=True),
        reason("regulariser", "W2", constant=2.0, is_shared=True),
    )
    assert [d.constant for d in found] == [0.0, 2.0]


def test_two_gradients_of_which_each_is_that_of_the_other_are_exchanged() -> None:
    (found,) = say(
        reason("other-tensor", "b2", other="b1"), reason("other-tensor", "b1", other="b2")
    )
    assert (found.kind, found.tensors) == ("exchanged", ("b1", "b2"))
    assert "exchanged" in found.message


@pytest.mark.parametrize("columns", [False, True])
def test_exchanged_gradients_are_told_as_one_mistake(columns: bool) -> None:
    net = Mlp(columns=columns)
    found = net.only(net.right | {"b1": net.right["b2"], "b2": net.right["b1"]})
    assert (found.kind, set(found.tensors)) == ("exchanged", {"b1", "b2"})


def test_a_gradient_that_is_that_of_another_alone_is_not_exchanged() -> None:
    net = Mlp()
    found = net.only(net.right | {"b1": net.right["b2"]})
    assert (found.kind, found.tensor) == ("other-tensor", "b1")
    assert "b2" in found.message


def test_a_delta_and_a_regulariser_that_are_multiplied_alike_are_the_whole_gradient() -> None:
    half = Constant(0.5, "1/2", 1.0)
    net = Mlp(l2=0.1)
    found = say(
        reason("delta-factor", "W3", "b3", constant=0.5, passes_on=True),
        *(regulariser_reason(name, half) for name in ("W3", "W2", "W1")),
        net=net, delta3=lambda d: d / 2,
    )  # fmt: skip
    assert len(found) == 1
    assert found[0].constant == 0.5
    assert found[0].tensor is None
    assert set(found[0].tensors) == set(net.params)


def test_a_factor_of_the_last_delta_says_what_it_means() -> None:
    (found,) = say(
        reason("delta-factor", "W3", "b3", constant=7.0, passes_on=True), delta3=lambda d: 7 * d
    )
    assert found.kind == "sum-for-mean"
    assert "number of samples" in found.message


def test_a_factor_of_an_inner_delta_is_called_so() -> None:
    (found,) = say(
        reason("delta-factor", "W2", "b2", constant=7.0, passes_on=True), delta2=lambda d: 7 * d
    )
    assert (found.kind, found.constant) == ("delta-factor", 7.0)


def test_what_is_not_explained_is_described_and_not_exact() -> None:
    unknown = reason("unexplained", "W2", "b2", passes_on=True, is_exact=False)
    (found,) = say(unknown, delta2=lambda d: d**3)
    assert (found.kind, found.tensor, found.is_exact) == ("unexplained", "W2", False)
    assert set(found.tensors) == {"W1", "b1", "W2", "b2"}
    assert "W1 and b1" in found.message


def test_what_is_not_exact_does_not_promise_what_lies_before() -> None:
    (found,) = say(
        reason("stale-weights", "W2", "b2", passes_on=True, is_exact=False), slope2=np.ones_like
    )
    assert not found.is_exact
    assert re.search("or ha(s|ve) mistakes of (its|their) own", found.message)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "missing"), (-1.0, "sign"), (2.0, "2 times what it should be")]
)
def test_regularisers_in_words(value: float, text: str) -> None:
    found = regulariser_reason("W1", Constant(value, f"{value:g}", 1.0))
    assert text in found.text
    assert found.constant == value


def test_decay_in_words() -> None:
    assert "0.1 times the parameter is added" in decay_reason("W1", 0.1, is_known=False).text
    assert "0.1 times the parameter is subtracted" in decay_reason("W1", -0.1, is_known=False).text
    assert decay_reason("b1", 0.1, is_known=True).kind == "regulariser-on-biases"


def test_many_tensors_are_listed_up_to_ten() -> None:
    net = Mlp(widths=(3, *(3,) * 7, 2))
    found = net.only(net.grads(**{f"bias{k}": lambda g: g / 7 for k in range(1, 9)}))
    assert len(found.tensors) == 8
    net = Mlp(widths=(2, *(2,) * 12, 2))
    found = net.only({name: -g for name, g in net.right.items()})
    assert len(found.tensors) == 26
    assert len(found.message) < 600
