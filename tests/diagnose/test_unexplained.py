"""What is said of a gradient that nothing explains is true, and no explanation is false."""

import re

import numpy as np
import pytest

from fastcheck.diagnose import Case
from fastcheck.result import Diagnosis
from tests.diagnose.common import BOUND, RIGHT, case_of, drawn, explain, only, said

W1, K = RIGHT["W1"], RIGHT["K"]
VAGUE = {"unexplained", "wrong-part", "one-entry"}
WRONG = 4 * BOUND
"""Two sides of a bound, the rounding of the case, and what it allows."""


def test_a_right_gradient_has_no_diagnosis() -> None:
    assert said({}) == []
    for seed in range(50):
        right = drawn(seed)
        noise = drawn(seed + 1000)
        given = {n: g + 0.4 * BOUND * np.sign(noise[n]) for n, g in right.items()}
        assert said(given, right) == []


def test_tensors_that_are_wrong_everywhere_are_described_together() -> None:
    noise = drawn(9)
    given = {name: RIGHT[name] + noise[name] for name in ("W1", "b1", "W2", "W3")}
    found = only(given)
    assert (found.kind, found.tensor, found.is_exact) == ("unexplained", None, False)
    assert found.tensors == ("W1", "b1", "W2", "W3")
    assert found.constant is None
    assert "W1: all 24 entries are wrong" in found.message
    assert found.message.endswith("1 more tensor likewise in every entry")


def test_rows_and_columns_and_sizes_are_told() -> None:
    wrong = K.copy()
    wrong[0, 1:4, ::2] += drawn(9, {"n": (3, 5)})["n"]
    found = only({"K": wrong})
    assert found.tensor == "K"
    part = "15 of 90 entries are wrong, in index of axis 0 0 and indices of axis 1 1 to 3 and"
    assert part in found.message
    ratio = np.linalg.norm(wrong) / np.linalg.norm(K)
    cosine = np.vdot(wrong, K) / np.linalg.norm(wrong) / np.linalg.norm(K)
    assert (
        f"as a vector {ratio:.3g} times as long as the numerical one, cosine {cosine:.3f}"
        in found.message
    )


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (1.0, "as a vector as long as"),
        (1.001, "as a vector 1.001 times as long as"),
        (1.0 - 2e-7, "as a vector 0.9999998 times as long as"),
        (1.7, "as a vector 1.7 times as long as"),
    ],
)
def test_a_length_that_is_nearly_right_is_not_called_once(ratio: float, words: str) -> None:
    right = {"W": np.array([3.0, 4.0])}
    turned = ratio * np.array([5.0, 0.0])
    assert words in only({"W": turned}, right).message


def test_zeros_on_both_sides_do_not_make_a_tensor_wrong_in_part() -> None:
    closed = np.array([1.0, 0.0, 1.0, 1.0])
    right = RIGHT | {"W1": W1 * closed, "b1": RIGHT["b1"] * closed}
    noise = drawn(9)
    given = {name: right[name] * (1 + noise[name]) for name in ("W1", "b1", "W3")}
    found = only(given, right)
    assert found.tensors == ("W1", "b1", "W3")
    assert "W1: all 18 entries are wrong that are not zero on both sides" in found.message


def test_of_many_rows_apart_only_the_number_is_told() -> None:
    right = drawn(3, {"W": (60, 4)})
    wrong = right["W"].copy()
    wrong[::3, :3] += drawn(9, {"n": (20, 3)})["n"]
    found = only({"W": wrong}, right)
    assert "60 of 240 entries are wrong, in 20 of 60 rows and columns 0 to 2" in found.message


def test_a_gradient_that_is_nearly_parallel_is_told_by_how_much_it_is_not() -> None:
    noise = drawn(9)["W1"]
    found = only({"W1": W1 + 1e-4 * noise})
    cosine = re.search(r"cosine 1 - (\S+)", found.message)
    assert cosine is not None
    angle = noise - W1 * np.vdot(noise, W1) / np.vdot(W1, W1)
    assert float(cosine[1]) == pytest.approx(
        0.5e-8 * np.vdot(angle, angle) / np.vdot(W1, W1), rel=0.2
    )


def test_of_a_sample_no_more_is_said_than_it_shows() -> None:
    known = {"W1": np.zeros((6, 4), bool)}
    known["W1"][::2, 1] = True
    found = only({"W1": W1 + drawn(9)["W1"]}, known=known)
    assert "all 3 entries that were measured are wrong" in found.message
    assert "row" not in found.message
    assert "column" not in found.message
    found = only({"W1": 2 * W1}, known=known)
    assert found.message.startswith("W1: each of the 3 entries that were measured is 2 times")


def test_nothing_measured_is_said_to_be_so() -> None:
    case = case_of({"W1": 2 * W1}, known={"W1": np.zeros((6, 4), bool)})
    case.by_name["W1"].failed = True
    (found,) = explain(case)
    assert found.message.endswith("no single entry that was measured is outside its bound")


# ------------------------------------------------------------ at random


def corrupted(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return some tensors that are wrong in some way."""
    given = {}
    for name in rng.choice([*RIGHT], rng.integers(1, 4), replace=False):
        g = RIGHT[name].copy()
        size = 10.0 ** rng.uniform(-6, 1)
        noise = size * rng.standard_normal(g.shape)
        way = rng.integers(5)
        if way == 0:
            g += noise
        elif way == 1:
            g *= 1 + noise
        elif way == 2:
            g[rng.random(g.shape) < 0.3] += size
        elif way == 3:
            g = g + size * np.sin(3 * g)
        else:
            g.flat[rng.integers(g.size, size=2)] *= 1 + rng.random(2)
        given[str(name)] = g
    return given


def is_true(found: Diagnosis, case: Case, given: dict[str, np.ndarray]) -> bool:
    """Return whether counts and addresses in a description are those of the corruption."""
    for name in found.tensors:
        wrong = np.abs(given[name] - RIGHT[name]) > WRONG
        for address in re.findall(rf"{name}\[([\d, ]+)\]", found.message):
            if not wrong[tuple(int(i) for i in address.split(","))]:
                return False
        counts = re.findall(r"(\d+) of (\d+) entries are wrong", found.message)
        if len(found.tensors) == 1 and counts and counts != [(str(wrong.sum()), str(wrong.size))]:
            return False
    return True


def test_nothing_false_is_said_of_random_corruptions() -> None:
    rng = np.random.default_rng(12)
    n_vague = 0
    for _ in range(300):
        given = corrupted(rng)
        case = case_of(given)
        found = explain(case)
        named = sorted(name for d in found for name in d.tensors)
        assert named == sorted(t.name for t in case.failed)
        for diagnosis in found:
            n_vague += diagnosis.kind in VAGUE
            assert diagnosis.kind in {*VAGUE, "factor-part"}, str(diagnosis)
            assert diagnosis.is_exact == (diagnosis.kind == "factor-part")
            assert is_true(diagnosis, case, given), str(diagnosis)
    assert n_vague > 290


@pytest.mark.slow
def test_small_tensors_and_wide_bounds_do_not_invite_guesses() -> None:
    shapes = {"a": (1,), "b": (2,), "c": (3,), "M": (2, 2), "N": (1, 3)}
    for seed in range(500):
        rng = np.random.default_rng(seed)
        right, noise = drawn(seed, shapes), drawn(seed + 5000, shapes)
        bound = 10.0 ** rng.uniform(-13, -4)
        given = {name: right[name] + noise[name] for name in right}
        found = said(given, right, params=drawn(seed + 9, shapes), bound=bound)
        assert {d.kind for d in found} <= {"unexplained"}, [str(d) for d in found]
