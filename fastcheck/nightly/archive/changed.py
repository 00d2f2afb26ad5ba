"""What a run rests on, and whether it is as it was when the run was begun."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastcheck.datasets.digest import sha256_of
from fastcheck.errors import DataError
from fastcheck.nightly.archive.documents import dumped
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
        If the suite or one of its data sets is another by its sha256, or the seed or the choice
        of cases is.

    Notes
    -----
    Data sets are those in the provenance under names that begin with ``"data"``, and the files
    that the results so far name.
    """
    for change in (*_changes(run, expected), *_changed_files(run)):
        raise DataError(f"{folder}: {change} since this run was begun; {REMEDY}")


def _changes(run: Run, expected: Run | None) -> Iterator[str]:
    if expected is None:
        return
    if (run.suite, run.suite_sha256) != (expected.suite, expected.suite_sha256):
        yield f"the suite {run.suite!r} has changed"
    before, after = (
        {r.case.name: dumped(r.case.to_dict()) for r in x.records} for x in (run, expected)
    )
    if list(before.items()) != list(after.items()):
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        yield f"the cases ({listing(names) or 'their order'}) have changed"
    for name in ("seed", "only"):
        if run.options.get(name) != expected.options.get(name):
            yield (
                f"the option {name!r} has changed from {run.options.get(name)!r} to "
                f"{expected.options.get(name)!r}"
            )
    names = [name for name in {**run.provenance, **expected.provenance} if name.startswith("data")]
    for name in names:
        if run.provenance.get(name) != expected.provenance.get(name):
            yield f"the data set ({name}) has changed"


def _changed_files(run: Run) -> Iterator[str]:
    """Yield which files that results name have another sha256 now; a missing one is not asked."""
    batches = {r.result.batch for r in run.records if r.result is not None and r.result.batch}
    for source, sha256 in sorted({(batch.source, batch.sha256) for batch in batches}):
        path = Path(source)
        if path.is_file() and sha256_of(path) != sha256:
            yield f"the data set {source} has changed"
