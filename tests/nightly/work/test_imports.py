"""Which files a file of code rests on."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from fastcheck.nightly.work.imports import local_files

pytestmark = pytest.mark.interpreted


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project whose checks stand in a folder of their own."""
    files = {
        "checks/net.py": """
            import numpy as np
            import helpers, json
            from net_layers import dense
            from lib.deep import inner
            """,
        "checks/helpers.py": "def late():\n    import used_late\n",
        "checks/used_late.py": "import net",  # in a circle
        "checks/unused.py": "",
        "net_layers/__init__.py": "from .dense import forward\nfrom . import loss",
        "net_layers/dense.py": "from ..elsewhere import nothing",
        "net_layers/loss.py": "1 +",  # cannot be parsed
        "net_layers/unused.py": "",
        "lib/deep/inner.py": "",  # packages without __init__
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(project: Path, file: str) -> set[str]:
    return {str(p.relative_to(project.resolve())) for p in local_files(Path(file))}


def test_all_that_is_imported_from_near_is_found_and_nothing_else(project: Path) -> None:
    assert names(project, "checks/net.py") == {
        "checks/net.py", "checks/helpers.py", "checks/used_late.py", "net_layers/__init__.py",
        "net_layers/dense.py", "net_layers/loss.py", "lib/deep/inner.py",
    }  # fmt: skip


def test_a_file_that_cannot_be_read_stands_for_itself(project: Path) -> None:
    assert names(project, "none.py") == {"none.py"}
    assert names(project, "net_layers/loss.py") == {"net_layers/loss.py"}
