"""What explanations rest on: what was measured, what it says, and what lengths there are."""

from collections.abc import Callable

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.diagnose import explained, gathered
from fastcheck.result import TensorResult
from tests.diagnose.common import BOUND, DATA, RIGHT, Arrays, case_of, drawn

Loss = Callable[[np.ndarray], float]

W1 = RIGHT["W1"]


def test_a_clearly_wrong_entry_says_as_many_digits_as_it_is_off() -> None:
    wrong = W1.copy()
    wrong[0, 0] += 1e-6
    wrong[1, 1] += 1e-3
    wrong[2, 2] += 50 * BOUND  # wrong, and not clearly
    tensor = case_of({"W1": wrong}).by_name["W1"]
    assert int(tensor.wrong.sum()) == 3
    assert tensor.n_clear == 2
    assert tensor.digits == pytest.approx([10.0, 7.0], abs=0.05)


def test_equal_entries_count_once_and_many_not_all() -> None:
    right = {"W": np.full((20, 30), 0.3), "V": drawn(0, {"V": (20, 30)})["V"]}
    case = case_of({n: 2 * g for n, g in right.items()}, right)
    assert len(case.by_name["W"].digits) == 1
    assert len(case.by_name["V"].digits) == 64


def test_entries_at_kinks_are_not_known() -> None:
    tensor = TensorResult("W1", (6, 4), "fail", "", 24, 24)
    kinks = {"W1": np.arange(24).reshape(6, 4) == 7}
    bounds = {"W1": np.full((6, 4), BOUND)}
    given = W1 * (1 + kinks["W1"])
    case = gathered({"W1": tensor}, {"W1": given}, {"W1": W1}, bounds, {}, kinks=kinks)
    assert not case.tensors[0].wrong.any()
    assert not case.tensors[0].is_complete
    assert explained(case) == ()


def signed_cubes() -> tuple[Loss, Arrays, np.ndarray]:
    """Return a loss at kinks where the slopes of both sides agree, its point and its gradient."""
    x, w = np.random.default_rng(1).normal(size=(8, 3)), np.zeros((3, 1))

    def loss(w: np.ndarray) -> float:
        o = x @ w
        return float(np.sum(np.abs(o) ** 3 + o))

    return loss, {"w": w}, x.sum(axis=0)[:, None]


@pytest.mark.parametrize("engine", ["auto", "black box"])
@pytest.mark.parametrize("factor", [1.01, 2.0])
def test_entries_that_were_judged_at_a_kink_are_known(engine: str, factor: float) -> None:
    loss, params, right = signed_cubes()
    given = right.copy()
    given[0] *= factor
    result = fc.check_gradients(loss, params, {"w": given}, engine=engine)
    assert result.verdict == "fail"
    (found,) = result.diagnosis
    assert found.kind == "one-entry"
    assert found.message.startswith("w: only w[0, 0] is wrong")


def test_what_is_not_finite_or_of_another_shape_is_left_out() -> None:
    tensor = TensorResult("W1", (6, 4), "fail", "", 24, 24)
    bounds = {"W1": np.full((6, 4), BOUND)}
    for given in (np.where(W1 > 1, np.nan, W1), W1.T):
        assert gathered({"W1": tensor}, {"W1": given}, {"W1": W1}, bounds, {}).tensors == []


def test_lengths_of_the_batch_come_first_then_those_of_data() -> None:
    lengths = case_of({}).lengths
    assert (lengths[0].n, lengths[0].text) == (7, "the number of samples")
    assert [(n.n, n.text) for n in lengths[1:3]] == [
        (6, "the length of axis 1 of x"), (4, "the length of axis 1 of W1"),
    ]  # fmt: skip
    assert [length.is_data for length in lengths[:3]] == [True, True, False]
    assert lengths[-1].text == "the number of entries of x"
    assert len({length.n for length in lengths}) == len(lengths)


def test_data_without_a_name_lend_their_lengths_to_parameters_that_have_them() -> None:
    lengths = case_of({}, data={"an array": np.ones((9, 13)), "upstream": np.ones((5, 2))}).lengths
    texts = {length.n: (length.text, length.is_data) for length in lengths}
    assert texts[9] == ("the length of axis 2 of K", True)
    assert texts[13] == ("the length of axis 1 of an array", True)
    assert texts[5] == ("the length of axis 1 of K", True)


def test_what_is_explained_elsewhere_is_left_out() -> None:
    case = case_of(
        {n: 2 * RIGHT[n] for n in ("W1", "b1")} | {"b2": RIGHT["b3"].sum() + 0 * RIGHT["b2"]}
    )
    (found,) = explained(case, but=["b2", "W1"])
    assert (found.kind, found.tensors) == ("factor", ("b1",))
    assert explained(case, but=["b2", "W1", "b1"]) == ()


def test_nothing_is_looked_for_in_too_many_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of({"W1": 2 * W1})
    assert len(explained(case)) == 1
    monkeypatch.setattr("fastcheck.diagnose.MOST_ENTRIES", 100)
    assert explained(case) == ()
    assert DATA["x"].size == 42
