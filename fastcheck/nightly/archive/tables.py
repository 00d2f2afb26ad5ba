"""What a run found as tables, for h5py, ``h5dump`` and whatever else reads HDF5.

They repeat what stands in the JSON beside them, from which a run is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import h5py
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fastcheck.nightly.records import Record, Run
    from fastcheck.result import TensorResult

__all__ = ["write_tables"]

RECORDS: Final = (
    "case", "key", "status", "target", "dataset", "split", "batch", "seed", "options", "started",
    "seconds", "machine", "verdict", "engine", "plan", "n_entries", "n_checked", "n_resolved",
    "coverage", "summary", "data_source", "data_sha256", "message",
)  # fmt: skip
TENSORS: Final = (
    "case", "tensor", "shape", "verdict", "reason", "n_entries", "n_checked", "n_agree", "n_close",
    "n_disagree", "n_kink", "n_unresolved", "digits", "worst", "analytic", "numerical", "bound",
    "norm_ratio", "max_relative_error",
)  # fmt: skip
FINDINGS: Final = ("case", "kind", "severity", "tensor", "message")
DIAGNOSIS: Final = ("case", "kind", "tensors", "constant", "is_exact", "accepted", "message")
PROVENANCE: Final = ("name", "value")
MOST_BYTES: Final = 2000
"""Of a text in a table: all rows take as much as the longest."""


def write_tables(file: Any, run: Run) -> None:
    """Write one table per kind of statement about `run` to an open file."""
    records = run.records
    _write(file, "records", RECORDS, [_record(record) for record in records])
    _write(file, "tensors", TENSORS, [row for r in records for row in _tensors(r)])
    _write(file, "findings", FINDINGS, [row for r in records for row in _findings(r)])
    _write(file, "diagnosis", DIAGNOSIS, [row for r in records for row in _diagnosis(r)])
    _write(file, "provenance", PROVENANCE, [(k, v) for k, v in run.provenance.items()])


def _record(record: Record) -> tuple[Any, ...]:
    case, result = record.case, record.result
    options = ", ".join(f"{name}={value!r}" for name, value in case.options.items())
    asked = (
        case.name, case.key, record.status, case.target, case.dataset or "", case.split or "",
        case.batch, case.seed, options, record.started, float(record.seconds), record.machine,
    )  # fmt: skip
    if result is None:
        return *asked, "", "", "", 0, 0, 0, "", "", "", "", record.message
    covered, batch = result.coverage, result.batch
    return (
        *asked, result.verdict, result.engine, result.plan, covered.n_entries, covered.n_checked,
        covered.n_resolved, covered.statement, result.summary(), batch.source if batch else "",
        batch.sha256 if batch else "", record.message,
    )  # fmt: skip


def _tensors(record: Record) -> Iterator[tuple[Any, ...]]:
    tensors = record.result.tensors if record.result is not None else {}
    return (_tensor(record.case.name, tensor) for tensor in tensors.values())


def _tensor(case: str, t: TensorResult) -> tuple[Any, ...]:
    nan, worst = float("nan"), t.worst
    numbers = (worst.analytic, worst.numerical, worst.bound) if worst else (nan, nan, nan)
    return (
        case, t.name, " x ".join(map(str, t.shape)), t.verdict, t.reason, t.n_entries, t.n_checked,
        t.n_agree, t.n_close, t.n_disagree, t.n_kink, t.n_unresolved, t.digits,
        worst.address if worst else "", *numbers, t.norm_ratio, t.max_relative_error,
    )  # fmt: skip


def _findings(record: Record) -> Iterator[tuple[Any, ...]]:
    found = record.result.findings if record.result is not None else ()
    return ((record.case.name, f.kind, f.severity, f.tensor or "", f.message) for f in found)


def _diagnosis(record: Record) -> Iterator[tuple[Any, ...]]:
    for d in record.result.diagnosis if record.result is not None else ():
        names = ", ".join(d.tensors or filter(None, [d.tensor]))
        constant = float("nan") if d.constant is None else float(d.constant)
        yield record.case.name, d.kind, names, constant, d.is_exact, d.accepted, d.message


def _write(file: Any, name: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Write rows whose columns hold text, integers, floats or booleans throughout."""
    if not rows:
        return
    fields: list[tuple[str, Any]] = []
    content: list[Sequence[Any]] = []
    for column, values in zip(columns, zip(*rows, strict=True), strict=True):
        if isinstance(values[0], str):
            texts = [_text(value) for value in values]
            content.append(texts)
            fields.append((column, h5py.string_dtype("utf-8", max(1, *map(len, texts)))))
        else:
            content.append(values)
            fields.append((column, _number(values[0])))
    table = np.empty(len(rows), np.dtype(fields))
    for column, filled in zip(columns, content, strict=True):
        table[column] = filled
    file.create_dataset(name, data=table, chunks=True, compression="gzip", shuffle=True)


def _text(value: str) -> bytes:
    """Return what stands for a text in a table; the whole of it is in the JSON."""
    content = value.replace("\0", "\\0").encode("utf-8", "backslashreplace")
    return content[:MOST_BYTES].decode("utf-8", "ignore").encode()


def _number(value: Any) -> str:
    return "?" if isinstance(value, bool) else "<i8" if isinstance(value, int) else "<f8"
