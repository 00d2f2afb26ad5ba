"""Checking gradients of JAX: those of ``jax.grad``, and backward passes of your own.

JAX is imported when a check is made.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.check.options import check_options
from fastcheck.frameworks.function import require
from fastcheck.frameworks.layers import arrays_of, check_function, named_inputs
from fastcheck.frameworks.losses import check_loss, moved, scalar
from fastcheck.tracing.outcome import loss_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcheck.result import CheckResult

__all__ = ["check_gradients", "check_layer", "check_value_and_grad"]


def check_gradients(
    loss: Callable[[Any], Any],
    params: Any,
    grads: Any = None,
    *,
    jitter: float | None = None,
    **options: Any,
) -> CheckResult:
    """Compare a gradient with a numerical one, entry by entry.

    Parameters
    ----------
    loss : callable
        Takes the parameters and returns the loss, or a tuple that begins with it.
    params : pytree
        The point. Arrays of floating point are differentiated, everything else is constant.
    grads : callable or pytree, optional
        The gradient, or a function of the parameters that returns it; by default ``jax.grad`` of
        `loss`.
    jitter, **options
        As for :func:`fastcheck.check_gradients`.

    Returns
    -------
    CheckResult
        The arrays by their paths in the pytree, keys joined by dots.

    Raises
    ------
    InputError
        If an argument is wrong.
    ModuleNotFoundError
        If JAX is not installed.

    Notes
    -----
    The jaxpr of the loss is computed in NumPy and float64, as a graph; results are compared at the
    point and around it. Where a primitive is not known, JAX is called for each probe, in float64 if
    ``jax_enable_x64`` is set. Without it gradients are float32, and judged at that precision.
    ``docs/frameworks.md`` lists the primitives.

    Examples
    --------
    >>> import fastcheck.jax
    >>> import jax.numpy as jnp
    >>> params = {"W": jnp.ones((2, 3)), "b": jnp.zeros(3)}
    >>> x = jnp.array([[0.5, -1.0], [2.0, 0.25]])
    >>> result = fastcheck.jax.check_gradients(
    ...     lambda p: jnp.mean(jnp.tanh(x @ p["W"] + p["b"]) ** 2), params
    ... )
    >>> result.verdict, [*result.tensors]
    ('pass', ['W', 'b'])
    """
    require("jax")
    from fastcheck.jax.functions import JaxFunction

    seed, before_each = options.get("seed", 0), options.pop("before_each", None)
    check_options(jitter=jitter, seed=seed, before_each=before_each)
    function = JaxFunction(
        lambda tree: scalar(loss_of(loss(tree))), params, before_each=before_each
    )
    function.move(moved(function.arrays, grads, jitter, seed))

    def gradients() -> Any:
        if grads is None:
            return function.gradients(function.arrays, [np.ones(())])
        function.prepare()
        return function.named(grads(function.point()) if callable(grads) else grads)

    return check_loss(function, gradients, called=(function.first, function.widest()), **options)


def check_value_and_grad(
    function: Callable[[Any], Any], params: Any, **options: Any
) -> CheckResult:
    """Check a function that returns the loss and its gradient, as ``jax.value_and_grad`` makes it.

    Parameters
    ----------
    function : callable
        Takes the parameters and returns ``(loss, gradient)``, or ``((loss, more), gradient)``.
    params : pytree
        The point.
    **options
        As for :func:`check_gradients`.

    Returns
    -------
    CheckResult
        As of :func:`check_gradients`.

    Raises
    ------
    InputError
        If an argument is wrong.
    ModuleNotFoundError
        If JAX is not installed.
    """
    return check_gradients(
        lambda tree: function(tree)[0], params, lambda tree: function(tree)[1], **options
    )


def check_layer(
    layer: Callable[..., Any], inputs: Any, *, cotangent: Any = None, **options: Any
) -> CheckResult:
    """Compare a backward pass, such as that of a ``jax.custom_vjp``, with numerical derivatives.

    Parameters
    ----------
    layer : callable
        Any function of pytrees that JAX differentiates.
    inputs : pytree, tuple or dict
        What it is called with: one argument, several, or several by keyword. Arrays of floating
        point in them are differentiated, everything else is constant.
    cotangent : array or tuple of array, optional
        The upstream gradient, one for each output of floating point; three random ones by default.
    **options
        As for :func:`fastcheck.check_layer`.

    Returns
    -------
    CheckResult
        The inputs by the names of the arguments.

    Raises
    ------
    InputError
        If there is nothing to differentiate.
    ModuleNotFoundError
        If JAX is not installed.

    Notes
    -----
    The gradient is that of ``jax.vjp``, the forward pass that of the function itself, without the
    forward rule of a ``custom_vjp``. Arrays of float32 are probed with the same values in float64,
    where the layer can be followed or ``jax_enable_x64`` is set, and the gradient is judged at its
    own precision.

    Examples
    --------
    >>> import fastcheck.jax
    >>> import jax
    >>> @jax.custom_vjp
    ... def square(x):
    ...     return x * x
    >>> square.defvjp(lambda x: (x * x, x), lambda x, dout: (dout * x,))  # 2 is missing
    >>> result = fastcheck.jax.check_layer(square, jax.numpy.array([1.0, -2.0, 3.0]))
    >>> result.diagnosis[0].constant
    0.5
    """
    require("jax")
    from fastcheck.jax.functions import JaxFunction

    given, by_keyword = named_inputs(layer, inputs)

    def called(tree: Any) -> Any:
        return layer(**tree) if by_keyword else layer(*tree.values())

    name = getattr(layer, "__name__", type(layer).__name__).strip("<>")
    before_each = options.pop("before_each", None)
    check_options(before_each=before_each)
    function = JaxFunction(called, OrderedDict(given), name, before_each)
    return check_function(function, cotangent=arrays_of(cotangent), **options)
