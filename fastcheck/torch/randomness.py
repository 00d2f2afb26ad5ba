"""Random numbers of torch, as the reason why two calls differ."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcheck.result import CheckResult

KINDS = {"loss-not-repeatable", "gradient-not-repeatable"}
REMEDY = (
    "it draws from torch's generator, as dropout does in training; call eval() of the module, or "
    "draw the same with before_each=lambda: torch.manual_seed(0)"
)


def explained(result: CheckResult, call: Callable[[], Any]) -> CheckResult:
    """Return a result that names torch's generator where calls differ because of it.

    Parameters
    ----------
    result : CheckResult
        Of a check of `call`.
    call : callable
        Called once, if two calls differed.
    """
    if not any(f.kind in KINDS for f in result.findings) or not _draws(call):
        return result
    findings = [
        replace(f, message=f"{f.message.partition(': it ')[0]}: {REMEDY}") if f.kind in KINDS else f
        for f in result.findings
    ]
    return replace(result, findings=tuple(findings))


def _draws(call: Callable[[], Any]) -> bool:
    import torch

    before = torch.get_rng_state()
    try:
        call()
        return not torch.equal(torch.get_rng_state(), before)
    finally:
        torch.set_rng_state(before)
