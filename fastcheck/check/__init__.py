"""Checking a gradient: the public verbs."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from fastcheck.check.checking import checking
from fastcheck.check.engines import measurement_for
from fastcheck.check.options import check_entries, check_options
from fastcheck.errors import GradientMismatchError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from fastcheck.check.measurement import Measurement
    from fastcheck.objective import GraphObjective
    from fastcheck.result import CheckResult

    Floats = NDArray[np.float64]
    Loss = GraphObjective | Callable[..., Any]
    Params = Any
    Grads = Any
    Patterns = str | Iterable[str] | None
    Progress = Callable[[int, int], None]

__all__ = ["NumericalGradient", "assert_gradients", "check_gradients", "numerical_gradient"]


class NumericalGradient:
    """A numerical gradient with its error bounds.

    Attributes
    ----------
    values : dict of str to ndarray of float64
        The derivative with respect to each entry of each tensor.
    kinks : dict of str to ndarray of bool
        Entries at a kink, where the value is the mean of two one-sided slopes.
    plan, plan_reason : str
        How the probes were chosen, and why.
    complete : bool
        False if Ctrl-C ended the run; entries that were not reached are NaN.
    """

    def __init__(self, run: Measurement) -> None:
        self._run = run
        self.values = {name: t.values for name, t in run.numerical.tensors.items()}
        self.kinks = {name: t.kink for name, t in run.numerical.tensors.items()}
        self.plan = run.numerical.plan
        self.plan_reason = run.numerical.reason
        self.complete = run.numerical.complete

    @cached_property
    def bounds(self) -> dict[str, Floats]:
        """The error bound of each value; four more backward passes at the first access."""
        return {name: self._run.bound(name, None) for name in self.values}


def numerical_gradient(
    loss: Loss,
    params: Params,
    *,
    plan: str = "auto",
    engine: str = "auto",
    step: float | None = None,
    arithmetic: str = "difference",
    n_jobs: int = 1,
    seed: int = 0,
    budget: float | None = None,
    entries: int | None = None,
    only: Patterns = None,
    skip: Patterns = None,
    before_each: Callable[[], Any] | None = None,
    progress: Progress | None = None,
) -> NumericalGradient:
    """Return the gradient of a loss by finite differences.

    Parameters
    ----------
    loss : GraphObjective or callable
        The loss at one minibatch, for example ``net.objective(batch)``; or any function, either
        without arguments, reading the arrays in `params`, or of the parameters, in one argument or
        one each. A function that `numba.njit` compiled takes each parameter as an argument, or all
        as a tuple; bind its data with `functools.partial`.
    params : object
        The point: arrays in a dict, list or tuple, nested in any way; of a function also a single
        array, tensors, numbers, buffers, and what :func:`fastcheck.attributes` and
        :func:`fastcheck.accessors` return. Copied, never written to; only what a function without
        arguments reads is perturbed in place, and restored bit for bit.
    plan : {"auto", "exhaustive", "units", "sample", "directions"}
        Which probes are made. "exhaustive" perturbs every entry; "units" of a graph every
        pre-activation in every sample, and takes one exact outer product. Of a black box, "sample"
        perturbs some entries, and "directions" all at once, along random directions, then what
        seems wrong one by one (``docs/plans.md``). "auto" is exhaustive if that is predicted to
        stay within `budget`, else units, or directions with some entries.
    engine : {"auto", "graph", "trace", "compiled", "black box"}
        What evaluates the probes. "auto" compiles a loop around a compiled function, traces another
        one if it can, and calls it otherwise.
    step : float, optional
        Absolute, in units of the probed value. Chosen by default: with difference arithmetic such
        that the first nonlinear operation moves by 2**-24 or less.
    arithmetic : {"difference", "plain"}
        "difference" propagates the change by exact identities, with errors near 1e-14; "plain"
        subtracts two losses, as textbooks do, with errors near 1e-9.
    n_jobs : int
        Threads; -1 for one per core. The result is the same to the last bit. A black box that is
        not compiled is called in as many processes, or by the workers of a cluster
        (``joblib.parallel_config("dask")``), where that pays.
    seed : int
        Seed of whatever is drawn.
    budget : float, optional
        Seconds that an exhaustive plan may take, by default 2 of a graph and 60 of a black box.
    entries : int, optional
        With ``plan="sample"``: so many entries of each tensor, whatever that takes, in place of
        what the budget allows.
    only, skip : str or iterable of str, optional
        Patterns of the names to check or to leave out, such as ``"W*"``.
    before_each : callable, optional
        Called without arguments before each evaluation of a function and of its gradient: what
        seeds a generator, resets a hidden state or empties a cache.
    progress : callable, optional
        Called as ``progress(done, total)``.

    Returns
    -------
    NumericalGradient

    Raises
    ------
    InputError
        If an argument is wrong.

    Notes
    -----
    Exhaustive: two probes per entry, each of which recomputes only what the entry changes. A
    black box is evaluated as a whole, four times per entry, or twice where an analytic value is at
    hand and agrees; its derivatives have errors near 1e-9.

    Examples
    --------
    >>> import fastcheck as fc
    >>> net = fc.Network([fc.Dense(3, 2)], loss=fc.SquaredError())
    >>> numerical = fc.numerical_gradient(
    ...     net.objective([[1.0, 2.0, 3.0]], [[0.0, 0.0]]),
    ...     {"W1": [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], "b1": [0.0, 0.0]},
    ... )
    >>> numerical.values["b1"].round(12).tolist()
    [2.0, 4.0]
    """
    check_options(n_jobs=n_jobs, budget=budget, before_each=before_each, progress=progress)
    check_entries(entries, plan)
    run = measurement_for(
        loss, params, engine, step=step, arithmetic=arithmetic, seed=seed, only=only, skip=skip,
        before_each=before_each,
    )  # fmt: skip
    run.entries = entries
    try:
        errors = [finding.message for finding in run.findings if finding.severity == "error"]
        if errors:
            raise InputError(_refusal(errors[0]))
        run.probe(plan, budget, n_jobs, progress)
        return NumericalGradient(run)
    finally:
        run.restore()


def _refusal(message: str) -> str:
    """Return the first error about a loss as one about the argument."""
    if message.startswith("`loss`"):
        return message
    return f"`loss` must be a function of the parameters; {message}"


def check_gradients(
    loss: Loss,
    params: Params,
    grads: Grads,
    *,
    plan: str = "auto",
    engine: str = "auto",
    step: float | None = None,
    arithmetic: str = "difference",
    n_jobs: int = 1,
    seed: int = 0,
    budget: float | None = None,
    entries: int | None = None,
    rtol: float = 1e-5,
    strict: bool = False,
    loss_value: float | None = None,
    jitter: float | None = None,
    accept: Patterns = (),
    only: Patterns = None,
    skip: Patterns = None,
    before_each: Callable[[], Any] | None = None,
    progress: Progress | None = None,
    pictures: bool = False,
) -> CheckResult:
    """Compare an analytic gradient with a numerical one, entry by entry.

    Parameters
    ----------
    loss, params, plan, engine, step, arithmetic, n_jobs, seed, budget, entries
        As for :func:`numerical_gradient`.
    only, skip, before_each, progress
        As for :func:`numerical_gradient`.
    grads : object
        The analytic gradient, copied at once: by the names of the parameters, nested as they are,
        or ``dW1`` for ``W1``; in their order; attributes, a :class:`fastcheck.Recorder`, or a
        function that returns any of these, without arguments or of the parameters. None stands for
        the ``.grad`` of the parameters. float32 is judged at its own precision. Gradients of
        named intermediate values (``z1``, ``a1``, ``x``) are checked where they are given: always
        of the loss as declared, so that ``dz1`` contains the ``1 / m`` of a mean over samples.
    rtol : float
        An entry outside its error bound is "close", not wrong, while it differs by less than this,
        relative to the larger of both values and 1 % of the tensor's rms.
    strict : bool
        Whether a close entry fails.
    loss_value : float, optional
        Your loss at this point. It is compared first: if it is another function, comparing
        gradients means little. It is compared at its own precision, or that of your gradients if
        they have less; a decimal or a tensor of one entry is a number too.
    jitter : float, optional
        Moves the parameters by this much for the time of the check, relative to the rms of each
        tensor or 0.01, at random from `seed`: at an initialisation, zeros and ones hide mistakes.
        Needs `grads` as a function, and one of the parameters unless `loss` reads them in place.
    accept : str or iterable of str
        Causes by which the gradient may differ from that of the loss, because you mean it to:
        "guard" (a small constant such as that of ``log(p + 1e-7)`` is left out on the way back),
        "clip" and "clip-norm", "float32" and "float16" (computed or stored in it), "regulariser"
        (its term is left out, scaled, or in the gradient alone), "sum" and "mean" (of the whole
        gradient, over samples, where the loss does the other), "truncated" (a recurrence followed
        back some steps only), "stop-gradient" (a branch left out). A tensor passes with it if the
        cause alone explains every entry within its bound; `diagnosis` and the report say so.
    pictures : bool
        Whether the result keeps what a page can draw: how far off each part of each tensor is, and
        of a graph the derivative of the worst entry at many steps. That takes some hundredths of
        a second, at most two.

    Returns
    -------
    CheckResult
        True in a boolean context if the gradient is right.

    Raises
    ------
    InputError
        If an argument is wrong.

    Notes
    -----
    Beside the probes: four backward and three forward passes for the bounds, and two evaluations
    per tensor that audit the numerical gradient along a random direction. A function is evaluated
    twice before anything else, and a gradient function called three times, with two more
    evaluations, to see whether they repeat and what they change; ``docs/findings.md`` lists what
    may be said then. Whatever arrays they write into are restored.

    Examples
    --------
    >>> import fastcheck as fc
    >>> net = fc.Network([fc.Dense(3, 4), fc.Tanh(), fc.Dense(4, 2)], fc.SoftmaxCrossEntropy())
    >>> params = net.init_params(seed=0)
    >>> objective = net.objective([[0.1, -0.4, 0.9], [0.3, 0.2, -0.5]], [0, 1])
    >>> bool(fc.check_gradients(objective, params, objective.gradient(params)))
    True
    """
    with checking(
        loss, params, grads, plan=plan, engine=engine, step=step, arithmetic=arithmetic,
        n_jobs=n_jobs, seed=seed, budget=budget, entries=entries, rtol=rtol, strict=strict,
        loss_value=loss_value, jitter=jitter, accept=accept, only=only, skip=skip,
        before_each=before_each, progress=progress, pictures=pictures,
    ) as check:  # fmt: skip
        return check.result


def assert_gradients(
    loss: Loss,
    params: Params,
    grads: Grads,
    **options: Any,
) -> CheckResult:
    """Check a gradient and raise unless it passes.

    Parameters
    ----------
    loss, params, grads, **options
        As for :func:`check_gradients`.

    Returns
    -------
    CheckResult
        The result, which passed.

    Raises
    ------
    GradientMismatchError
        If the check does not pass; its ``result`` says why.
    """
    result = check_gradients(loss, params, grads, **options)
    if not result.passed:
        raise GradientMismatchError(str(result), result)
    return result
