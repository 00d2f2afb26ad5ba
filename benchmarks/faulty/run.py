"""Asking the package about wrong gradients, and keeping what it says."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

import fastcheck as fc
from benchmarks.faulty.corruptions import corruptions, why_untrue
from benchmarks.faulty.faults import is_same
from benchmarks.faulty.pairs import pairs
from benchmarks.faulty.score import Score, both_named, score_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from benchmarks.faulty.faults import Mistake, Spoilt
    from fastcheck.result import CheckResult

CAUSED = ("unexplained", "wrong-part", "one-entry")
"""Words that describe and do not explain."""


@dataclass(frozen=True)
class Answer:
    """What was said of one wrong gradient.

    Attributes
    ----------
    section, part, setting, fault : str
        Which one.
    layer : int
        Where; 0 for everywhere.
    score : Score
        What is right.
    said : str
        The first diagnosis in short, or all.
    seconds, check : float
        Of the diagnosis, of the whole check.
    is_hidden : bool
        Whether the check passes, because noise hides the mistake.
    """

    section: str
    part: str
    setting: str
    fault: str
    layer: int
    score: Score
    said: str
    seconds: float
    check: float
    is_hidden: bool = False


def checked(net: Any, gradient: Any) -> CheckResult:
    """Return what the package says of a gradient."""
    return fc.check_gradients(net.objective, net.given, net.placed(gradient), strict=True)


def accusations(spoilt: Any) -> list[str]:
    """Return what is said of a right gradient: nothing, if all is well."""
    result = checked(spoilt.net, spoilt.right)
    if result.verdict == "pass" and not result.diagnosis:
        return []
    told = [str(d) for d in result.diagnosis] or ["no diagnosis"]
    return [f"{spoilt.net.setting}: {result.verdict}: {text}" for text in told]


def in_short(diagnosis: Any) -> str:
    """Return a diagnosis in short."""
    if diagnosis is None:
        return "nothing"
    where = diagnosis.tensor or "+".join(diagnosis.tensors)
    c = "" if diagnosis.constant is None else f" {diagnosis.constant:.6g}"
    return f"{diagnosis.kind}{c} of {where}{'' if diagnosis.is_exact else ' (not exact)'}"


def _answer(
    section: str, part: str, net: Any, fault: str, layer: int, result: CheckResult, score: Score,
    said: str, noise: float,
) -> Answer:  # fmt: skip
    return Answer(
        section, part, str(net.setting), fault, layer, score, said,
        result.timings.get("diagnosis", 0.0), result.timings["total"],
        result.verdict == "pass" and noise > 0.0,
    )  # fmt: skip


def singles(
    section: str, part: str, spoilt: Any, *, only: Collection[str] = (), every_layer: bool = False,
    seed: int = 0, noise: float = 0.0,
) -> Iterator[Answer]:  # fmt: skip
    """Yield what is said of each mistake in one network, or of one of each class."""
    classes: dict[str, list[Mistake]] = defaultdict(list)
    for mistake in spoilt.mistakes:
        if not only or mistake.name in only:
            classes[mistake.name].append(mistake)
    rng = np.random.default_rng(seed)
    for mistakes in classes.values():
        drawn = int(rng.integers(len(mistakes)))
        for mistake in mistakes if every_layer else [mistakes[drawn]]:
            result = checked(spoilt.net, mistake.gradient)
            first = result.diagnosis[0] if result.diagnosis else None
            right = spoilt.right
            wrong = [
                n for n, g in mistake.gradient.items() if not is_same({n: g}, {n: right[n]}, right)
            ]
            yield _answer(
                section, part, spoilt.net, mistake.name, mistake.layer, result,
                score_of(first, mistake.expected, wrong), in_short(first), noise,
            )  # fmt: skip


def in_pairs(part: str, spoilt: Spoilt, n: int, *, seed: int, noise: float) -> Iterator[Answer]:
    """Yield what is said of `n` pairs of mistakes in one network."""
    for pair in islice(pairs(spoilt, seed), n):
        result = checked(spoilt.net, pair.gradient)
        both = both_named(result.diagnosis, pair.one.expected, pair.other.expected)
        said = "; ".join(map(in_short, result.diagnosis)) or "nothing"
        yield _answer(
            "pairs", part, spoilt.net, pair.name, pair.one.layer, result, Score(both, both, both),
            said, noise,
        )  # fmt: skip


def damaged(part: str, spoilt: Spoilt, n: int, *, seed: int, noise: float) -> Iterator[Answer]:
    """Yield what is said of `n` corruptions outside the catalogue in one network."""
    net = spoilt.net
    right = net.placed(spoilt.right)
    for one in islice(corruptions(net, np.random.default_rng([seed, 7])), n):
        result = checked(net, one.gradient)
        untrue = why_untrue(result.diagnosis, right, net.placed(one.gradient), one.first)
        false = any(d.is_exact and d.kind not in CAUSED for d in result.diagnosis) and bool(untrue)
        told = "; ".join(map(in_short, result.diagnosis)) or "nothing"
        score = Score(not untrue, not untrue or untrue.endswith("is said"), not false)
        yield _answer(
            "corruptions", part, net, one.name, 0, result, score, f"{untrue} [{told}]", noise
        )
