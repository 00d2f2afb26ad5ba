"""What a check of a black box finds, and what it costs.

``python benchmarks/detection.py [NAME ...]``: for each network and function of
``tests/blackbox/zoo`` in float64, how many evaluations of the loss each right entry takes and what
is evaluated beside them; how many planted errors in single entries are named at their address, of
those that differences can show at all; and how much more a check costs when everything is wrong.
Nothing is timed: evaluations are counted. Exit status 1 if a right entry is named, if fewer than 98
in 100 errors of 1e-5 are found, or if a failing check costs more than three passing ones.
"""

from __future__ import annotations

import argparse
import math
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the checkout is measured

from benchmarks.timing import machine, one_blas_thread, table, write_json
from tests.blackbox.detection import Found, Resolvable, checked, entries, planted, spread
from tests.blackbox.zoo import MEMBERS, Member

ERRORS = (1e-2, 1e-5, 1e-6)
ENOUGH = 0.98
"""Share of the errors of 1e-5 that must be found."""
DEAREST = 3.0
"""How many times the evaluations of a passing check a failing one may take."""
HIDDEN = ("offset_that_hides_all",)
"""Members of which nothing can be found."""
ENTRIES = 60
"""Entries per network of which it is found out what differences can show."""


def main(argv: list[str] | None = None) -> int:
    """Measure, print a table, write JSON; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="some of the networks")
    parser.add_argument("--planted", type=int, default=24, help="errors per network and size")
    parser.add_argument("--rtol", type=float, default=1e-5, help="of the checks, which are strict")
    parser.add_argument("--seed", type=int, default=0, help="of the networks")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args(argv)
    known = {n: m for n, m in MEMBERS.items() if not m.single and n not in HIDDEN}
    warnings.simplefilter("ignore")  # of losses outside their domain
    with one_blas_thread():
        found = [
            measured(known[name], options.seed, options.planted, options.rtol)
            for name in options.names or known
        ]
    print(as_table(found))
    print(summary(found))
    write_json(options.json, {"machine": machine(), "rtol": options.rtol, "networks": found})
    return 0 if is_good(found) else 1


def measured(member: Member, seed: int, n_planted: int, rtol: float) -> dict[str, Any]:
    """Return the figures of one network."""
    net = member.make(seed)
    places = entries(net)
    right, loss = checked(net, net.grads, strict=True, rtol=rtol)
    possible = Resolvable.of(net, ENTRIES)
    outcome = {
        error: planted(net, spread(possible.at(error), n_planted), error, rtol=min(rtol, error))
        for error in ERRORS
    }
    return {
        "name": member.name,
        "n_entries": len(places),
        "verdict": right.verdict,
        "evaluations": loss.n_calls,
        "per_entry": loss.per_entry(places),
        "beside": loss.n_calls - 2 * len(places),
        "planted": {f"{e:.0e}": f.planted for e, f in outcome.items()},
        "found": {f"{e:.0e}": f.found for e, f in outcome.items()},
        "false": sum(f.false for f in outcome.values()),
        "failing": dearest(member, seed, rtol) / loss.n_calls,
    }


def dearest(member: Member, seed: int, rtol: float) -> int:
    """Return the most evaluations of a check in which everything is wrong."""
    net, rng = member.make(seed), np.random.default_rng(1)
    right = {name: np.asarray(g) for name, g in net.grads.items()}
    wrong = (
        {name: 2 * g for name, g in right.items()},
        {name: -g for name, g in right.items()},
        {name: 0 * g for name, g in right.items()},
        {n: (np.abs(g).max() + 1e-9) * rng.standard_normal(g.shape) for n, g in right.items()},
    )
    return max(checked(net, grads, strict=True, rtol=rtol)[1].n_calls for grads in wrong)


def totals(found: list[dict[str, Any]]) -> dict[str, Found]:
    """Return the sums over all networks, by size of the error."""
    keys = [f"{error:.0e}" for error in ERRORS]
    return {
        key: Found(*(sum(one[what][key] for one in found) for what in ("planted", "found")))
        for key in keys
    }


def is_good(found: list[dict[str, Any]]) -> bool:
    """Return whether what is promised holds."""
    total = totals(found)["1e-05"]
    return (
        not any(one["false"] for one in found)
        and total.found >= ENOUGH * total.planted
        and all(one["failing"] <= DEAREST for one in found)
    )


def as_table(found: list[dict[str, Any]]) -> str:
    """Return the figures as text."""
    head = ["network", "entries", "verdict", "per entry", "beside",
            *(f"found {error:.0e}" for error in ERRORS), "failing"]  # fmt: skip
    rows = [
        [
            one["name"], str(one["n_entries"]), one["verdict"],
            "" if math.isnan(one["per_entry"]) else f"{one['per_entry']:.2f}", str(one["beside"]),
            *(f"{one['found'][key]}/{one['planted'][key]}" for key in one["planted"]),
            f"{one['failing']:.2f}",
        ]
        for one in found
    ]  # fmt: skip
    return table(head, rows)


def summary(found: list[dict[str, Any]]) -> str:
    """Return the sums, in sentences."""
    lines = [
        f"errors of {key}: {total.found} of {total.planted} found"
        + (f", {total.found / total.planted:.2%}" if total.planted else "")
        for key, total in totals(found).items()
    ]
    weights = [one["n_entries"] for one in found if not math.isnan(one["per_entry"])]
    costs = [one["per_entry"] for one in found if not math.isnan(one["per_entry"])]
    if weights:
        lines.append(
            f"evaluations per right entry: median {np.median(costs):.2f}, mean over all entries "
            f"{np.average(costs, weights=weights):.2f}"
        )
    lines.append(f"right entries that were named: {sum(one['false'] for one in found)}")
    lines.append(
        f"a failing check costs at most {max(o['failing'] for o in found):.2f} passing ones"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
