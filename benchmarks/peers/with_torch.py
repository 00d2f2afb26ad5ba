"""torch.autograd.gradcheck, of a function whose backward pass is the gradient in question."""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.peers.dialects import Dialect
from benchmarks.peers.peer import Peer, remembered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.peers.peer import Arrays, Entries
    from benchmarks.peers.problem import Problem

TORCH = Dialect(
    torch.relu, torch.tanh, torch.sigmoid, torch.log,
    partial(torch.softmax, dim=1), partial(torch.log_softmax, dim=1),
)  # fmt: skip
MODULE = importlib.import_module("torch.autograd.gradcheck")  # the name is that of a function too


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Handwritten(torch.autograd.Function):
    """A loss whose backward pass returns given arrays, as a hand-written one would."""

    @staticmethod
    def forward(ctx: Any, loss: Any, grads: list[torch.Tensor], *leaves: torch.Tensor) -> Any:
        """Return the loss."""
        ctx.grads = grads
        return loss(leaves)

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        """Return the gradient in question, times what arrives."""
        (cotangent,) = cotangents
        return None, None, *(cotangent * g for g in ctx.grads)


class Gradcheck(Peer):
    """torch.autograd.gradcheck with its own tolerances."""

    fast_mode: bool
    kept_of: str
    """The function of torch that takes long and does not depend on the gradient in question."""

    def __init__(self, problem: Problem, entries: Entries | None = None) -> None:
        super().__init__(problem, entries)
        self.data = [torch.from_numpy(v) for v in (problem.x, problem.y, problem.rows)]
        self.base = {n: torch.from_numpy(v.copy()) for n, v in problem.params.items()}
        self.places = {n: torch.from_numpy(i) for n, i in self.entries.items()}
        self.kept: dict[str, Any] = {}

    def loss_of(self, params: dict[str, torch.Tensor]) -> Any:
        """Return the loss."""
        return self.problem.net.loss(TORCH, params, *self.data)

    def part(self, name: str, value: torch.Tensor) -> torch.Tensor:
        """Return what is looked at of a tensor: all of it as it is, or some entries in a row."""
        places = self.places[name]
        return value.clone() if places.numel() == value.numel() else value.reshape(-1)[places]

    def assembled(self, leaves: tuple[torch.Tensor, ...]) -> dict[str, torch.Tensor]:
        """Return the parameters of which `leaves` are what is looked at."""
        params = {}
        for leaf, (name, base) in zip(leaves, self.base.items(), strict=True):
            if leaf.shape == base.shape:
                params[name] = leaf
            else:
                flat = base.reshape(-1).index_copy(0, self.places[name], leaf)
                params[name] = flat.reshape(base.shape)
        return params

    def check(self, grads: Arrays) -> bool:
        """Return what gradcheck says."""
        return self._passes(grads, again=False)

    def judge(self, grads: Arrays) -> bool:
        """Return what gradcheck says with the numerical derivatives of the last check."""
        return self._passes(grads, again=True)

    def _passes(self, grads: Arrays, *, again: bool) -> bool:
        parts = [self.part(n, torch.from_numpy(np.ascontiguousarray(grads[n]))) for n in self.base]
        leaves = [self.part(n, base).requires_grad_() for n, base in self.base.items()]

        def loss(held: tuple[torch.Tensor, ...]) -> Any:
            return self.loss_of(self.assembled(held))

        def function(*leaves: torch.Tensor) -> Any:
            return Handwritten.apply(loss, parts, *leaves)

        with one_thread(), remembered(MODULE, self.kept_of, self.kept, again=again):
            passed = torch.autograd.gradcheck(
                function, tuple(leaves), fast_mode=self.fast_mode, raise_exception=False
            )
        self._keep()
        return bool(passed)

    def _keep(self) -> None:
        """Keep the numerical derivatives where there are any."""

    def value(self) -> float:
        """Return the loss in torch."""
        return float(self.loss_of(self.base))

    def backpropagated(self) -> dict[str, np.ndarray]:
        """Return torch's own gradient."""
        leaves = {n: v.clone().requires_grad_() for n, v in self.base.items()}
        self.loss_of(leaves).backward()
        return {n: v.grad.numpy() for n, v in leaves.items() if v.grad is not None}


class SlowMode(Gradcheck):
    """Each entry perturbed on its own."""

    fast_mode = False
    kept_of = "_get_numerical_jacobian"

    def _keep(self) -> None:
        found = self.kept["value"]
        self.numerical = {
            name: column[0].numpy().reshape(-1)
            for name, column in zip(self.entries, found, strict=True)
        }


class FastMode(Gradcheck):
    """One direction for each tensor, always the same.

    Where it fails it goes through slow mode too, for the text of its message; :meth:`judge` does
    without the text.
    """

    fast_mode = True
    kept_of = "_run_slow_mode_and_get_error"

    def __init__(self, problem: Problem, entries: Entries | None = None) -> None:
        super().__init__(problem)
        self.kept["value"] = ""
