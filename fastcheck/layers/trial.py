"""What a layer does beside its work: found by calling it, before any number is compared."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.layers.case import is_same
from fastcheck.layers.inputs import flags_of
from fastcheck.layers.updates import RATE
from fastcheck.preflight import mutated
from fastcheck.result import Finding
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from fastcheck.layers.case import Case, Passes
    from fastcheck.result import Severity

    Cotangents = tuple[Any, ...]

CLOSE = 1e-9
"""By how much, relative, two gradients may differ that are the same: an accumulated one is summed
in another order."""


class Trial:
    """The analytic gradients of a layer for some cotangents, and what was found on the way.

    Parameters
    ----------
    case : Case
        The layer at its point.
    cotangents : list of tuple of ndarray
        For each of the random choices, one array for each output.

    Attributes
    ----------
    cotangents : list of tuple of ndarray
        Those to check with: a single 1 where backward does not take them into account.
    gradients : list of dict of str to ndarray or None
        For each of them.
    findings : list of Finding
        With an error among them, no number can be compared.
    """

    def __init__(self, case: Case, cotangents: list[Cotangents]) -> None:
        self.case = case
        self.findings: list[Finding] = []
        self.cotangents = cotangents
        self.growing: list[str] = []
        kept = {name: np.array(value) for name, value in case.params.arrays.items()}
        first = self._run(cotangents[0])
        changed = [n for n, value in case.params.arrays.items() if not is_same(value, kept[n])]
        if changed:
            self.findings.append(mutated(case.layer.name, changed))
            for name in changed:
                case.params.arrays[name][...] = kept[name]
        else:
            self._repeat(first)
        self._about_writing(first)
        self.gradients = [self._run(c).gradients for c in self.cotangents]
        self._about_dependence()
        self._about_names()

    def _run(self, cotangents: Cotangents) -> Passes:
        """Call both passes; what accumulates begins at zero."""
        for name in self.growing:
            held = self.case.params.readers[name]() if name in self.case.params.readers else None
            if isinstance(held, np.ndarray) and held.flags.writeable:
                held[...] = 0
        return self.case.run(cotangents)

    # ------------------------------------------------------------ the same twice

    def _repeat(self, first: Passes) -> None:
        """Call again; say what differs, unless the forward pass does, which a check finds."""
        second = self._run(self.cotangents[0])
        if not all(map(_is_close, first.outputs, second.outputs)):
            return
        names = _different(first.gradients, second.gradients)
        if not names:
            return
        third = self._run(self.cotangents[0])
        runs = [first.gradients, second.gradients, third.gradients]
        grown = [name for name in names if _accumulates(*(run[name] for run in runs))]
        if grown == names and self._zeroing_helps(names):
            self.findings.append(_accumulating(self.case.layer.name, names))
        elif grown == names:
            self.findings.append(_accumulating(self.case.layer.name, names, is_certain=False))
        else:
            self.findings.append(self._varying(names))

    def _zeroing_helps(self, names: list[str]) -> bool:
        self.growing = names
        one, other = (self._run(self.cotangents[0]).gradients for _ in range(2))
        return not _different(one, other)

    def _varying(self, names: list[str]) -> Finding:
        message = (
            f"the same forward and backward pass of {self.case.layer.name} give another gradient "
            f"of {listing(names)} at the second call: {self._source()}"
        )
        return Finding("gradient-not-repeatable", "error", names[0], message)

    def _source(self) -> str:
        """Return what makes a gradient vary, with a remedy."""
        numpy, python = np.random.get_state(), random.getstate()  # noqa: NPY002
        runs = []
        try:
            for _ in range(2):
                np.random.set_state(numpy)  # noqa: NPY002
                random.setstate(python)
                runs.append(self._run(self.cotangents[0]).gradients)
        finally:
            np.random.set_state(numpy)  # noqa: NPY002
            random.setstate(python)
        if not _different(*runs):
            return (
                "it draws from np.random or Python's random; draw masks and noise once, in the "
                "forward pass, and keep them for the backward pass"
            )
        return (
            "backward carries something from call to call, such as a cache that it overwrites or "
            "a gradient of an earlier step; let it depend on the last forward pass alone"
        )

    # ------------------------------------------------------------ what else is said

    def _about_writing(self, passes: Passes) -> None:
        name = self.case.layer.name
        for which, names in (("forward", passes.by_forward), ("backward", passes.by_backward)):
            if names:
                message = (
                    f"the {which} pass of {name} writes into its input {listing(names)}; it was "
                    "given a copy, but in a network whatever else reads that array sees another "
                    "one: work on a copy"
                )
                self.findings.append(Finding("input-mutated", "warning", names[0], message))
        if passes.cotangent_written:
            message = (
                f"the backward pass of {name} writes into the gradient that it is given; it was "
                "given a copy, but where an output is used twice, as in a residual connection, the "
                "other use sees the changed array: work on a copy"
            )
            self.findings.append(Finding("cotangent-mutated", "note", None, message))

    def _about_dependence(self) -> None:
        """Look whether gradients depend on the upstream gradient at all."""
        case = self.case
        if not case.wiring.takes_cotangents:
            self._check_with_one("takes no upstream gradient")
            return
        given = [g for g in self.gradients[0].values() if g is not None]
        if not any(np.any(g) for g in given) or any(f.severity == "error" for f in self.findings):
            return
        doubled = self._run(tuple(2.0 * c for c in self.cotangents[0])).gradients
        if _different(self.gradients[0], doubled):
            return
        if all(out.size == 1 for out in case.outputs):
            self._check_with_one("ignores the upstream gradient")
            return
        message = (
            f"the backward pass of {case.layer.name} gives the same for any upstream gradient; "
            "multiply by it, as the chain rule wants"
        )
        self.findings.append(Finding("cotangent-ignored", "warning", None, message))

    def _check_with_one(self, what: str) -> None:
        """Check the gradient of the plain sum of the outputs, which is of a loss the loss."""
        self.cotangents = [tuple(np.ones(out.shape) for out in self.case.outputs)]
        self.gradients = [self._run(self.cotangents[0]).gradients]
        message = (
            f"the backward pass of {self.case.layer.name} {what}, so that it was checked with 1; "
            "this is right only of a loss that nothing follows: multiply by dout, else a weight "
            "of the loss is lost"
        )
        self.findings.append(Finding("cotangent-ignored", "note", None, message))

    def _influential(self) -> list[str]:
        """Return the arrays without gradients that change the output when they are moved."""
        others = self.case.params.others
        return [name for name, array in others.items() if self.case.depends_on(array)]

    def _about_names(self) -> None:
        """Say which parameters were found, what has no gradient, and which mode was checked."""
        case = self.case
        if case.wiring.updates:
            message = (
                f"the backward pass of {case.layer.name} updates its parameters: it was called "
                f"with a rate of {RATE:.0f}, and each gradient is the change divided by it, which "
                "is right of a plain step without momentum; all parameters were restored"
            )
            self.findings.append(Finding("gradient-from-update", "note", None, message))
        if case.params.found:
            message = f"parameters and their gradients: {case.params.found}"
            self.findings.append(Finding("parameters-found", "note", None, message))
        severity: Severity = "note" if case.params.found else "warning"
        for name in self._influential():
            message = (
                f"{case.layer.name} holds {name}, which changes its output, and no gradient of it "
                f"was found, so that it is taken as a constant; if it is trained, name both, as in "
                f'params=["{name}"], grads=["d{name}"]'
            )
            self.findings.append(Finding("not-differentiated", severity, None, message))
        narrow = [n for n, value in case.inputs.tensors.items() if value is not case.live[n]]
        if narrow:
            message = (
                f"{listing(narrow)} {'is' if len(narrow) == 1 else 'are'} less precise than "
                f"float64: probes of {case.layer.name} were made with the same values in float64, "
                "and the gradient was judged at its own precision"
            )
            self.findings.append(Finding("widened", "note", None, message))
        first = next(iter(case.inputs.tensors), None)
        for name, gradient in self.gradients[0].items():
            if gradient is None:
                severity = "warning" if name == first else "note"
                message = (
                    f"{name}: the backward pass gives no gradient of it, so that it is taken as a "
                    "constant; return one if something before the layer is trained"
                )
                self.findings.append(Finding("not-differentiated", severity, name, message))
        for name, value in flags_of(case.layer.forward, case.layer.owner, case.inputs).items():
            message = (
                f"{case.layer.name} was checked with {name}={value!r}; check the other mode too, "
                "if it is differentiated"
            )
            self.findings.append(Finding("train-flag", "note", None, message))


def _different(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Return the names of gradients that are not the same, up to rounding."""
    return [name for name in one if not _is_close(one[name], other[name])]


def _is_close(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    close = CLOSE if one.dtype.itemsize == 8 else 1e-4
    size = np.abs(a[np.isfinite(a)]).max(initial=0.0)
    return bool(np.allclose(a, b, rtol=0.0, atol=close * size, equal_nan=True))


def _accumulates(first: Any, second: Any, third: Any) -> bool:
    """Return whether a gradient grows by the same at each call."""
    if first is None or second is None or third is None:
        return False
    return _is_close(second - first, third - second)


def _accumulating(layer: str, names: list[str], *, is_certain: bool = True) -> Finding:
    each = "each call adds to what earlier calls left, as by +="
    if is_certain:
        message = (
            f"{layer} accumulates the gradient of {listing(names)}: {each}; it was set to zero "
            "before each call here, which training has to do too, or assign instead of adding"
        )
        return Finding("gradient-accumulates", "warning", names[0], message)
    message = (
        f"{layer} accumulates the gradient of {listing(names)}: {each}, and it cannot be set to "
        "zero from outside, so that nothing can be compared; assign instead of adding"
    )
    return Finding("gradient-accumulates", "error", names[0], message)
