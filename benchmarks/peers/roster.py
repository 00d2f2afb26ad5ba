"""All peers, each with its rule; what it needs is imported when it is made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.peers.peer import Entries, Peer
    from benchmarks.peers.problem import Problem

EVERY, TEN = "every entry", "10 of each tensor"
ALONG = "one direction"
JAX_RULE = "|a − n| ≤ 1e-05 + 1e-05 |n|"


@dataclass(frozen=True)
class Kind:
    """A peer that may be absent.

    Attributes
    ----------
    name, title : str
        For programs and for people.
    place : str
        Module and class.
    looks_at : str
        What of the gradient it looks at.
    rule : str
        By which a gradient passes.
    step : str
        How far parameters are moved, and on which sides.
    package : str
        What must be installed, empty for none.
    most : int or None
        The most entries that it can look at in one check.
    outputs : tuple of str
        The kinds of networks that it is for; all by default.
    """

    name: str
    title: str
    place: str
    looks_at: str
    rule: str
    step: str
    package: str = ""
    most: int | None = None
    outputs: tuple[str, ...] = ()

    @property
    def is_installed(self) -> bool:
        """Whether it can be asked."""
        return not self.package or find_spec(self.package) is not None

    @property
    def has_entries(self) -> bool:
        """Whether it looks at each entry that it is given."""
        return self.looks_at == EVERY

    def fits(self, problem: Problem) -> bool:
        """Return whether it is for such a network."""
        return not self.outputs or problem.net.output in self.outputs

    def make(self, problem: Problem, entries: Entries | None = None) -> Peer:
        """Return the peer."""
        module, _, name = self.place.partition(":")
        peer: Peer = getattr(import_module(f"benchmarks.peers.{module}"), name)(problem, entries)
        return peer


_torch = partial(Kind, package="torch", step="1e-6, central")
_jax = partial(Kind, package="jax", step="1e-4, central")
_bounds = "each entry within its own error bound, or within 1e-05 of the value"

OURS = Kind("fastcheck", "fastcheck", "ours:Fastcheck", EVERY, _bounds, "its own, central")
KINDS = (
    OURS,
    Kind("traced", "fastcheck, the NumPy loss traced", "ours:Traced", EVERY, _bounds,
         "its own, central"),
    _torch("torch-slow", "torch gradcheck, slow mode", "with_torch:SlowMode", EVERY,
           "|a − n| ≤ 1e-05 + 0.001 |n|"),
    _torch("torch-fast", "torch gradcheck, fast mode", "with_torch:FastMode",
           "one direction per tensor", "the same for the projection, 1e-05 scaled up"),
    _jax("jax-loss", "JAX, jitted loss in a Python loop", "with_jax:JittedLoss", EVERY, JAX_RULE),
    _jax("jax-loop", "JAX, jitted loop", "with_jax:JittedLoop", EVERY, JAX_RULE),
    _jax("jax-vmap", "JAX, jitted loop, vmapped", "with_jax:VmappedLoop", EVERY, JAX_RULE),
    _jax("jax-check-grads", "jax.test_util.check_grads", "with_jax:CheckGrads", ALONG,
         f"{JAX_RULE} for the projection"),
    _jax("jax-check-grads-32", "jax.test_util.check_grads, float32", "with_jax:CheckGrads32",
         ALONG, "|a − n| ≤ 0.002 + 0.002 |n| for the projection"),
    Kind("scipy-check-grad", "scipy.optimize.check_grad", "with_scipy:CheckGrad", EVERY,
         "‖a − n‖ ≤ 1e-05; SciPy names no limit", "1.5e-8, forward", "scipy"),
    Kind("scipy-check-derivative", "SciPy check_derivative", "with_scipy:CheckDerivative", EVERY,
         "|a − n| / max(1, |n|) ≤ 1e-06", "6e-6 relative, central", "scipy"),
    Kind("numdifftools", "numdifftools.Gradient", "with_numdifftools:Extrapolated", EVERY,
         "|a − n| ≤ 1e-08 + 1e-05 |n|", "many, extrapolated", "numdifftools", most=500),
    Kind("plain", "plain Python loop", "recipes:NaiveLoop", EVERY,
         "|a − n| / max(1, |a|, |n|) ≤ 1e-05", "1e-4, central"),
    Kind("relative", "course: relative error, kinks", "recipes:RelativeError", EVERY,
         "|a − n| / max(1e-08, |a| + |n|) ≤ 0.0001", "1e-5, central"),
    Kind("relative-strict", "course: relative error, smooth", "recipes:StrictRelativeError",
         EVERY, "|a − n| / max(1e-08, |a| + |n|) ≤ 1e-07", "1e-5, central"),
    Kind("ten-entries", "course: ten random entries", "recipes:TenEntries", TEN,
         "|a − n| / max(1e-08, |a| + |n|) ≤ 0.0001", "1e-5, central"),
    Kind("norm-ratio", "course: norm ratio", "recipes:NormRatio", EVERY,
         "‖a − n‖ / (‖a‖ + ‖n‖) < 1e-07", "1e-7, central"),
    Kind("published", "course: norm ratio, published loop", "recipes:PublishedRatio", EVERY,
         "‖a − n‖ / (‖a‖ + ‖n‖) < 1e-07", "1e-7, central", outputs=("sigmoid",)),
    Kind("pytensor", "PyTensor's verify_grad, its rule", "recipes:PyTensorRule", EVERY,
         "|a − n| ≤ 0.0001 or |a − n| / (|a| + |n|) ≤ 0.0001", "1e-7, forward"),
)  # fmt: skip
"""fastcheck first; what is compared is a loop of the same kind for each."""
BY_NAME = {kind.name: kind for kind in KINDS}


def versions() -> dict[str, str]:
    """Return the versions of the packages of all peers that are there."""
    found = {}
    for package in sorted({kind.package for kind in KINDS if kind.package}):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
