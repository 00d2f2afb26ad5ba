"""The self-test: mistakes are planted into a right gradient to see what the check makes of them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.check.checking import checking
from fastcheck.errors import InputError
from fastcheck.faults import Point, catalogue
from fastcheck.planting.bench import Bench
from fastcheck.result.selftest import SelfTest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fastcheck.check.checking import Check
    from fastcheck.faults import Fault
    from fastcheck.result.selftest import Planted

    Progress = Callable[[int, int], None]

__all__ = ["find_faults", "selftest"]


def selftest(
    loss: Any,
    params: Any,
    grads: Any,
    *,
    faults: str | Iterable[str] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> SelfTest:
    """Plant mistakes into a right gradient and see which of them a check finds and names.

    Parameters
    ----------
    loss, params, grads
        As for :func:`fastcheck.check_gradients`. The gradient must be right: it is checked first,
        and nothing is planted if it does not pass.
    faults : str or iterable of str, optional
        Patterns of the mistakes to plant, such as ``"one entry*"`` or ``"* W1"``; all by default.
    progress : callable, optional
        Called as ``progress(done, total)``.
    **options
        Those of :func:`fastcheck.check_gradients`: the self-test is one of a check with these.

    Returns
    -------
    SelfTest
        True in a boolean context if every mistake was caught that could be seen.

    Raises
    ------
    InputError
        If an argument is wrong, or no mistake has such a name.

    Notes
    -----
    The numerical gradient is computed once, and each wrong gradient is only judged and diagnosed;
    where the plan depends on the gradient that is checked (samples, directions), each is probed
    anew. The loss is the user's; mistakes inside the backward pass are made on its graph, where
    there is one.

    Examples
    --------
    >>> import fastcheck as fc
    >>> net = fc.Network([fc.Dense(3, 4), fc.Tanh(), fc.Dense(4, 2)], fc.SoftmaxCrossEntropy())
    >>> params = net.init_params(seed=0)
    >>> objective = net.objective([[0.1, -0.4, 0.9], [0.3, 0.2, -0.5], [0.7, 0.1, 0.2]], [0, 1, 1])
    >>> test = fc.selftest(objective, params, objective.gradient(params), faults="slope*")
    >>> bool(test), len(test.missed)
    (True, 0)
    """
    with checking(loss, params, grads, progress=progress, **options) as check:
        result = check.result
        if not result.passed:
            return SelfTest(result=result, interrupted=result.interrupted)
        start = perf_counter()
        chosen = _chosen(catalogue(_point(check, options)), faults)
        bench = Bench(check, options)
        planted: list[Planted] = []
        interrupted = False
        try:
            for fault in chosen:
                planted.append(bench.planted(fault))
                if progress is not None:
                    progress(len(planted), len(chosen))
        except KeyboardInterrupt:
            interrupted = True
        return SelfTest(
            result=result,
            planted=tuple(planted),
            seconds=perf_counter() - start,
            interrupted=interrupted,
        )


def find_faults(loss: Any, params: Any, grads: Any, **options: Any) -> list[Fault]:
    """Return the mistakes that a self-test would plant; the gradient is hardly checked.

    Raises
    ------
    InputError
        If an argument is wrong.
    """
    options |= {"plan": "sample", "entries": 1}
    with checking(loss, params, grads, **options) as check:
        return catalogue(_point(check, options))


def _point(check: Check, options: dict[str, Any]) -> Point:
    """Return where mistakes are planted."""
    run = check.run
    state = run.graph_state
    return Point(
        right={name: np.array(g, np.float64) for name, g in check.analytic.items()},
        params=run.point,
        n_samples=run.n_samples,
        graph=None if state is None else state.graph,
        values=[] if state is None else state.values,
        seed=int(options.get("seed", 0)),
    )


def _chosen(found: list[Fault], patterns: str | Iterable[str] | None) -> list[Fault]:
    """Return the faults whose name, or name and place, fits a pattern."""
    if patterns is None:
        return found
    wanted = [patterns] if isinstance(patterns, str) else list(patterns)
    chosen = [
        fault for fault in found
        if any(fnmatchcase(text, p) for p in wanted for text in (fault.name, fault.title))
    ]  # fmt: skip
    if not chosen:
        known = ", ".join(dict.fromkeys(fault.name for fault in found))
        raise InputError(
            f"`faults` must be patterns of names, got {', '.join(map(repr, wanted))}, which fit "
            f"none of {known}; leave it out to plant all"
        )
    return chosen
