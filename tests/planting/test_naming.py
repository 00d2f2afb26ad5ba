from __future__ import annotations

import pytest

import fastcheck as fc
from fastcheck.faults import Fault, Sites
from fastcheck.planting.naming import is_named
from fastcheck.result import Diagnosis
from tests.literal import Case

pytestmark = pytest.mark.interpreted
CASE = Case.drawn(0)
STATE = CASE.objective.state(CASE.params)
SITES = Sites(STATE.graph, STATE.values)


def fault(**fields: object) -> Fault:
    defaults = {"name": "f", "place": "", "description": "", "kinds": ("factor",), "make": dict}
    return Fault(**{**defaults, **fields})  # type: ignore[arg-type]


def said(kind: str, *tensors: str, constant: float | None = None) -> Diagnosis:
    alone = tensors[0] if len(tensors) == 1 else None
    return Diagnosis(kind, alone, constant, "", tensors)


@pytest.mark.parametrize(("diagnosis", "right"), [
    (said("factor", "W1", constant=2.0), True),
    (said("factor", "W1", constant=2.1), False),
    (said("factor", "W2", constant=2.0), False),
    (said("factor", "W1", "W2", constant=2.0), False),
    (said("sign", "W1"), False),
])  # fmt: skip
def test_kind_constant_and_tensor_count(diagnosis: Diagnosis, right: bool) -> None:
    planted = fault(tensor="W1", constants=(2.0,))
    assert is_named(planted, [diagnosis], ["W1"], SITES) is right


def test_only_the_first_diagnosis_counts() -> None:
    right, other = said("factor", "W1", constant=2.0), said("zero", "b1")
    planted = fault(tensor="W1", constants=(2.0,))
    assert is_named(planted, [right, other], ["W1"], SITES)
    assert not is_named(planted, [other, right], ["W1"], SITES)
    assert not is_named(planted, [], ["W1"], SITES)


def test_a_mistake_in_all_of_the_gradient_must_be_told_of_all_tensors_that_fail() -> None:
    planted = fault(constants=(2.0,))
    both = said("factor", "W1", "b1", constant=2.0)
    one, other = (said("factor", name, constant=2.0) for name in ("W1", "b1"))
    assert is_named(planted, [both], ["W1", "b1"], SITES)
    assert is_named(planted, [one, other], ["b1", "W1"], SITES)
    assert not is_named(planted, [one], ["W1", "b1"], SITES)


def test_what_arrives_wrong_is_told_of_the_layer_nearest_to_the_loss() -> None:
    planted = fault(kinds=("slope-missing",), is_delta=True)
    wrong = ["W1", "b1", "W2", "b2"]
    for name, right in (("W2", True), ("b2", True), ("W1", False), ("W3", False)):
        assert is_named(planted, [said("slope-missing", name)], wrong, SITES) is right
    assert is_named(planted, [said("slope-missing", *wrong)], wrong, SITES)
    assert is_named(planted, [said("slope-missing", "W1")], wrong, None)


def test_kinds_of_the_catalogue_are_named_on_the_literal_network() -> None:
    test = fc.selftest(
        CASE.objective, CASE.params, CASE.right,
        faults=["doubled*", "negated*", "transposed*", "rolled*", "clipped", "row *", "exchanged*"],
    )  # fmt: skip
    assert len(test.named) >= 0.8 * len(test.caught) > 20
