"""What the five examples share: how they talk, and how they measure time."""

from __future__ import annotations

import re
import shutil
import textwrap
from time import perf_counter

INDENT = 14


def width():
    """Return the columns of the terminal, at most 100; 100 in a pipe."""
    return max(60, min(100, shutil.get_terminal_size((100, 24)).columns))


def title(text):
    """Print a heading."""
    lines = textwrap.wrap(text, width())
    print("", *lines, "=" * max(map(len, lines)), sep="\n")


def tell(label, text):
    """Print a label and what belongs to it, wrapped to the width of the terminal."""
    joined = re.sub(r"(\d) (ms|s|min)\b", "\\1\xa0\\2", text)  # a number and its unit
    for k, line in enumerate(textwrap.wrap(joined, width() - INDENT)):
        print(f"{'' if k else label:<{INDENT}}{line}".replace("\xa0", " "))


def timed(function, *arguments, **options):
    """Return what a function returns, and how many seconds that took."""
    start = perf_counter()
    value = function(*arguments, **options)
    return value, perf_counter() - start


def timed_twice(function, *arguments, **options):
    """Return what a check returns, and how long it takes at first and again.

    The first check of a kind in a process loads compiled code; the very first one compiles it.
    """
    value, first = timed(function, *arguments, **options)
    _, again = timed(function, *arguments, **options)
    return value, f"{spoken(first)}, again {spoken(again)}"


def spoken(seconds):
    """Return a time as people say it.

    >>> spoken(0.0312), spoken(4.71), spoken(840.0)
    ('31 ms', '4.7 s', '14 min')
    """
    if seconds < 1:
        return f"{1e3 * seconds:.2g} ms" if seconds < 0.1 else f"{seconds:.2f} s"
    return f"{seconds:.2g} s" if seconds < 90 else f"{seconds / 60:.2g} min"


def said(result):
    """Return the verdict of a check in one sentence, with what is wrong or why there is none."""
    told = [d.message for d in result.diagnosis if result.verdict != "inconclusive"]
    return f"{result.verdict.upper()}: {' '.join([result.summary(), *told])}"


def found(result, kind):
    """Return what a check says about one kind of finding."""
    return next(finding.message for finding in result.findings if finding.kind == kind)
