"""Losses that numba compiled: whatever arguments they take, and how they are probed."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest
from numba.core import event

import fastcheck as fc
from fastcheck.blackbox import BlackBox, CompiledBox

if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
    pytest.skip("nothing is compiled", allow_module_level=True)

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((6, 5)), RNG.standard_normal((6, 3))
W, B = RNG.standard_normal((5, 3)), RNG.standard_normal(3)


class Pair(NamedTuple):
    """Parameters by field."""

    W: Any
    b: Any


@numba.njit
def loss(W, b, x, y):
    """Return half the squared distance of a dense layer with tanh, by explicit loops."""
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(W.shape[1]):
            z = b[j]
            for k in range(W.shape[0]):
                z += x[i, k] * W[k, j]
            total += 0.5 * (np.tanh(z) - y[i, j]) ** 2
    return total


@numba.njit
def data_first(x, y, W, b):
    return loss(W, b, x, y)


@numba.njit
def in_one_vector(theta):
    return loss(theta[:15].copy().reshape((5, 3)), theta[15:], X, Y)


@numba.njit
def in_a_tuple(params):
    return loss(params[0], params[1], X, Y)


@numba.njit
def of_the_first(params):
    return loss(params[0], B, X, Y)


@numba.njit
def by_field(params):
    return loss(params.W, params.b, X, Y)


@numba.njit
def of_any_number(*params):
    return loss(params[0], params[1], X, Y)


@numba.njit
def with_a_default(W, b, scale=1.0):
    return scale * loss(W, b, X, Y)


@numba.njit
def with_a_default_before(W, b, scale=1.0, x=X):
    return scale * loss(W, b, x, Y)


def gradient(W: Any, b: Any) -> tuple[Any, Any]:
    a = np.tanh(X @ W + b)
    d = (a - Y) * (1.0 - a * a)
    return X.T @ d, d.sum(axis=0)


DW, DB = gradient(W, B)
THETA = np.concatenate([W.reshape(-1), B])
NAMED = {"W": W, "b": B}
SHAPES = {
    "by name": (partial(loss, x=X, y=Y), NAMED, {"W": DW, "b": DB}),
    "by name in another order": (partial(loss, x=X, y=Y), {"b": B, "W": W}, {"W": DW, "b": DB}),
    "mapping by position": (partial(loss, x=X, y=Y), {"A": W, "c": B}, {"A": DW, "c": DB}),
    "list by position": (partial(loss, x=X, y=Y), [W, B], [DW, DB]),
    "tuple by position": (partial(loss, x=X, y=Y), (W, B), (DW, DB)),
    "leading data": (partial(data_first, X, Y), NAMED, {"W": DW, "b": DB}),
    "bound twice": (partial(partial(data_first, X), y=Y), (W, B), (DW, DB)),
    "bound parameters": (partial(loss, W, B, X, Y), NAMED, {"W": DW, "b": DB}),
    "one bound parameter": (partial(data_first, X, Y, W), (W, B), (DW, DB)),
    "one vector": (in_one_vector, {"theta": THETA}, {"theta": np.append(DW, DB)}),
    "one vector by position": (in_one_vector, [THETA], [np.append(DW, DB)]),
    "one vector in a tuple": (in_one_vector, (THETA,), (np.append(DW, DB),)),
    "tuple of one": (of_the_first, (W,), (DW,)),
    "tuple": (in_a_tuple, (W, B), (DW, DB)),
    "list as a tuple": (in_a_tuple, [W, B], [DW, DB]),
    "named tuple": (by_field, Pair(W, B), Pair(DW, DB)),
    "any number": (of_any_number, (W, B), (DW, DB)),
    "default": (with_a_default, NAMED, {"W": DW, "b": DB}),
    "default before data": (partial(with_a_default_before, x=X), NAMED, {"W": DW, "b": DB}),
    "default by name": (with_a_default, NAMED | {"scale": 1.0},
                        {"W": DW, "b": DB, "scale": loss(W, B, X, Y)}),
}  # fmt: skip


def changed(grads: Any) -> Any:
    """Return gradients of which the first has another sign in one entry."""
    first = np.array(next(iter(grads.values())) if isinstance(grads, dict) else grads[0])
    first.flat[first.size // 2] *= -1.0
    if isinstance(grads, dict):
        return grads | {next(iter(grads)): first}
    return [first, *list(grads)[1:]]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_right_gradient_passes_and_a_wrong_one_fails(shape) -> None:
    function, params, grads = shape
    result = fc.check_gradients(function, params, grads, strict=True)
    assert (result.engine, result.verdict) == ("compiled", "pass")
    assert result.engine_reason == "the loss is compiled by numba"
    wrong = fc.check_gradients(function, params, changed(grads))
    assert wrong.verdict == "fail"
    assert sum(t.n_disagree for t in wrong.tensors.values()) == 1


@pytest.mark.parametrize("order", ["F", "reversed", "strided"])
def test_any_memory_order_gives_the_same_gradient(order: str) -> None:
    given = {
        "F": np.asfortranarray(W), "reversed": W[::-1, ::-1].copy()[::-1, ::-1],
        "strided": np.repeat(np.repeat(W, 2, axis=0), 3, axis=1)[::2, ::3],
    }[order]  # fmt: skip
    before = given.copy()
    found = fc.numerical_gradient(partial(loss, x=X, y=Y), {"W": given, "b": B}, step=2.0**-17)
    assert np.array_equal(given, before)
    np.testing.assert_allclose(found.values["W"], DW, rtol=0, atol=1e-8)
    plain = fc.numerical_gradient(partial(loss, x=X, y=Y), NAMED, step=2.0**-17)
    assert np.array_equal(found.values["W"], plain.values["W"])


def test_axes_in_any_order_are_counted_as_the_user_counts_them() -> None:
    weights = RNG.standard_normal((2, 3, 4))
    given = RNG.standard_normal((3, 4, 2)).transpose(2, 0, 1)
    total = numba.njit(lambda w, c: (w * c).sum())
    result = fc.check_gradients(partial(total, c=weights), {"w": given}, {"w": weights})
    assert result.passed


def test_float32_parameters_are_moved_and_judged_as_such() -> None:
    given = {"W": W.astype(np.float32), "b": B.astype(np.float32)}
    right = gradient(*(a.astype(np.float64) for a in given.values()))
    grads = dict(zip("Wb", (g.astype(np.float32) for g in right), strict=True))
    assert fc.check_gradients(partial(loss, x=X, y=Y), given, grads).passed
    grads["b"][1] *= np.float32(1.01)
    wrong = fc.check_gradients(partial(loss, x=X, y=Y), given, grads)
    assert [e.index for e in wrong.tensors["b"].mismatches] == [(1,)]


def test_a_loss_in_float32_is_judged_at_its_precision() -> None:
    single = numba.njit(lambda w: np.float32((w * w).sum()))
    w = RNG.standard_normal(20).astype(np.float32)
    result = fc.check_gradients(single, {"w": w}, {"w": 2 * w})
    assert sum(t.n_disagree + t.n_close for t in result.tensors.values()) == 0
    assert "low-precision" in {f.kind for f in result.findings}
    wrong = fc.check_gradients(single, {"w": w}, {"w": 3 * w})
    assert wrong.verdict == "fail"


@pytest.mark.parametrize("scale", [np.array(1.5), 1.5, np.float64(1.5), np.float32(1.5)], ids=repr)
def test_arrays_without_axes_and_numbers_are_parameters_too(scale: Any) -> None:
    of_number = numba.njit(lambda w, scale: scale * scale * w.sum())
    of_array = numba.njit(lambda w, scale: scale[()] * scale[()] * w.sum())
    function = of_array if isinstance(scale, np.ndarray) else of_number
    w = np.array([1.0, 2.0])
    grads = {"w": np.full(2, 2.25), "scale": 9.0}
    result = fc.check_gradients(function, {"w": w, "scale": scale}, grads)
    assert (result.engine, result.verdict) == ("compiled", "pass")
    wrong = fc.check_gradients(function, {"w": w, "scale": scale}, grads | {"scale": 9.1})
    assert wrong.tensors["scale"].verdict == "fail"


# ------------------------------------------------------------ the same as called from Python


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_loop_gives_the_bits_of_calls_from_python(dtype: Any, order: str) -> None:
    given = {"W": W.astype(dtype, order=order), "b": B.astype(dtype)}
    box = CompiledBox(partial(loss, x=X, y=Y), given)
    places = RNG.permutation(15)
    found = box.losses("W", places, 1e-5)
    for k, place in enumerate(places):
        index = np.unravel_index(place, W.shape)
        for values, moves, step in (
            (found.up, found.above, 1e-5),
            (found.down, found.below, -1e-5),
        ):
            moved = given["W"].copy(order="K")
            moved[index] = np.float64(moved[index]) + step
            assert values[k] == loss(moved, given["b"], X, Y)
            assert moves[k] == np.float64(moved[index]) - np.float64(given["W"][index])


@pytest.mark.parametrize("n_jobs", [1, 2, -1])
def test_results_are_the_same_bits_with_any_number_of_threads(n_jobs, monkeypatch) -> None:
    monkeypatch.setattr("fastcheck.parallel.SMALL", 0.0)
    monkeypatch.setattr("fastcheck.blackbox.compiled.FIRST", 4)
    monkeypatch.setattr("fastcheck.blackbox.compiled.MOST", 4)
    scratch = np.zeros(3)

    @numba.njit
    def writing(W, b, work):
        for j in range(3):
            work[j] = 0.0
            for k in range(W.shape[0]):
                work[j] += np.sin(W[k, j]) * b[j]
        return (work * work).sum()

    one = CompiledBox(partial(writing, work=scratch), NAMED)
    box = CompiledBox(partial(writing, work=scratch), NAMED)
    box.n_jobs = n_jobs
    expected = one.losses("W", np.arange(15), 1e-4)
    parts = list(box.probed("W", np.arange(15), 1e-4))
    assert np.concatenate([p for p, _ in parts]).tolist() == list(range(15))
    assert len(parts) == 4
    for field in ("up", "down", "above", "below"):
        found = np.concatenate([getattr(losses, field) for _, losses in parts])
        assert np.array_equal(found, getattr(expected, field))
    assert not scratch.any()
    assert box.changed(NAMED) == []


def test_a_loss_that_starts_threads_is_called_by_one() -> None:
    busy = numba.njit(parallel=True)(lambda w: np.exp(w).sum())
    w = RNG.standard_normal(500)
    result = fc.check_gradients(busy, {"w": w}, {"w": np.exp(w)}, n_jobs=2)
    assert (result.engine, result.verdict) == ("compiled", "pass")
    box = CompiledBox(busy, {"w": w})
    assert not box._is_shareable()
    assert CompiledBox(in_one_vector, [THETA])._is_shareable()


def test_parameters_and_data_are_not_written_to() -> None:
    @numba.njit
    def rude(w, x):
        w[0] += 1.0
        x[0] += 1.0
        return (w * x).sum()

    w, x = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    result = fc.check_gradients(partial(rude, x=x), {"w": w}, {"w": x})
    assert "params-mutated" in {f.kind for f in result.findings}
    assert (w.tolist(), x.tolist()) == ([1.0, 2.0], [3.0, 4.0])


def test_a_second_check_compiles_nothing() -> None:
    fresh = numba.njit(lambda w: (w**3).sum())
    w = RNG.standard_normal(7)

    def check(params: Any) -> int:
        with event.install_recorder("numba:compile") as recorder:
            assert fc.check_gradients(fresh, params, {"w": 3 * w**2}).passed
        return len(recorder.buffer)

    assert check({"w": w}) > 0
    assert check({"w": w}) == 0
    assert check({"w": w.copy()[::-1][::-1]}) == 0


def test_a_box_is_sent_to_another_process_and_gives_the_same_bits() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    box = CompiledBox(partial(loss, x=X, y=Y), NAMED)
    sent = cloudpickle.loads(cloudpickle.dumps(box))
    here, there = (b.losses("b", np.arange(3), 1e-4) for b in (box, sent))
    assert np.array_equal(here.up, there.up)
    assert np.array_equal(here.down, there.down)


# ------------------------------------------------------------ outside the domain


@numba.njit
def guarded(w):
    if w[0] < 1.0:
        raise ValueError("the rate must be at least 1")
    return np.log(w[1]) + w[0]


def test_where_the_loss_raises_it_is_nan_and_the_rest_goes_on() -> None:
    w = np.array([1.0, 2.0, 3.0])
    box = CompiledBox(guarded, {"w": w})
    found = box.losses("w", np.arange(3), 0.25)
    assert np.isnan(found.down).tolist() == [True, False, False]
    assert found.up[1] == np.log(2.25) + 1.0
    assert (found.n_outside, found.n_raised) == (1, 1)
    assert (found.problem.name, found.problem.place, found.problem.step) == ("w", 0, -0.25)
    assert found.problem.text == "raised ValueError: the rate must be at least 1"
    assert box.arrays["w"].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(("value", "text"), [(0.125, "is nan"), (0.25, "is -inf")])
def test_what_is_not_finite_counts_as_outside(value: float, text: str) -> None:
    box = CompiledBox(guarded, {"w": np.array([2.0, value])})
    found = box.losses("w", np.array([1]), 0.25)
    assert np.isnan(found.down[0])
    assert (found.n_outside, found.n_raised) == (1, 0)
    assert found.problem.text == text


def test_a_loss_that_is_not_finite_at_the_point_is_an_error() -> None:
    result = fc.check_gradients(guarded, {"w": np.array([1.5, 0.0])}, {"w": np.ones(2)})
    assert [f.kind for f in result.findings] == ["loss-not-finite"]
    assert "the loss is -inf" in result.findings[0].message


# ------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("function", "params", "message"),
    [
        (loss, NAMED, r"each of W and b, got .* \(W, b, x, y\); bind .*partial\(loss, x=x, y=y\)"),
        (data_first, [W, B], r"each of 0 and 1, .* \(x, y, W, b\); .*partial\(loss, W=W, b=b\)"),
        (with_a_default, [W], r"each of 0, got .* \(W, b, scale=1.0\); .*partial\(loss, b=b\)"),
        (in_a_tuple, NAMED, r"of \(params\); compiled code takes no dict: pass `params` as"),
        (partial(loss, x=X, y=Y), NAMED | {"c": B}, r"each of W, b and c, .* of \(W, b\); name "),
        (partial(loss, x=X, y=Y), {"b": B, "V": W}, r"each of b and V, .* of \(W, b\); name the"),
        (partial(loss, z=X), NAMED, r"of \(W, b, x, y\), got an unexpected keyword argument 'z'"),
        (partial(loss, W.copy(), B, X, Y), {"V": W}, r"got all of \(W, b, x, y\) bound; bind the"),
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit_are_refused(function, params, message) -> None:
    for engine in ("auto", "compiled", "black box"):
        with pytest.raises(fc.InputError, match=message):
            fc.numerical_gradient(function, params, engine=engine)


def test_a_function_of_frozen_globals_is_refused() -> None:
    frozen = numba.njit(lambda: X.sum())
    with pytest.raises(fc.InputError, match=r"made constants of .* write it as loss\(W, b\), and"):
        fc.check_gradients(frozen, NAMED, NAMED)
    with pytest.raises(fc.InputError, match=r"write it as loss\(params\), and bind data"):
        fc.check_gradients(frozen, [W, B], [W, B])


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, ">f8"])
def test_numbers_that_compiled_code_does_not_have_are_refused(dtype: Any) -> None:
    theta = THETA.astype(dtype)
    with pytest.raises(fc.InputError, match=rf"float64 or float32 .* got dtype {theta.dtype};"):
        fc.numerical_gradient(in_one_vector, {"theta": theta})


def test_engines_that_do_not_suit_are_refused() -> None:
    with pytest.raises(fc.InputError, match=r"`engine` must be auto, compiled or .* py_func"):
        fc.numerical_gradient(in_one_vector, [THETA], engine="trace")
    with pytest.raises(fc.InputError, match=r"got 'compiled'; decorate .* numba.njit"):
        fc.numerical_gradient(in_one_vector.py_func, [THETA], engine="compiled")


# ------------------------------------------------------------ other engines


def test_a_compiled_function_can_be_called_as_a_black_box() -> None:
    function, params, grads = SHAPES["by name in another order"]
    result = fc.check_gradients(function, params, grads, engine="black box")
    assert (result.engine, result.engine_reason, result.verdict) == (
        "black box", "asked for", "pass")  # fmt: skip
    asked = fc.check_gradients(function, params, grads, engine="compiled")
    assert (asked.engine, asked.engine_reason) == ("compiled", "asked for")


def test_a_compiled_function_may_be_called_by_a_python_function() -> None:
    result = fc.check_gradients(lambda p: loss(p["W"], p["b"], X, Y), NAMED, {"W": DW, "b": DB})
    assert result.passed
    assert result.engine != "compiled"


def test_a_loss_around_which_no_loop_can_be_compiled_is_called() -> None:
    in_array = numba.njit(lambda w: (w * w).sum() * np.ones((1, 1)))
    w = np.array([1.0, 2.0])
    result = fc.check_gradients(in_array, {"w": w}, {"w": 2 * w})
    assert (result.engine, result.verdict) == ("black box", "pass")
    assert result.engine_reason == "the loss is compiled, but a loop around it cannot be"
    (note,) = (f for f in result.findings if f.kind == "not-compiled")
    assert "No implementation of function" in note.message
    with pytest.raises(fc.InputError, match="`loss` must return a number and be compiled"):
        fc.check_gradients(in_array, {"w": w}, {"w": 2 * w}, engine="compiled")


def test_a_number_in_a_tuple_is_no_matter_for_the_loop() -> None:
    scaled = numba.njit(lambda p: p[0].sum() * p[1])
    w = np.array([1.0, 2.0])
    result = fc.check_gradients(scaled, (w, 3.0), (np.full(2, 3.0), 3.0))
    assert (result.engine, result.verdict) == ("black box", "pass")
    assert any("`params['1']` must be an array" in f.message for f in result.findings)


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


def test_the_attributes_of_a_black_box_are_those_of_a_compiled_one() -> None:
    box, plain = CompiledBox(in_a_tuple, (W, B)), BlackBox(lambda p: in_a_tuple(tuple(p)), (W, B))
    assert box.loss() == plain.loss() == loss(W, B, X, Y)
    assert box.shapes == plain.shapes
    assert 0.0 < box.seconds < 1.0
    assert not box.is_closure
