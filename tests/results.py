"""Results of every verdict, for the tests of what is done with a result."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastcheck.judge import judge_tensor
from fastcheck.result import (
    Audit,
    CheckResult,
    Coverage,
    Diagnosis,
    Finding,
    Provenance,
    SpotCheck,
    TensorResult,
    overall_verdict,
)

SHAPES = {"W1": (784, 50), "b1": (50,), "W2": (50, 10), "b2": (10,)}
MEAN = "dW2 is 100 times too large: the mean over the batch (100) is missing"
KINDS = ("pass", "kinks", "close", "fail", "undecided", "zero", "interrupted", "error", "empty")


def tensor(name: str, fault: str = "", shape: tuple[int, ...] | None = None) -> TensorResult:
    """Return the outcome for one tensor with a planted fault."""
    rng = np.random.default_rng(sum(name.encode()))
    shape = SHAPES[name] if shape is None else shape
    numerical = rng.normal(size=shape)
    bound = 1e-13 * np.abs(numerical) + 1e-14
    analytic = numerical + 0.4 * bound
    options: dict[str, Any] = {}
    if fault == "factor":
        analytic *= 100.0
    elif fault == "nan":
        analytic[7] = np.nan
    elif fault == "close":
        analytic.flat[3] *= 1.0 + 1e-7
    elif fault == "coarse":
        bound.flat[: bound.size // 5] = 1.0
    elif fault == "zero":
        analytic, numerical = np.zeros(shape), np.zeros(shape)
    elif fault == "kink":
        options["kink"] = np.arange(bound.size).reshape(shape) % 100 == 99
    elif fault == "part":
        options["checked"] = np.arange(bound.size).reshape(shape) < 300
    return judge_tensor(name, analytic, numerical, bound, **options)


FAULTS = {
    "kinks": {"W1": "kink"},
    "close": {"W1": "close", "b2": "close"},
    "fail": {"W2": "factor", "b2": "nan", "b1": "close"},
    "undecided": {"W1": "coarse"},
    "zero": {"b1": "zero"},
    "interrupted": {"W1": "part"},
}


def result(kind: str = "pass", **changes: Any) -> CheckResult:
    """Return a whole result of a kind of `KINDS`."""
    faults = FAULTS.get(kind, {})
    names = {"interrupted": ["W1"], "empty": []}.get(kind, list(SHAPES))
    tensors = {name: tensor(name, faults.get(name, "")) for name in names}
    findings = [Finding("float32", "note", "W1", "the gradient is judged as float32")]
    if kind == "error":
        findings.append(Finding("forward-mismatch", "error", None, "your loss is 2.0, ours 2.3."))
    interrupted = kind == "interrupted"
    fields: dict[str, Any] = {
        "verdict": overall_verdict(tensors, findings, interrupted),
        "tensors": tensors,
        "findings": findings,
        "diagnosis": [Diagnosis("factor", "W2", 100.0, MEAN)] if kind == "fail" else [],
        "coverage": Coverage.of(tensors.values(), "each entry perturbed on its own"),
        "engine": "graph",
        "plan": "exhaustive",
        "plan_reason": "predicted 52 ms for every entry is within the budget of 2 s",
        "numerical": {"b2": np.array([1.0, np.nan, -np.inf])},
        "bounds": {"b2": np.array([[1e-13, np.inf]])},
        "audits": [Audit(name, 1.25, 1.2500001, 1e-6, True) for name in tensors],
        "spot_checks": [SpotCheck("W1", 32, 0.125, True)],
        "batch": Provenance("data/mnist.h5", "0123456789abcdef" * 4, "train", 7, np.arange(3), 3),
        "timings": {"total": 0.123, "numerical": 0.1, "judging": 0.0004},
        "versions": {"fastcheck": "0.1.0", "numpy": "2.4.6"},
        "interrupted": interrupted,
        "loss": 2.302585,
        "rtol": 1e-5,
    }
    return CheckResult(**(fields | changes))
