"""The process of a case: waits for its order, carries it out, writes the outcome, and ends.

It is a leader of its own process group, so that it can be ended with all that it started. It ends
itself when the process that started it is gone.
"""

from __future__ import annotations

import faulthandler
import fcntl
import io
import json
import os
import random
import signal
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fastcheck.nightly.records import Case
from fastcheck.nightly.work.asked import EARLY, listen
from fastcheck.nightly.work.basis import difference
from fastcheck.nightly.work.memory import lift_limit, limit_memory, load_all
from fastcheck.nightly.work.outcome import Outcome, write_outcome
from fastcheck.nightly.work.perform import perform, predicted

__all__ = ["main"]

F_SETSIG = 10
"""Of Linux' ``fcntl``: the signal to be sent when a pipe changes."""


def main() -> None:
    """Carry out one order, given as a line of JSON on standard input."""
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1)  # "where are you?"
    into = int(sys.argv[2])
    os.set_inheritable(into, False)  # not for what user code starts
    orders = _own_input()
    import fastcheck.check  # noqa: F401 - while there is no order yet

    line = orders.readline()
    if not line:
        os._exit(0)
    _end_with(orders)
    order = json.loads(line)
    outcome = _carried_out(order)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lift_limit()
    told = io.BytesIO()  # NumPy writes arrays to files that can be wound back
    write_outcome(told, outcome, arrays=order["arrays"])
    with os.fdopen(into, "wb") as file:
        file.write(told.getbuffer())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # whatever threads and exit handlers the user's code left behind


def _carried_out(order: dict[str, Any]) -> Outcome:
    """Check or predict the case, if there is one and this machine is as it must be."""
    folder = Path(order["folder"])
    case = None if order["case"] is None else Case.from_dict(order["case"])
    memory = None if case is None else case.memory
    try:
        listen()
        refusal = difference(order["expected"], folder)
        if memory is not None and not refusal:
            load_all()
    except KeyboardInterrupt:
        return Outcome("interrupted", EARLY)
    if refusal or case is None:
        return Outcome("not run", refusal=refusal)
    random.seed(case.seed)
    np.random.seed(case.seed % 2**32)  # noqa: NPY002 - what user code draws without a seed
    if memory is not None:
        limit_memory(memory)
    return predicted(case, folder) if order["predict"] else perform(case, folder, order["share"])


def _own_input() -> BinaryIO:
    """Keep standard input for orders; the user's code reads nothing from it."""
    orders = os.fdopen(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return orders


def _end_with(orders: BinaryIO) -> None:
    """Let the end of the pipe, as it is when its owner dies, be the end of the whole group.

    On Linux the kernel sees to it, even while user code holds the lock of the interpreter;
    elsewhere a thread does. Nothing may be written to the pipe any more.
    """
    if sys.platform == "linux":
        fcntl.fcntl(orders, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(orders, F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(orders, fcntl.F_SETFL, fcntl.fcntl(orders, fcntl.F_GETFL) | os.O_ASYNC)
    threading.Thread(target=_watch, args=(orders,), daemon=True).start()


def _watch(orders: BinaryIO) -> None:
    """Wait for the end of the pipe; it may have come before the kernel was asked to look."""
    orders.read()
    os.killpg(os.getpgrp(), signal.SIGKILL)
