"""Running loss and gradient again on other data: what that says of a mistake.

Nothing is said here that was not observed: the loss stays the same or does not, and so does the
gradient, or it is right there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.diagnose.reruns.penalty import about_penalty
from fastcheck.diagnose.reruns.samples import candidates
from fastcheck.diagnose.reruns.trial import Trial
from fastcheck.diagnose.slopes import N_LOSSES, Slopes
from fastcheck.result import Diagnosis
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from fastcheck.blackbox import BlackBox
    from fastcheck.diagnose.reruns.samples import Samples
    from fastcheck.preflight.reach import Reach

    Array = NDArray[Any]

__all__ = ["rerun"]

MOST_NAMES = 10
MOST_CALLS = 12
"""Samples that are left out one by one; of more the first and the last few."""
N_ALONE = 6
"""Samples of which a whole batch is made, where there are more than could all be tried."""
N_ORDERS = 2
FEWEST_LOSSES = 2 * N_LOSSES
"""Evaluations without which nothing is found."""


def rerun(
    box: BlackBox,
    call: Callable[[], Mapping[str, Any]],
    reach: Reach,
    names: list[str],
    *,
    seed: int,
    n_samples: int | None,
    seconds: float,
) -> tuple[Diagnosis, ...]:
    """Return what other data tell about a gradient that is wrong.

    Parameters
    ----------
    box : BlackBox
        The loss.
    call : callable
        Calls the user's gradient function, and returns what it gives by name.
    reach : Reach
        What both reach, taken now: all of it is put back at the end, whatever happens.
    names : list of str
        The tensors that are wrong and not explained.
    seed : int
        Seed of what is drawn.
    n_samples : int or None
        The size of the batch, where it is known.
    seconds : float
        After so long no further question is asked.

    Notes
    -----
    Samples are found by the loss: an axis along which all data can be put in another order with
    the same loss is theirs. Some thirty evaluations of the loss and a dozen of the gradient where
    nothing is found, in data of many samples.
    """
    if FEWEST_LOSSES * box.seconds > seconds:
        return ()
    try:
        trial = Trial(box, call, names, seconds)
        slopes = Slopes(box, names, seed)
        if not trial.is_sound or slopes.are_of(trial.gradient) is not False:
            return ()
        rng = np.random.default_rng([seed, 29])
        for samples in candidates(reach.kept, n_samples):
            orders = _orders(samples.n, rng)
            if trial.is_late or not all(_same_loss(trial, samples, order) for order in orders):
                continue
            found = next(_about_samples(trial, slopes, samples, orders), None)
            if found is not None:
                said = f"{found.message} (samples: {samples.where(reach.name_of)})"
                return (replace(found, message=said),)
        penalty = about_penalty(trial, slopes, reach)
        return () if penalty is None else (penalty,)
    finally:
        reach.restore_all()


def _orders(n: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Return orders in which samples are put; the first reverses them."""
    orders = [np.arange(n)[::-1].copy()]
    while len(orders) < N_ORDERS and n > 2:
        order = rng.permutation(n)
        if np.any(order != np.arange(n)):
            orders.append(order)
    return orders


def _same_loss(trial: Trial, samples: Samples, order: NDArray[np.int64]) -> bool:
    with samples.taken(order):
        return trial.has_same_loss()


def _about_samples(
    trial: Trial, slopes: Slopes, samples: Samples, orders: list[NDArray[np.int64]]
) -> Iterator[Diagnosis]:
    """Yield what is wrong with how samples enter the gradient, the most specific first."""
    yield from _only(trial, samples)
    yield from _dropped(trial, samples)
    yield from _ordered(trial, samples, orders)
    yield from _combined(trial, slopes, samples)


def _only(trial: Trial, samples: Samples) -> Iterator[Diagnosis]:
    """Yield that the gradient does not change with all samples but one, and does with that."""
    for i in (samples.n - 1, 0):
        with samples.taken(np.full(samples.n, i)):
            if trial.has_same_loss() or not trial.has_same_gradient():
                continue
        with samples.taken(_without(i, samples.n)):
            if trial.gradient_differs() is not True:
                continue
        message = (
            f"{_listed(trial)}: the gradient is the same if sample {i} stands in the place of all "
            f"{samples.n}, though the loss is not: it comes from sample {i} alone; look for = "
            "where += is meant in a loop over samples"
        )
        yield _said("only-sample", trial, message, float(i))


def _dropped(trial: Trial, samples: Samples) -> Iterator[Diagnosis]:
    """Yield that the gradient does not change with some of the samples, and does with others."""
    n = samples.n
    half = MOST_CALLS // 2
    tried = list(range(n) if n <= MOST_CALLS else [*range(half), *range(n - half, n)])
    dropped: list[int] = []
    n_entering = 0
    for i in tried:
        if trial.is_late:
            return
        with samples.taken(_without(i, n)):
            if trial.has_same_loss():
                continue
            if trial.has_same_gradient():
                dropped.append(i)
            else:
                n_entering += 1
    if not dropped or not n_entering:
        return
    which, of = _numbered(dropped), "" if len(tried) == n else f" of the {len(tried)} tried"
    verb = "does" if len(dropped) == 1 else "do"
    message = (
        f"{_listed(trial)}: the gradient is the same if another sample stands in the place of one, "
        f"though the loss is not: {which}{of} {verb} not enter it; look at where the loop over "
        "samples, or the slice, begins and ends"
    )
    yield _said("sample-dropped", trial, message, float(dropped[0]) if len(dropped) == 1 else None)


def _without(i: int, n: int) -> NDArray[np.int64]:
    """Return an order in which another sample stands in the place of one."""
    order = np.arange(n)
    order[i] = (i + max(n // 2, 1)) % n
    return order


def _ordered(
    trial: Trial, samples: Samples, orders: list[NDArray[np.int64]]
) -> Iterator[Diagnosis]:
    """Yield that the gradient depends on the order of the samples."""
    for order in orders:
        with samples.taken(order):
            if trial.gradient_differs() is not True:
                continue
        message = (
            f"{_listed(trial)}: with the {samples.n} samples in another order the loss is the "
            "same, but the gradient is another one: it takes something of one sample for that of "
            "another, such as labels or a mask in another order, or it does not treat all alike"
        )
        yield _said("order-of-samples", trial, message)


def _combined(trial: Trial, slopes: Slopes, samples: Samples) -> Iterator[Diagnosis]:
    """Yield that the gradient is right where all samples are the same one."""
    right: list[int] = []
    wrong: list[int] = []
    n = samples.n
    for i in range(n) if n <= MOST_CALLS else np.linspace(0, n - 1, N_ALONE, dtype=int).tolist():
        if trial.is_late:
            return
        with samples.taken(np.full(samples.n, i)):
            gradient = None if trial.has_same_loss() else trial.called()
            verdict = None if gradient is None else slopes.are_of(gradient)
        (right if verdict else wrong if verdict is False else []).append(i)
    if not right:
        return
    if not wrong:
        tried = "any one" if len(right) == n else f"{_any(right)}, all that were tried,"
        message = (
            f"{_listed(trial)}: the gradient is right if {tried} stands in the place of all {n} "
            "samples, so that the mistake shows only where samples differ: look at how they are "
            "told apart and put together"
        )
        yield _said("combining-samples", trial, message)
        return
    message = (
        f"{_listed(trial)}: the gradient is wrong if {_any(wrong)} stands in the place of all {n} "
        f"samples, and right with {_any(right)}: something that only some samples meet is wrong, "
        "such as a label, a branch, a mask or padding"
    )
    yield _said("some-samples", trial, message)


def _numbered(places: list[int]) -> str:
    names = listing([str(i) for i in places], MOST_CALLS)
    return f"sample{'s' if len(places) > 1 else ''} {names}"


def _any(places: list[int]) -> str:
    return f"{'any of ' if len(places) > 1 else ''}{_numbered(places)}"


def _listed(trial: Trial) -> str:
    return listing(trial.names, MOST_NAMES)


def _said(kind: str, trial: Trial, message: str, constant: float | None = None) -> Diagnosis:
    one = trial.names[0] if len(trial.names) == 1 else None
    return Diagnosis(kind, one, constant, message, tuple(trial.names), is_exact=False)
