"""What is said about a check beside its verdicts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastcheck.result import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcheck.plan import Numerical
    from fastcheck.result import Audit, SpotCheck

LOSS_RTOL = 1e-10
"""How far the user's loss may be from the objective's, relative: far above rounding in float64,
far below any mistake."""


def unused_gradients(keys: Sequence[str]) -> list[Finding]:
    """Return a note about entries of `grads` that belong to no parameter."""
    if not keys:
        return []
    message = f"`grads` has entries that belong to no parameter and are ignored: {', '.join(keys)}"
    return [Finding("unused-gradient", "note", None, message)]


def about_loss(loss: float, given: float | None) -> list[Finding]:
    """Return findings about the loss at the point, and about the user's value of it."""
    if not math.isfinite(loss):
        message = (
            f"the loss is {loss} at this point, so there is no gradient to compare; look for "
            "overflow or a logarithm of zero in the forward pass"
        )
        return [Finding("loss-not-finite", "error", None, message)]
    if given is None or abs(given - loss) <= LOSS_RTOL * max(abs(given), abs(loss), 1e-300):
        return []
    ratio = f", {given / loss:.6g} times" if loss else ""
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
            f"{audit.tolerance:.1e}; do not trust this check and report it with the network",
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


def about_kinks(numerical: Numerical) -> list[Finding]:
    """Return notes about probes that crossed a kink and about entries that lie at one."""
    found = []
    for name, tensor in numerical.tensors.items():
        n_kinks = int(tensor.kink.sum())
        if n_kinks:
            message = (
                f"{name}: {n_kinks} entries lie exactly at a kink, where one-sided slopes differ; "
                "move the parameters a little (biases that are exactly zero are a usual cause)"
            )
            found.append(Finding("kink", "note", name, message))
    return found
