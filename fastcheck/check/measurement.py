"""One check on its way: base point, numerical gradient, bounds and times."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.check.coverage import sample_statement, with_guarantee
from fastcheck.check.gradient_of import gradient_of
from fastcheck.diagnose import explain
from fastcheck.holding import errors_of, named_gradients, taken
from fastcheck.judge import judge_entries, judge_tensor
from fastcheck.parallel import single_threaded_blas
from fastcheck.plan import Numerical
from fastcheck.preflight import GradientCalls, is_read, named_mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from fastcheck.blackbox import BlackBox
    from fastcheck.diagnose import Case
    from fastcheck.graph.state import State
    from fastcheck.judge import Judgement
    from fastcheck.preflight import Preflight
    from fastcheck.result import Audit, Diagnosis, Finding, SpotCheck, TensorResult

    Arrays = Mapping[str, NDArray[Any]]
    Floats = NDArray[np.float64]
    Patterns = str | Iterable[str] | None
    Progress = Callable[[int, int], None]


class Measurement(ABC):
    """Everything that is measured at one point.

    Attributes
    ----------
    names : list of str
        The tensors to be checked.
    shapes : dict of str to tuple of int
        Of all tensors.
    loss : float
        The loss at the point.
    optional : set of str
        The tensors that need no gradient: named intermediate values.
    engine, engine_reason : str
        What evaluates the loss, and why.
    findings : list of Finding
        What was found before any number was compared.
    numerical : Numerical
        The numerical gradient, after :meth:`probe`.
    timings : dict of str to float
        Seconds by stage.
    batch : object or None
        Where the data came from.
    box : BlackBox or None
        The loss as the user gave it, if that is a function.
    preflight : Preflight or None
        What was found out about it.
    asked : list of str
        The tensors that were to be checked; `names` are those whose gradients can be.
    refused : dict of str to TensorResult
        The tensors whose gradients cannot be compared.
    unread : list of str
        The tensors that the loss does not read.
    entries : int or None
        How many entries of each tensor a sample has; None for what the budget allows.
    extra : dict of str to object
        Gradients that were given under names that no tensor has.
    misshapen : dict of str to ndarray
        Gradients of another shape than their parameter.
    call : callable or None
        Calls the gradient function, if there is one that can be called again, and returns what it
        gives by name.
    seed : int
        Seed of whatever is drawn.
    roots : list of object
        From where the arrays can be reached that loss and gradient read.
    """

    seed = 0

    def __init__(
        self, names: list[str], shapes: Mapping[str, tuple[int, ...]], batch: Any = None
    ) -> None:
        self.names = names
        self.shapes = dict(shapes)
        self.batch = batch
        self.box: BlackBox | None = None
        self.preflight: Preflight | None = None
        self.asked = names
        self.refused: dict[str, TensorResult] = {}
        self.unread: list[str] = []
        self.entries: int | None = None
        self.extra: dict[str, Any] = {}
        self.misshapen: dict[str, NDArray[Any]] = {}
        self.call: Callable[[], dict[str, Any]] | None = None
        self.roots: list[Any] = []
        self.slack: dict[str, Floats] = {}
        self.engine = self.engine_reason = ""
        self.findings: list[Finding] = []
        self.loss = math.nan
        self.optional: set[str] = set()
        self.timings: dict[str, float] = {}
        self.numerical = Numerical({}, "none", "the loss cannot be probed", 0.0)

    def timed(self, name: str) -> _Timer:
        """Return a context that adds its seconds to `timings`."""
        return _Timer(self.timings, name)

    @property
    def is_sound(self) -> bool:
        """Whether there is something to probe."""
        errors = [f for f in self.findings if f.severity == "error" and f.tensor is None]
        return math.isfinite(self.loss) and not errors

    def restore(self) -> None:
        """Write back whatever arrays the loss and the gradient have written into.

        Where nothing could be probed, also counters and states that the loss carries.
        """
        if self.preflight is not None:
            reach = self.preflight.reach
            (reach.restore if self.is_sound else reach.restore_all)()

    @property
    def graph_state(self) -> State | None:
        """The base point of the graph, where the loss is one."""
        return None

    @property
    def point(self) -> Arrays:
        """The parameters, by name."""
        return {} if self.box is None else self.box.arrays

    def reads(self, name: str) -> bool | None:
        """Return whether the loss reads a tensor; None where only its values can tell."""
        return None

    def reads_data(self, name: str) -> bool:
        """Return whether the loss changes with an array that it reaches, which is put back."""
        array = self.reached().get(name)
        if self.box is None or array is None:
            return False
        with single_threaded_blas():
            return is_read(self.box, array, self.seed)

    def reached(self) -> Arrays:
        """Return the arrays that the loss reaches, by name, as far as they can be found."""
        if self.box is None or self.preflight is None:
            return {}
        reach = self.preflight.reach
        return {reach.name_of(array): array for array, _ in reach.kept} | self.box.arrays

    def include(self, grads: Any) -> None:
        """Check also what the gradients name beside parameters; nothing by default."""
        return

    def received(self, grads: Any, params: Any) -> dict[str, Any]:
        """Return the gradients that the user gave by name; a function is called for them.

        It is called three times, and may change neither parameters nor what the loss reads: all
        is restored, and it is an error.
        """
        box = self.box
        if box is None:
            names, point, structure = [n for n in params if n in self.shapes], params, params
        else:
            names, structure = [*box.held.leaves], box.held.structure
            point = box.held.point()

        fills = False

        def call() -> dict[str, Any]:
            nonlocal fills
            if box is not None:
                box.held.publish()
                if box.before_each is not None:
                    box.before_each()
            returned = gradient_of(grads, point)
            fills = returned is None  # .grad, which adds up by contract
            return named_gradients(taken(returned, structure), names)

        given = (
            self._called(call, grads, lambda: not fills)
            if callable(grads)
            else named_gradients(grads, names)
        )
        self.slack = errors_of(given)
        return given

    def _called(
        self, call: Callable[[], dict[str, Any]], function: Any, may_repeat: Callable[[], bool]
    ) -> dict[str, Any]:
        """Return what the first of several calls gives as the gradient."""
        roots = [function] if self.box is None else [function, *self.box.roots]
        with self.timed("gradient"), single_threaded_blas():
            calls = GradientCalls(call, self.box, self.loss, roots, may_repeat)
            calls.reach.restore()
            if calls.draws and self.box is not None and self.preflight is not None:
                calls.findings = named_mode(
                    calls.findings, self.box, self.preflight.reach, self.loss
                )
        self.findings += calls.findings
        if may_repeat():
            self.call, self.roots = call, roots
        return calls.first  # type: ignore[no-any-return]

    def tied(self, analytic: dict[str, NDArray[Any]], given: Any) -> dict[str, NDArray[Any]]:
        """Return the gradients that are compared, parts added up where tensors share memory."""
        return analytic

    @abstractmethod
    def probe(
        self,
        plan: str,
        budget: float | None,
        n_jobs: int,
        progress: Progress | None,
        *,
        analytic: Arrays | None = None,
        rtol: float = 1e-5,
    ) -> None:
        """Compute the numerical gradient, to be compared with `analytic` if that is given."""

    @abstractmethod
    def bound(self, name: str, dtype: np.dtype[Any] | None) -> Floats:
        """Return the allowance of each entry of a tensor, for an analytic gradient of `dtype`."""

    def allowance(self, name: str, dtype: np.dtype[Any]) -> Floats:
        """Return the bound of each entry, with what is known of errors of the gradient given."""
        return self.bound(name, dtype) + self.slack.get(name, 0.0)

    @property
    def n_samples(self) -> int | None:
        """The size of the batch, None where it is not known."""
        return None

    def explained(self, case: Case) -> tuple[Diagnosis, ...]:
        """Return why tensors are wrong."""
        return explain(case)

    def prepare(self) -> None:
        """Compute what all bounds need, timed on its own and not as part of judging."""
        return

    def judge_all(self, analytic: Arrays, rtol: float, strict: bool) -> dict[str, TensorResult]:
        """Return the verdict on each tensor."""
        self.prepare()
        with self.timed("judging"):
            return {name: self.judge(name, g, rtol, strict) for name, g in analytic.items()}

    def judge(self, name: str, analytic: NDArray[Any], rtol: float, strict: bool) -> TensorResult:
        """Return the verdict on one tensor."""
        judged = judge_tensor(name, **self._evidence(name, analytic, rtol), strict=strict)
        judged = replace(judged, is_intermediate=name in self.optional)
        sample = self.numerical.samples.get(name)
        return judged if sample is None else with_guarantee(judged, sample)

    def judgement(self, name: str, analytic: NDArray[Any], rtol: float) -> Judgement:
        """Return the verdict on each entry of a tensor."""
        return judge_entries(**self._evidence(name, analytic, rtol))

    def _evidence(self, name: str, analytic: NDArray[Any], rtol: float) -> dict[str, Any]:
        """Return what the entries of a tensor are judged by."""
        found = self.numerical.tensors[name]
        terms = self.terms(name)
        is_coarse = terms is not None and analytic.dtype.itemsize < 8
        return {
            "analytic": analytic.astype(np.float64),
            "numerical": found.values,
            "bound": self.allowance(name, analytic.dtype),
            "kink": found.kink,
            "slopes": (found.minus, found.plus),
            "checked": None if found.known.all() else found.known,
            "terms": terms,
            "own": self.bound(name, None) if is_coarse else None,
            "rtol": rtol,
        }

    def terms(self, name: str) -> Floats | None:
        """Return the absolute terms of each derivative of a tensor, None if they are not known."""
        return None

    def guarantee(self, tensors: Iterable[TensorResult]) -> str:
        """Return what follows for entries that were not perturbed on their own, in a sentence."""
        return sample_statement(list(tensors), self.numerical.samples)

    def remarks(self) -> list[Finding]:
        """Return what is said beside the verdicts, after the probes."""
        return []

    def audits(self) -> list[Audit]:
        """Return comparisons with an independent computation; none by default."""
        return []

    def spot_checks(self) -> list[SpotCheck]:
        """Return comparisons of a plan with probes of single entries; none by default."""
        return []


class _Timer:
    def __init__(self, timings: dict[str, float], name: str) -> None:
        self.timings = timings
        self.name = name

    def __enter__(self) -> None:
        self.start = perf_counter()

    def __exit__(self, *exception: object) -> None:
        self.timings[self.name] = self.timings.get(self.name, 0.0) + perf_counter() - self.start
