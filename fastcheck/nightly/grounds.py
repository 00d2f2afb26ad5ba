"""What the results of a run rest on: its suite, code, data and versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastcheck.result.wording import DIGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastcheck.nightly.records import Run

__all__ = ["NAMED", "Grounds", "digest_in", "grounds"]

NAMED: Final = {
    "data": "the data set", "code": "the file", "python": "the version",
    "fastcheck": "the version", "numpy": "the version", "numba": "the version",
}  # fmt: skip
"""What results rest on, by the beginning of its name in the provenance."""

Grounds = tuple[str, frozenset[tuple[str, str]]]


def grounds(run: Run) -> Grounds:
    """Return what two runs have in common whose verdicts should be the same."""
    return run.suite_sha256, frozenset(_named(run.provenance))


def _named(provenance: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(k, digest_in(v)) for k, v in provenance.items() if k.startswith(tuple(NAMED))]


def digest_in(text: str) -> str:
    """Return the sha256 that a text begins with, without the path that may follow; or the text."""
    first = text.partition(" ")[0]
    return first if DIGEST.fullmatch(first) else text
