"""Entries that were changed one by one: zero, limited, without sign, rounded."""

import numpy as np
import pytest

from tests.diagnose.common import RIGHT, kinds, nearly, only, said

W1 = RIGHT["W1"]


def test_a_gradient_of_zeros_is_forgotten() -> None:
    found = only({"W1": 0.0 * W1, "b3": 0.0 * RIGHT["b3"]})
    assert (found.kind, found.tensors) == ("zero", ("W1", "b3"))
    assert "the gradients are zero in every entry" in found.message
    assert kinds({"W1": nearly(0.0 * W1)}) == {"unexplained"}


def test_zeros_that_are_right_are_not_explained() -> None:
    right = RIGHT | {"W1": 0.0 * W1}
    assert said({}, right) == []


def test_a_gradient_without_its_sign_is_named() -> None:
    found = only({name: np.abs(g) for name, g in RIGHT.items()})
    assert found.kind == "without-sign"
    assert found.tensors == tuple(RIGHT)
    assert kinds({"W1": nearly(np.abs(W1))}) == {"unexplained"}


def test_all_signs_turned_is_a_sign_and_not_a_missing_one() -> None:
    right = RIGHT | {"W1": -np.abs(W1)}
    assert only({"W1": np.abs(W1)}, right).kind == "sign"
    found = only({name: np.abs(g) for name, g in right.items()}, right)
    assert (found.kind, found.tensors) == ("without-sign", tuple(RIGHT))


def test_what_should_be_zero_is_no_missing_sign() -> None:
    right = RIGHT | {"b1": 0.0 * RIGHT["b1"]}
    for given in (np.abs(RIGHT["b1"]), RIGHT["b1"]):
        found = only({"b1": given}, right)
        assert (found.kind, found.tensors) == ("no-effect", ("b1",))
        assert found.message.startswith("b1: every entry should be zero")
    right = RIGHT | {"b1": RIGHT["b1"] * (np.arange(4) > 0)}
    assert "without-sign" not in kinds({"b1": np.abs(RIGHT["b1"])}, right)


@pytest.mark.parametrize("limit", [0.5, 0.6180339])
def test_clipped_entries_are_named_with_their_limit(limit: float) -> None:
    found = only({"W1": W1.clip(-limit, limit)})
    assert (found.kind, found.constant) == ("clipped", pytest.approx(limit, rel=1e-14))
    n = int(np.sum(np.abs(W1) > limit))
    assert f"{n} entries are exactly ±{limit:.5g}" in found.message
    other = W1.clip(-limit, limit)
    other.flat[np.argmin(np.abs(W1))] *= 1.001
    assert "clipped" not in kinds({"W1": other})


def test_one_clipped_entry_is_clipped_only_at_a_round_number() -> None:
    top = np.sort(np.abs(W1).reshape(-1))[-2:]
    limit = float(f"{top.mean():.1e}")
    assert top[0] < limit < top[1]
    assert only({"W1": W1.clip(-limit, limit)}).kind == "clipped"
    assert only({"W1": W1.clip(-top.mean(), top.mean())}).kind == "one-entry"


def test_one_limit_for_all_is_one_explanation() -> None:
    found = only({name: g.clip(-0.5, 0.5) for name, g in RIGHT.items()})
    assert (found.kind, found.tensors) == ("clipped", tuple(RIGHT))


@pytest.mark.parametrize("name", ["float32", "float16"])
def test_a_coarser_format_is_named(name: str) -> None:
    given = {n: g.astype(name).astype(np.float64) for n, g in RIGHT.items()}
    found = only(given)
    assert (found.kind, found.tensors, found.is_exact) == ("precision", tuple(RIGHT), True)
    assert f"stored in {name}" in found.message
    assert "precision" not in kinds({"W1": nearly(given["W1"])})


def test_a_float32_number_that_is_far_off_is_not_a_matter_of_rounding() -> None:
    given = (W1 * (1 + 1e-4 * RIGHT["W1"])).astype(np.float32)
    found = only({"W1": given})
    assert found.kind == "unexplained"
    assert "every entry of it a float32 number" in found.message


def test_what_was_computed_in_float32_is_told_from_what_was_stored_so() -> None:
    given = (W1 * (1 + 5e-7 * np.sign(W1 - 0.2))).astype(np.float32)
    assert "computed in float32" in only({"W1": given}).message


def test_rounding_is_not_claimed_of_tensors_that_are_right() -> None:
    halves = {name: np.round(4 * g) / 4 for name, g in RIGHT.items()}  # float16 numbers
    found = only({"b1": 2 * halves["b1"]}, halves)
    assert (found.kind, found.tensors) == ("factor", ("b1",))


def test_a_tensor_that_passes_because_it_is_close_is_explained_too() -> None:
    given = {n: g.astype(np.float32).astype(np.float64) for n, g in RIGHT.items()}
    found = only(given, rtol=1e-5)
    assert (found.kind, found.tensors) == ("precision", tuple(RIGHT))
    found = only({"W1": (1 + 1e-6) * W1}, rtol=1e-5)
    assert (found.kind, found.constant) == ("factor", pytest.approx(1 + 1e-6, rel=1e-11))
    assert "(1 +1e-06) times" in found.message


def test_of_a_tensor_that_is_close_nothing_is_said_but_what_is_exact() -> None:
    noise = 1e-7 * np.random.default_rng(0).standard_normal(W1.shape)
    assert said({"W1": W1 * (1 + noise)}, rtol=1e-5) == []
    off = W1.copy()
    off[2, 1] *= 1 + 1e-7
    assert said({"W1": off}, rtol=1e-5) == []
    assert kinds({"W1": off}) == {"one-entry"}
