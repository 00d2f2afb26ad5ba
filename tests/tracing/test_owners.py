"""Only the user's code is looked into, wherever the package itself lies."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck
import fastcheck.holding
from fastcheck.tracing.owners import is_user_globals
from fastcheck.tracing.walk import Walk


def total(w: np.ndarray, b: np.ndarray) -> float:
    return float(np.sum(np.tanh(w) * b))


POINT = {"w": np.array([0.3, -0.4]), "b": np.array([1.5, 0.7])}
RIGHT = {"w": (1 - np.tanh(POINT["w"]) ** 2) * POINT["b"], "b": np.tanh(POINT["w"])}


def test_the_package_is_not_the_users_code() -> None:
    assert not is_user_globals(vars(fastcheck))
    assert not is_user_globals(vars(fastcheck.holding))
    assert is_user_globals(globals())
    assert not any(slot.owner is vars(fastcheck) for slot in Walk([fastcheck, total]).slots)


@pytest.mark.parametrize("is_mapping", [True, False])
def test_a_function_of_several_arguments_is_followed_below_its_wrapper(is_mapping: bool) -> None:
    """``float`` can be followed only where the function itself is found."""
    params = POINT if is_mapping else list(POINT.values())
    grads = RIGHT if is_mapping else list(RIGHT.values())
    result = fastcheck.check_gradients(total, params, grads)
    assert (result.engine, result.findings) == ("trace", ())
    assert result.passed
