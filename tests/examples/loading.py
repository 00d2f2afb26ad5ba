"""Loading the examples, which are scripts and no package."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from tests.conftest import ROOT

FOLDER = ROOT / "examples"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("s[0-9]_*.py"))


def load(name: str) -> ModuleType:
    """Return a script of the folder as a module; what it shares with others is beside it."""
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(FOLDER))


def kinds(result: object) -> list[str]:
    """Return the kinds of what a result diagnoses."""
    return [diagnosis.kind for diagnosis in result.diagnosis]
