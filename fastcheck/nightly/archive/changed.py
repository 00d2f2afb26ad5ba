"""What a run rests on, and whether it is as it was when the run was begun."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastcheck.datasets.digest import sha256_of
from fastcheck.errors import DataError
from fastcheck.nightly.archive.documents import dumped
from fastcheck.nightly.grounds import NAMED, digest_in
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastcheck.nightly.records import Run

__all__ = ["check_unchanged"]

REMEDY: Final = "restore it to resume the run, or begin a new one"


def check_unchanged(folder: Path, run: Run, expected: Run | None) -> None:
    """Refuse to continue a run that would not end as it was begun.

    Parameters
    ----------
    folder : Path
        The parts of the run, for the message.
    run : Run
        The run so far.
    expected : Run or None
        What a new run would be.

    Raises
    ------
    DataError
        If the suite, a data set or a file of code is another by its sha256, or the seed, the
        choice of cases or a version is.

    Notes
    -----
    Looked at are what the provenance has under names that begin as `NAMED` says, data sets and
    code by their sha256, and the data files that the results so far name.
    """
    for change in (*_changes(run, expected), *_changed_files(run)):
        raise DataError(f"{folder}: {change} since this run was begun; {REMEDY}")


def _changes(run: Run, expected: Run | None) -> Iterator[str]:
    if expected is None:
        return
    if (run.suite, run.suite_sha256) != (expected.suite, expected.suite_sha256):
        yield f"the suite {run.suite!r} has changed"
    for name in ("seed", "only"):  # before the cases, which have their seeds from it
        if run.options.get(name) != expected.options.get(name):
            yield (
                f"the option {name!r} has changed from {run.options.get(name)!r} to "
                f"{expected.options.get(name)!r}"
            )
    before, after = (
        {r.case.name: dumped(r.case.to_dict()) for r in x.records} for x in (run, expected)
    )
    if list(before.items()) != list(after.items()):
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        yield f"the cases ({listing(names) or 'their order'}) have changed"
    for name in {**run.provenance, **expected.provenance}:
        title = next((f"{t} ({name})" for start, t in NAMED.items() if name.startswith(start)), "")
        old, new = (digest_in(r.provenance.get(name, "")) for r in (run, expected))
        if title and old != new:
            yield f"{title} has changed"


def _changed_files(run: Run) -> Iterator[str]:
    """Yield which files that results name have another sha256 now; a missing one is not asked."""
    batches = {r.result.batch for r in run.records if r.result is not None and r.result.batch}
    for source, sha256 in sorted({(batch.source, batch.sha256) for batch in batches}):
        path = Path(source)
        if path.is_file() and sha256_of(path) != sha256:
            yield f"the data set {source} has changed"
