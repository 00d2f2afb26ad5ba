"""An optimiser that only remembers the gradients that it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.holding.foreign import plain
from fastcheck.holding.leaves import same_memory
from fastcheck.holding.tree import find_tree, is_container, leaves_of
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.holding.leaves import Leaf

    Array = NDArray[Any]

MOST_NAMES = 8


class Recorder:
    """An optimiser that changes nothing and keeps the gradients, for code that calls one inside.

    Parameters
    ----------
    params : object
        The parameters, as for a check: what is updated is found among them by its memory.

    Attributes
    ----------
    grads : dict of str to ndarray
        A copy of what each parameter would be updated with, by name. The recorder may itself be
        given as the gradient of a check.

    Examples
    --------
    >>> import numpy as np
    >>> import fastcheck as fc
    >>> w, x = np.array([1.0, 2.0]), np.array([3.0, -1.0])
    >>> def train(optimiser):
    ...     optimiser.update(w, 2.0 * (w @ x) * x)
    >>> recorder = fc.Recorder({"w": w})
    >>> train(recorder)
    >>> fc.check_gradients(lambda: (w @ x) ** 2, {"w": w}, recorder).verdict
    'pass'
    """

    def __init__(self, params: Any) -> None:
        self._leaves = leaves_of(find_tree(params))
        self._found: dict[str, Array] = {}

    @property
    def grads(self) -> dict[str, Array]:
        """What was recorded, by name, in the order of the parameters; copies."""
        names = [leaf.name for leaf in self._leaves if leaf.name in self._found]
        return {name: self._found[name].copy() for name in names}

    def update(self, w: Any, g: Any, *_: Any, **__: Any) -> Any:
        """Remember a copy of the gradient `g` of the parameter `w`, which is returned unchanged.

        Parameters
        ----------
        w : object
            One of the parameters, the very array or another view of all of it; or a structure.
        g : array_like
            Its gradient; or the same structure of them.

        Raises
        ------
        InputError
            If `w` is none of the parameters, or was updated already.
        """
        if is_container(w):
            self.step(w, g)
        else:
            self._found[self._named(w).name] = np.array(plain(g))
        return w

    __call__ = update

    def step(self, params: Any, grads: Any) -> None:
        """Remember copies of the gradients of several parameters, in a structure."""
        from fastcheck.holding.gradients import named_gradients, taken

        leaves = {leaf.name: leaf for leaf in leaves_of(find_tree(params))}
        given = named_gradients(taken(grads, params), list(leaves))
        for name, leaf in leaves.items():
            if given.get(name) is not None:
                self.update(leaf.value, given[name])

    def clear(self) -> None:
        """Forget what was recorded."""
        self._found.clear()

    def _named(self, w: Any) -> Leaf:
        """Return the parameter that `w` is; of several with one memory the next one."""
        same = [leaf for leaf in self._leaves if leaf.value is w or self._is_view(leaf, w)]
        if not same:
            known = listing([leaf.name for leaf in self._leaves], MOST_NAMES)
            raise InputError(
                f"`w` must be one of the parameters {known}, got {_described(w)} that is none of "
                "them; give Recorder the very arrays that the optimiser gets"
            )
        left = [leaf for leaf in same if leaf.name not in self._found]
        if not left:
            raise InputError(
                f"`update` must be called once for each parameter, got {same[0].name} again; "
                "record one step only, or call clear() before the next"
            )
        return left[0]

    def _is_view(self, leaf: Leaf, w: Any) -> bool:
        here, there = leaf.view(), plain(w)
        return here is not None and isinstance(there, np.ndarray) and same_memory(here, there)


def _described(w: Any) -> str:
    return f"an array of shape {np.shape(w)}" if np.ndim(w) else f"a {type(w).__name__}"
