"""What is read from top to bottom runs, and prints what it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastcheck.cli import main
from tests.docs.pages import blocks, run_page

LESSONS = ("docs/quickstart.md", "docs/tutorial.md", "docs/numerics.md")


@pytest.mark.parametrize("page", LESSONS)
def test_a_lesson_prints_what_it_shows(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    pairs = run_page(page)
    assert any(shown for _, shown in pairs)
    for printed, shown in pairs:
        assert printed == shown


def test_another_output_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1.5)\n```\n\n```text\n1.25\n```\n", encoding="utf-8")
    assert run_page(str(page)) == [(["1.5"], ["1.25"])]


def test_the_test_of_the_quick_start_fails_on_its_first_network() -> None:
    code = [block.text for block in blocks("docs/quickstart.md") if block.kind == "python"]
    network, check, _, test, _ = code
    names: dict[str, object] = {}
    exec(network + check.partition("\n")[0] + "\n" + test, names)
    with pytest.raises(AssertionError, match="54 of 75 entries"):
        names["test_the_gradient_is_right"]()  # type: ignore[operator]


@pytest.mark.parametrize(("is_fixed", "status"), [(True, 0), (False, 1)])
def test_the_command_of_the_quick_start_has_the_status_it_tells(
    is_fixed: bool, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = blocks("docs/quickstart.md")
    network, check, fixed, _, case = [block.text for block in found if block.kind == "python"]
    parts = [network, check.partition("\n")[0] + "\n", fixed if is_fixed else "", case]
    (tmp_path / "net.py").write_text("".join(parts), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (command,) = (b.text for b in found if b.kind == "sh" and b.text.startswith("fastcheck"))
    with pytest.raises(SystemExit) as end:
        main(command.split()[1:])
    assert end.value.code == status
