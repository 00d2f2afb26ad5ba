from __future__ import annotations

import copy
from typing import Any

import pytest

from fastcheck.errors import DataError, FastcheckError, GradientMismatchError, InputError

pytestmark = pytest.mark.interpreted


@pytest.mark.parametrize("kind", [InputError, DataError])
def test_errors_of_use_are_errors_of_the_package_and_value_errors(kind: type[Exception]) -> None:
    assert issubclass(kind, FastcheckError)
    assert issubclass(kind, ValueError)
    with pytest.raises(FastcheckError, match="got 3"):
        raise kind("got 3")


def test_a_mismatch_is_an_assertion_that_carries_the_result_and_shows_the_message() -> None:
    result: Any = object()
    error = GradientMismatchError("W1[0, 0] is 2 times too large", result)
    assert isinstance(error, AssertionError)
    assert not isinstance(error, FastcheckError)
    assert error.result is result
    assert str(error) == "W1[0, 0] is 2 times too large"


def test_a_mismatch_survives_being_copied_as_between_processes() -> None:
    error = copy.copy(GradientMismatchError("W1 is wrong", None))
    assert (str(error), error.result) == ("W1 is wrong", None)
