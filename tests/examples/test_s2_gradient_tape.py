"""Every intermediate: the published values, both layouts, float32, and TensorFlow itself."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from tests.examples.loading import load

s2 = load("s2_gradient_tape")
P, X, Y = s2.parameters(), s2.X.astype(np.float32), s2.Y.astype(np.float32)
GRADS = s2.gradient(P, X, Y)
NAMES = {"W1", "b1", "W2", "b2", "z1", "a1", "z2", "a2"}


# ------------------------------------------------------------ the published values


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_published_values_come_out_to_a_unit_of_float32(dtype: type) -> None:
    p = s2.parameters(dtype)
    x, y = s2.X.astype(dtype), s2.Y.astype(dtype)
    found = {"a1": s2.sigmoid(x @ p["W1"] + p["b1"]), **s2.gradient(p, x, y)}
    for name, published in s2.PUBLISHED.items():
        assert found[name].dtype == dtype
        assert s2.units_off(found[name], np.array(published)) <= 4, name  # of 6 from 0.5 on


def test_the_second_layer_is_solved_for_what_was_published() -> None:
    p = s2.parameters(np.float64)
    assert not p["b1"].any()
    assert not p["b2"].any()
    a2 = s2.sigmoid(s2.sigmoid(s2.X @ p["W1"]) @ p["W2"])
    np.testing.assert_allclose(a2, s2.Y + s2.PUBLISHED["da2"], rtol=1e-14)


# ------------------------------------------------------------ fastcheck


def test_all_parameters_and_intermediates_pass_in_rows_and_in_columns() -> None:
    rows = s2.check(s2.loss, P, GRADS)
    q = s2.in_columns(P)
    grads = s2.gradient_in_columns(q, X.T, Y.T)
    columns = s2.check(s2.loss_in_columns, q, grads, X.T, Y.T)
    for result in (rows, columns):
        assert result.passed, str(result)
        assert set(result.tensors) == NAMES
        assert result.coverage.n_resolved == 41
    for name in ("da2", "dz2", "da1", "dz1", "dW2", "dW1"):
        np.testing.assert_allclose(grads[name], GRADS[name].T, rtol=1e-5)


@pytest.mark.parametrize("name", ["da2", "dz2", "da1", "dz1"])
def test_a_unit_of_the_last_digit_is_right_and_a_hundred_thousandth_is_not(name: str) -> None:
    one, more = GRADS[name].copy(), GRADS[name].copy()
    one[0, 1] = np.nextafter(one[0, 1], np.float32(1))
    more[0, 1] *= np.float32(1 + 1e-4)
    assert s2.check(s2.loss, P, GRADS | {name: one}).passed
    wrong = s2.check(s2.loss, P, GRADS | {name: more})
    assert [n for n, t in wrong.tensors.items() if not t.passed] == [name[1:]]
    assert wrong.tensors[name[1:]].worst.index == (0, 1)


def test_float64_is_judged_at_its_own_precision() -> None:
    p = s2.parameters(np.float64)
    right = s2.gradient(p, s2.X, s2.Y)
    result = fc.check_gradients(lambda p: s2.loss(p, s2.X, s2.Y), p, right)
    assert result.passed
    assert result.tensors["a2"].worst.bound < 1e-13


def test_a_wrong_slope_is_named_with_all_that_it_spoils() -> None:
    result = s2.check(s2.loss, P, s2.with_wrong_slope(P, X, Y))
    (found,) = result.diagnosis
    assert (found.kind, set(found.tensors)) == ("slope-of-value", {"W1", "b1", "z1"})
    assert "is given z1 where a1 is meant" in found.message


# ------------------------------------------------------------ TensorFlow


def test_the_gradients_of_tensorflow_pass_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    value, tape = s2.tensorflow_gradient(P, X, Y)
    assert set(tape) == NAMES
    for name, by_hand in GRADS.items():
        assert s2.units_off(tape[name[1:]], by_hand) <= 5, name
    result = s2.check(s2.loss, P, tape, loss_value=value)
    assert result.passed, str(result)
    assert set(result.tensors) == NAMES
    wrong = {**tape, "z1": tape["z1"] * 1.0001}
    assert [n for n, t in s2.check(s2.loss, P, wrong).tensors.items() if not t.passed] == ["z1"]
    assert s2.check(s2.loss, P, tape, loss_value=1.001 * value).verdict == "inconclusive"
