"""Checking the backward pass of one layer, or of each of a list."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from glob import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.check import check_gradients
from fastcheck.check.jitter import moved_in_place
from fastcheck.check.options import check_options
from fastcheck.errors import GradientMismatchError, InputError
from fastcheck.layers.case import Case
from fastcheck.layers.combine import over_cotangents, over_layers, refused
from fastcheck.layers.inputs import is_sequence, n_required, read_inputs
from fastcheck.layers.trial import Trial
from fastcheck.layers.wiring import read_layer
from fastcheck.params import select_names
from fastcheck.tracing.verify import preserved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fastcheck.result import CheckResult

    Patterns = str | Iterable[str] | None

__all__ = ["assert_layer", "check_layer"]

MISSING: Any = object()


def check_layer(
    forward: Any,
    backward: Callable[..., Any] | None = None,
    inputs: Any = MISSING,
    params: Any = None,
    grads: Any = None,
    *,
    n_cotangents: int = 3,
    cotangent: Any = None,
    seed: int = 0,
    only: Patterns = None,
    skip: Patterns = None,
    **options: Any,
) -> CheckResult:
    """Compare what the backward pass of a layer gives with numerical gradients, entry by entry.

    Parameters
    ----------
    forward : object, callable or list
        A layer with the methods ``forward`` and ``backward``; or the forward pass, a function that
        returns the output, or ``(output, ..., cache)``; or a list of layers and of pairs
        ``(forward, backward)``, each of which is checked at the output of those before it.
    backward : callable, optional
        The backward pass: ``backward(dout)``, ``backward(dout, cache)``, ``backward(dout, x)``
        with the inputs or, with several outputs, ``backward(dh, dc, cache)``. It returns the
        gradient of the input; or of all inputs, and then of the parameters, as a tuple in this
        order or a dict.
    inputs : array_like, tuple or dict
        What the forward pass is called with; a tuple holds several arguments, a dict those by
        keyword. Copies are passed. Arrays of floating point are differentiated, others are
        constants. Of a list of layers, the first takes as many as it needs; those that are left go
        to the next layer that needs more than the output before it, such as a loss its labels.
    params : mapping or list, optional
        The parameters that the layer reads elsewhere: the very arrays by name, perturbed in place
        and restored bit for bit, or names of attributes. By default they are looked for on the
        layer, and on layers inside it: in ``params`` and ``grads``, or pairs such as ``W`` and
        ``dW``.
    grads : mapping, list or callable, optional
        Their gradients, where backward does not return them: arrays that it fills, names of
        attributes, or a function that is called after it.
    n_cotangents : int
        How many random upstream gradients.
    cotangent : array_like or tuple of array_like, optional
        The upstream gradient to check with, in place of random ones: of the shape of the output; of
        several outputs one for each. Not for a list of layers.
    seed : int
        Seed of whatever is drawn.
    only, skip : str or iterable of str, optional
        Patterns of the names to check or to leave out; in a list of layers, these are
        ``0.Affine.W`` and so on: place in the list, class or function, tensor.
    **options
        As for :func:`fastcheck.check_gradients`; `budget` is for all cotangents together.

    Returns
    -------
    CheckResult
        Of the first cotangent that fails, or is inconclusive; if all pass, the worst of all. In a
        list of layers, the first wrong layer is named in its `diagnosis`.

    Raises
    ------
    InputError
        If an argument is wrong, forward and backward do not fit together, or a gradient has
        another shape than its tensor.

    Notes
    -----
    What is checked is the gradient of ``sum(cotangent * output)``. The weights of a cotangent have
    random signs and sizes from 1/2 to 3/2, because ones would hide a missing sum, an average in
    place of a sum, and the cross terms of a softmax. Everything that the layer reaches is as before
    afterwards. About eight forward and backward passes, and a check for each cotangent.

    Examples
    --------
    >>> import numpy as np
    >>> import fastcheck as fc
    >>> class Affine:
    ...     def __init__(self):
    ...         self.W, self.b = np.array([[1.0, -2.0], [0.5, 3.0]]), np.zeros(2)
    ...     def forward(self, x):
    ...         self.x = x
    ...         return x @ self.W + self.b
    ...     def backward(self, dout):
    ...         self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
    ...         return dout @ self.W.T
    >>> result = fc.check_layer(Affine(), inputs=np.array([[1.0, 2.0], [3.0, -1.0]]))
    >>> result.verdict, list(result.tensors)
    ('pass', ['x', 'W', 'b'])
    """
    jitter, before_each = options.pop("jitter", None), options.get("before_each")
    check_options(seed=seed, jitter=jitter, before_each=before_each)
    _check_count(n_cotangents)
    with preserved(forward, backward, inputs, params, grads):
        if isinstance(forward, list | tuple):
            _check_list(forward, backward, params, grads, cotangent)
            cases = _open_all(forward, inputs, seed, before_each)
        else:
            layer = read_layer(forward, backward)
            if inputs is MISSING:
                raise InputError("`inputs` must be given, got none; write check_layer(f, inputs=x)")
            given = read_inputs(layer.forward, inputs)
            rng = np.random.default_rng([seed, 1])
            cases = {"": Case(layer, given, params, grads, rng, before_each)}
        chosen = _chosen(cases, only, skip)
        results = {}
        for label, names in chosen.items():
            case = cases[label]
            with _named(label), moved_in_place(case.params.arrays, jitter, seed):
                drawn = _cotangents(case, n_cotangents, cotangent, seed)
                results[label] = _checked(case, names, drawn, seed, options)
            if results[label].interrupted:
                break
    return over_layers(results) if isinstance(forward, list | tuple) else results[""]


def assert_layer(
    forward: Any,
    backward: Callable[..., Any] | None = None,
    inputs: Any = MISSING,
    params: Any = None,
    grads: Any = None,
    **options: Any,
) -> CheckResult:
    """Check a layer and raise unless it passes.

    Parameters
    ----------
    forward, backward, inputs, params, grads, **options
        As for :func:`check_layer`.

    Returns
    -------
    CheckResult
        The result, which passed.

    Raises
    ------
    GradientMismatchError
        If the check does not pass; its ``result`` says why.
    """
    result = check_layer(forward, backward, inputs, params, grads, **options)
    if not result.passed:
        raise GradientMismatchError(str(result), result)
    return result


def _check_count(n: object) -> None:
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise InputError(
            f"`n_cotangents` must be a whole number from 1, got {n!r}; the default is 3"
        )


def _check_list(
    layers: Sequence[Any], backward: Any, params: Any, grads: Any, cotangent: Any
) -> None:
    given = {"backward": backward, "params": params, "grads": grads, "cotangent": cotangent}
    for name, value in given.items():
        if value is not None:
            raise InputError(
                f"`{name}` must be left out for a list of layers, got {type(value).__name__}; "
                "pass (forward, backward) in the list, or check that layer alone"
            )
    if not layers:
        raise InputError("`forward` must hold a layer, got an empty list; pass the layers")


def _open_all(
    layers: Sequence[Any], inputs: Any, seed: int, before_each: Callable[[], Any] | None
) -> dict[str, Case]:
    """Call one layer after the other and return each at its own input, by place and name."""
    if inputs is MISSING:
        raise InputError("`inputs` must be given, got none; write check_layer(layers, inputs=x)")
    if isinstance(inputs, Mapping):
        raise InputError(
            f"`inputs` must be an array or a tuple for a list of layers, got a dict of "
            f"{', '.join(map(str, inputs))}; put them in the order in which layers take them"
        )
    left = list(inputs) if is_sequence(inputs) else [inputs]
    outputs: tuple[Any, ...] = ()
    cases = {}
    for place, given in enumerate(layers):
        layer = read_layer(*given) if isinstance(given, tuple) else read_layer(given, None)
        n_more = max(n_required(layer.forward) - len(outputs), 0 if place else 1)
        taken, left = left[:n_more], left[n_more:]
        label = f"{place}.{layer.name}"
        with _named(label):
            read = read_inputs(layer.forward, (*outputs, *taken))
            rng = np.random.default_rng([seed, 1, place])
            case = Case(layer, read, None, None, rng, before_each)
        cases[label] = case
        outputs = case.outputs
    if left:
        raise InputError(
            f"`inputs` must be what the layers take, got {len(left)} more; the first layer takes "
            "its arguments, a later one what it needs beside the output before it"
        )
    return cases


@contextmanager
def _named(label: str) -> Iterator[None]:
    """Say about which layer of a list an error is."""
    try:
        yield
    except InputError as problem:
        raise (InputError(f"{label}: {problem}") if label else problem) from None


def _chosen(cases: dict[str, Case], only: Patterns, skip: Patterns) -> dict[str, list[str]]:
    """Return the names of the tensors to check, for each layer that has some."""
    full = {
        (f"{label}.{name}" if label else name): (label, name)
        for label, case in cases.items()
        for name in (*case.inputs.tensors, *case.params.arrays)
    }
    if not full:
        raise InputError(
            "`inputs` must hold an array of floating point, or the layer parameters, got neither; "
            "pass params= and grads="
        )
    chosen: dict[str, list[str]] = {}
    for wanted in select_names(list(full), only, skip):
        label, name = full[wanted]
        chosen.setdefault(label, []).append(name)
    return chosen


def _cotangents(case: Case, n: int, given: Any, seed: int) -> list[tuple[Any, ...]]:
    """Return the upstream gradients to check with."""
    if given is not None:
        return [case.given(given)]
    rng = np.random.default_rng([seed, 2])
    return [case.draw(rng) for _ in range(n)]


def _checked(
    case: Case,
    names: list[str],
    cotangents: list[tuple[Any, ...]],
    seed: int,
    options: dict[str, Any],
) -> CheckResult:
    """Return the outcome for one layer."""
    trial = Trial(case, cotangents)
    arrays = case.tensors(trial.gradients[0])
    wanted = [escape(name) for name in names if name in arrays]
    n_entries = sum(int(np.size(array)) for array in arrays.values())
    if not wanted or any(f.severity == "error" for f in trial.findings):
        return refused(trial.findings, n_entries)
    budget = options.get("budget")
    if isinstance(budget, float | int):
        options = options | {"budget": budget / len(trial.cotangents)}
    results: list[CheckResult] = []
    pairs = zip(trial.cotangents, trial.gradients, strict=True)
    for place, (upstream, gradients) in enumerate(pairs):
        given = {name: gradients[name] for name in arrays}
        result = check_gradients(
            case.loss(upstream), arrays, given, seed=seed + place, only=wanted, **options
        )
        results.append(result)
        errors = any(f.severity == "error" for f in result.findings)
        if result.verdict == "fail" or result.interrupted or errors:
            break
    return over_cotangents(results, trial.findings, len(trial.cotangents))
