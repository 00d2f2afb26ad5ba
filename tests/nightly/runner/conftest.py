"""Suites of a file of a user, in which every kind of misfortune happens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from fastcheck.nightly.beginning import MemoryParts, new_run
from fastcheck.nightly.records import Run
from fastcheck.nightly.runner import run_suite
from fastcheck.nightly.suite import read_suite

NET = """
    import os, sys, threading, time
    import numpy as np
    import fastcheck as fc

    def right(seed=0, factor=1.0, width=4):
        net = fc.Network([fc.Dense(3, width), fc.Tanh(), fc.Dense(width, 2)], fc.SquaredError())
        params = net.init_params(seed=seed, biases="random")
        objective = net.objective(np.eye(3), np.ones((3, 2)))
        grads = objective.gradient(params)
        return objective, params, {n: factor * g for n, g in grads.items()}

    def on_batch(batch, seed):
        net = fc.Network([fc.Dense(batch.x.shape[1], 10)], fc.SoftmaxCrossEntropy())
        params = net.init_params(seed=seed)
        objective = net.objective(batch)
        return objective, params, objective.gradient(params)

    def sleeps(seconds=1.0):
        time.sleep(seconds)
        return right()

    def slow(seconds=0.01, n=2000):
        w = np.linspace(1.0, 2.0, n)
        def loss():
            time.sleep(seconds)
            return float(np.sin(w).sum())
        return loss, {"w": w}, {"w": np.cos(w)}, {"engine": "black box"}

    def draws():
        net = fc.Network([fc.Dense(3, 2)], fc.SquaredError())
        params = {n: np.random.normal(size=v.shape) for n, v in net.init_params().items()}
        objective = net.objective(np.eye(3), np.ones((3, 2)))
        return objective, params, objective.gradient(params)

    def raises(): raise ZeroDivisionError("of mine")
    def raises_later():
        def loss(): raise KeyError("in the loss")
        return loss, {"w": np.ones(2)}, {"w": np.ones(2)}
    def hangs():
        print("about to hang", flush=True)
        time.sleep(1000)
    def chats():
        while True:
            print(".", end="", flush=True)
            time.sleep(0.03)
    def quits():
        print("last words", flush=True)
        os._exit(0)
    def leaves(): sys.exit(3)
    def eats():
        kept = []
        while True: kept.append(np.ones(10_000_000))
    def falls():
        import ctypes
        ctypes.string_at(0)
    def leaves_a_thread():
        threading.Thread(target=time.sleep, args=(1000,)).start()
        return right()
    def leaves_a_process():
        import subprocess
        child = subprocess.Popen(["sleep", "1000"])
        open("child", "w").write(str(child.pid))
        return right()
    def escapes(how, hangs=True):
        import subprocess
        started = {
            "group": "sleep 1000 & echo $! > new",
            "session": "setsid sh -c 'echo $$ > new; exec sleep 1000' &",
            "orphan": "(setsid sh -c 'echo $$ > new; exec sleep 1000' &) &",
        }[how]
        subprocess.run(["sh", "-c", started], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not os.path.exists("new") or not os.path.getsize("new"): time.sleep(0.01)
        os.rename("new", "escaped")
        if hangs: time.sleep(1000)
        return right()
    def is_stubborn():
        while True:
            try: time.sleep(1000)
            except KeyboardInterrupt: pass
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ``net.py``."""
    path = tmp_path_factory.mktemp("suite")
    (path / "net.py").write_text(dedent(NET), encoding="utf-8")
    return path


RunText = Callable[..., Run]


@pytest.fixture(scope="module")
def run_text(folder: Path) -> RunText:
    """Return a function that runs the suite of a text."""

    def run(text: str, **options: object) -> Run:
        (folder / "night.toml").write_text(dedent(text), encoding="utf-8")
        suite = read_suite(folder / "night.toml")
        known = {k: v for k, v in options.items() if k in ("only", "budget", "jobs")}
        parts = MemoryParts(new_run(suite, **known))
        return run_suite(suite, parts, **options)  # type: ignore[arg-type]

    return run
