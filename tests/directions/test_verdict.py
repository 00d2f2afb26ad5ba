"""The verdict on a tensor, from directions and from single entries."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from fastcheck.directions import Seen, joined, seen_statement
from fastcheck.directions.boxes import Box
from fastcheck.directions.reading import Single
from fastcheck.judge import judge_tensor
from fastcheck.result import TensorResult

SHAPE = (40, 30)
SIZE = 1200
Places = Sequence[tuple[int, int]]


def judged(wrong: Places, right: Places = ()) -> TensorResult:
    """Return the verdict on some entries that were probed on their own."""
    numerical = np.full(SHAPE, np.nan)
    checked = np.zeros(SHAPE, bool)
    for index in [*wrong, *right]:
        numerical[index], checked[index] = 1.0, True
    analytic = np.ones(SHAPE)
    for index in wrong:
        analytic[index] = 2.0
    return judge_tensor("W", analytic, numerical, np.full(SHAPE, 1e-9), checked=checked)


def known(entries: Places) -> np.ndarray:
    found = np.zeros(SHAPE, bool)
    for index in entries:
        found[index] = True
    return found


def verdict(
    seen: Seen,
    wrong: Places = (),
    right: Places = (),
    **more: Any,
) -> TensorResult:
    options = {"is_sampled": False, "rtol": 1e-5, "strict": False} | more
    return joined(judged([*wrong], [*right]), seen, known([*wrong, *right]), **options)


def off(error: float = 1.0) -> Single:
    return Single(error, 1e-9, 1.0, 1.0, abs(error) > 1e-9)


def test_silence_verifies_all_entries() -> None:
    found = verdict(Seen(SHAPE, 1e-6, 1.0))
    assert (found.verdict, found.reason) == ("pass", "")
    assert found.n_checked == found.n_agree == SIZE
    assert found.digits == pytest.approx(6.0)
    assert (found.visible, found.typical) == (1e-6, 1.0)


@pytest.mark.parametrize(("visible", "expected"), [(0.9e-3, "pass"), (1.1e-3, "inconclusive")])
def test_silence_verifies_only_what_could_be_seen(visible: float, expected: str) -> None:
    found = verdict(Seen(SHAPE, visible, 1.0))
    assert found.verdict == expected
    assert found.n_unresolved == (0 if expected == "pass" else SIZE)
    assert expected == "pass" or "only above 1e-03, 0.001 of the typical gradient" in found.reason


def test_a_wrong_entry_fails_and_the_rest_is_verified() -> None:
    found = verdict(Seen(SHAPE, 1e-6, 1.0, singles={(3, 4): off()}), [(3, 4)])
    assert found.verdict == "fail"
    assert (found.n_disagree, found.n_agree) == (1, SIZE - 1)
    assert found.reason.startswith("1 of 1,200 checked entries is wrong, W[3, 4]: yours 2")


def test_a_region_counts_as_checked_only_where_it_was_probed() -> None:
    examples = [(5, 1), (5, 9), (5, 20), (5, 28)]
    row = Box("W", ((5, 6), (0, 30)))
    seen = Seen(SHAPE, 1e-6, 1.0, singles=dict.fromkeys(examples, off()), regions=[row])
    found = verdict(seen, examples)
    assert found.verdict == "fail"
    assert found.n_checked == SIZE - 30 + 4
    assert found.reason.startswith("W, row 5: 4 of 4 entries probed there are wrong; 4 of 1,174 ")
    assert found.regions[0].bounds == ((5, 6), (0, 30))


def test_a_region_of_which_no_example_is_wrong_after_all_is_close() -> None:
    row = Box("W", ((5, 6), (0, 30)))
    found = verdict(Seen(SHAPE, 1e-6, 1.0, regions=[row]))
    assert (found.n_close, found.n_agree) == (30, SIZE - 30)


def test_nothing_is_said_to_be_visible_where_all_is_wrong() -> None:
    seen = Seen(SHAPE, 1e-6, 1.0, singles={(0, 0): off()}, regions=[Box.whole("W", SHAPE)])
    assert math.isnan(verdict(seen, [(0, 0)]).visible)


@pytest.mark.parametrize(
    ("size", "strict", "expected"),
    [(0.02, False, "inconclusive"), (1e-6, False, "pass"), (1e-6, True, "fail")],
)
def test_a_direction_that_nothing_explains_is_judged_by_its_size(
    size: float, strict: bool, expected: str
) -> None:
    found = verdict(Seen(SHAPE, math.inf, 1.0, size), strict=strict)
    assert found.verdict == expected
    if expected == "inconclusive":
        assert "off by 2.0e-02 of its typical size, though no entry was found" in found.reason
    else:
        assert found.n_close == SIZE


def test_what_was_not_looked_for_is_said() -> None:
    assert "more entries are off than were looked at one by one" in (
        verdict(Seen(SHAPE, math.inf, 1.0, is_stopped=True)).reason
    )
    wrong = [(i, i) for i in range(8)]
    singles = dict.fromkeys(wrong, off())
    reason = verdict(Seen(SHAPE, math.inf, 1.0, is_stopped=True, singles=singles), wrong).reason
    assert reason.endswith("more is wrong than was looked for, all of it on the diagonal")
    singles[0, 1] = off()
    reason = verdict(
        Seen(SHAPE, math.inf, 1.0, is_stopped=True, singles=singles), [*wrong, (0, 1)]
    ).reason
    assert reason.endswith("more is wrong than was looked for")


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Seen(SHAPE, 1e-9, 0.0), "exactly zero in the gradient, and the loss does not change"),
        (Seen(SHAPE, 1e-9, 0.0, math.inf), "it is zero in the gradient, and the loss changes"),
        (Seen(SHAPE, math.inf, 1.0), "the loss could not be evaluated along random directions"),
    ],
)
def test_what_cannot_be_decided_is_explained(seen: Seen, words: str) -> None:
    found = verdict(seen)
    assert found.verdict == "inconclusive"
    assert found.reason.startswith(words)


def test_single_entries_decide_where_directions_cannot() -> None:
    right = [(i, i) for i in range(30)]
    found = verdict(Seen(SHAPE, 0.5, 1.0), right=right, is_sampled=True)
    assert found.verdict == "pass"
    assert found.n_checked == 30
    assert found.norm_analytic == pytest.approx(math.sqrt(30))
    assert math.isnan(verdict(Seen(SHAPE, 1e-6, 1.0), right=right).norm_analytic)


def test_the_sentence_names_the_least_visible_first() -> None:
    tensors = [verdict(Seen(SHAPE, v, 1.0)) for v in (1e-7, 3e-6)]
    text = seen_statement(tensors)
    assert text.startswith("a single wrong entry above 3e-06 in W (3e-06 of the typical gradient)")
    assert text.endswith("would have been found")
    wrong = verdict(Seen(SHAPE, 1e-6, 1.0, singles={(3, 4): off()}), [(3, 4)])
    assert seen_statement([wrong]).startswith("elsewhere a single wrong entry above 1e-06 in W")
    assert seen_statement([verdict(Seen(SHAPE, math.inf, 1.0))]) == ""
