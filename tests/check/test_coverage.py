"""What a sample rules out, in numbers and in a sentence."""

import math
from dataclasses import replace

import numpy as np
import pytest

from fastcheck.check.coverage import power_statement, sample_statement, with_guarantee
from fastcheck.result import TensorResult
from fastcheck.sampling import Sample, draw


def drawn(n: int, size: int = 100_000, strength: int = 0) -> Sample:
    return Sample(np.arange(n), size, n, strength)


def result(name: str = "W", shape: tuple[int, ...] = (400, 250), **counts: int) -> TensorResult:
    n = sum(counts.values())
    return TensorResult(name, shape, "pass", "", math.prod(shape), n, **counts)


@pytest.mark.parametrize(("n", "share"), [(30, 0.0950), (60, 0.0487), (300, 0.00992)])
def test_a_right_sample_has_the_share_of_the_rule_of_three(n: int, share: float) -> None:
    found = with_guarantee(result(n_agree=n), drawn(n))
    assert found.missable == pytest.approx(share, rel=5e-3)


def test_entries_that_say_nothing_do_not_count_as_drawn() -> None:
    full = with_guarantee(result(n_agree=60), drawn(60))
    fewer = with_guarantee(result(n_agree=30), drawn(30))
    unclear = with_guarantee(result(n_agree=30, n_unresolved=20, n_kink=10), drawn(60))
    assert unclear.missable == pytest.approx(fewer.missable, rel=1e-2)
    assert unclear.missable > 1.9 * full.missable
    assert math.isnan(with_guarantee(result(n_agree=1, n_unresolved=60), drawn(60)).missable)


def test_what_is_wrong_or_complete_or_not_begun_needs_no_guarantee() -> None:
    for tensor, sample in (
        (result(n_agree=50, n_disagree=1), drawn(51)),
        (result(shape=(5, 5), n_agree=25), draw((5, 5), 25, None, 0)),
        (result(), drawn(50)),
    ):
        found = with_guarantee(tensor, sample)
        assert math.isnan(found.missable)
        assert found.covered == ""


@pytest.mark.parametrize(
    ("shape", "strength", "covered"),
    [
        ((400, 250), 1, "row and column"),
        ((400, 250), 0, ""),
        ((100, 50, 20), 1, "index along every axis"),
        ((100, 50, 20), 2, "pair of indices along any two axes"),
        ((100_000, 1), 1, "entry"),
    ],
)
def test_what_is_covered_is_said_in_the_words_for_the_shape(
    shape: tuple[int, ...], strength: int, covered: str
) -> None:
    found = with_guarantee(result(shape=shape, n_agree=500), drawn(500, strength=strength))
    assert found.covered == covered


def test_the_sentence_names_each_tensor_worst_first_and_all_together() -> None:
    samples = {"W1": drawn(300, strength=1), "W2": drawn(60)}
    tensors = [
        with_guarantee(result("W1", n_agree=300), samples["W1"]),
        with_guarantee(result("W2", n_agree=60), samples["W2"]),
    ]
    text = sample_statement(tensors, samples)
    assert text.startswith("if more than 4.9 % of W2 or 1 % of W1, or ")
    assert "were wrong, this would have been found with probability 0.95; " in text
    assert text.endswith("each row and column of W1 holds a checked entry")


def test_a_share_is_rounded_up() -> None:
    sample = drawn(300)
    tensor = replace(with_guarantee(result(n_agree=300), sample), missable=0.01201)
    assert sample_statement([tensor], {"W": sample}).startswith("if more than 1.3 % of W were")


def test_power_is_relative_to_what_is_finite_in_the_gradient() -> None:
    g = np.array([3.0, -3.0, np.nan, np.inf])
    assert power_statement(3e-6, [g]) == (
        "; a single wrong entry above about 3e-06 (1e-06 of the typical gradient) can be seen"
    )
    assert power_statement(3e-6, [np.zeros(4)]) == (
        "; a single wrong entry above about 3e-06 can be seen"
    )
