"""What a check would do and how long it would take, without making it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from fastcheck.blackbox.budget import Budget
from fastcheck.check.black_box import BlackBoxMeasurement
from fastcheck.check.engines import measurement_for
from fastcheck.check.graph import GraphMeasurement
from fastcheck.check.options import check_entries
from fastcheck.parallel import single_threaded_blas
from fastcheck.plan import Planner
from fastcheck.sampling import so_many

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastcheck.check.measurement import Measurement

__all__ = ["Prediction", "predict"]


@dataclass(frozen=True)
class Prediction:
    """What a check would do.

    Attributes
    ----------
    engine, plan, reason : str
        What would evaluate the loss, which probes would be made, and why.
    seconds : float
        How long preparing took and probing would take; judging and diagnosing are not known.
    n_entries, n_checked : int
        Entries of all tensors, and of those that would be probed one by one or by units.
    """

    engine: str
    plan: str
    reason: str
    seconds: float
    n_entries: int
    n_checked: int

    def to_dict(self) -> dict[str, Any]:
        """Return it in the types of JSON."""
        return dict(vars(self))


def predict(loss: Any, params: Any, grads: Any = None, **options: Any) -> Prediction:
    """Return what :func:`fastcheck.check_gradients` would do with the same arguments.

    The loss is evaluated as often as a check does before its first probe; the gradient is not
    called.

    Raises
    ------
    InputError
        If an argument is wrong.
    """
    del grads  # of the plans, only how well directions see depends on it
    start = perf_counter()
    plan, budget = options.get("plan", "auto"), options.get("budget")
    entries = options.get("entries")
    check_entries(entries, plan)
    run = measurement_for(
        loss, params, options.get("engine", "auto"), step=options.get("step"),
        arithmetic=options.get("arithmetic", "difference"), seed=options.get("seed", 0),
        only=options.get("only"), skip=options.get("skip"),
        before_each=options.get("before_each"),
    )  # fmt: skip
    try:
        shapes = {name: run.shapes[name] for name in run.names if math.prod(run.shapes[name])}
        total = sum(map(math.prod, shapes.values()))
        if not run.is_sound:
            reason = "the loss cannot be probed"
            return Prediction(run.engine, "none", reason, perf_counter() - start, total, 0)
        find = _of_box if isinstance(run, BlackBoxMeasurement) else _of_graph
        with single_threaded_blas():
            chosen, reason, seconds, checked = find(run, shapes, plan, budget, entries)
        seconds += perf_counter() - start
        return Prediction(run.engine, chosen, reason, seconds, total, min(checked, total))
    finally:
        run.restore()


def _of_box(
    run: Measurement,
    shapes: Mapping[str, Any],
    plan: str,
    budget: float | None,
    entries: int | None,
) -> tuple[str, str, float, int]:
    """Return plan, reason, seconds and entries of a function that is called."""
    assert run.box is not None
    obstacle = "" if run.box.aliases is None else "parameters share memory"
    costs = Budget(
        shapes, seconds=run.box.seconds, n_calls=2, budget=budget, obstacle=obstacle,
        entries=entries,
    )  # fmt: skip
    chosen = costs.choose(plan)
    return chosen.plan, chosen.reason, chosen.seconds, sum(chosen.counts.values())


def _of_graph(
    run: Measurement,
    shapes: Mapping[str, Any],
    plan: str,
    budget: float | None,
    entries: int | None,
) -> tuple[str, str, float, int]:
    """Return the same of a graph."""
    assert isinstance(run, GraphMeasurement)
    total = sum(map(math.prod, shapes.values()))
    if run.arithmetic == "plain":
        seconds = 2.0 * total * run.timings.get("forward", 0.0)
        return "exhaustive", "two losses are subtracted for each entry", seconds, total
    planner = Planner(run.state, [*shapes], run.step, run.seed)
    chosen, reason, seconds = planner.choose(plan, budget)
    if chosen != "sample":
        return chosen, reason, seconds, total
    _, _, whole = planner.choose("exhaustive", None)
    if entries is not None:
        n = sum(so_many(shapes, entries).values())
        return chosen, f"asked for, {n} entries", whole * n / max(total, 1), n
    return chosen, reason, seconds, int(total * seconds / whole) if whole else total
