"""What a result does not keep of every entry: the analytic gradient and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.check.checking import Check

__all__ = ["entry_arrays"]


def entry_arrays(check: Check, *, rtol: float = 1e-5) -> dict[str, dict[str, NDArray[Any]]]:
    """Return the analytic gradient and the verdicts on its entries, by kind and tensor.

    Parameters
    ----------
    check : Check
        The check, still open.
    rtol : float
        With which it was made.

    Returns
    -------
    dict of str to dict of str to ndarray
        ``"analytic"``, float64, and ``"verdicts"``, uint8, indices into
        `fastcheck.judge.VERDICTS`: 0 unchecked, 1 agree, 2 close, 3 disagree, 4 at a kink, 5
        unresolved. They add up to the counts of the tensors. A tensor of which nothing was judged
        is left out.
    """
    run = check.run
    judged = [name for name, tensor in check.result.tensors.items() if tensor.n_checked]
    found: dict[str, dict[str, NDArray[Any]]] = {"analytic": {}, "verdicts": {}}
    for name in judged:
        if name not in check.analytic or name not in run.numerical.tensors:
            continue
        found["analytic"][name] = check.analytic[name].astype(np.float64)
        found["verdicts"][name] = run.judgement(name, check.analytic[name], rtol).codes
    return found
