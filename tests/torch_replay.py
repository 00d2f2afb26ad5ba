"""Gradients of a recorded NumPy loss by torch's autograd: a second opinion on our vjps.

The recorded calls are made again with torch's functions in place of NumPy's. Functions that only
move entries are run on integers, and torch gathers. Nothing of the lowering is used.
"""

from __future__ import annotations

import numpy as np
import torch

from fastcheck.tracing import functions as own
from fastcheck.tracing.recording import Ref, refs, resolved


def _axis(axis):
    return axis if axis is None or isinstance(axis, int) else tuple(axis)


def _reduction(function):
    def reduce(x, axis=None, *rest, keepdims=False, **unused):
        if axis is None:
            axis = tuple(range(x.ndim))
        return function(x, _axis(axis), bool(keepdims)) if x.ndim else x

    return reduce


def _extreme(sign):
    def reduce(x, axis, keepdims):
        """Take the first of the largest, as hand-written backward passes do with argmax."""
        axes = (axis,) if isinstance(axis, int) else axis
        axes = tuple(a % x.ndim for a in axes)
        kept = [a for a in range(x.ndim) if a not in axes]
        flat = x.permute(*kept, *axes).reshape(*(x.shape[a] for a in kept), -1)
        place = np.asarray(np.argmax(sign * flat.detach().numpy(), axis=-1))
        found = flat.gather(-1, torch.from_numpy(place).unsqueeze(-1)).squeeze(-1)
        if keepdims:
            found = found.reshape([1 if a in axes else n for a, n in enumerate(x.shape)])
        return found

    return _reduction(reduce)


def _spread(power):
    def reduce(x, axis=None, ddof=0, keepdims=False, **unused):
        axis = tuple(range(x.ndim)) if axis is None else _axis(axis)
        found = x.var(axis, correction=ddof, keepdim=keepdims)
        return found.sqrt() if power == 0.5 else found

    return reduce


def _norm(x, *unused, axis=None, keepdims=False):
    axis = tuple(range(x.ndim)) if axis is None else _axis(axis)
    return (x * x).sum(axis, keepdim=keepdims).sqrt()


def _dot(a, b, *rest):
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if b.ndim <= 2:
        return a @ b
    return torch.tensordot(a, b, ([a.ndim - 1], [b.ndim - 2]))


def _power(x, p):
    return x**p


def _clip(x, low=None, high=None, **limits):
    return torch.clip(x, limits.get("min", low), limits.get("max", high))


def _assigned(x, key, value):
    new = x.clone()
    key = torch.from_numpy(key) if isinstance(key, np.ndarray) else key
    new[key] = torch.as_tensor(value, dtype=x.dtype)
    return new


COMPUTED = {
    np.add: torch.add, np.subtract: torch.subtract, np.multiply: torch.multiply,
    np.divide: torch.divide, np.negative: torch.negative, np.exp: torch.exp, np.log: torch.log,
    np.sqrt: torch.sqrt, np.tanh: torch.tanh, np.square: torch.square, np.log1p: torch.log1p,
    np.expm1: torch.expm1, np.arctan: torch.arctan, np.absolute: torch.abs,
    np.logaddexp: torch.logaddexp, np.maximum: torch.maximum, np.minimum: torch.minimum,
    np.power: _power, own.powered: _power, np.less: torch.lt, np.less_equal: torch.le,
    np.greater: torch.gt, np.greater_equal: torch.ge,
    np.sum: _reduction(lambda x, a, k: x.sum(a, keepdim=k)),
    np.nansum: _reduction(lambda x, a, k: x.nansum(a, keepdim=k)),
    np.mean: _reduction(lambda x, a, k: x.mean(a, keepdim=k)),
    np.max: _extreme(1.0), np.amax: _extreme(1.0), np.min: _extreme(-1.0),
    np.var: _spread(1.0), np.std: _spread(0.5), np.linalg.norm: _norm,
    np.dot: _dot, np.matmul: torch.matmul, np.einsum: torch.einsum,
    np.tensordot: lambda a, b, axes=2: torch.tensordot(a, b, axes),
    np.clip: _clip, np.where: torch.where,
}  # fmt: skip
BY_NAME = {"erf": torch.erf, "expit": torch.sigmoid}


def gradient(recording, params):
    """Return the gradient of the recorded loss by name, float64, and the loss."""
    base = recording.replay(params)
    live = {
        name: torch.tensor(np.array(value), dtype=torch.float64, requires_grad=True)
        for name, value in params.items()
    }
    depends, values = set(recording.params.values()), {}
    for call in recording.calls:
        read = refs((call.args, call.kwargs))
        if call.index in depends:
            values[call.index] = live[call.name]
        elif depends.intersection(read):
            depends.add(call.index)
            values[call.index] = _value(call, base, values)
    loss = values[recording.output].reshape(())
    loss.backward()
    found = {
        name: np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()
        for name, leaf in live.items()
    }
    return found, float(loss.detach())


def _value(call, base, values):
    if call.function is np.split:
        x, sections = (_tensor(a, base, values) for a in call.args)
        return torch.tensor_split(x, sections, dim=call.kwargs.get("axis", 0))
    if call.function is own.part:
        return values[call.args[0].index][call.args[1]]
    if call.function is own.assigned and isinstance(call.args[1], Ref):
        return _assigned(*(_tensor(a, base, values) for a in call.args))
    name = call.function.__name__ if isinstance(call.function, np.ufunc) else ""
    function = COMPUTED.get(call.function) or BY_NAME.get(name)
    if function is None:
        return _moved(call, base, values)
    args = [_tensor(a, base, values) for a in call.args]
    kwargs = {k: _tensor(a, base, values) for k, a in call.kwargs.items()}
    if call.function is np.einsum:
        args[0] = args[0].replace(" ", "")
        kwargs.pop("optimize", None)
    elif isinstance(call.function, np.ufunc):
        args = [_constant(a) if isinstance(a, int) else a for a in args]
    return function(*args, **{k: v for k, v in kwargs.items() if v is not None})


def _tensor(argument, base, values):
    """Return an argument with torch's tensors for arrays."""
    if isinstance(argument, Ref):
        found = values.get(argument.index)
        return _constant(base[argument.index]) if found is None else found
    if isinstance(argument, tuple | list):
        return type(argument)(_tensor(a, base, values) for a in argument)
    if isinstance(argument, float | np.ndarray | np.floating):
        return _constant(argument)
    return argument


def _constant(value):
    value = np.array(value)
    if value.dtype.kind == "b":
        return torch.from_numpy(value)
    return torch.as_tensor(value.astype(np.float64))


class Positions:
    """Numbers for the entries of the arrays that a call reads, and torch's tensors of them."""

    def __init__(self, base, values):
        self.base, self.values = base, values
        self.tensors = [torch.zeros(1, dtype=torch.float64)]  # position 0 is the number zero
        self.known = {}

    def of(self, argument):
        """Return positions in the shape, and in the memory layout, of an argument."""
        if isinstance(argument, tuple | list):
            return type(argument)(self.of(a) for a in argument)
        index = argument.index if isinstance(argument, Ref) else None
        if index in self.known:
            return self.known[index]
        array = np.asarray(self.base[index] if index is not None else argument, dtype=float)
        tensor = self.values.get(index)
        tensor = torch.from_numpy(array.copy()) if tensor is None else tensor
        start = sum(t.numel() for t in self.tensors)
        self.tensors.append(tensor.reshape(-1))
        places = np.arange(start, start + array.size).reshape(array.shape)
        laid = np.empty_like(array, dtype=np.int64) if array.ndim else places
        laid[...] = places
        if index is not None:
            self.known[index] = laid
        return laid


MOVED = {own.assigned: (0, 2), own.written_through: (0, 1), own.assembled: (0, 2)}
"""Which arguments of a function are moved; the first by default."""


def _moved(call, base, values):
    """Return what a function that moves entries makes, by running it on positions."""
    positions = Positions(base, values)
    moved = MOVED.get(call.function, (0,))
    args = [positions.of(a) if i in moved else resolved(a, base) for i, a in enumerate(call.args)]
    if call.function in (own.copied, own.cast, own.number):
        places = np.asarray(args[0])
    else:
        places = np.asarray(call.function(*args, **resolved(call.kwargs, base)))
    assert places.shape == call.shape, call.function
    flat = torch.cat(positions.tensors)
    return flat[torch.from_numpy(places.reshape(-1).astype(np.int64))].reshape(call.shape)
