"""Where a task is at work, as it sees it itself."""

from __future__ import annotations

from typing import Any

__all__ = ["Post"]


LEAVING = ("closing", "closed", "failed", "stopping", "stopped")
"""What a worker is that will not hand over a result any more."""


class Post:
    """Where a task is at work, made by the task.

    Parameters
    ----------
    topic, key : str
        Those of the client, and of the task.
    """

    def __init__(self, topic: str, key: str) -> None:
        from distributed import get_worker

        self._worker: Any = get_worker()
        self._topic = topic
        self._key = key

    @property
    def address(self) -> str:
        """Address of the worker."""
        return str(self._worker.address)

    def tell(self, **message: str | float) -> None:
        """Tell the client something."""
        self._worker.log_event(self._topic, message)

    @property
    def is_wanted(self) -> bool:
        """Whether client, scheduler and worker are still there, and want the result."""
        task = self._worker.state.tasks.get(self._key)
        return (
            task is not None
            and task.state == "executing"
            and self._worker.status.name not in LEAVING
        )
