"""What is differentiated, in the shapes in which users of TensorFlow hold it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.blackbox.arguments import as_one_argument
from fastcheck.blackbox.loss import takes_nothing
from fastcheck.check.gradient_of import gradient_of
from fastcheck.errors import InputError
from fastcheck.frameworks.layers import named_inputs
from fastcheck.frameworks.losses import scalar
from fastcheck.holding import named_gradients, taken
from fastcheck.holding.tree import find_tree, leaves_of, remade
from fastcheck.tensorflow.functions import TensorFunction, dense
from fastcheck.tracing.outcome import loss_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    Array = NDArray[Any]


@dataclass(frozen=True)
class Subject:
    """A loss, and how its gradients are given.

    Attributes
    ----------
    function : TensorFunction
        The loss.
    point : callable
        Returns the parameters as a function of the user's takes them.
    """

    function: TensorFunction
    point: Callable[[], Any]

    def named(self, grads: Any) -> dict[str, Any]:
        """Return gradients of the user's, by name."""
        import tensorflow as tf

        returned = gradient_of(grads, self.point())
        plain = tf.nest.map_structure(lambda g: None if g is None else dense(g), returned)
        return named_gradients(taken(plain, self.function.arrays), [*self.function.arrays])


def read_loss(
    loss: Callable[..., Any], params: Any, before_each: Callable[[], Any] | None = None
) -> Subject:
    """Return a loss of variables, or of tensors in the places of the parameters."""
    import tensorflow as tf

    if hasattr(params, "trainable_variables"):
        variables = named_variables(params.trainable_variables)
        bound = loss if takes_nothing(loss) else lambda: loss(params)
        return Subject(_live(bound, variables, before_each), lambda: params)
    loss = as_one_argument(loss, params)
    tree = find_tree(params)
    values = {leaf.name: leaf.value for leaf in leaves_of(tree)}
    if takes_nothing(loss):
        return Subject(_live(loss, _variables(values), before_each), lambda: params)

    def built(parts: Mapping[str, Any]) -> Any:
        return remade(tree, params, lambda leaf: parts[leaf.name])

    arrays = {name: np.asarray(value) for name, value in values.items()}
    function = TensorFunction(
        lambda parts: scalar(loss_of(loss(built(parts)))), arrays, {}, before_each=before_each
    )
    return Subject(function, lambda: built({n: tf.constant(a) for n, a in function.arrays.items()}))


def _variables(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return variables by name, those of models by the names of both."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if hasattr(value, "trainable_variables"):
            own = named_variables(value.trainable_variables)
            found |= {f"{name}.{key}": variable for key, variable in own.items()}
        elif hasattr(value, "assign"):
            found[name] = value
        else:
            raise InputError(
                f"`params[{name!r}]` must be a variable, because the loss reads it, got "
                f"{type(value).__name__}; make it a tf.Variable, or pass a loss of the parameters"
            )
    return found


def _live(
    loss: Callable[[], Any], variables: Mapping[str, Any], before_each: Callable[[], Any] | None
) -> TensorFunction:
    return TensorFunction(lambda _: scalar(loss_of(loss())), {}, variables, before_each=before_each)


def read_layer(
    layer: Any, inputs: Any, before_each: Callable[[], Any] | None = None
) -> TensorFunction:
    """Return a layer, or any function of tensors, at its inputs."""
    import tensorflow as tf

    given, by_keyword = named_inputs(getattr(layer, "call", layer), inputs)
    given = {name: _tensor(value) for name, value in given.items()}
    real = {n: v for n, v in given.items() if tf.is_tensor(v) and v.dtype.is_floating}

    def called(parts: Mapping[str, Any]) -> Any:
        own = {**given, **parts}
        return layer(**own) if by_keyword else layer(*own.values())

    called({})  # at which layers make their variables
    name = getattr(layer, "__name__", type(layer).__name__).strip("<>")
    variables = named_variables(getattr(layer, "trainable_variables", ()))
    arrays = {n: v.numpy() for n, v in real.items()}
    return TensorFunction(called, arrays, variables, name, before_each)


def _tensor(value: Any) -> Any:
    """Return numbers as a tensor, anything else as it is."""
    import tensorflow as tf

    return tf.convert_to_tensor(value) if isinstance(value, np.ndarray | tf.Variable) else value


def named_variables(variables: Iterable[Any]) -> dict[str, Any]:
    """Return variables by name: dots for slashes, without what all begin with, each its own."""
    found = [*variables]
    parts = [getattr(v, "path", v.name).split(":")[0].split("/") for v in found]
    while len(parts) > 1 and all(len(p) > 1 and p[0] == parts[0][0] for p in parts):
        parts = [p[1:] for p in parts]
    names: dict[str, Any] = {}
    for variable, path in zip(found, parts, strict=True):
        name = ".".join(path)
        place = sum(key == name or key.startswith(f"{name}#") for key in names)
        names[f"{name}#{place + 1}" if place else name] = variable
    return names
