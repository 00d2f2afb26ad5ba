"""What a plan that does not perturb every entry says about those that it leaves out."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.result.wording import listing, quantity
from fastcheck.sampling import CONFIDENCE, most_missed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.result import TensorResult
    from fastcheck.sampling import Sample

COVERED = {1: ("", "entry", "row and column", "index along every axis"),
           2: ("", "entry", "row and column", "pair of indices along any two axes")}  # fmt: skip
"""Of what each one occurs in a sample, by its strength and the number of axes, at most 3."""


def with_guarantee(tensor: TensorResult, sample: Sample) -> TensorResult:
    """Return a tensor with what its sample rules out, if all entries are right or accepted.

    Entries that were not resolved count as not drawn.
    """
    if sample.is_whole or tensor.n_disagree > tensor.n_accepted or not tensor.n_checked:
        return tensor
    n_axes = min(3, sum(length > 1 for length in tensor.shape))
    covered = COVERED[sample.strength][n_axes] if sample.strength else ""
    drawn = _n_useful(tensor, sample)
    missable = most_missed([(sample.n_left, drawn)]) / sample.size if drawn > 0 else math.nan
    return replace(tensor, missable=missable, covered=covered)


def _n_useful(tensor: TensorResult, sample: Sample) -> int:
    return max(0, sample.n_uniform - tensor.n_unresolved - tensor.n_kink)


def sample_statement(tensors: Sequence[TensorResult], samples: Mapping[str, Sample]) -> str:
    """Return what the samples rule out, in a sentence."""
    clear = [t for t in tensors if math.isfinite(t.missable)]
    parts = []
    if clear:
        strata = [(samples[t.name].n_left, _n_useful(t, samples[t.name])) for t in clear]
        worst = sorted(clear, key=lambda t: -t.missable)
        shares = [f"{_percent(t.missable)} of {t.name}" for t in worst]
        text = f"if more than {listing(shares).replace(' and ', ' or ')}"
        if len(clear) > 1:
            n = sum(samples[t.name].size for t in clear)
            text += f", or {_percent(most_missed(strata) / n)} of these together"
        parts.append(f"{text} were wrong, this would have been found with probability {CONFIDENCE}")
    by_kind: defaultdict[str, list[str]] = defaultdict(list)
    for t in tensors:
        if t.covered:
            by_kind[t.covered].append(t.name)
    parts += [f"each {kind} of {listing(names)} holds a checked entry"
              for kind, names in by_kind.items()]  # fmt: skip
    return "; ".join(parts)


def _percent(share: float) -> str:
    """Return a share in percent, rounded up, so that what is stated holds."""
    if share <= 0.0:
        return "0 %"
    unit = 10.0 ** (math.floor(math.log10(share)) - 1)
    return f"{100.0 * math.ceil(share / unit * (1.0 - 1e-9)) * unit:.2g} %"


def directions_statement(n_probes: int) -> str:
    """Return how a gradient was compared along directions."""
    what = quantity(n_probes, "directional derivative")
    return f"compared in {what} ({quantity(2 * n_probes, 'evaluation')})"


def power_statement(visible: float, analytic: Iterable[NDArray[np.float64]]) -> str:
    """Return what error can be seen along directions, said before it is looked for."""
    finite = [g[np.isfinite(g)] for g in analytic]
    n = sum(g.size for g in finite)
    typical = math.sqrt(sum(float(np.vdot(g, g)) for g in finite) / n) if n else 0.0
    share = f" ({visible / typical:.0e} of the typical gradient)" if typical else ""
    return f"; a single wrong entry above about {visible:.0e}{share} can be seen"
