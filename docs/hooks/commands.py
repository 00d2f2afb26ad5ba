"""The page on commands holds what they say of themselves."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import click

from fastcheck.cli import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

PLACE = "<!-- the commands -->"
SPECIAL = re.compile(r"([\\`*_\[\]<>|])")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put all commands in their place on the page."""
    if PLACE not in markdown:
        return markdown
    context = click.Context(cli, None, "fastcheck", **cli.context_settings)
    return markdown.replace(PLACE, "\n\n".join(described(cli, context)))


def described(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield what is said of a command, and of those below it."""
    yield f"## {context.command_path}"
    yield literal(inspect.cleandoc(command.help or ""))
    yield f"```text\n{command.get_usage(context)}\n```"
    yield options(command, context)
    for name, below in sorted(getattr(command, "commands", {}).items()):
        yield from described(below, click.Context(below, context, name))


def options(command: click.Command, context: click.Context) -> str:
    """Return the options of a command as a table."""
    parameters = [p for p in command.get_params(context) if isinstance(p, click.Option)]
    records = filter(None, (option.get_help_record(context) for option in parameters))
    rows = [f"| `{names}` | {literal(text)} |" for names, text in records if "--help" not in names]
    return "\n".join(["| option | |", "|---|---|", *rows]) if rows else ""


def literal(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return SPECIAL.sub(r"\\\1", text)
