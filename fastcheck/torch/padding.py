"""Rows of embeddings that torch does not train on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastcheck.result import Finding

if TYPE_CHECKING:
    from fastcheck.result import CheckResult, TensorResult


def with_padding(result: CheckResult, modules: Any, tensors: Mapping[str, Any]) -> CheckResult:
    """Return a result that names `padding_idx` where all that is wrong is the row it stands for.

    Parameters
    ----------
    result : CheckResult
        Of a check.
    modules : object
        A module, or modules in containers; anything else holds no embeddings.
    tensors : mapping of str to Tensor
        What was checked.
    """
    rows = {id(table.weight): table.padding_idx for table in _embeddings(modules)}
    notes = [
        Finding("padding-index", "warning", name, _message(name, rows[id(tensor)]))
        for name, tensor in tensors.items()
        if id(tensor) in rows and _is_only(result.tensors.get(name), rows[id(tensor)])
    ]
    return replace(result, findings=(*notes, *result.findings)) if notes else result


def _message(name: str, row: int) -> str:
    return (
        f"{name}: only row {row} is wrong, and it is that of padding_idx={row}, of which torch "
        "leaves the gradient out on purpose; set padding_idx = None of the embedding for the check"
    )


def _is_only(tensor: TensorResult | None, row: int) -> bool:
    """Return whether a tensor is wrong in one row only, as far as is listed."""
    if tensor is None or tensor.verdict != "fail" or len(tensor.shape) != 2:
        return False
    is_there = all(entry.index[0] == row for entry in tensor.mismatches)
    return is_there and tensor.n_disagree <= tensor.shape[1]


def _embeddings(modules: Any) -> list[Any]:
    """Return the embeddings with a row for padding in a module, or in modules in containers."""
    if hasattr(modules, "modules"):
        return [m for m in modules.modules() if getattr(m, "padding_idx", None) is not None]
    if not isinstance(modules, Mapping | list | tuple):
        return []
    parts = modules.values() if isinstance(modules, Mapping) else modules
    return [table for part in parts for table in _embeddings(part)]
