"""Whether a step that the user gave is small enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.result import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastcheck.blackbox.truncation import Truncation
    from fastcheck.derivatives import Derivatives

FAR = 10.0
"""How much larger than `rtol` a truncation error may be before it is told."""


def about_step(
    step: float, found: Mapping[str, Truncation], shapes: Mapping[str, tuple[int, ...]], rtol: float
) -> list[Finding]:
    """Return a warning if a step makes errors far above the tolerance, with the worst entry."""
    large = {name: t for name, t in found.items() if t.relative > FAR * rtol}
    if not large:
        return []
    name, worst = max(large.items(), key=lambda item: item[1].relative)
    place = ", ".join(map(str, np.unravel_index(worst.place, shapes[name])))
    address = f"{name}[{place}]" if place else name
    message = (
        f"step={step:g} is too large: with it the derivative of {address} is {worst.wide:.5g}, "
        f"with {worst.chosen:.0e} it is {worst.value:.5g}, which is {_share(worst.relative)} off "
        f"where rtol={rtol:g} is asked for; leave step= out"
    )
    return [Finding("step-too-large", "warning", None, message)]


def about_steps_of_graph(
    step: float, tensors: Mapping[str, Derivatives], rtol: float
) -> list[Finding]:
    """Return the same for a graph, whose truncation was estimated."""
    large = {}
    for name, found in tensors.items():
        values = found.values[np.isfinite(found.values)]
        rms = float(np.sqrt(np.mean(np.square(values)))) if values.size else 0.0
        if found.truncation > FAR * rtol * rms > 0.0:
            large[name] = found.truncation / rms
    if not large:
        return []
    name, share = max(large.items(), key=lambda item: item[1])
    message = (
        f"step={step:g} is too large: with it the derivatives of {name} are wrong by up to "
        f"{_share(share)} of their rms where rtol={rtol:g} is asked for; leave step= out"
    )
    return [Finding("step-too-large", "warning", None, message)]


def _share(relative: float) -> str:
    percent = 100.0 * relative
    return f"{percent:.2g} %" if percent < 1000.0 else f"{relative:.2g} times"
