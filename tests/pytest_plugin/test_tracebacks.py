"""What remains of a traceback: the user's code, and all of a mistake of the package."""

from __future__ import annotations

import sys
import traceback

import numpy as np
import pytest

from fastcheck.check import check_gradients
from fastcheck.errors import InputError
from fastcheck.pytest_plugin.tracebacks import hide_internals

w = np.ones(3)


def files(problem: BaseException) -> list[str]:
    """Return the names of the files in a traceback."""
    return [
        frame.filename.rpartition("/")[2] for frame in traceback.extract_tb(problem.__traceback__)
    ]


def raising() -> float:
    raise KeyError("mine")


def refusing() -> None:
    try:
        check_gradients(raising, {"w": w}, {"w": w})
    except KeyError as problem:
        raise InputError("of ours") from problem


def test_the_users_code_remains_and_where_it_was_caught() -> None:
    with pytest.raises(KeyError) as caught:
        check_gradients(raising, {"w": w}, {"w": w})
    assert "checking.py" in files(caught.value)
    hide_internals(caught.value)
    assert files(caught.value) == ["test_tracebacks.py", "test_tracebacks.py"]
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "raising"


def test_causes_are_shown_as_far_as_they_are_the_users() -> None:
    with pytest.raises(InputError) as caught:
        refusing()
    cause = caught.value.__cause__
    assert cause is not None
    hide_internals(caught.value)
    assert files(cause) == ["test_tracebacks.py", "test_tracebacks.py"]


def test_a_refused_argument_shows_only_where_it_was_given() -> None:
    with pytest.raises(InputError) as caught:
        check_gradients(lambda: 0.0, {"w": w}, {"w": w}, rtol=7)
    hide_internals(caught.value)
    assert files(caught.value) == ["test_tracebacks.py"]


def test_a_mistake_of_the_package_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["fastcheck.check.checking"], "make_result", None)
    with pytest.raises(TypeError, match="not callable") as caught:
        check_gradients(lambda: float((w**2).sum()), {"w": w}, {"w": 2 * w})
    hide_internals(caught.value)
    assert files(caught.value)[-1] == "checking.py"


def test_a_circle_of_causes_ends() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    hide_internals(first)
    assert first.__traceback__ is None
