"""What is said about a check beside its verdicts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph.route import find_route
from fastcheck.params import did_you_mean
from fastcheck.result import Entry, Finding
from fastcheck.result.wording import count, listing, quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.blackbox import BlackBox
    from fastcheck.derivatives import Derivatives
    from fastcheck.graph.state import State
    from fastcheck.holding import Aliases
    from fastcheck.result import Audit, SpotCheck, TensorResult

MOST_NAMES = 10
LOSS_RTOL = 1e-10
"""How far the user's loss may be from the objective's, relative: far above rounding in float64,
far below any mistake."""
LOSS_ROUNDINGS = 1000.0
"""The same in unit roundoffs, where the user computes with fewer digits."""
SLIGHTLY = 1e-4
"""Relative deviation of a loss below which it says more than a ratio."""


def unused_gradients(
    keys: Sequence[str], known: Sequence[str] = (), optional: Sequence[str] = ()
) -> list[Finding]:
    """Return a note about entries of `grads` that belong to no tensor.

    `known` are the names of all tensors, `optional` those of intermediate values.
    """
    if not keys:
        return []
    message = f"`grads` has entries that belong to no parameter and are ignored: {', '.join(keys)}"
    if optional:
        named = listing(list(optional), MOST_NAMES)
        message += f"; named intermediate values are {named}{did_you_mean(keys, known)}"
    return [Finding("unused-gradient", "note", None, message)]


def about_loss(loss: float, given: float | None, unit: float = 0.0) -> list[Finding]:
    """Return findings about the loss at the point, and about the user's value of it.

    `unit` is the unit roundoff with which the user computes.
    """
    if not math.isfinite(loss):
        message = (
            f"the loss is {loss} at this point, so there is no gradient to compare; look for "
            "overflow or a logarithm of zero in the forward pass"
        )
        return [Finding("loss-not-finite", "error", None, message)]
    if given is None:
        return []
    scale = max(abs(given), abs(loss), 1e-300)
    off = abs(given - loss) / scale
    if off <= max(LOSS_RTOL, LOSS_ROUNDINGS * unit):
        return []
    ratio = f", {given / loss:.6g} times" if loss else ""
    if off < SLIGHTLY:
        ratio = f", which is {off:.1e} of it off"
    message = (
        f"your loss is {given!r}, that of the objective {loss!r}{ratio}: the forward pass differs, "
        "so gradients of two different functions are compared; make the losses equal first"
    )
    return [Finding("forward-mismatch", "error", None, message)]


def about_audits(audits: Sequence[Audit]) -> list[Finding]:
    """Return a finding for each tensor whose audit failed."""
    return [
        Finding(
            "audit-failed",
            "error",
            audit.tensor,
            f"{audit.tensor}: the numerical gradient gives {audit.predicted:.9g} along a random "
            f"direction, two plainly subtracted losses give {audit.measured:.9g} ± "
            f"{audit.tolerance:.1e}; the numerical gradient cannot be trusted: if you added an "
            "operation, look at its difference and batch methods, else report the network",
        )
        for audit in audits
        if not audit.passed
    ]


def about_spots(spots: Sequence[SpotCheck]) -> list[Finding]:
    """Return a finding for each tensor whose spot check failed."""
    return [
        Finding(
            "spot-check-failed",
            "error",
            spot.tensor,
            f"{spot.tensor}: probing single entries gives values {spot.worst_deviation:.3g} times "
            'their bound away from those of the units plan; use plan="exhaustive" and report it',
        )
        for spot in spots
        if not spot.passed
    ]


def about_diagnosis(failures: Sequence[Exception]) -> list[Finding]:
    """Return a warning for each exception in the search for a cause."""
    return [
        Finding(
            "diagnosis-failed",
            "warning",
            None,
            f"the search for a cause ended with {type(error).__name__}: {error}; the verdict and "
            "all numbers stand, but report the network: that is a mistake of fastcheck, not yours",
        )
        for error in failures
    ]


def about_reach(state: State, names: Sequence[str]) -> list[Finding]:
    """Return a warning for each parameter on which the loss does not depend."""
    return [
        Finding(
            "unused-parameter",
            "warning",
            name,
            f"{name}: the loss does not depend on this parameter; if it should, perhaps a copy was "
            "passed, else leave it out with skip=",
        )
        for name in names
        if not find_route(state.graph.tensor(name)).nodes
    ]


def about_influence(tensors: Mapping[str, Derivatives], is_closure: bool) -> list[Finding]:
    """Return a warning for each tensor of which no probe changed the loss."""
    remedy = (
        "if it should, perhaps the loss reads another array, of which this is a copy: pass the "
        "very arrays that it reads"
        if is_closure
        else "if it should, use it in the forward pass"
    )
    return [
        Finding(
            "unused-parameter",
            "warning",
            name,
            f"{name}: no probe of it changes the loss; {remedy}, or leave it out with skip=",
        )
        for name, found in tensors.items()
        if found.known.any() and not found.plus[found.known].any()
        and not found.minus[found.known].any()
    ]  # fmt: skip


def about_domain(box: BlackBox, tensors: Mapping[str, Derivatives]) -> list[Finding]:
    """Return a finding about probes that the loss could not evaluate."""
    problem = box.problem
    if problem is None:
        return []
    index = np.unravel_index(problem.place, box.shapes[problem.name])
    entry = Entry(problem.name, tuple(int(i) for i in index), 0.0, 0.0, 0.0, "unresolved")
    lost = sum(int((t.known & ~np.isfinite(t.values)).sum()) for t in tensors.values())
    others = f", and at {box.n_outside - 1} other probes" if box.n_outside > 1 else ""
    outcome = (
        f"{quantity(lost, 'entry has', 'entries have')} no derivative for that: move the "
        "parameters away from the edge of what the loss can evaluate"
        if lost
        else "smaller steps or one side did for all entries"
    )
    message = (
        f"the loss {problem.text} with {entry.address} moved by {problem.step:.1e}{others}; "
        f"{outcome}"
    )
    return [Finding("domain-exit", "warning" if lost else "note", problem.name, message)]


def about_zeros(
    tensors: Mapping[str, Derivatives], bounds: Mapping[str, NDArray[np.float64]]
) -> list[Finding]:
    """Return a note for each tensor whose derivatives are zero as far as can be measured."""
    found = []
    for name, tensor in tensors.items():
        known = tensor.known
        size = np.abs(tensor.values[known])
        if size.any() and (size <= bounds[name][known]).all():
            most = bounds[name][known].max()
            message = (
                f"{name}: no derivative is larger than its error, at most {most:.0e}, so that "
                "nothing can be compared; a bias before a normalisation, for example, has no "
                "effect: leave it out with skip="
            )
            found.append(Finding("zero-gradient", "note", name, message))
    return found


def about_aliases(aliases: Aliases, group: Sequence[str], are_totals: bool) -> Finding:
    """Return a warning about parameters that share memory."""
    tensor = group[0] if len(group) == 1 else None
    return Finding("aliased", "warning", tensor, aliases.message(group, are_totals))


def about_copies(box: BlackBox) -> list[Finding]:
    """Return a note for each group of parameters that share memory where their copies do not."""
    if box.is_closure:
        return []
    return [
        Finding(
            "aliased",
            "note",
            None,
            f"{listing(group, MOST_NAMES)} share memory in `params`, but the loss was given a copy "
            "of each, so that they are independent here: each gradient is that of its own place; "
            "to have them tied, pass a loss without arguments that reads the arrays themselves",
        )
        for group in box.held.shared()
        if len(group) > 1
    ]


def about_stairs(stairs: float, loss: float) -> Finding:
    """Return a warning about a loss that moves in steps."""
    digits = -math.log10(stairs)
    n = round(digits)
    cause = (
        f"as if rounded to {quantity(n, 'digit', 'digits')} after the point: return it as it was "
        "computed, and round where it is printed"
        if n > 0 and abs(digits - n) < 1e-9
        else "as counts and coarse types do: check the loss that is differentiated, not an "
        "accuracy, and convert it to float64 before anything is rounded"
    )
    message = (
        f"the loss is {loss:.6g} and moves in steps of {stairs:.3g}, {cause}; until then probes "
        "have to be wide and few entries are resolved"
    )
    return Finding("rounded-loss", "warning", None, message)


def about_coupling(state: State, names: Sequence[str]) -> list[Finding]:
    """Return a note where samples meet because targets do not say which axis counts them."""
    for name in names:
        route = find_route(state.graph.tensor(name))
        for node in route.before if route.coupled else ():
            undeclared = [i for i in node.inputs if i.op is None and i.batch_axis is None]
            if node.mixes and any(i.index in state.graph.constants for i in undeclared):
                message = (
                    f"samples meet at {node.label()}, because an array there does not say which "
                    "axis counts samples, so that probes carry the whole batch and take longer; "
                    "declare it with graph.data(..., batch_axis=...)"
                )
                return [Finding("undeclared-batch-axis", "note", None, message)]
    return []


def about_close(tensors: Mapping[str, TensorResult]) -> list[Finding]:
    """Return a warning for each tensor that is off nearly everywhere, though by little."""
    return [
        Finding(
            "mostly-close",
            "warning",
            name,
            f"{name}: {count(tensor.n_close)} of {count(tensor.n_checked)} entries are measurably "
            "off, though by less than rtol; usual causes are float32 somewhere in your code, a "
            "guard in the loss that the backward pass leaves out, or an added operation whose rule "
            "subtracts",
        )
        for name, tensor in tensors.items()
        if not tensor.n_disagree + tensor.n_accepted and 2 * tensor.n_close > tensor.n_checked > 0
    ]


def about_kinks(tensors: Mapping[str, TensorResult]) -> list[Finding]:
    """Return a note for each tensor with entries at a kink."""
    return [
        Finding(
            "kink",
            "note",
            name,
            f"{name}: {quantity(tensor.n_kink, 'entry lies', 'entries lie')} at a kink, or nearer "
            "to one than a step, where one-sided slopes differ; jitter=1e-3 moves the parameters a "
            "little (biases that are exactly zero are a usual cause)",
        )
        for name, tensor in tensors.items()
        if tensor.n_kink
    ]
