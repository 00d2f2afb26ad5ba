"""The benchmarks compare before they time, fail when they must, and print what they say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import (
    accuracy,
    cold,
    floor,
    jobs,
    loops,
    measure,
    memory,
    network_cases,
    networks,
    speed,
    tally,
    timing,
)  # fmt: skip
from benchmarks.cases import CASES, Case, batch, binary, deep, two_layers
from fastcheck.graph.ops.pointwise import Tanh

EFFORT = measure.Effort(pairs=2, loop_seconds=0.02)


def tiny(kind: str, share_nonzero: float = 0.6) -> Case:
    rng = np.random.default_rng(0)
    x, y = rng.random((6, 8)) * (rng.random((6, 8)) < share_nonzero), rng.integers(0, 2, 6)
    if kind == "relu twice":
        return two_layers("tiny", x, y, "drawn", sizes=(8, 6, 3), targets={"plain": 1e12})
    if kind == "binary":
        return binary("tiny", x, y, "drawn", sizes=(8, 4, 3, 1))
    act, _, plan = kind.partition(" ")
    return deep("tiny", x, y, "drawn", sizes=(8, 7, 6, 3), act=act, plan=plan)


KINDS = ["relu twice", "binary", "relu exhaustive", "relu units", "tanh exhaustive", "tanh units"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_right_case_equals_its_reference_and_its_loops(kind: str) -> None:
    n_kinks, worst = measure.compared(tiny(kind))
    assert n_kinks == 0
    assert worst < 1e-13


def test_the_comparison_with_the_reference_fails_for_a_wrong_reference() -> None:
    case = tiny("binary")
    right = case.objective.gradient(case.params)
    wrong = {name: value.copy() for name, value in right.items()}
    wrong["W2"][1, 2] += 2e-9 * np.abs(right["W2"]).max()
    case.objective.gradient = lambda params: wrong  # type: ignore[method-assign]
    with pytest.raises(measure.NotEqualError, match=r"tiny: W2\[1, 2\] is .* 2\.0e-09 of the"):
        measure.compared(case)


def test_the_comparison_with_the_reference_fails_for_a_nan() -> None:
    case = tiny("binary")
    wrong = case.objective.gradient(case.params)
    wrong["b1"][0] = np.nan
    case.objective.gradient = lambda params: wrong  # type: ignore[method-assign]
    with pytest.raises(measure.NotEqualError, match="tiny: b1"):
        measure.compared(case)


@pytest.mark.parametrize("place", [0, 1])
def test_the_comparison_with_a_loop_fails_for_a_loop_over_another_loss(place: int) -> None:
    case = tiny("binary")
    loop = case.loops[place]
    theta = loop.params["W1"] if place == 0 else loop.theta  # type: ignore[attr-defined]
    theta *= 1.001
    with pytest.raises(measure.NotEqualError, match=f"the loss of the {loop.name} loop is 0"):
        measure.compared(case)


@pytest.mark.parametrize("place", [0, 1])
def test_the_comparison_with_a_loop_fails_for_a_loop_over_other_entries(place: int) -> None:
    case = tiny("binary")
    loop = case.loops[place]
    right = loop.run
    loop.run = lambda entries: right(  # type: ignore[method-assign]
        {name: (some + 1) % case.params[name].size for name, some in entries.items()}
    )
    with pytest.raises(measure.NotEqualError, match=f"of W1 is .* from the {loop.name} loop"):
        measure.compared(case)


def test_a_wrong_engine_makes_the_script_exit_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = Tanh.difference

    def wrong(self, node, diffs, block):  # type: ignore[no-untyped-def]
        found = right(self, node, diffs, block)
        return found.replaced(found.data * (1 + 1e-8))

    monkeypatch.setattr(Tanh, "difference", wrong)
    monkeypatch.setitem(CASES, "s1", lambda: tiny("binary"))
    assert speed.main(["--quick", "--case", "s1"]) == 1
    assert "WRONG: tiny: W1" in capsys.readouterr().err


def test_the_script_prints_a_table_and_writes_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(speed, "Effort", lambda *_: EFFORT)
    monkeypatch.setattr(floor, "SHORT", 1e-4)
    monkeypatch.setitem(CASES, "s3", lambda: replace(tiny("relu twice"), name="s3"))
    monkeypatch.setitem(CASES, "s1", lambda: replace(tiny("binary"), name="s1"))
    path = tmp_path / "speed.json"
    assert speed.main(["--quick", "--case", "s3", "s1", "jobs", "--json", str(path)]) == 0
    out = capsys.readouterr().out
    assert "s3: 8-6-3 ReLU twice, 75 parameters, exhaustive, drawn" in out
    assert "1000000000000!" in out  # a target that nothing reaches
    assert "all results bit-identical" in out
    report = json.loads(path.read_text())
    assert [(r["case"], r["peer"]) for r in report["cases"]] == [
        ("s3", "plain"), ("s1", "plain"), ("s1", "published"),
    ]  # fmt: skip
    for record in report["cases"]:
        assert record["ratio"] > record["check_ratio"] > 0
        assert record["floor_ratio"] > 0
    assert [r["case"] for r in report["jobs"]] == ["s3", "s1"]


def test_two_threads_are_compared_with_bare_threads_where_it_takes_long() -> None:
    record = jobs.measured_jobs(tiny("tanh exhaustive"), EFFORT, long=0.0)
    assert record.control_speedup is not None
    assert record.share == pytest.approx(record.speedup / record.control_speedup)
    short = jobs.measured_jobs(tiny("tanh exhaustive"), EFFORT)
    assert short.share is None


@pytest.mark.parametrize("kind", ["relu exhaustive", "relu units"])
def test_bare_threads_probe_what_the_engine_probes(kind: str) -> None:
    case = tiny(kind)
    items = jobs.chunks(case)
    found = np.concatenate([prober.probe(chunk).values for prober, chunk in items])
    n_samples_of_units = case.n_batch * (7 + 6 + 3)
    assert found.size <= (n_samples_of_units if case.plan == "units" else case.n_params)
    jobs.bare(items, 2)


def test_a_difference_between_one_and_two_threads_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = jobs._numerical

    def wrong(case: Case, n_jobs: int):  # type: ignore[no-untyped-def]
        found = right(case, n_jobs)
        if n_jobs == 2:
            found.values["b2"][0] = np.nextafter(found.values["b2"][0], 1.0)
        return found

    monkeypatch.setattr(jobs, "_numerical", wrong)
    with pytest.raises(measure.NotEqualError, match="tiny: b2 differs"):
        jobs.same_bits(tiny("relu exhaustive"))


# ------------------------------------------------------------ pieces


def test_a_slice_is_spread_in_proportion_and_never_repeats() -> None:
    shapes = {"W1": (30, 20), "b1": (20,), "W2": (20, 19)}
    some = loops.spread(shapes, 100)
    assert [v.size for v in some.values()] == [60, 2, 38]
    assert all(np.unique(v).size == v.size for v in some.values())
    every = loops.spread(shapes, 10**6, start=0.99)
    assert [v.tolist() for v in every.values()] == [list(range(n)) for n in (600, 20, 380)]


def test_a_loop_gives_its_parameters_back_bit_for_bit() -> None:
    case = tiny("binary")
    for loop in case.loops:
        loop.run(loops.spread(case.objective.shapes, 20))
    plain, published = case.loops
    for name, value in case.params.items():
        assert np.array_equal(plain.params[name], value)  # type: ignore[attr-defined]
        unrolled = published.unrolled(published.theta)[name]  # type: ignore[attr-defined]
        assert np.array_equal(unrolled.T.reshape(value.shape), value)


def test_the_work_of_a_dense_network_is_counted() -> None:
    case = tiny("tanh exhaustive", share_nonzero=1.0)  # no row is left out
    work = floor.needed(case)
    rows = {"W1": 8 * 7, "b1": 7, "W2": 7 * 6, "b2": 6, "W3": 6 * 3, "b3": 3}
    rows = {name: 2 * 6 * n for name, n in rows.items()}
    first, second, last = (rows[f"W{k}"] + rows[f"b{k}"] for k in (1, 2, 3))
    assert work.rows == first + second + last
    assert work.elements["tanh", 1] == first + second
    assert work.elements["tanh", 6] == 6 * first  # a weight of W1 moves all of the next layer
    assert work.elements["softmax_cross_entropy", 3] == 3 * (first + second)
    assert work.elements["softmax_cross_entropy", 1] == last
    assert sum(n for (m, k, _), n in work.products.items() if (m, k) == (3, 6)) == first
    assert floor.least_seconds(work) > 0


def test_ratios_are_taken_round_by_round() -> None:
    ticks = iter(range(6))
    found = timing.interleaved({"a": lambda: next(ticks), "b": lambda: next(ticks)}, 3)
    assert found == {"a": [0, 2, 4], "b": [1, 3, 5]}
    assert timing.ratio([1.0, 9.0, 4.0], [1.0, 3.0, 2.0]) == 2.0


def test_examples_say_where_they_are_from() -> None:
    x, y, data = batch("catvnoncat", 3)
    assert x.shape[0] == y.size == 3
    assert data.startswith(("real ", "synthetic "))
    assert data.endswith("3 examples")


# ------------------------------------------------------------ whole scripts


def test_the_accuracy_script_passes_on_shallow_networks(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "accuracy.json"
    assert accuracy.main(["--quick", "--json", str(path)]) == 0
    assert "falls as the square of the step: True" in capsys.readouterr().out
    found = json.loads(path.read_text())["errors"]["unrolled tanh recurrence"]
    assert found["difference"] < 1e-12 < found["plain"]


def test_the_accuracy_script_fails_when_an_error_is_above_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accuracy, "LIMIT", 1e-17)
    assert accuracy.main(["--quick"]) == 1


@pytest.mark.slow
def test_the_cold_script_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert cold.main(["--quick"]) == 0
    out = capsys.readouterr().out
    assert "nothing heavy" in out
    assert "0 compiled" in out


def test_the_cold_script_names_what_is_wrong() -> None:
    one = {"loaded": ["numba"], "verdict": "fail", "compiled": 3, "status": 1}
    kinds = ("import", "first check", "warm check", "warm run")
    assert cold.wrong({kind: [one] for kind in kinds}) == [
        "`import fastcheck` loads numba",
        "first check: fail",
        "warm check: fail",
        "a warm check compiles 3",
        "warm run: status 1",
    ]


def test_the_memory_of_this_process_is_plausible() -> None:
    assert 2e7 < memory.peak_bytes() < 1e12


@pytest.mark.slow
def test_the_largest_case_stays_below_two_gigabytes() -> None:
    found = memory.in_new_process("large-units")
    assert found["verdict"] == "pass"
    assert found["spot_checks_passed"]
    assert set(found["spot_checks"]) == {"W1", "b1", "W2", "b2", "W3", "b3"}
    assert found["peak_bytes"] < speed.LIMIT_BYTES


@pytest.mark.slow
def test_the_speed_script_is_right_on_its_real_cases() -> None:
    assert speed.main(["--quick"]) == 0


@pytest.mark.parametrize("name", network_cases.CASES)
@pytest.mark.parametrize("plan", ["exhaustive", "units"])
def test_networks_equal_their_reference_and_their_loops(name: str, plan: str) -> None:
    case = replace(network_cases.SMALL[name](), plan=plan)
    n_kinks, worst = measure.compared(case)
    assert n_kinks == 0
    assert worst < 1e-13


def test_networks_have_the_sizes_that_are_promised() -> None:
    shapes = {name: make().objective.shapes for name, make in network_cases.CASES.items()}
    assert shapes["bn"]["W1"] == (784, 512)
    assert shapes["lstm"]["W"] == (32 + 64, 4 * 64)
    assert shapes["transformer"]["W11"] == (64, 256)
    assert sum(int(np.prod(s)) for s in shapes["lenet"].values()) >= 40_000


def test_what_a_product_and_an_activation_compute_is_counted() -> None:
    """Samples without zeros: a row per weight of a unit, a column per unit for all its weights."""
    rng = np.random.default_rng(0)
    x, y = 1.0 + rng.random((6, 8)), rng.integers(0, 3, 6)
    case = deep("tiny", x, y, "drawn", sizes=(8, 7, 3), act="tanh", plan="exhaustive")
    work = tally.counted(case)
    n_rows = 2 * 6 * (8 + 1) * 7  # both signs, of weights and biases of the first layer
    assert work.elements >= n_rows * 2  # tanh, and the loss
    n_columns = 6 * 7 * 2  # of weights, and of biases
    assert 2 * n_columns * 3 <= work.flops < 2 * n_rows * 3  # from one unit to three logits


def test_the_script_for_networks_prints_a_table_and_writes_json(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "CASES", network_cases.SMALL)
    monkeypatch.setattr(networks, "LOOP_SECONDS", 0.01)
    file = tmp_path / "figures.json"
    assert networks.main(["--case", "lstm", "bn", "--rounds", "2", "--json", str(file)]) == 0
    out = capsys.readouterr().out
    found = json.loads(file.read_text())["cases"]
    assert [case["case"] for case in found] == ["lstm", "bn"]
    assert all(case["floor_seconds"] > 0 and f"{case['ratio']:.0f}" in out for case in found)


def test_the_script_for_networks_fails_for_a_wrong_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object, **__: object) -> None:
        raise networks.NotEqualError("lstm: wrong")

    monkeypatch.setattr(networks, "compared", wrong)
    assert networks.main(["--case", "lstm"]) == 1
