"""Checking gradients of torch: those of autograd, and backward passes of your own.

torch is imported when a check is made.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.check.options import check_options
from fastcheck.frameworks.function import require
from fastcheck.frameworks.layers import arrays_of, check_function
from fastcheck.frameworks.losses import check_loss, moved
from fastcheck.result import Finding
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcheck.result import CheckResult

__all__ = ["check_gradients", "check_layer"]


def check_gradients(
    loss: Callable[..., Any],
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
        Returns the loss, a tensor of one number. Without arguments it reads the tensors of
        `params`; else it takes them: in the structure of `params`, of a module as a dict by name.
    params : Module, or tensors in any structure
        What is differentiated. As before afterwards, buffers of a module too.
    grads : object, optional
        The gradient; by default that of autograd, without touching ``.grad``. A parameter that is
        not used has a gradient of zeros. As for :func:`fastcheck.check_gradients`: tensors by name
        or in order, or a function that returns them or fills ``.grad``.
    jitter, **options
        As for :func:`fastcheck.check_gradients`.

    Returns
    -------
    CheckResult
        True in a boolean context if the gradient is right.

    Raises
    ------
    InputError
        If an argument is wrong.
    ModuleNotFoundError
        If torch is not installed.

    Notes
    -----
    The loss is run once while torch's operations are recorded, and computed again in NumPy and
    float64, as a graph; results are compared at the point and around it. Where an operation is not
    known, torch is called for each probe, in the types of the parameters. ``docs/frameworks.md``
    lists the operations.

    Examples
    --------
    >>> import fastcheck.torch
    >>> import torch
    >>> model, x = torch.nn.Linear(3, 2).double(), torch.randn(5, 3).double()
    >>> result = fastcheck.torch.check_gradients(lambda: model(x).square().mean(), model)
    >>> result.verdict, [*result.tensors]
    ('pass', ['weight', 'bias'])
    """
    require("torch")
    from fastcheck.torch.losses import TorchLoss, preserved
    from fastcheck.torch.padding import with_padding
    from fastcheck.torch.randomness import explained

    seed, before_each = options.get("seed", 0), options.pop("before_each", None)
    check_options(jitter=jitter, seed=seed, before_each=before_each)
    with preserved(params):
        function = TorchLoss(loss, params, before_each)
        with function.box.restoring():
            function.move(moved(function.arrays, grads, jitter, seed))

            def gradients() -> Any:
                return function.gradients({}, []) if grads is None else function.given(grads)

            called = function.box.function, function.box.held.point()
            result = check_loss(function, gradients, called=called, **options)
            result = with_padding(result, params, function.tensors)
            return explained(result, function.box.loss)


def check_layer(layer: Any, inputs: Any, *, cotangent: Any = None, **options: Any) -> CheckResult:
    """Compare a backward pass with numerical derivatives of the forward pass.

    Parameters
    ----------
    layer : type, Module or callable
        A subclass of ``torch.autograd.Function``, a module with its parameters, or any function of
        tensors.
    inputs : Tensor, tuple or dict
        What it is called with: one input, several, or several by keyword. Tensors that require a
        gradient are differentiated; if none does, all of floating point. The rest is constant.
    cotangent : Tensor or tuple of Tensor, optional
        The upstream gradient, one for each differentiable output; three random ones by default.
    **options
        As for :func:`fastcheck.check_layer`.

    Returns
    -------
    CheckResult
        The inputs by the names of the arguments of ``forward``, and the parameters by theirs.

    Raises
    ------
    InputError
        If there is nothing to differentiate.
    ModuleNotFoundError
        If torch is not installed.

    Notes
    -----
    Outputs that autograd does not differentiate are left out. Tensors of float32 are probed with
    the same values in float64, and the gradient is judged at its own precision. Where several
    inputs are right together, each is looked at once more as the only one that requires a gradient.

    Examples
    --------
    >>> import fastcheck.torch
    >>> import torch
    >>> class Square(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     def backward(ctx, dout):
    ...         return dout * ctx.saved_tensors[0]  # 2 is missing
    >>> result = fastcheck.torch.check_layer(Square, torch.randn(4, 3, dtype=torch.float64))
    >>> result.diagnosis[0].kind, result.diagnosis[0].constant
    ('factor', 0.5)
    """
    require("torch")
    import torch

    from fastcheck.holding import plain
    from fastcheck.torch.layers import TorchLayer, differing
    from fastcheck.torch.padding import with_padding
    from fastcheck.torch.randomness import explained

    options["cotangent"] = arrays_of(cotangent, plain)
    before_each = options.pop("before_each", None)
    check_options(before_each=before_each)
    with torch.random.fork_rng(devices=[]):
        function = TorchLayer(layer, inputs, before_each)
        result = check_function(function, **options)
        result = explained(result, lambda: function.outputs(function.arrays))
        result = with_padding(result, layer, function.parameters)
        if function.constant:
            note = _about_constants(function.constant)
            result = replace(result, findings=(*result.findings, note))
        if not (result.passed and isinstance(layer, type) and len(function.arrays) > 1):
            return result
        names = [name for name in function.arrays if name in result.tensors]
        odd = differing(function, names, np.random.default_rng(options.get("seed", 0)))
        if not odd:
            return result
        alone = check_function(function.alone(odd[0]), **options)
        return replace(alone, findings=(_about_needs(function.name, odd), *alone.findings))


def _about_constants(names: list[str]) -> Finding:
    message = (
        f"{listing(names)} {'was' if len(names) == 1 else 'were'} not differentiated, because "
        "other inputs require a gradient; to check that gradient too, call requires_grad_() of it"
    )
    return Finding("not-differentiated", "note", None, message)


def _about_needs(layer: str, names: list[str]) -> Finding:
    message = (
        f"the backward pass of {layer} gives another gradient of {listing(names)} where nothing "
        "else requires one; that was checked: look at ctx.needs_input_grad, and at the order of "
        "what backward returns"
    )
    return Finding("needs-input-grad", "warning", names[0], message)
