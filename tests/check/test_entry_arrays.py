"""The verdict on each entry, as it was counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.check.checking import checking
from fastcheck.check.entry_arrays import entry_arrays
from fastcheck.judge import VERDICTS
from fastcheck.nightly.archive import Parts, read_run
from fastcheck.nightly.records import Case, Record, Run


def problem() -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Return a small network, its parameters and its gradient with some entries wrong."""
    net = fc.Network([fc.Dense(5, 4), fc.Tanh(), fc.Dense(4, 3)], fc.SquaredError())
    params = net.init_params(seed=0, biases="random")
    rng = np.random.default_rng(1)
    objective = net.objective(rng.normal(size=(6, 5)), rng.normal(size=(6, 3)))
    grads = {name: np.array(g) for name, g in objective.gradient(params).items()}
    grads["W1"][1] *= 2.0
    grads["W2"][0, 0] *= 1.0 + 1e-7
    return objective, params, grads


@pytest.mark.parametrize("plan", ["exhaustive", "sample"])
def test_verdicts_add_up_to_the_counts(plan: str) -> None:
    options: dict[str, Any] = {"entries": 7} if plan == "sample" else {}
    objective, params, grads = problem()
    with checking(objective, params, grads, plan=plan, **options) as check:
        arrays = entry_arrays(check)
    for name, tensor in check.result.tensors.items():
        codes = arrays["verdicts"][name]
        assert codes.shape == tensor.shape
        counted = dict(zip(VERDICTS, np.bincount(codes.ravel(), minlength=6), strict=True))
        assert counted["unchecked"] == tensor.n_entries - tensor.n_checked
        for kind in VERDICTS[1:]:
            assert counted[kind] == getattr(tensor, f"n_{kind}")
        assert np.array_equal(arrays["analytic"][name], grads[name])
    if plan == "exhaustive":
        wrong = np.argwhere(arrays["verdicts"]["W1"] == VERDICTS.index("disagree"))
        assert set(wrong[:, 0]) == {1}
        assert arrays["verdicts"]["W2"][0, 0] == VERDICTS.index("close")


def test_a_tensor_that_was_not_judged_is_left_out() -> None:
    objective, params, grads = problem()
    grads["W1"] = grads["W1"].T
    with checking(objective, params, grads) as check:
        arrays = entry_arrays(check)
    assert "W1" not in arrays["verdicts"]
    assert "W2" in arrays["verdicts"]


def test_the_archive_keeps_the_verdict_on_each_entry(tmp_path: Path) -> None:
    case = Case("net", "net.py:wrong", keeps="arrays")
    with checking(*problem()) as check:
        arrays = entry_arrays(check)
    run = Run("1", "night", "", "", records=(Record(case),))
    with Parts.create(tmp_path, run) as parts:
        parts.add(Record(case, check.result.verdict, check.result, arrays=arrays))
        (record,) = read_run(parts.finish("now"), arrays=True).records
    assert record.result is not None
    assert np.array_equal(record.result.numerical["W1"], check.result.numerical["W1"])
    assert np.array_equal(record.result.bounds["W1"], check.result.bounds["W1"])
    for kind in ("analytic", "verdicts"):
        assert np.array_equal(record.arrays[kind]["W1"], arrays[kind]["W1"])
