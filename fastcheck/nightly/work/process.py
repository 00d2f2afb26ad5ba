"""The process of a case: waits for its order, carries it out, writes the outcome, and ends.

It is a leader of its own process group, so that it can be ended with all that it started. It ends
itself when the process that started it is gone.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import random
import signal
import sys
import threading
from pathlib import Path
from typing import BinaryIO

import numpy as np

from fastcheck.nightly.records import Case
from fastcheck.nightly.work.outcome import write_outcome
from fastcheck.nightly.work.perform import perform, predicted

__all__ = ["main"]

PDEATHSIG = 1
"""Of Linux' ``prctl``: the signal to be sent when the parent dies."""


def main() -> None:
    """Carry out one order, given as a line of JSON on standard input."""
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1)  # "where are you?"
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have had it ignored
    _die_with_parent()
    orders = _own_input()
    import fastcheck.check  # noqa: F401 - while there is no order yet

    line = orders.readline()
    if not line:
        os._exit(0)
    threading.Thread(target=_watch, args=(orders,), daemon=True).start()
    order = json.loads(line)
    case = Case.from_dict(order["case"])
    random.seed(case.seed)
    np.random.seed(case.seed % 2**32)  # noqa: NPY002 - what user code draws without a seed
    if case.memory is not None:
        _limit_memory(case.memory)
    folder = Path(order["folder"])
    share = order["share"]
    outcome = predicted(case, folder) if order["predict"] else perform(case, folder, share)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _lift_limit()
    write_outcome(Path(order["into"]), outcome, arrays=case.keeps == "arrays")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # whatever threads and exit handlers the user's code left behind


def _own_input() -> BinaryIO:
    """Keep standard input for orders; the user's code reads nothing from it."""
    orders = os.fdopen(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return orders


def _watch(orders: BinaryIO) -> None:
    """End the whole group when the pipe is closed, as it is when the process at its end dies."""
    orders.read()
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _die_with_parent() -> None:
    """Ask for the end of this process with its parent, even while user code holds the GIL."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None, use_errno=True).prctl(PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _limit_memory(n_bytes: int) -> None:
    """Let this process have so much more address space than it has now."""
    import resource

    status = Path("/proc/self/statm")
    used = int(status.read_text().split()[0]) * resource.getpagesize() if status.exists() else 0
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = used + n_bytes
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _lift_limit() -> None:
    """Take the limit away: what was found is to be told."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
