"""What happens on a worker: a case is carried out in a process of its own, and can be spoken to.

A task of Dask starts the process, tells the client where it is, and waits for its word; so the
client, which knows what else is at work, decides what runs beside what. Whatever ends the worker
ends the process, with all that it started.
"""

from __future__ import annotations

import asyncio
import io
import json
import secrets
import threading
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any, Final

from fastcheck.cluster.post import Post
from fastcheck.nightly.records import Case
from fastcheck.nightly.runner.process import CaseProcess
from fastcheck.nightly.work.basis import machine
from fastcheck.nightly.work.outcome import Outcome, write_outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["carry_out", "examine", "obey"]

TICK: Final = 0.05
"""Seconds between two looks at a process, and at whether it is still wanted."""
_ERRANDS: Final[dict[str, Errand]] = {}
"""Those of this worker, by their names."""


def examine(order: str) -> Any:
    """Look whether this worker is as the client, and return what machine it is.

    Parameters
    ----------
    order : str
        JSON of what :func:`carry_out` takes, without a case.

    Returns
    -------
    coroutine
        Which returns the machine, and why it cannot be used; empty if it can.
    """
    return asyncio.to_thread(_examined, order)


def _examined(order: str) -> tuple[str, str]:
    errand = Errand(order)
    try:
        outcome = errand.outcome(lambda: True)
    finally:
        errand.close()
    assert outcome is not None
    last = outcome.traceback.splitlines()[-1:]
    return machine(), "; ".join(filter(None, [outcome.refusal, outcome.message, *last]))


def carry_out(topic: str, key: str, order: str) -> tuple[float, bytes] | None:
    """Carry out a case as soon as the client lets it begin.

    Parameters
    ----------
    topic, key : str
        Under what the client listens, and the name of this task.
    order : str
        JSON of the case, the folder in which its paths start, its share of a budget, the folder
        and the environment in which it runs, and on what its result must rest.

    Returns
    -------
    tuple of (float, bytes) or None
        Seconds that it took and its outcome, as :func:`read_outcome` reads it; None if nobody wants
        it any more.
    """
    post, errand = Post(topic, key), Errand(order)
    _ERRANDS[errand.name] = errand
    try:
        post.tell(key=key, errand=errand.name, address=post.address, machine=machine())
        while not errand.may_begin.wait(TICK):
            if not post.is_wanted:
                return None
        outcome = errand.outcome(lambda: post.is_wanted)
        if outcome is None:
            return None
        file = io.BytesIO()
        write_outcome(file, outcome, arrays=True)
        return errand.seconds, file.getvalue()
    finally:
        del _ERRANDS[errand.name]
        errand.close()


def obey(name: str, word: str) -> Any:
    """Let an errand ``"begin"``, ``"interrupt"`` it, or say ``"where"`` it is.

    Returns
    -------
    bool, or a coroutine that returns a str
        Whether there is such an errand; where its code is.
    """
    errand = _ERRANDS.get(name)
    if word == "where":
        return asyncio.to_thread(lambda: "" if errand is None else errand.where())
    if errand is None:
        return False
    if word == "begin":
        errand.may_begin.set()
    else:
        errand.interrupt()
    return True


class Errand:
    """A case on a worker, and its process.

    Parameters
    ----------
    order : str
        As :func:`carry_out` takes it.

    Attributes
    ----------
    name : str
        Which no other errand has, not even another attempt at the same case.
    may_begin : threading.Event
        Set by the client.
    seconds : float
        How long it took.
    """

    def __init__(self, order: str) -> None:
        self.name = secrets.token_hex(8)
        self.may_begin = threading.Event()
        self.seconds = 0.0
        self._order: Mapping[str, Any] = json.loads(order)
        self._lock = threading.Lock()  # the client speaks while another thread looks
        self._process: CaseProcess | None = None
        if Path(self._order["current"]).is_dir():
            self._process = self._started()

    def _started(self) -> CaseProcess:
        return CaseProcess(self._order["current"], self._order["environment"])

    def outcome(self, is_wanted: Callable[[], bool]) -> Outcome | None:
        """Carry it out, and return what came of it; None as soon as nobody wants it."""
        if self._process is None:
            return Outcome("not run", refusal=(
                f"there is no folder {self._order['current']}; give the command in a folder that "
                "all machines see"
            ))  # fmt: skip
        if self._process.is_over:  # while it waited
            self._process.close()
            self._process = self._started()
        case = None if self._order["case"] is None else Case.from_dict(self._order["case"])
        self._process.give(
            case, Path(self._order["folder"]),
            share=self._order["share"], expected=self._order["expected"],
        )  # fmt: skip
        while not self._process.is_over:
            if not is_wanted():
                return None
            sleep(TICK)
        self.seconds = self._process.seconds
        with self._lock:
            return self._process.outcome()

    def interrupt(self) -> None:
        """Ask the check to end with what it has."""
        with self._lock:
            if self._process is not None:
                self._process.interrupt()

    def where(self) -> str:
        """Return where its code is."""
        with self._lock:
            process = self._process
            if process is None or process.is_over:
                return ""
            process.ask_where()
        return process.answer()  # while others may end it

    def close(self) -> None:
        """End its process, if it has not ended."""
        with self._lock:
            if self._process is not None:
                self._process.close()
