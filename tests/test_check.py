"""The public verbs on networks of usual size and on small ones."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import numdiff, parallel
from fastcheck.datasets import embedded, open_dataset
from fastcheck.demo import demos
from tests.faults import L2, Arrays, Case

small = pytest.mark.interpreted
PLANS = pytest.mark.parametrize("plan", ["exhaustive", "units"])
CASE = Case.drawn(0)
NAMES = ["W1", "b1", "W2", "b2", "W3", "b3"]


def checked(grads: Mapping[str, Any] | None = None, **options: Any) -> fc.CheckResult:
    """Check the small case, by default with its right gradient."""
    return fc.check_gradients(CASE.objective, CASE.params, grads or CASE.right, **options)


@pytest.fixture(scope="module")
def mnist() -> tuple[fc.GraphObjective, Arrays, float, Arrays]:
    """Return 784-50-10 on 100 synthetic digits, with the hand-written loss and gradient."""
    demo = demos()[1]
    return demo.case(open_dataset(embedded("mnist")).sample(100, seed=0), 0)


# ------------------------------------------------------------ one entry among 39 760


def places(gradient: np.ndarray, seed: int, n: int = 2) -> Iterator[tuple[int, ...]]:
    """Yield some entries that are not much smaller than the others."""
    rms = np.sqrt((gradient**2).mean())
    usual = np.argwhere(np.abs(gradient) > 0.02 * rms)
    for k in np.random.default_rng(seed).choice(len(usual), n):
        yield tuple(int(i) for i in usual[k])


def with_one_off(grads: Arrays, name: str, place: tuple[int, ...], off: float) -> Arrays:
    wrong = grads[name].copy()
    wrong[place] *= 1 + off
    return grads | {name: wrong}


@PLANS
@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
def test_one_entry_off_by_1e_4_fails_at_its_address(mnist: Any, name: str, plan: str) -> None:
    objective, params, loss, grads = mnist
    for place in places(grads[name], seed=1):
        wrong = with_one_off(grads, name, place, 1e-4)
        result = fc.check_gradients(objective, params, wrong, plan=plan, loss_value=loss)
        assert result.verdict == "fail"
        assert [n for n, t in result.tensors.items() if not t.passed] == [name]
        tensor = result.tensors[name]
        (entry,) = tensor.mismatches
        assert entry == tensor.worst
        assert (entry.index, entry.verdict, tensor.n_disagree) == (place, "disagree", 1)
        assert entry.analytic == wrong[name][place]
        assert entry.numerical == pytest.approx(grads[name][place], rel=1e-9)
        address = re.escape(f"{name}[{', '.join(map(str, place))}]")
        assert re.search(rf"{address}: analytic .* \(0.01 % off\)", str(result))


@PLANS
@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
def test_one_entry_off_by_1e_6_is_close_at_its_address(mnist: Any, name: str, plan: str) -> None:
    objective, params, _, grads = mnist
    for place in places(grads[name], seed=2):
        wrong = with_one_off(grads, name, place, 1e-6)
        lenient = fc.check_gradients(objective, params, wrong, plan=plan)
        strict = fc.check_gradients(objective, params, wrong, plan=plan, strict=True)
        assert (lenient.verdict, strict.verdict) == ("pass", "fail")
        for result in (lenient, strict):
            assert [n for n, t in result.tensors.items() if t.n_close] == [name]
            (entry,) = result.tensors[name].mismatches
            assert (entry.index, entry.verdict) == (place, "close")
            assert entry.address in str(result)
        assert strict.tensors[name].reason.startswith("1 of ")


@PLANS
def test_the_right_gradient_of_a_usual_network_passes(mnist: Any, plan: str) -> None:
    objective, params, loss, grads = mnist
    result = fc.check_gradients(objective, params, grads, plan=plan, loss_value=loss, strict=True)
    assert result.passed
    assert result.coverage.n_checked == result.coverage.n_entries == 39760
    assert result.loss == pytest.approx(loss, rel=1e-14)
    assert (result.plan, result.engine) == (plan, "graph")
    assert not result.findings
    assert [a.tensor for a in result.audits] == list(grads)
    assert all(a.passed for a in result.audits)
    assert bool(result.spot_checks) == (plan == "units")
    assert result.batch is not None
    assert (result.batch.n_batch, result.batch.seed) == (100, 0)
    assert Path(result.batch.source).name == "mnist_synthetic.h5"


# ------------------------------------------------------------ asserting


@small
def test_assert_on_a_wrong_gradient_raises() -> None:
    assert checked()
    with pytest.raises(AssertionError):
        assert checked({n: 2 * g for n, g in CASE.right.items()})


@small
def test_assert_gradients_raises_with_the_result() -> None:
    wrong = with_one_off(CASE.right, "W2", (1, 3), 0.5)
    with pytest.raises(
        fc.GradientMismatchError, match=r"W2\[1, 3\]: analytic .* \(50 % off\)"
    ) as e:
        fc.assert_gradients(CASE.objective, CASE.params, wrong, plan="units")
    assert isinstance(e.value, AssertionError)
    assert e.value.result is not None
    assert (e.value.result.verdict, e.value.result.plan) == ("fail", "units")


@small
def test_assert_gradients_returns_what_passed() -> None:
    result = fc.assert_gradients(CASE.objective, CASE.params, CASE.right, seed=3)
    assert result.passed


@small
def test_assert_gradients_raises_where_nothing_is_resolved() -> None:
    net = fc.Network([fc.Dense(3, 2)], loss=fc.SquaredError())
    params = net.init_params(scale=0.0)
    objective = net.objective(np.ones((2, 3)), np.zeros((2, 2)))
    with pytest.raises(fc.GradientMismatchError, match="none of 8 checked entries"):
        fc.assert_gradients(objective, params, objective.gradient(params))


# ------------------------------------------------------------ the loss comes first


@small
def test_another_loss_is_the_first_finding_and_no_pass() -> None:
    result = checked(CASE.right | {"extra": 0.0}, loss_value=2 * CASE.loss)
    assert result.verdict == "inconclusive"
    kinds = [finding.kind for finding in result.findings]
    assert sorted(kinds) == ["forward-mismatch", "unused-gradient"]
    first = next(f for f in result.findings if f.severity == "error")
    assert first.kind == "forward-mismatch"
    assert f"your loss is {2 * CASE.loss!r}, that of the objective {CASE.loss!r}, 2 times" in (
        first.message
    )
    assert str(result).index("your loss is") < str(result).index("W1")


@small
def test_another_loss_does_not_hide_a_wrong_gradient() -> None:
    assert checked({n: -g for n, g in CASE.right.items()}, loss_value=0.0).verdict == "fail"


@small
@pytest.mark.parametrize("off", [1e-13, -1e-13])
def test_a_loss_that_differs_by_rounding_is_the_same(off: float) -> None:
    assert checked(loss_value=CASE.loss * (1 + off)).findings == ()


@small
@pytest.mark.parametrize(
    "given",
    [
        np.nan,
        0.0,
        -CASE.loss,
        CASE.loss * (1 + 1e-8),
        pytest.param(np.inf, marks=pytest.mark.xfail(strict=True, reason="inf <= 1e-10 * inf")),
    ],
)
def test_a_loss_that_differs_by_more_is_another(given: float) -> None:
    result = checked(loss_value=given)
    assert [f.kind for f in result.findings] == ["forward-mismatch"]
    assert f"your loss is {given!r}" in result.findings[0].message
    assert not result


def overflowing() -> tuple[fc.GraphObjective, Arrays]:
    """Return a network with an infinite loss."""
    net = fc.Network([fc.Dense(2, 1), fc.Sigmoid()], loss=fc.BinaryCrossEntropy())
    params = {"W1": np.array([[500.0], [500.0]]), "b1": np.zeros(1)}
    return net.objective([[1.0, 1.0]], [0]), params


@small
def test_a_loss_that_is_not_finite_has_no_gradient() -> None:
    objective, params = overflowing()
    result = fc.check_gradients(objective, params, {n: v * 0 for n, v in params.items()})
    assert result.verdict == "inconclusive"
    assert result.tensors == {}
    assert result.plan == "none"
    (finding,) = result.findings
    assert (finding.kind, finding.severity) == ("loss-not-finite", "error")
    assert finding.message.startswith("the loss is inf at this point")
    assert "the loss is inf" in str(result)
    assert fc.CheckResult.from_json(result.to_json()).loss == np.inf


@small
@pytest.mark.xfail(strict=True, reason="where nothing was probed, coverage knows of no entries")
def test_coverage_of_an_infinite_loss_is_none_of_the_entries() -> None:
    objective, params = overflowing()
    result = fc.check_gradients(objective, params, {n: v * 0 for n, v in params.items()})
    assert (result.coverage.n_entries, result.coverage.n_checked) == (3, 0)
    assert "0 of 3 entries" in result.coverage.statement


def test_a_numerical_gradient_of_an_infinite_loss_is_nan() -> None:
    numerical = fc.numerical_gradient(*overflowing())
    assert all(np.isnan(value).all() for value in numerical.values.values())


# ------------------------------------------------------------ names


@small
@PLANS
def test_only_and_skip_choose_tensors(plan: str) -> None:
    wrong = CASE.right | {"W2": -CASE.right["W2"]}
    assert list(checked(only="W*", plan=plan).tensors) == ["W1", "W2", "W3"]
    assert list(checked(only=["b1", "W[13]"], plan=plan).tensors) == ["W1", "b1", "W3"]
    assert list(checked(skip="b?", plan=plan).tensors) == ["W1", "W2", "W3"]
    assert list(checked(only="W*", skip=["W1", "b9*", "b*"][:1], plan=plan).tensors) == ["W2", "W3"]
    assert checked(wrong, skip="W2", plan=plan).passed
    assert checked(wrong, only="W2", plan=plan).verdict == "fail"
    statement = checked(only="W2", plan=plan).coverage.statement
    assert statement.startswith("all 25 entries checked, 25 resolved (100 %)")
    assert "5 tensors left out as asked" in statement


@small
def test_a_skipped_tensor_needs_no_gradient_and_is_not_called_unused() -> None:
    grads = {n: g for n, g in CASE.right.items() if n != "b2"}
    assert checked(grads, skip="b2").findings == ()
    assert checked(CASE.right, skip="b2").findings == ()


@small
def test_names_with_a_d_are_understood_and_others_noted() -> None:
    grads = {f"d{n}": g for n, g in CASE.right.items()} | {"da0": 1.0, "cache": None}
    result = checked(grads)
    assert result.passed
    (finding,) = result.findings
    assert (finding.kind, finding.severity) == ("unused-gradient", "note")
    assert finding.message.endswith("are ignored: da0, cache")


@small
def test_the_order_of_names_changes_nothing() -> None:
    backwards = dict(reversed(CASE.params.items()))
    grads = dict(reversed(CASE.right.items()))
    one = checked()
    other = fc.check_gradients(CASE.objective, backwards, grads)
    assert list(other.tensors) == list(one.tensors) == NAMES
    for name in NAMES:
        assert np.array_equal(one.numerical[name], other.numerical[name])
        assert np.array_equal(one.bounds[name], other.bounds[name])


@small
@PLANS
def test_a_part_has_the_same_values_as_the_whole(plan: str) -> None:
    whole = checked(plan=plan)
    for name in NAMES:
        part = checked(only=name, plan=plan)
        assert np.array_equal(part.numerical[name], whole.numerical[name])


# ------------------------------------------------------------ precision and tolerance


@small
@PLANS
def test_a_float32_gradient_is_judged_at_its_precision(plan: str) -> None:
    single = {n: g.astype(np.float32) for n, g in CASE.right.items()}
    result = checked(single, plan=plan, strict=True)
    assert result.passed
    assert all(t.n_close == 0 for t in result.tensors.values())
    wrong = with_one_off(CASE.right, "W1", (2, 2), 1e-3)
    assert checked({n: g.astype(np.float32) for n, g in wrong.items()}, plan=plan).verdict == "fail"


@small
def test_what_float16_cannot_resolve_is_no_pass() -> None:
    assert checked({n: g.astype(np.float16) for n, g in CASE.right.items()}).verdict != "pass"
    wrong = {n: (1.5 * g).astype(np.float16) for n, g in CASE.right.items()}
    assert checked(wrong).verdict == "fail"


@small
def test_gradients_and_parameters_may_be_lists_and_integers() -> None:
    net = fc.Network([fc.Dense(2, 1)], loss=fc.SquaredError())
    objective = net.objective([[1, 2], [3, -1]], [[1], [0]])
    params = {"W1": [[1], [2]], "b1": [0]}  # outputs 5 and 1, residuals 4 and 1
    assert fc.check_gradients(objective, params, {"W1": [[7], [7]], "b1": [5]}).passed
    result = fc.check_gradients(objective, params, {"W1": [[7], [8]], "b1": [5]})
    assert [str(e.address) for e in result.tensors["W1"].mismatches] == ["W1[1, 0]"]


@small
@pytest.mark.parametrize(
    ("off", "rtol", "verdict"),
    [
        (1e-6, 1e-5, "close"),
        (1e-6, 1e-7, "disagree"),
        (1e-3, 1e-2, "close"),
        (1e-3, 1e-5, "disagree"),
        (1e-11, 0.0, "disagree"),
        (0.0, 0.0, "agree"),
    ],
)
def test_rtol_separates_close_from_wrong(off: float, rtol: float, verdict: str) -> None:
    result = checked(with_one_off(CASE.right, "W3", (2, 1), off), rtol=rtol)
    worst = result.tensors["W3"].worst
    assert worst is not None
    assert worst.verdict == verdict
    assert result.passed == (verdict != "disagree")
    if verdict != "agree":
        assert worst.index == (2, 1)


@small
def test_layouts_of_memory_do_not_matter() -> None:
    params = {n: np.asfortranarray(v) for n, v in CASE.params.items()}
    grads = {n: np.repeat(g, 2, axis=0)[::2] for n, g in CASE.right.items()}
    for array in (*params.values(), *grads.values()):
        array.flags.writeable = False
    one, other = checked(), fc.check_gradients(CASE.objective, params, grads)
    for name in NAMES:
        assert np.array_equal(one.numerical[name], other.numerical[name])
        assert one.tensors[name] == other.tensors[name]


# ------------------------------------------------------------ nothing of the caller's changes


def snapshot(*groups: Mapping[str, np.ndarray]) -> list[tuple[int, bytes, Any, bool]]:
    """Return everything about arrays that could change."""
    arrays = [array for group in groups for array in group.values()]
    return [(id(a), a.tobytes(), a.strides, a.flags.writeable) for a in arrays]


def interrupt(*arguments: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("arithmetic", ["difference", "plain"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_arrays_and_file_are_left_alone_whatever_happens(
    arithmetic: str, n_jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "SMALL", 0.0)
    path = embedded("mnist")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    batch = open_dataset(path).sample(20, seed=1)
    net = fc.Network([fc.Dense(784, 3), fc.Tanh(), fc.Dense(3, 10)], fc.SoftmaxCrossEntropy())
    params, data = net.init_params(seed=1, biases="random"), {"x": batch.x, "y": batch.y}
    params["W1"] = np.asfortranarray(params["W1"])
    objective = net.objective(batch)
    grads = objective.gradient(params)
    grads["W2"] = grads["W2"].astype(np.float32)
    wrong = {n: -g for n, g in grads.items()}
    before = snapshot(params, grads, wrong, data)
    options: dict[str, Any] = {"arithmetic": arithmetic, "n_jobs": n_jobs, "only": "*2"}

    assert fc.check_gradients(objective, params, grads, **options).passed
    assert fc.check_gradients(objective, params, wrong, **options).verdict == "fail"
    with pytest.raises(fc.InputError, match=r"shape of its parameter, \(3, 10\), got \(10, 3\)"):
        fc.check_gradients(objective, params, wrong | {"W2": wrong["W2"].T}, **options)
    with pytest.raises(ZeroDivisionError):
        fc.check_gradients(objective, params, grads, progress=lambda *_: 1 // 0, **options)
    partial = fc.check_gradients(objective, params, grads, progress=interrupt, **options)
    assert partial.interrupted
    result = fc.numerical_gradient(objective, params, **options)
    for value in result.values.values():
        value[:] = np.nan  # what is handed out is not what came in

    assert snapshot(params, grads, wrong, data) == before
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest == batch.sha256


@small
def test_changing_the_callers_arrays_later_changes_no_check() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((4, 3)), rng.integers(0, 2, 4)
    net = fc.Network([fc.Dense(3, 2)], loss=fc.SoftmaxCrossEntropy())
    objective, params = net.objective(x, y), net.init_params()
    grads = objective.gradient(params)
    x[:] = np.nan
    y[:] = 1 - y
    assert fc.check_gradients(objective, params, grads).passed


# ------------------------------------------------------------ Ctrl-C


@PLANS
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interrupted_check_says_how_far_it_came(
    plan: str, n_jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "SMALL", 0.0)
    seen = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        if done >= 55 if plan == "exhaustive" else done >= 40:
            raise KeyboardInterrupt

    result = checked(plan=plan, progress=progress, n_jobs=n_jobs)
    assert seen[-1][0] < seen[-1][1]
    assert result.interrupted
    assert result.verdict == "inconclusive"
    assert not result
    assert 0 < result.coverage.n_checked < result.coverage.n_entries == 89
    assert result.coverage.statement.startswith(f"{result.coverage.n_checked} of 89 entries")
    assert "interrupted" in str(result)
    assert "interrupted" in result.summary()
    assert result.audits == result.spot_checks == ()
    for name, tensor in result.tensors.items():
        known = ~np.isnan(result.numerical[name])
        assert tensor.n_checked == tensor.n_agree == known.sum()
        assert (tensor.verdict == "inconclusive") == (not known.all())
        np.testing.assert_allclose(
            result.numerical[name][known], CASE.right[name][known], rtol=1e-9, atol=1e-15
        )
    assert fc.CheckResult.from_json(result.to_json()).interrupted


@small
@PLANS
def test_an_interrupt_within_a_chunk_keeps_what_was_done(
    plan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_chunk, finished = numdiff.run_chunk, []

    def stops_after_a_chunk(*arguments: Any) -> Any:
        if finished:
            raise KeyboardInterrupt
        return run_chunk(*arguments)

    monkeypatch.setattr(numdiff, "run_chunk", stops_after_a_chunk)
    result = checked(plan=plan, only=["b1", "b3"], progress=lambda *done: finished.append(done))
    assert len(finished) == 1
    assert result.interrupted
    assert sorted(t.n_checked for t in result.tensors.values()) in ([0, 4], [0, 5])


@small
def test_a_wrong_entry_found_before_the_interrupt_fails() -> None:
    wrong = with_one_off(CASE.right, "W1", (0, 0), 0.1)
    result = checked(wrong, plan="exhaustive", progress=interrupt)
    assert result.interrupted
    assert result.verdict == "fail"
    assert result.tensors["W1"].worst is not None
    assert result.tensors["W1"].worst.address == "W1[0, 0]"


@small
def test_a_numerical_gradient_says_that_it_is_not_complete() -> None:
    whole = fc.numerical_gradient(CASE.objective, CASE.params, plan="exhaustive")
    part = fc.numerical_gradient(CASE.objective, CASE.params, plan="exhaustive", progress=interrupt)
    assert whole.complete
    assert not part.complete
    assert np.isnan(part.values["b3"]).all()
    known = ~np.isnan(part.values["W1"])
    assert known.any()
    assert np.array_equal(part.values["W1"][known], whole.values["W1"][known])


@small
@pytest.mark.xfail(
    strict=True, reason="Ctrl-C is only caught while chunks run", raises=BaseException
)
@pytest.mark.parametrize("stop", [1, 20])
def test_an_interrupt_while_steps_are_settled_gives_a_result(
    stop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_chunk, n_calls = numdiff.run_chunk, 0

    def some(*arguments: Any) -> Any:
        nonlocal n_calls
        n_calls += 1
        if n_calls == stop:  # 1: before the first chunk; 20: all is done but the spot checks
            raise KeyboardInterrupt
        return run_chunk(*arguments)

    monkeypatch.setattr(numdiff, "run_chunk", some)
    try:
        result = checked(plan="units")
    except KeyboardInterrupt:
        raise AssertionError("nothing is left of the check") from None
    assert result.interrupted


# ------------------------------------------------------------ no pass with nothing resolved


@small
@PLANS
def test_zeros_on_both_sides_are_no_pass(plan: str) -> None:
    net = fc.Network([fc.Dense(3, 2), fc.Tanh(), fc.Dense(2, 2)], loss=fc.SquaredError())
    params = net.init_params(scale=0.0)
    objective = net.objective(np.ones((2, 3)), np.zeros((2, 2)))
    grads = {n: np.zeros_like(v) for n, v in params.items()}
    result = fc.check_gradients(objective, params, grads, plan=plan)
    assert result.verdict == "inconclusive"
    assert not result
    for tensor in result.tensors.values():
        assert (tensor.verdict, tensor.n_resolved) == ("inconclusive", 0)
        assert f"{tensor.n_entries} checked entries, exactly zero on both sides" in tensor.reason


@small
def test_coverage_counts_what_the_summary_counts() -> None:
    net = fc.Network([fc.Dense(3, 2)], loss=fc.SquaredError())
    params = net.init_params(scale=0.0)
    objective = net.objective(np.ones((2, 3)), np.zeros((2, 2)))
    result = fc.check_gradients(objective, params, objective.gradient(params))
    assert "none of 8 checked entries could be resolved" in result.summary()
    assert result.coverage.n_resolved == 0


def all_at_kinks() -> tuple[fc.GraphObjective, Arrays]:
    """Return a network in which every ReLU of every sample is exactly at its kink."""
    net = fc.Network([fc.Dense(3, 2), fc.ReLU(), fc.Dense(2, 2)], loss=fc.SquaredError())
    params = net.init_params(seed=0) | {"W1": np.zeros((3, 2)), "b1": np.zeros(2)}
    return net.objective(np.ones((2, 3)), np.ones((2, 2))), params


@small
@PLANS
def test_a_tensor_with_every_entry_at_a_kink_is_no_pass(plan: str) -> None:
    objective, params = all_at_kinks()
    grads = objective.gradient(params)
    result = fc.check_gradients(objective, params, grads, plan=plan)
    assert result.verdict == "inconclusive"
    for name in ("W1", "b1"):
        tensor = result.tensors[name]
        assert tensor.n_kink == tensor.n_checked == tensor.n_entries
        assert tensor.n_resolved == 0
        assert f"{tensor.n_entries} are at a kink" in tensor.reason
    kinks = {f.tensor: f.message for f in result.findings if f.kind == "kink"}
    assert kinks["W1"].startswith("W1: 6 entries lie exactly at a kink")
    only = fc.check_gradients(objective, params, grads, plan=plan, only="?1")
    assert only.verdict == "inconclusive"
    assert only.coverage.n_resolved == 0


@small
@pytest.mark.xfail(strict=True, reason="the note counts flags, not kinks: equal slopes are none")
def test_the_note_about_kinks_counts_those_of_the_table() -> None:
    net = fc.Network([fc.Dense(3, 2), fc.ReLU(), fc.Dense(2, 2)], loss=fc.SquaredError())
    params = net.init_params(scale=0.0)  # behind weights of zero a kink has no effect
    objective = net.objective(np.ones((2, 3)), np.ones((2, 2)))
    result = fc.check_gradients(objective, params, objective.gradient(params))
    assert result.tensors["W1"].n_kink == 0
    assert "kink" not in [f.kind for f in result.findings]


# ------------------------------------------------------------ plain differences, steps, seeds


@small
def test_plain_arithmetic_agrees_and_is_much_less_accurate() -> None:
    exact, plain = checked(), checked(arithmetic="plain")
    assert plain.passed
    assert (plain.engine, plain.plan) == ("graph (plain subtraction)", "exhaustive")
    assert re.search(
        r"two losses are subtracted for every entry, step \d.\de-0\d$", plain.plan_reason
    )
    assert plain.audits == ()
    largest = max(np.abs(g).max() for g in CASE.right.values())
    gaps = {}
    for result in (exact, plain):
        gap = max(np.abs(result.numerical[n] - CASE.right[n]).max() for n in NAMES)
        within = all(
            (np.abs(result.numerical[n] - CASE.right[n]) <= result.bounds[n]).all() for n in NAMES
        )
        assert within
        gaps[result.engine] = gap / largest
    assert gaps["graph"] < 1e-14
    assert 1e-12 < gaps["graph (plain subtraction)"] < 1e-7
    assert (
        checked({n: 1.01 * g for n, g in CASE.right.items()}, arithmetic="plain").verdict == "fail"
    )


@small
@pytest.mark.xfail(strict=True, reason="plain differences do not look at `plan`")
def test_plain_arithmetic_refuses_a_plan_that_it_cannot_follow() -> None:
    with pytest.raises(fc.InputError, match="units"):
        checked(arithmetic="plain", plan="units")


@small
@PLANS
@pytest.mark.parametrize("step", [1e-3, 1e-6, 1e-12, 1e-100])
def test_the_users_step_is_used_and_its_error_is_bounded(step: float, plan: str) -> None:
    result = checked(step=step, plan=plan)
    assert result.passed
    assert not result.findings
    for name in NAMES:
        off = np.abs(result.numerical[name] - CASE.right[name])
        assert (off <= result.bounds[name]).all()
    widest = max(b.max() for b in result.bounds.values())
    assert (widest > 1e-8) == (step == 1e-3)


@small
@pytest.mark.xfail(
    strict=True, reason="the audit does not allow for the truncation of a large step"
)
@pytest.mark.parametrize("step", [1e-2, 1e-1])
def test_a_large_step_of_the_users_does_not_alarm_the_audit(step: float) -> None:
    result = checked(step=step)
    assert "audit-failed" not in [f.kind for f in result.findings]


@small
def test_a_seed_repeats_a_check_and_another_draws_anew() -> None:
    one, same, other = (checked(seed=seed, plan="units") for seed in (5, 5, 6))
    assert one.audits == same.audits
    assert one.spot_checks == same.spot_checks
    assert one.tensors == same.tensors == other.tensors
    assert all(a.predicted != b.predicted for a, b in zip(one.audits, other.audits, strict=True))


# ------------------------------------------------------------ wrong arguments


@small
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"plan": "quick"}, "`plan` must be one of auto, exhaustive, units, got 'quick'"),
        ({"engine": "gpu"}, "`engine` must be one of auto, graph, got 'gpu'"),
        ({"arithmetic": "exact"}, "`arithmetic` must be one of difference, plain, got 'exact'"),
        ({"step": 0.0}, "`step` must be a positive number, got 0.0"),
        ({"step": -1e-5}, "`step` must be a positive number, got -1e-05"),
        ({"step": np.inf}, "`step` must be a positive number, got inf"),
        ({"step": np.nan}, "`step` must be a positive number, got nan"),
        ({"step": "x"}, "`step` must be a positive number, got 'x'"),
        ({"rtol": -1e-5}, r"`rtol` must be in \[0, 1\), got -1e-05"),
        ({"rtol": 1.0}, r"`rtol` must be in \[0, 1\), got 1.0"),
        ({"rtol": np.nan}, r"`rtol` must be in \[0, 1\), got nan"),
        ({"only": "w*"}, r"`only` must match names of parameters, got 'w\*'; they are W1, b1"),
        ({"only": "W*", "skip": "W?"}, "`only` and `skip` must leave a parameter to check"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(fc.InputError, match=message):
        checked(**options)


@small
@pytest.mark.xfail(
    strict=True, reason="not checked at the top; numpy or joblib complain, or nobody"
)
@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"n_jobs": "two"}, "n_jobs"),
        ({"budget": "x"}, "budget"),
        ({"budget": np.nan}, "budget"),
        ({"rtol": "x"}, "rtol"),
        ({"only": 5}, "only"),
        ({"loss_value": "x"}, "loss_value"),
        ({"loss_value": np.ones(2)}, "loss_value"),
        ({"progress": 5}, "progress"),
    ],
)
def test_an_option_of_a_wrong_type_is_refused_by_name(options: dict[str, Any], name: str) -> None:
    with pytest.raises(fc.InputError, match=f"`{name}`"):
        checked(**options)


@small
@pytest.mark.parametrize("name", ["params", "grads"])
def test_something_else_than_named_arrays_is_refused(name: str) -> None:
    for value, shown in (
        (None, "NoneType"),
        ([1.0], "list"),
        (np.ones(3), r"ndarray of shape \(3"),
    ):
        arguments: Any = {"params": CASE.params, "grads": CASE.right} | {name: value}
        with pytest.raises(fc.InputError, match=f"`{name}` must map names to arrays, got {shown}"):
            fc.check_gradients(CASE.objective, **arguments)


@small
@pytest.mark.xfail(strict=True, reason="numpy complains about rows of different lengths")
@pytest.mark.parametrize("name", ["params", "grads"])
def test_a_ragged_array_is_refused_by_name(name: str) -> None:
    arguments: Any = {"params": CASE.params, "grads": CASE.right}
    arguments[name] = arguments[name] | {"W1": [[1.0], []]}
    with pytest.raises(fc.InputError, match=rf"`{name}\['W1'\]`"):
        fc.check_gradients(CASE.objective, **arguments)


@small
@pytest.mark.parametrize(
    "step",
    [
        1,
        np.float64(1e-3),
        pytest.param(
            np.float32(1e-3),
            marks=pytest.mark.xfail(strict=True, reason="not an instance of float"),
        ),
    ],
)
def test_a_step_may_be_any_number(step: Any) -> None:
    found = fc.numerical_gradient(CASE.objective, CASE.params, step=step, only="b3")
    assert not np.isnan(found.values["b3"]).any()


@small
def test_a_loss_that_is_no_objective_is_refused() -> None:
    with pytest.raises(fc.InputError, match="`loss` must be an objective, got function; make one"):
        fc.check_gradients(lambda p: 0.0, CASE.params, CASE.right)  # type: ignore[arg-type]


# ------------------------------------------------------------ the result


@small
@pytest.mark.parametrize("arrays", [False, True])
def test_every_kind_of_result_is_strict_json(arrays: bool) -> None:
    nan = CASE.right | {"b2": np.full(5, np.nan)}
    results = [
        checked(), checked(nan), checked(plan="units"), checked(progress=interrupt),
        checked(loss_value=np.nan), checked(arithmetic="plain"),
    ]  # fmt: skip
    objective, params = all_at_kinks()
    results.append(fc.check_gradients(objective, params, objective.gradient(params)))
    for result in results:
        text = json.dumps(result.to_dict(arrays=arrays), allow_nan=False)
        again = fc.CheckResult.from_dict(json.loads(text))
        assert again.verdict == result.verdict
        assert again.to_json(arrays=arrays) == result.to_json(arrays=arrays)


@small
@PLANS
def test_the_numerical_gradient_has_bounds_and_kinks(plan: str) -> None:
    numerical = fc.numerical_gradient(CASE.objective, CASE.params, plan=plan)
    assert (numerical.plan, numerical.complete) == (plan, True)
    assert "asked for; predicted" in numerical.plan_reason
    assert list(numerical.values) == list(numerical.bounds) == list(numerical.kinks) == NAMES
    for name, right in CASE.right.items():
        value, bound = numerical.values[name], numerical.bounds[name]
        assert value.shape == bound.shape == numerical.kinks[name].shape == right.shape
        assert (np.abs(value - right) <= bound).all()
        assert (bound <= 1e-10 * np.abs(right).max()).all()
        assert not numerical.kinks[name].any()


@small
def test_the_result_tells_time_versions_and_loss() -> None:
    result = checked(loss_value=CASE.loss)
    assert {"forward", "numerical", "bounds", "judging", "audit", "total"} <= set(result.timings)
    assert all(seconds >= 0 for seconds in result.timings.values())
    assert result.timings["numerical"] <= result.timings["total"]
    assert result.versions["fastcheck"] == fc.__version__
    assert result.versions["numpy"] == np.__version__
    assert result.loss == pytest.approx(CASE.loss, rel=1e-15)
    assert result.batch is None


@small
@PLANS
def test_l2_has_its_share_in_the_gradient(plan: str) -> None:
    result = checked(plan=plan)
    without = CASE.passes(l2=0.0)[1]
    for name in ("W1", "W2", "W3"):
        share = result.numerical[name] - without[name]
        np.testing.assert_allclose(share, L2 * CASE.params[name], rtol=1e-11, atol=1e-13)
