"""Losses that numba compiled, and how they are probed."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import numba
import numpy as np
import pytest
from numba.core import event

import fastcheck as fc
from fastcheck.blackbox import BlackBox, CompiledBox
from tests.blackbox.compiled_losses import (
    DB,
    DW,
    NAMED,
    RNG,
    SHAPES,
    THETA,
    B,
    W,
    X,
    Y,
    gradient,
    in_a_tuple,
    in_one_vector,
    loss,
)

if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
    pytest.skip("nothing is compiled", allow_module_level=True)


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


def test_arrays_in_a_bound_tuple_are_copied_too() -> None:
    @numba.njit
    def writing(w, work):
        work[0][0] = w.sum()
        return work[0][0] * work[1]

    work = (np.zeros(1), 2.0)
    box = CompiledBox(partial(writing, work=work), {"w": np.ones(2)})
    assert box.losses("w", np.arange(2), 0.5).up.tolist() == [5.0, 5.0]
    assert work[0][0] == 0.0
    assert box._is_shareable()


def test_ctrl_c_keeps_what_is_known_and_all_arrays() -> None:
    before = {name: array.copy() for name, array in NAMED.items()}

    def interrupt(done: int, total: int) -> None:
        if done >= 15:
            raise KeyboardInterrupt

    found = fc.numerical_gradient(partial(loss, x=X, y=Y), NAMED, progress=interrupt)
    assert not found.complete
    np.testing.assert_allclose(found.values["W"].reshape(-1)[:14], DW.reshape(-1)[:14], atol=1e-6)
    assert np.isnan(found.values["b"]).all()
    assert all(np.array_equal(NAMED[name], before[name]) for name in NAMED)


def test_classes_derived_from_arrays_are_plain_arrays_to_the_loss() -> None:
    weights = W.view(np.matrix)
    result = fc.check_gradients(partial(loss, x=X, y=Y), [weights, B], [DW, DB])
    assert (result.engine, result.verdict) == ("compiled", "pass")


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


def test_compiling_is_timed_on_its_own() -> None:
    fresh = numba.njit(lambda w: (w * w).sum())
    timings = fc.check_gradients(fresh, {"w": B}, {"w": 2 * B}).timings
    assert 0.5 * timings["total"] < timings["compiling"] < timings["total"]


@pytest.mark.parametrize("signature", ["float64(float64[:, ::1])", "float64(float64[:, :])"])
def test_signatures_of_the_user_are_kept(signature: str) -> None:
    eager = numba.njit(signature)(lambda w: (w * w).sum())
    assert fc.check_gradients(eager, {"w": W}, {"w": 2 * W}).engine == "compiled"
    in_columns = numba.njit(signature.replace(":, ::1", "::1, :"))(lambda w: (w * w).sum())
    transposed = np.asfortranarray(W)
    result = fc.check_gradients(in_columns, {"w": transposed}, {"w": 2 * W})
    assert (result.engine, result.verdict) == ("compiled", "pass")
    assert len(in_columns.signatures) == 1


def test_an_empty_parameter_is_no_matter() -> None:
    both = numba.njit(lambda w, nothing: (w * w).sum() + nothing.sum())
    empty = np.zeros((0, 3))
    params, grads = {"w": W, "nothing": empty}, {"w": 2 * W, "nothing": empty}
    found = fc.numerical_gradient(both, params)
    assert found.values["nothing"].shape == (0, 3)
    assert fc.check_gradients(both, params, grads).tensors["w"].passed


def test_one_array_as_two_arguments_is_moved_in_both() -> None:
    product = numba.njit(lambda V, W: (V * W).sum())
    result = fc.check_gradients(partial(product, V=W), {"W": W}, {"W": 2 * W})
    assert (result.engine, result.verdict) == ("compiled", "pass")


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


def test_what_comes_before_each_evaluation_is_called_by_python() -> None:
    function, params, grads = SHAPES["by name in another order"]
    calls: list[int] = []
    result = fc.check_gradients(function, params, grads, before_each=lambda: calls.append(1))
    assert (result.engine, result.verdict) == ("black box", "pass")
    assert result.engine_reason == "`before_each` is called by Python"
    assert len(calls) > 2 * sum(t.n_checked for t in result.tensors.values())
    with pytest.raises(fc.InputError, match="`before_each` must be None with engine 'compiled'"):
        fc.check_gradients(function, params, grads, before_each=list, engine="compiled")


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


def test_the_attributes_of_a_black_box_are_those_of_a_compiled_one() -> None:
    box, plain = CompiledBox(in_a_tuple, (W, B)), BlackBox(lambda p: in_a_tuple(tuple(p)), (W, B))
    assert box.loss() == plain.loss() == loss(W, B, X, Y)
    assert box.shapes == plain.shapes
    assert 0.0 < box.seconds < 1.0
    assert not box.is_closure
