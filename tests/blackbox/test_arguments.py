"""Which parameter is which argument, of compiled functions and of plain ones."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import numba
import numpy as np
import pytest

import fastcheck as fc
from tests.blackbox.compiled_losses import (
    DB,
    DW,
    NAMED,
    SHAPES,
    B,
    W,
    X,
    Y,
    changed,
    data_first,
    in_a_tuple,
    loss,
    with_a_default,
)

COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
compiled = pytest.mark.skipif(not COMPILED, reason="nothing is compiled")


@compiled
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_right_gradient_passes_and_a_wrong_one_fails(shape) -> None:
    function, params, grads = shape
    result = fc.check_gradients(function, params, grads, strict=True)
    assert (result.engine, result.verdict) == ("compiled", "pass")
    assert result.engine_reason == "the loss is compiled by numba"
    wrong = fc.check_gradients(function, params, changed(grads))
    assert wrong.verdict == "fail"
    assert sum(t.n_disagree for t in wrong.tensors.values()) == 1


# ------------------------------------------------------------ what is refused


@compiled
@pytest.mark.parametrize(
    ("function", "params", "message"),
    [
        (loss, NAMED, r"each of W and b, got .* \(W, b, x, y\); bind .*partial\(loss, x=x, y=y\)"),
        (data_first, [W, B], r"each of 0 and 1, .* \(x, y, W, b\); .*partial\(loss, W=W, b=b\)"),
        (with_a_default, [W], r"each of 0, got .* \(W, b, scale=1.0\); .*partial\(loss, b=b\)"),
        (in_a_tuple, NAMED, r"of \(params\); no dict is passed to compiled code: pass `params`"),
        (partial(loss, x=X, y=Y), NAMED | {"c": B}, r"each of W, b and c, .*; make each an"),
        (partial(loss, x=X, y=Y), {"b": B, "V": W}, r"each of b and V, .* of \(W, b\); name the"),
        (partial(loss, z=X), NAMED, r"of \(W, b, x, y\), got an unexpected keyword argument 'z'"),
        (partial(loss, W.copy(), B, X, Y), {"V": W}, r"got all of \(W, b, x, y\) bound; bind the"),
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit_are_refused(function, params, message) -> None:
    for engine in ("auto", "compiled", "black box"):
        with pytest.raises(fc.InputError, match=message):
            fc.numerical_gradient(function, params, engine=engine)


@compiled
def test_a_function_of_frozen_globals_is_refused() -> None:
    frozen = numba.njit(lambda: X.sum())
    with pytest.raises(fc.InputError, match=r"made constants of .* write it as loss\(W, b\), and"):
        fc.check_gradients(frozen, NAMED, NAMED)
    with pytest.raises(fc.InputError, match=r"write it as loss\(params\), and bind data"):
        fc.check_gradients(frozen, [W, B], [W, B])


# ------------------------------------------------------------ plain functions


@pytest.mark.parametrize("engine", ["auto", "black box"])
@pytest.mark.parametrize("params", [NAMED, {"b": B, "W": W}, [W, B], (W, B)], ids=str)
def test_plain_functions_may_take_each_parameter_as_an_argument(params, engine) -> None:
    def plain(W: Any, b: Any, x: Any = X) -> Any:
        return 0.5 * np.sum((np.tanh(x @ W + b) - Y) ** 2)

    grads = {"W": DW, "b": DB} if isinstance(params, dict) else [DW, DB]
    result = fc.check_gradients(plain, params, grads, engine=engine)
    assert (result.engine, result.verdict) == (
        "trace" if engine == "auto" else "black box", "pass")  # fmt: skip
    wrong = fc.check_gradients(plain, params, changed(grads), engine=engine)
    assert wrong.verdict == "fail"


def test_the_same_losses_work_without_compilation(fresh_python) -> None:
    code = """
import numba, numpy as np, fastcheck as fc
from functools import partial
loss = numba.njit(lambda W, b, x: np.sum(np.tanh(x @ W + b)))
vector = numba.njit(lambda theta: np.sum(theta ** 2))
both = numba.njit(lambda p: np.sum(p[0] ** 2) + np.sum(p[1] ** 3))
W, b, x = np.full((2, 2), 0.5), np.ones(2), np.array([[1.0, 2.0]])
d = 1 - np.tanh(x @ W + b) ** 2
named, grads = {"b": b, "W": W}, {"W": x.T @ d, "b": d[0]}
for engine in ("auto", "black box"):
    options = {"engine": engine}
    results = [
        fc.check_gradients(partial(loss, x=x), named, grads, **options),
        fc.check_gradients(partial(loss, x=x), (W, b), (x.T @ d, d[0]), **options),
        fc.check_gradients(vector, {"theta": b}, {"theta": 2 * b}, **options),
        fc.check_gradients(both, (W, b), (2 * W, 3 * b ** 2), **options),
    ]
    print(engine, [bool(r) for r in results], {r.engine for r in results})
"""
    lines = fresh_python(code, NUMBA_DISABLE_JIT="1").stdout.splitlines()
    assert lines == [
        "auto [True, True, True, True] {'trace'}",
        "black box [True, True, True, True] {'black box'}",
    ]
