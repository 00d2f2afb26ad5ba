"""What pages link to outside docs/ is on the site as well, and so is what links back from there.

A Markdown file becomes a page; any other text becomes a page that shows it. So a link is written as
it is right on a code host, relative to the file in which it stands.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\((?P<path>[^)\s:#]+)(?P<anchor>#[^)\s]*)?\)")
NAMED = {"CHANGELOG.md": "changelog.md"}
"""Where files are on the site that have a place in its navigation; others are in `files`."""
LANGUAGES = {".py": "python", ".toml": "toml", ".yml": "yaml", ".sh": "sh", ".json": "json"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is linked to, and what is linked to from there."""
    waiting = [*NAMED, *(f"docs/{file.src_uri}" for file in files.documentation_pages())]
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        if not path.startswith("docs/"):
            files.append(shown(path, config))
        if path.endswith(".md"):
            found = {target for target in targets(path) if not target.startswith("docs/")} - seen
            waiting += sorted(found)
            seen |= found
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to where their targets are on the site."""
    here = page.file.src_uri
    origin = next((path for path in NAMED if NAMED[path] == here), None)
    path = origin or (here.removeprefix("files/") if here.startswith("files/") else f"docs/{here}")

    def moved(link: re.Match[str]) -> str:
        target = target_of(link["path"], path)
        if target is None or (path.startswith("docs/") and target.startswith("docs/")):
            return link[0]
        place = posixpath.relpath(site_path(target), posixpath.dirname(here))
        return f"]({place}{link['anchor'] or ''})"

    return LINK.sub(moved, markdown)


def targets(path: str) -> Iterator[str]:
    """Yield the files of the project that a Markdown file links to."""
    for link in LINK.finditer((ROOT / path).read_text("utf-8")):
        target = target_of(link["path"], path)
        if target is not None:
            yield target


def target_of(link: str, path: str) -> str | None:
    """Return the file of the project to which a link in another leads; of a folder its README."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    if target.startswith("..") or not (ROOT / target).exists():
        return None
    if (ROOT / target).is_file():
        return target
    readme = f"{target}/README.md"
    return readme if (ROOT / readme).exists() else None


def site_path(path: str) -> str:
    """Return where the source of a file of the project is on the site."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return NAMED.get(path) or f"files/{path}" + ("" if path.endswith(".md") else ".md")


def shown(path: str, config: MkDocsConfig) -> File:
    """Return the page that shows a file of the project."""
    text = (ROOT / path).read_text("utf-8")
    if not path.endswith(".md"):
        language = LANGUAGES.get(Path(path).suffix, "text")
        text = f"# {path}\n\n````{language}\n{text}````\n"
    return File.generated(config, site_path(path), content=text)
