"""Which pictures a case gets, within what a page can hold."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from fastcheck.nightly.report.plots import draw_heat, draw_scatter, draw_steps, has_plots
from fastcheck.nightly.report.view import Drawing
from fastcheck.result.wording import count, listing, shape_text, short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastcheck.nightly.records import Record
    from fastcheck.result import CheckResult, TensorResult
    from fastcheck.result.pictures import Picture, StepErrors

__all__ = ["Drawer"]

MOST_TENSORS: Final = 4
"""Tensors of a case that are drawn."""
MOST_BYTES: Final = 5_000_000
"""What all pictures of a page may have; those of later cases are left out."""
HEAT: Final = "largest deviation in each cell, relative to the larger of both values"


class Drawer:
    """Draws the pictures of a page, case by case.

    Parameters
    ----------
    missing : str
        What is said where the library that draws is missing.
    """

    def __init__(self, missing: str) -> None:
        self.refusal = "" if has_plots() else f"no pictures: {missing}"
        self.left = MOST_BYTES

    def draw(self, record: Record) -> tuple[list[Drawing], str]:
        """Return the pictures of a case, and why there are none or some are missing."""
        result = record.result
        if result is None:
            return [], ""
        if not result.pictures and result.steps is None:
            return [], "" if result.passed else "no pictures: the check kept none (pictures=True)"
        if self.refusal:
            return [], self.refusal
        if self.left <= 0:
            return [], "no pictures: those of other cases have filled the page"
        drawings, failed = _attempted(result)
        self.left -= sum(len(drawing.svg) for drawing in drawings)
        left_out = [t.name for t in _chosen(result)[MOST_TENSORS:] if not t.passed]
        notes = [f"not drawn: {listing(left_out)}, not right either"] if left_out else []
        notes += [f"not drawn, because what was kept is damaged: {listing(failed)}"] * bool(failed)
        return drawings, "; ".join(notes)


def _attempted(result: CheckResult) -> tuple[list[Drawing], list[str]]:
    """Return the pictures of a result, and the titles of those that cannot be drawn."""
    drawings, failed = [], []
    for title, draw in _pictures(result):
        try:
            drawings.append(draw())
        except Exception:  # a run may come from somebody else, and the page is of all its cases
            failed.append(title)
    return drawings, failed


def _chosen(result: CheckResult) -> list[TensorResult]:
    """Return the tensors with pictures, the wrong ones first, and matrices before vectors."""
    order = ("fail", "inconclusive", "pass")
    tensors = [t for name, t in result.tensors.items() if name in result.pictures]
    tensors.sort(key=lambda t: (order.index(t.verdict), len(t.shape) < 2))
    telling = [t for t in tensors if len(t.shape) > 1 or not t.passed]
    return telling or tensors


def _pictures(result: CheckResult) -> Iterator[tuple[str, Callable[[], Drawing]]]:
    """Yield the title of each picture, and what draws it."""
    chosen = _chosen(result)[:MOST_TENSORS]
    for tensor in chosen:
        yield tensor.name, partial(_heat, tensor, result.pictures[tensor.name])
    steps = result.steps
    if steps is not None and steps.tensor in result.tensors:
        yield "the steps", partial(_steps, steps, result.tensors[steps.tensor])
    first = next((t for t in chosen if result.pictures[t.name].n_wrong), None)
    if first is not None:
        yield "the pairs", partial(_scatter, first, result.pictures[first.name])


def _heat(tensor: TensorResult, picture: Picture) -> Drawing:
    title = f"{tensor.name} ({shape_text(tensor.shape)}): {tensor.verdict}"
    text = HEAT
    if picture.wrong:
        text += f"; {count(tensor.n_disagree)} of {count(tensor.n_checked)} entries wrong"
    return Drawing(draw_heat(picture, tensor.shape), title, text)


def _steps(steps: StepErrors, tensor: TensorResult) -> Drawing:
    worst = tensor.worst
    place = f"[{', '.join(map(str, steps.index))}]" if steps.index else ""
    text = "how right both arithmetics are at each step"
    if worst is not None and worst.index == steps.index:
        text = f"analytic {short(worst.analytic)}, numerical {short(worst.numerical)}; {text}"
        text += "; no step gives your value" if worst.verdict == "disagree" else ""
    return Drawing(draw_steps(steps, worst), f"{steps.tensor}{place} at many steps", text)


def _scatter(tensor: TensorResult, picture: Picture) -> Drawing:
    text = f"{count(len(picture.analytic))} of {count(tensor.n_checked)} entries"
    title = f"{tensor.name}: analytic against numerical"
    return Drawing(draw_scatter(picture), title, f"{text}; right is the dashed line")
