"""The command line: a thin shell around the library."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

import click

from fastcheck import __version__
from fastcheck.cli.archive import compare, history, report
from fastcheck.cli.data import data
from fastcheck.cli.download import download
from fastcheck.cli.output import drain
from fastcheck.cli.problems import INTERRUPTED
from fastcheck.cli.run import run
from fastcheck.cli.selftest import selftest

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

UNREAD = 141
"""The exit status where nobody reads the output to its end, as a shell has it after SIGPIPE."""
UNEXPECTED = 70
"""The exit status after a mistake of fastcheck itself: no verdict."""


class _UnreadError(Exception):
    """The output is closed; click would end with the status of a wrong gradient."""


class _Commands(click.Group):
    """The commands, which know that their output may be closed."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as problem:
            raise _UnreadError from problem


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fastcheck")
def cli() -> None:
    """Check hand-written backpropagation gradients.

    Exit status: 0 pass, 1 fail, 2 usage or data error, 3 inconclusive, 4 an error in the checked
    code, 70 an error of fastcheck itself, 130 interrupted.
    """


data.add_command(download)
cli.add_command(compare)
cli.add_command(data)
cli.add_command(history)
cli.add_command(report)
cli.add_command(run)
cli.add_command(selftest)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process by default.
    """
    try:
        status = cli.main(args=argv, prog_name="fastcheck", standalone_mode=False)
    except click.ClickException as problem:
        problem.show()
        status = problem.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        status = INTERRUPTED
    except _UnreadError:
        status = UNREAD
    except Exception:
        traceback.print_exc()
        status = UNEXPECTED
    drain()
    sys.exit(status if isinstance(status, int) else 0)
