"""Checking gradients of TensorFlow: those of a tape, and backward passes of your own.

TensorFlow is imported when a check is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.check.options import check_options
from fastcheck.frameworks.function import require
from fastcheck.frameworks.layers import arrays_of, check_function
from fastcheck.frameworks.losses import check_loss, moved

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
        Returns the loss, a tensor of one number. Without arguments it reads variables; or it takes
        the parameters, and is given tensors in their places.
    params : model, Module, or variables or tensors in any structure
        What is differentiated: of a model or module its ``trainable_variables``. As before
        afterwards, other variables of a model too.
    grads : object, optional
        The gradient, by name or in order, or a function that returns it, without arguments or of
        the parameters; by default that of a ``GradientTape``. A variable that is not used has a
        gradient of zeros.
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
        If TensorFlow is not installed.

    Notes
    -----
    A graph is made of the loss and computed in NumPy and float64; results are compared at the point
    and around it. Where an operation is not known, TensorFlow is called for each probe, in the
    types of the variables. ``docs/frameworks.md`` lists the operations.

    Examples
    --------
    >>> import fastcheck.tensorflow
    >>> import tensorflow as tf
    >>> w, x = tf.Variable([[0.5], [-1.0]]), tf.constant([[1.0, 2.0], [3.0, 0.5]])
    >>> result = fastcheck.tensorflow.check_gradients(
    ...     lambda: tf.reduce_mean(tf.tanh(x @ w) ** 2), {"w": w}
    ... )
    >>> result.verdict, [*result.tensors]
    ('pass', ['w'])
    """
    require("tensorflow")
    from fastcheck.tensorflow.functions import preserved
    from fastcheck.tensorflow.parameters import read_loss

    seed, before_each = options.get("seed", 0), options.pop("before_each", None)
    check_options(jitter=jitter, seed=seed, before_each=before_each)
    with preserved(params):
        subject = read_loss(loss, params, before_each)
        function = subject.function
        function.move(moved(function.arrays, grads, jitter, seed))

        def gradients() -> Any:
            if grads is None:
                return function.gradients(function.arrays, [np.ones(())])
            function.prepare()
            return subject.named(grads)

        return check_loss(
            function, gradients, called=(function.first, function.widest()), **options
        )


def check_layer(
    layer: Callable[..., Any], inputs: Any, *, cotangent: Any = None, **options: Any
) -> CheckResult:
    """Compare a backward pass, such as that of a ``tf.custom_gradient``, with numerical ones.

    Parameters
    ----------
    layer : callable
        A layer or model of Keras with its trainable variables, or any function of tensors.
    inputs : tensor, tuple or dict
        What it is called with: one input, several, or several by keyword. Those of floating point
        are differentiated, everything else is constant.
    cotangent : tensor or tuple of tensor, optional
        The upstream gradient, one for each output of floating point; three random ones by default.
    **options
        As for :func:`fastcheck.check_layer`.

    Returns
    -------
    CheckResult
        The inputs by the names of the arguments, and the variables by theirs.

    Raises
    ------
    InputError
        If there is nothing to differentiate.
    ModuleNotFoundError
        If TensorFlow is not installed.

    Notes
    -----
    Tensors of float32 are probed with the same values in float64, where the layer can be followed
    or has no variables, and the gradient is judged at its own precision.

    Examples
    --------
    >>> import fastcheck.tensorflow
    >>> import tensorflow as tf
    >>> @tf.custom_gradient
    ... def square(x):
    ...     return x * x, lambda dout: dout * x  # 2 is missing
    >>> result = fastcheck.tensorflow.check_layer(square, tf.constant([1.0, -2.0, 3.0]))
    >>> result.diagnosis[0].constant
    0.5
    """
    require("tensorflow")
    from fastcheck.tensorflow.functions import preserved
    from fastcheck.tensorflow.parameters import read_layer

    before_each = options.pop("before_each", None)
    check_options(before_each=before_each)
    function = read_layer(layer, inputs, before_each)
    with preserved(layer):
        return check_function(function, cotangent=arrays_of(cotangent), **options)
