"""Checks in JAX: differences of compiled losses, and jax.test_util.check_grads."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp
from jax.test_util import check_grads

from benchmarks.peers.dialects import Dialect
from benchmarks.peers.peer import Peer
from benchmarks.peers.rules import close

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.peers.peer import Arrays, Entries
    from benchmarks.peers.problem import Problem

    Floats = NDArray[np.float64]

JAX = Dialect(
    jax.nn.relu, jnp.tanh, jax.nn.sigmoid, jnp.log, jax.nn.softmax, jax.nn.log_softmax
)  # along the last axis by default
STEP = 1e-4
RULE = close(1e-5, 1e-5)
"""Step and tolerance of check_grads for float64, for want of others."""
BATCHES = (4, 16, 64)
"""How many entries may be moved at once; the fastest is taken."""


class Compiled(Peer):
    """The loss, compiled by JAX."""

    dtype: type = np.float64

    def __init__(self, problem: Problem, entries: Entries | None = None) -> None:
        super().__init__(problem, entries)
        with jax.enable_x64(True):
            floats = [problem.x.astype(self.dtype), problem.y, problem.rows]
            self.data = [jnp.asarray(v) for v in floats]
            self.params = {n: jnp.asarray(v, self.dtype) for n, v in problem.params.items()}
            self.loss = jax.jit(lambda p, data: self.problem.net.loss(JAX, p, *data))

    def value(self) -> float:
        """Return the loss in JAX."""
        with jax.enable_x64(True):
            return float(self.loss(self.params, self.data))

    def backpropagated(self) -> dict[str, np.ndarray]:
        """Return JAX's own gradient."""
        with jax.enable_x64(True):
            found = jax.grad(self.loss)(self.params, self.data)
        return {name: np.asarray(value) for name, value in found.items()}


class Differences(Compiled):
    """Central differences of every entry."""

    def slopes(self, name: str, some: NDArray[np.int64]) -> Floats:
        """Return the numerical derivatives of some entries of a tensor."""
        raise NotImplementedError

    def check(self, grads: Arrays) -> bool:
        """Return whether `grads` passes; two evaluations per entry."""
        with jax.enable_x64(True):
            self.numerical = {n: self.slopes(n, some) for n, some in self.entries.items()}
        return self.judge(grads)

    def judge(self, grads: Arrays) -> bool:
        """Return whether `grads` passes beside the derivatives that were found."""
        return RULE.passes(self.some(grads), self.numerical)


class JittedLoss(Differences):
    """The plain Python loop around a compiled loss."""

    def slopes(self, name: str, some: NDArray[np.int64]) -> Floats:
        """Move entries of a NumPy array, two calls each."""
        params = {n: np.array(v) for n, v in self.params.items()}
        theta, found = params[name].reshape(-1), np.empty(some.size)
        for k, i in enumerate(some):
            old = theta[i]
            theta[i] = old + STEP
            up = float(self.loss(params, self.data))
            theta[i] = old - STEP
            found[k] = (up - float(self.loss(params, self.data))) / (2.0 * STEP)
            theta[i] = old
        return found


class JittedLoop(Differences):
    """The whole loop compiled, one entry after another."""

    batch_size: int | None = None

    def __init__(self, problem: Problem, entries: Entries | None = None) -> None:
        super().__init__(problem, entries)
        self.compiled: dict[tuple[str, int, int | None], Any] = {}

    def prepare(self) -> None:
        """Compile the loop over each tensor."""
        with jax.enable_x64(True):
            for name, some in self.entries.items():
                self.prepared(name, some.size, self.batch_size)

    def slopes(self, name: str, some: NDArray[np.int64]) -> Floats:
        """Map a compiled function over the entries."""
        run = self.prepared(name, some.size, self.batch_size)
        return np.asarray(run(self.params, self.data, jnp.asarray(some)))

    def prepared(self, name: str, n: int, batch_size: int | None) -> Any:
        """Return the compiled loop over `n` entries of a tensor."""
        key = (name, n, batch_size)
        if key not in self.compiled:
            lowered = jax.jit(self._loop(name, batch_size)).lower(
                self.params, self.data, jnp.arange(n)
            )
            self.compiled[key] = lowered.compile()
        return self.compiled[key]

    def _loop(self, name: str, batch_size: int | None) -> Any:
        def slope(params: Any, data: Any, i: Any) -> Any:
            theta = params[name]
            ends = [
                self.loss(params | {name: moved.reshape(theta.shape)}, data)
                for moved in (theta.reshape(-1).at[i].add(h) for h in (STEP, -STEP))
            ]
            return (ends[0] - ends[1]) / (2.0 * STEP)

        def loop(params: Any, data: Any, some: Any) -> Any:
            return lax.map(lambda i: slope(params, data, i), some, batch_size=batch_size)

        return loop


class VmappedLoop(JittedLoop):
    """The whole loop compiled, several entries at once."""

    tries = 128

    def prepare(self) -> None:
        """Choose the fastest size of a batch, then compile."""
        if self.batch_size is None:
            self.batch_size = self._fastest()
        super().prepare()

    def check(self, grads: Arrays) -> bool:
        """Return whether `grads` passes."""
        if self.batch_size is None:
            self.prepare()
        return super().check(grads)

    def _fastest(self) -> int:
        name, some = max(self.entries.items(), key=lambda item: item[1].size)
        few = some[: self.tries]
        times = {}
        with jax.enable_x64(True):
            for size in BATCHES:
                run = self.prepared(name, few.size, size)
                for _ in range(2):  # the first touches the memory
                    start = perf_counter()
                    np.asarray(run(self.params, self.data, jnp.asarray(few)))
                    times[size] = perf_counter() - start
        return min(times, key=lambda size: times[size])


class CheckGrads(Compiled):
    """``jax.test_util.check_grads``: one direction through all tensors, always the same."""

    def __init__(self, problem: Problem, entries: Entries | None = None) -> None:
        super().__init__(problem)
        given = jax.custom_vjp(lambda p, data, _: self.loss(p, data))
        given.defvjp(
            lambda p, data, grads: (self.loss(p, data), grads),
            lambda grads, cotangent: ({n: cotangent * g for n, g in grads.items()}, None, None),
        )
        self.with_gradient = jax.jit(given)

    def check(self, grads: Arrays) -> bool:
        """Return whether check_grads raises nothing, of a function with this gradient."""
        with jax.enable_x64(True):
            held = {n: jnp.asarray(g, self.dtype) for n, g in grads.items()}
            try:
                check_grads(
                    lambda p: self.with_gradient(p, self.data, held), (self.params,), order=1,
                    modes=("rev",),
                )  # fmt: skip
            except AssertionError:
                return False
        return True

    def judge(self, grads: Arrays) -> bool:
        """Return the same: it takes two evaluations."""
        return self.check(grads)


class CheckGrads32(CheckGrads):
    """The same in float32."""

    dtype = np.float32
