"""Peak memory of one whole check: ``python benchmarks/memory.py CASE``, a process of its own.

Prints one line of JSON.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the checkout is measured, installed or not


def peak_bytes() -> int:
    """Return the largest resident memory of this process so far.

    ``getrusage`` also counts what the parent had when it started this process, so that the
    process's own high-water mark is preferred where the system has one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def in_new_process(case: str) -> dict[str, Any]:
    """Return what this script prints for `case`."""
    process = subprocess.run(
        [sys.executable, __file__, case], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(process.stdout)
    return found


def main(argv: list[str] | None = None) -> int:
    """Check one case and print its peak memory and its spot checks."""
    import fastcheck as fc
    from benchmarks.cases import CASES

    (name,) = sys.argv[1:] if argv is None else argv
    case = CASES[name]()
    grads = case.objective.gradient(case.params)
    result = fc.check_gradients(case.objective, case.params, grads, plan=case.plan)
    spots = {spot.tensor: spot.n_checked for spot in result.spot_checks}
    found = {
        "case": name,
        "n_params": case.n_params,
        "peak_bytes": peak_bytes(),
        "verdict": result.verdict,
        "spot_checks": spots,
        "spot_checks_passed": all(spot.passed for spot in result.spot_checks),
    }
    print(json.dumps(found))
    return 0 if result.passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
