"""Tensors of another library, recognised by what they can do and not by importing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def is_tensor(value: object) -> bool:
    """Return whether a value behaves as a torch tensor."""
    return all(hasattr(value, name) for name in ("detach", "numpy", "requires_grad"))


def is_sparse(value: object) -> bool:
    """Return whether a value is a sparse matrix of SciPy, or behaves so."""
    return hasattr(value, "toarray") and hasattr(value, "nnz")


def is_wrapper(value: object) -> bool:
    """Return whether a value is an object that keeps its array or number as ``.data``."""
    if isinstance(value, np.ndarray | np.generic) or is_tensor(value) or is_sparse(value):
        return False
    data = getattr(value, "data", None)
    return isinstance(data, np.ndarray | np.number | float | int) and not isinstance(data, bool)


def tensor_view(name: str, tensor: Any, argument: str = "params") -> Array:
    """Return an array that shares the memory of a tensor.

    Parameters
    ----------
    name : str
        Of the tensor.
    tensor : Tensor
        Of torch.
    argument : str
        What the user gave it as.

    Raises
    ------
    InputError
        If that is not possible.
    """
    device = str(getattr(tensor, "device", "cpu"))
    if device != "cpu":
        raise InputError(
            f"`{argument}[{name!r}]` must be in the memory of the CPU, got a tensor on {device}; "
            "move the model with .cpu() for the check"
        )
    try:
        view: Array = tensor.detach().numpy()
    except (TypeError, RuntimeError):
        raise InputError(
            f"`{argument}[{name!r}]` must be a dense tensor of float64, float32 or float16, got "
            f"{_kind(tensor)}; convert the model with .double() for the check"
        ) from None
    return view


def _kind(tensor: Any) -> str:
    dtype = str(getattr(tensor, "dtype", type(tensor).__name__))
    layout = str(getattr(tensor, "layout", "torch.strided"))
    return dtype if layout == "torch.strided" else f"{dtype} in layout {layout}"


def plain(value: Any) -> Any:
    """Return what a loss or gradient of another library holds, as NumPy knows it.

    Numbers, arrays and whatever is not known are returned as they are.
    """
    if is_tensor(value):
        value = value.detach()
        if str(getattr(value, "layout", "")) not in ("", "torch.strided"):
            value = value.to_dense()
        value = value.cpu() if hasattr(value, "cpu") else value
        try:
            return value.numpy()
        except TypeError:  # bfloat16
            return value.float().numpy()
    if is_sparse(value):
        return value.toarray()
    return value.data if is_wrapper(value) else value
