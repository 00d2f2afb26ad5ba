"""The process of a case, as seen by the one that started it."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from time import perf_counter, sleep
from types import MappingProxyType
from typing import TYPE_CHECKING

from fastcheck.nightly.runner.marked import MARK, kill_marked, new_mark
from fastcheck.nightly.work.outcome import Outcome, read_outcome
from fastcheck.processes import ONE_THREAD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fastcheck.nightly.records import Case

__all__ = ["CaseProcess", "not_started"]

CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from fastcheck.nightly.work.process import main; main()"
)
TAIL = 16_000
"""Bytes of what a case prints that are kept; they are told if it crashes."""
ANSWER = 0.5
"""Seconds in which a process says where its code is."""
SILENCE = 0.1
"""Seconds without a word after which it has said all."""


def not_started(problem: OSError) -> str:
    """Return that there is no process for a case, as the message of its record."""
    reason = problem.strerror or type(problem).__name__
    return f"its process could not be started ({reason}); raise the limits of the system"


@contextlib.contextmanager
def _held_back(number: signal.Signals) -> Iterator[None]:
    """Hold back a signal in this thread, and in processes that it starts until they take it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class CaseProcess:
    """A process that waits for one case and ends with it.

    It has one thread for each library of linear algebra, and the same hash seed each time.

    Parameters
    ----------
    folder : str, optional
        The folder in which it runs, the current one by default.
    environment : mapping of str to (str or None), optional
        What is otherwise in its environment than in that of this process; None for what is not.

    Raises
    ------
    OSError
        If the system has no more processes, threads or open files.
    """

    machine = ""
    """As of a :class:`~fastcheck.nightly.runner.places.Place`: this one."""

    def __init__(
        self,
        folder: str | None = None,
        environment: Mapping[str, str | None] = MappingProxyType({}),
    ) -> None:
        paths = [str(Path(entry or ".").resolve()) for entry in sys.path]
        self._mark = new_mark(os.environ)
        wanted = {
            "PYTHONHASHSEED": "0", **os.environ, **ONE_THREAD, **environment, MARK: self._mark,
        }  # fmt: skip
        told, into = os.pipe()  # no file, which a full disk would not take
        try:
            with _held_back(signal.SIGINT):  # it listens when it can answer
                self._process = subprocess.Popen(
                    [sys.executable, "-c", CODE, json.dumps(paths), str(into)],
                    pass_fds=(into,),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # a process group of its own, away from Ctrl-C
                    cwd=folder,
                    env={name: value for name, value in wanted.items() if value is not None},
                )
        except OSError:
            os.close(told)
            raise
        finally:
            os.close(into)
        self._printed, self._told = bytearray(), bytearray()
        self._readers = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._receive, args=(told,), daemon=True),
        ]
        self._is_ended = False
        self.case: Case | None = None
        self.started = perf_counter()
        try:
            for reader in self._readers:
                reader.start()
        except RuntimeError as problem:  # there are too many threads
            os.close(told)  # which the second one would have read
            self._readers = [reader for reader in self._readers if reader.ident is not None]
            self.close()
            raise OSError(errno.EAGAIN, str(problem)) from problem

    def _read(self) -> None:
        """Keep the end of what is printed."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        with contextlib.suppress(OSError, ValueError):
            while part := os.read(descriptor, 65536):
                self._printed += part
                del self._printed[:-TAIL]

    def _receive(self, told: int) -> None:
        """Take in the outcome as it is written."""
        with os.fdopen(told, "rb", buffering=0) as file:
            while part := file.read(1 << 20):
                self._told += part

    def _join(self) -> None:
        """Wait for all that the process wrote; what it left behind may hold the pipes open."""
        for reader in self._readers:
            reader.join(timeout=1.0)

    def give(
        self,
        case: Case | None,
        folder: Path,
        *,
        share: float | None = None,
        predict: bool = False,
        expected: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Hand over the case.

        Parameters
        ----------
        case : Case or None
            The case; None only to compare with what is expected.
        folder : Path
            Where its paths start.
        share : float, optional
            Seconds that it should take at most.
        predict : bool, default False
            Whether to say only what would be done.
        expected : mapping of str to str, optional
            On what the result must rest, as
            :func:`fastcheck.nightly.work.basis.difference` takes it.
        """
        self.case, self.started = case, perf_counter()
        order = {
            "case": None if case is None else case.to_dict(),
            "arrays": case is not None and case.keeps == "arrays",
            "folder": str(folder),
            "share": share,
            "predict": predict,
            "expected": dict(expected),
        }
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died at its start; that is seen later
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()

    @property
    def has_begun(self) -> bool:
        """Whether it was given a case."""
        return self.case is not None

    @property
    def seconds(self) -> float:
        """Time since the case was handed over."""
        return perf_counter() - self.started

    @property
    def is_over(self) -> bool:
        """Whether the process has ended."""
        if self._process.returncode is not None:
            return True
        if hasattr(os, "waitid"):
            # Not yet taken note of, so that its group keeps its number and can be ended.
            options = os.WEXITED | os.WNOHANG | os.WNOWAIT
            return os.waitid(os.P_PID, self._process.pid, options) is not None
        if self._process.poll() is None:
            return False
        self._send_group(signal.SIGKILL)  # now or never
        return True

    def interrupt(self) -> None:
        """Ask the check to end with what it has."""
        self._send(signal.SIGINT)

    def outcome(self) -> Outcome:
        """Return what the case reported, or how its process ended; all that it left is removed."""
        self.kill()
        self._join()
        try:
            found = read_outcome(io.BytesIO(self._told))
        except (OSError, ValueError, KeyError) as problem:
            found = Outcome("crashed", f"its outcome cannot be read: {problem}")
        self.close()
        return self._crashed() if found is None else found

    def _crashed(self) -> Outcome:
        code = self._process.returncode
        memory = None if self.case is None else self.case.memory
        allowed = "" if memory is None else f"; `memory` allows it {memory / 1e6:.4g} MB"
        if code < 0:
            try:
                name = signal.Signals(-code).name
            except ValueError:
                name = "unknown"
            message = f"its process was ended by signal {-code} ({name})"
            if -code == signal.SIGKILL:
                message += ", as the system does when memory is short"
        else:
            message = f"its process ended with status {code} before the check did"
        return Outcome("crashed", message + allowed, self.printed())

    def printed(self) -> str:
        """Return the end of what it printed."""
        return bytes(self._printed).decode("utf-8", "replace").rstrip()

    def kill(self) -> None:
        """End the process with all that it started."""
        if not self._is_ended:
            self._send(signal.SIGKILL)
            kill_marked(self._mark)
            self._process.wait()
            self._is_ended = True

    def close(self) -> None:
        """End the process and close what connects it with this one."""
        self.kill()
        self._join()
        for file in (self._process.stdin, self._process.stdout):
            if file is not None:
                with contextlib.suppress(OSError):
                    file.close()

    def where(self) -> str:
        """Return where the Python code of a running process is, as a traceback of each thread."""
        self.ask_where()
        return self.answer()

    def ask_where(self) -> None:
        """Let the process print where its code is; :meth:`answer` returns it."""
        if self._process.returncode is None:
            # Not by Popen, which would take note of an end, and then the group could not be ended.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGUSR1)

    def answer(self) -> str:
        """Return what it printed, soon, even if it prints without end."""
        end = perf_counter() + ANSWER
        n_printed = -1
        while n_printed != len(self._printed) and perf_counter() < end:
            n_printed = len(self._printed)
            sleep(SILENCE)
        return self.printed()

    def _send(self, number: int) -> None:
        if self._process.returncode is None:  # else the number may be that of another group
            self._send_group(number)

    def _send_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
