"""What recorded calls read, and what depends on parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.tracing.recording import refs, resolved

if TYPE_CHECKING:
    from fastcheck.tracing.recording import Call, Recording


class Again:
    """A recorded call as a function of the values that it reads."""

    def __init__(
        self, call: Call, sources: list[int], values: list[Any], depends: list[bool]
    ) -> None:
        self.function = call.function
        self.args, self.kwargs = call.args, call.kwargs
        self.sources = sources
        self.fixed = {i: values[i] for i in refs((call.args, call.kwargs)) if not depends[i]}

    def __call__(self, *arrays: np.ndarray) -> Any:
        """Return the result for other values of what depends on parameters."""
        assert self.function is not None
        values: Any = self.fixed | dict(zip(self.sources, arrays, strict=True))
        result = self.function(*resolved(self.args, values), **resolved(self.kwargs, values))
        return np.asarray(result, dtype=np.float64)


def read(call: Call) -> list[int]:
    """Return the calls that `call` reads."""
    return refs((call.args, call.kwargs))


def named_data(recording: Recording) -> dict[int, str]:
    """Return the leaves that are not parameters and yet have a name, such as the input."""
    params = set(recording.params.values())
    return {
        index: name
        for name, index in recording.marks.items()
        if recording.calls[index].function is None
        and index not in params
        and recording.calls[index].dtype.kind == "f"
    }


def dependent(recording: Recording, named: dict[int, str]) -> list[bool]:
    """Return which calls depend on parameters, or on data whose gradient may be asked for."""
    depends: list[bool] = []
    leaves = {*recording.params.values(), *named}
    for call in recording.calls:
        depends.append(
            call.index in leaves or any(depends[i] for i in refs((call.args, call.kwargs)))
        )
    return depends


def unknown(call: Call) -> str:
    """Return the message about a call that cannot be expressed."""
    name = getattr(call.function, "__name__", str(call.function))
    where = str(call.place or "the loss")
    return f"{where}: the result of {name} cannot be followed; write it with other functions"
