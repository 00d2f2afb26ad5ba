"""A result as a small table for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from fastcheck.result.wording import count, shape_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastcheck.result import CheckResult
    from fastcheck.result.tensor import TensorResult

__all__ = ["notebook_html"]

COLORS = {"pass": "#1a7f37", "fail": "#cf222e", "inconclusive": "#9a6700"}
COLUMNS = (
    "tensor", "shape", "verdict", "checked", "agree", "close", "disagree", "kink", "unresolved",
    "digits", "worst entry",
)  # fmt: skip
CELL = "text-align:left;padding:1px 8px"


def notebook_html(result: CheckResult) -> str:
    """Return a table with inline styles; all text that comes from outside is escaped."""
    lines = [f"<p>{_colored(result.verdict)} {escape(result.summary())}</p>"]
    lines += _list([*map(str, result.diagnosis), *map(str, result.findings)])
    rows = "".join(_row(tensor) for tensor in result.tensors.values())
    header = "".join(f'<th style="{CELL}">{name}</th>' for name in COLUMNS)
    lines.append(f"<table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table>")
    lines.append(f"<p>{escape(result.coverage.statement)}</p>")
    return f"<div>{''.join(lines)}</div>"


def _colored(verdict: str) -> str:
    return f'<b style="color:{COLORS[verdict]}">{verdict.upper()}</b>'


def _list(texts: Iterable[str]) -> list[str]:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return [f"<ul>{items}</ul>"] if items else []


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
