"""A function of pytrees, as NumPy sees it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import DtypeError, InputError
from fastcheck.frameworks.follow import is_near
from fastcheck.frameworks.function import Function
from fastcheck.holding import named_gradients, taken
from fastcheck.holding.leaves import ALONE
from fastcheck.jax.recording import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.frameworks.tape import Tape

    Array = NDArray[Any]


class JaxFunction(Function):
    """A function and its argument.

    Parameters
    ----------
    function : callable
        Takes one pytree and returns one.
    tree : pytree
        The argument; numbers of floating point are differentiated, everything else is constant.
    name : str
        What messages call it.
    before_each : callable, optional
        Called before each evaluation.

    Raises
    ------
    InputError
        If there is nothing to differentiate.

    Notes
    -----
    float64 is never enabled here, not even for a while: functions that JAX 0.10 has compiled before
    may then be given numbers of the other size, and fail in the user's code long after.
    """

    library = "jax"
    in_double = 'call jax.config.update("jax_enable_x64", True) where the program begins'

    def __init__(
        self,
        function: Callable[[Any], Any],
        tree: Any,
        name: str = "the loss",
        before_each: Callable[[], Any] | None = None,
    ) -> None:
        import jax

        self.function = function
        self.name = name
        paths, self.structure = jax.tree_util.tree_flatten_with_path(tree)
        self.leaves = [leaf for _, leaf in paths]
        names = [path_name(path) for path, _ in paths]
        self.places = {n: k for k, n in enumerate(names) if _is_real(self.leaves[k])}
        asarray = jax.numpy.asarray  # which makes float32 of float64, unless that is enabled
        self.arrays = {n: np.asarray(asarray(self.leaves[k])) for n, k in self.places.items()}
        self.is_double = bool(jax.config.jax_enable_x64)
        if self.is_double:
            self.in_double = "give parameters and data of float64"
        self._can_jit = True
        self.before_each = before_each
        _check(names, self.arrays)
        self._settle()

    def _settle(self) -> None:
        """Compile the function only if it then gives the same as Python."""
        self.prepare()
        plain = [np.asarray(out) for out in self.real([*self.arrays.values()])]
        if not all(map(is_near, self._evaluated(self.arrays), plain)):
            self._can_jit = False

    def move(self, arrays: Mapping[str, Array]) -> None:
        """Set another point."""
        import jax

        for name, place in self.places.items():
            if arrays[name] is not self.arrays[name]:
                self.leaves[place] = jax.numpy.asarray(arrays[name])
        self.arrays = dict(arrays)

    def point(self) -> Any:
        """Return the argument at the point."""
        import jax

        return jax.tree_util.tree_unflatten(self.structure, self.leaves)

    # ------------------------------------------------------------ calling it

    def outputs(self, arrays: Mapping[str, Array]) -> list[Array]:
        """Return the outputs of floating point."""
        if self.is_double:
            try:
                return self._evaluated(arrays)
            except TypeError:  # two types that JAX does not bring together
                if not any(a.dtype.itemsize > self.arrays[n].dtype.itemsize
                           for n, a in arrays.items()):  # fmt: skip
                    raise
                self.is_double = False
        narrow = {n: np.asarray(a, self.arrays[n].dtype) for n, a in arrays.items()}
        return self._evaluated(narrow)

    def first(self, arrays: Mapping[str, Array]) -> Array:
        """Return the first output."""
        return self.outputs(arrays)[0]

    def widest(self) -> dict[str, Array]:
        """Return the point in float64, if JAX computes with that throughout, else as it is."""
        wide = {name: a.astype(np.float64) for name, a in self.arrays.items()}
        self.outputs(wide)
        return wide if self.is_double else self.arrays

    def _evaluated(self, arrays: Mapping[str, Array]) -> list[Array]:
        self.prepare()
        values = [arrays[name] for name in self.places]
        return [np.asarray(out) for out in self._compiled(self._jitted, self.real, values)]

    def gradients(
        self, arrays: Mapping[str, Array], cotangents: Sequence[Array]
    ) -> dict[str, Array | None]:
        """Return the gradient by JAX, in the types of the arguments."""
        self.prepare()
        values = [np.asarray(arrays[n], self.arrays[n].dtype) for n in self.places]
        found = self._compiled(self._jitted_vjp, self._vjp, values, list(cotangents))
        return dict(zip(self.places, map(np.asarray, found), strict=True))

    def real(self, values: Sequence[Any]) -> list[Any]:
        """Return the outputs of floating point for other values of the arrays."""
        import jax

        leaves = list(self.leaves)
        for value, place in zip(values, self.places.values(), strict=True):
            leaves[place] = jax.numpy.asarray(value)
        result = self.function(jax.tree_util.tree_unflatten(self.structure, leaves))
        outputs = [out for out in jax.tree_util.tree_leaves(result) if _is_real(out)]
        if not outputs:
            raise InputError(
                f"{self.name} must return an array of floating point, got none; return its output"
            )
        return outputs

    def _vjp(self, values: Sequence[Any], cotangents: Sequence[Any]) -> Any:
        import jax

        outputs, pull = jax.vjp(self.real, list(values))
        given = [
            jax.numpy.asarray(c, out.dtype) for c, out in zip(cotangents, outputs, strict=True)
        ]
        return pull(given)[0]

    def _compiled(self, jitted: Any, plain: Any, *args: Any) -> Any:
        """Return what a compiled function gives, or the plain one where Python needs the values."""
        import jax

        if self._can_jit:
            try:
                return jitted(*args)
            except (jax.errors.JAXTypeError, jax.errors.JAXIndexError):
                self._can_jit = False
        return plain(*args)

    @cached_property
    def _jitted(self) -> Any:
        import jax

        return jax.jit(self.real)

    @cached_property
    def _jitted_vjp(self) -> Any:
        import jax

        return jax.jit(self._vjp)

    def record(self, arrays: Mapping[str, Array] | None = None) -> Tape:
        """Return the primitives of the function, which are made without values."""
        return record(lambda *values: self.real(values), arrays or self.arrays)

    # ------------------------------------------------------------ gradients of the user's

    def named(self, grads: Any) -> dict[str, Any]:
        """Return gradients by the names of the arrays: a pytree like the argument, or by name."""
        import jax

        leaves, structure = jax.tree_util.tree_flatten(grads)
        if structure == self.structure:
            return {name: np.asarray(leaves[place]) for name, place in self.places.items()}
        plain = jax.tree_util.tree_map(np.asarray, grads)
        return named_gradients(taken(plain, self.arrays), [*self.arrays])


def path_name(path: Sequence[Any]) -> str:
    """Return the name of a leaf: keys, attributes and numbers joined by dots."""
    keys = (
        next(getattr(key, a) for a in ("key", "name", "idx") if hasattr(key, a)) for key in path
    )
    return ".".join(map(str, keys)) or ALONE


def _is_real(leaf: Any) -> bool:
    import jax

    try:
        return bool(jax.numpy.issubdtype(jax.numpy.result_type(leaf), jax.numpy.floating))
    except (TypeError, ValueError):  # text, functions
        return False


def _check(names: Sequence[str], arrays: Mapping[str, Array]) -> None:
    if not arrays:
        raise DtypeError(
            f"`params` must hold an array of floating point, got {', '.join(names) or 'none'}; "
            "pass what is differentiated"
        )
    odd = [name for name, a in arrays.items() if a.dtype.kind != "f"]
    if odd:
        raise DtypeError(
            f"`params[{odd[0]!r}]` must be of float64, float32 or float16, got "
            f"{arrays[odd[0]].dtype}; convert it for the check",
            odd,
        )
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(
            f"`params` must have different names, got {twice[0]} more than once; dots join the "
            "names of nested containers"
        )
