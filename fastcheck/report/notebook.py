"""A result for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from fastcheck.report.causes import diagnoses
from fastcheck.report.examples import examples, examples_label
from fastcheck.report.facts import checked_of
from fastcheck.report.where import pictures, where
from fastcheck.result.wording import count, shape_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fastcheck.result import CheckResult
    from fastcheck.result.tensor import TensorResult

__all__ = ["notebook_html"]

COLORS = {"pass": "#1a7f37", "fail": "#cf222e", "inconclusive": "#9a6700"}
COLUMNS = (
    "tensor", "shape", "verdict", "checked", "right", "close", "wrong", "kink", "unresolved",
    "digits", "worst entry",
)  # fmt: skip
CELL = "text-align:left;padding:1px 8px"


def notebook_html(result: CheckResult) -> str:
    """Return a table with inline styles; all text that comes from outside is escaped.

    The order is that of the printed report: the verdict, what is wrong, where, the tensors.
    """
    lines = [f"<p>{_colored(result.verdict)} {escape(result.summary())}</p>"]
    for label, told in diagnoses(result):
        lines += _list(label, told)
    if result.verdict == "fail":
        lines += _failure(result)
    lines += _list("", map(str, result.findings))
    lines.append(_table(list(result.tensors.values())))
    facts = dict(checked_of(result)) if result.verdict == "fail" else {}
    lines.append(f"<p>{escape(str(facts.get('checked', result.coverage.statement)))}</p>")
    return f"<div>{''.join(lines)}</div>"


def _failure(result: CheckResult) -> list[str]:
    """Return where the gradient is wrong."""
    shown, left = pictures(result)
    return [
        *_list("where", where(result)),
        *_list(examples_label(result), examples(result)),
        *(f'<pre style="line-height:1.1">{escape(chr(10).join(lines))}</pre>' for lines in shown),
        *_list("", filter(None, [left])),
    ]


def _colored(verdict: str) -> str:
    return f'<b style="color:{COLORS[verdict]}">{verdict.upper()}</b>'


def _list(label: str, texts: Iterable[str]) -> list[str]:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    title = f"<b>{label}</b>" if label else ""
    return [f"<div>{title}<ul>{items}</ul></div>"] if items else []


def _table(tensors: Sequence[TensorResult]) -> str:
    header = "".join(f'<th style="{CELL}">{name}</th>' for name in COLUMNS)
    rows = "".join(_row(tensor) for tensor in tensors)
    return f"<table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table>"


def _row(tensor: TensorResult) -> str:
    counts = (
        tensor.n_checked, tensor.n_agree, tensor.n_close, tensor.n_disagree, tensor.n_kink,
        tensor.n_unresolved,
    )  # fmt: skip
    cells = [
        escape(tensor.name),
        shape_text(tensor.shape),
        _colored(tensor.verdict),
        *map(count, counts),
        f"{tensor.digits:.1f}" if tensor.digits >= 0.0 else "",
        escape(str(tensor.worst or "")),
    ]
    return "<tr>" + "".join(f'<td style="{CELL}">{cell}</td>' for cell in cells) + "</tr>"
