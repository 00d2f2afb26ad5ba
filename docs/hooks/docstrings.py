"""Docstrings are written for people who read the source; here their references become links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import griffe

DOCS = Path(__file__).resolve().parents[1]
ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod|obj):`~?([\w.]+)`")
PAGE = re.compile(r"``docs/(\w+\.md)``")
SHOWN = re.compile(r"^::: (fastcheck\.(?!ops$)[\w.]+)$", re.MULTILINE)  # ops itself has no place


def shown() -> dict[str, str]:
    """Return all objects that the pages show, by the last part of their names."""
    pages = (path.read_text("utf-8") for path in (DOCS / "api").glob("*.md"))
    return {path.rpartition(".")[2]: path for page in pages for path in SHOWN.findall(page)}


def linked(text: str, objects: dict[str, str]) -> str:
    """Return a docstring whose roles are links where the pages show their targets, else code."""

    def link(role: re.Match[str]) -> str:
        owner, _, name = role[1].rpartition(".")
        owner = owner.rpartition(".")[2]
        if name in objects:
            return f"[`{name}`][{objects[name]}]"
        if owner in objects:
            return f"[`{owner}.{name}`][{objects[owner]}.{name}]"
        return f"`{name}`"

    return PAGE.sub(r"[docs/\1](../\1)", ROLE.sub(link, text))


class References(griffe.Extension):
    """Make links of all roles in docstrings, and of the names of pages."""

    def __init__(self) -> None:
        """Look up what the pages show."""
        self._objects = shown()

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one docstring."""
        if obj.docstring is not None:
            obj.docstring.value = linked(obj.docstring.value, self._objects)
