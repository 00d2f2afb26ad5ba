"""What a user waits for: ``python benchmarks/cold.py [--json FILE]``, each line a fresh process.

``import fastcheck``, the first check ever (no compiled kernel on disk), a check once kernels are
on disk, and the whole main job. The time of a check is that of ``check_gradients`` alone; beside it
stands the time of the whole process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the checkout is measured

from benchmarks.timing import duration, machine, table, write_json

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("h5py", "joblib", "llvmlite", "numba", "numpy")
LIMITS = {"import": 0.4, "first check": 5.0, "warm run": 2.0}
"""Seconds: of the import, of the first check ever, of a whole process of the main job."""

IMPORT = f"""
from time import perf_counter
start = perf_counter()
import fastcheck
seconds = perf_counter() - start
import json, sys
loaded = [name for name in {HEAVY!r} if name in sys.modules]
print(json.dumps({{"seconds": seconds, "loaded": loaded, "modules": len(sys.modules)}}))
"""
CHECK = """
import json, sys
from time import perf_counter
import numpy as np
import fastcheck as fc
rng = np.random.default_rng(0)
x, y = rng.random((100, 784)) * (rng.random((100, 784)) < 0.2), rng.integers(0, 10, 100)
layers = [fc.Dense(784, 50), fc.ReLU(), fc.Dense(50, 10), fc.ReLU()]
net = fc.Network(layers, loss=fc.SoftmaxCrossEntropy(guard=1e-7))
objective, params = net.objective(x, y), net.init_params(scale=0.01)
grads = objective.gradient(params)
start = perf_counter()
result = fc.check_gradients(objective, params, grads, plan="exhaustive")
seconds = perf_counter() - start
from numba.core.dispatcher import Dispatcher
kernels = [k for name, m in sys.modules.items() if name.startswith("fastcheck.kernels.")
           for k in set(filter(lambda k: isinstance(k, Dispatcher), vars(m).values()))]
compiled = sum(sum(k.stats.cache_misses.values()) for k in kernels)
print(json.dumps({"seconds": seconds, "verdict": result.verdict, "compiled": compiled}))
"""
RUN = """
import json
from time import perf_counter
start = perf_counter()
from fastcheck.cli import main
try:
    status = main(["run"])
except SystemExit as end:
    status = end.code
print(json.dumps({"seconds": perf_counter() - start, "status": status or 0}))
"""


def fresh(code: str, cache: str) -> dict[str, Any]:
    """Return what `code` prints last, in a new process with its own cache of kernels."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": cache,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
    start = perf_counter()
    process = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    whole = perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"exit status {process.returncode}\n{process.stdout}{process.stderr}")
    found: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return found | {"process_seconds": whole}


def measured(repeats: int) -> dict[str, list[dict[str, Any]]]:
    """Return what each fresh process found."""
    found: dict[str, list[dict[str, Any]]] = {}
    with TemporaryDirectory() as warm:
        for _ in range(repeats):
            found.setdefault("import", []).append(fresh(IMPORT, warm))
            with TemporaryDirectory() as cold:
                found.setdefault("first check", []).append(fresh(CHECK, cold))
        fresh(CHECK, warm)
        fresh(RUN, warm)
        for _ in range(repeats):
            found.setdefault("warm check", []).append(fresh(CHECK, warm))
            found.setdefault("warm run", []).append(fresh(RUN, warm))
    return found


def main(argv: list[str] | None = None) -> int:
    """Measure, print a table, write JSON; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one process of each kind")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args(argv)
    found = measured(1 if options.quick else 5)
    print(cold_table(found))
    problems = wrong(found)
    for problem in problems:
        print(f"WRONG: {problem}", file=sys.stderr)
    write_json(options.json, {"machine": machine(), "processes": found, "failures": problems})
    return 1 if problems else 0


def wrong(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Return what is not as it must be, times apart."""
    problems = [
        f"`import fastcheck` loads {', '.join(one['loaded'])}"
        for one in found["import"]
        if one["loaded"]
    ]
    for name in ("first check", "warm check"):
        problems += [f"{name}: {o['verdict']}" for o in found[name] if o["verdict"] != "pass"]
    problems += [
        f"a warm check compiles {o['compiled']}" for o in found["warm check"] if o["compiled"]
    ]
    return problems + [f"warm run: status {o['status']}" for o in found["warm run"] if o["status"]]


def cold_table(found: dict[str, list[dict[str, Any]]]) -> str:
    """Return the medians as text; a missed limit has an exclamation mark."""
    rows = []
    for name, runs in found.items():
        seconds, whole = (
            median(run[key] for run in runs) for key in ("seconds", "process_seconds")
        )
        limit = LIMITS.get(name)
        counted = whole if name == "warm run" else seconds
        mark = "" if limit is None or counted <= limit else "!"
        shown = "" if limit is None else duration(limit) + mark
        note = f"{runs[0]['compiled']} compiled" if "compiled" in runs[0] else ""
        if "loaded" in runs[0]:
            note = f"loads {', '.join(runs[0]['loaded']) or 'nothing heavy'}"
        rows.append([name, duration(seconds), duration(whole), shown, note])
    return table(["fresh process", "itself", "whole process", "limit", ""], rows)


if __name__ == "__main__":
    raise SystemExit(main())
