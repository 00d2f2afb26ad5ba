"""A function of another library, as NumPy sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.frameworks.tape import Tape

    Array = NDArray[Any]
    Arrays = Mapping[str, Array]


class Function(ABC):
    """A function of named arrays that another library computes and differentiates.

    Attributes
    ----------
    library : str
        The other library, as messages call it.
    name : str
        What messages call the function.
    arrays : dict of str to ndarray
        The point, in the user's types; may share memory with what the function reads.
    is_double : bool
        Whether values of float64 are computed with in float64, as far as is known.
    in_double : str
        What the user does to compute in float64, as an order.
    narrow : str
        A type of less than 32 bits in which something is computed on the way, as far as is known.
    before_each : callable or None
        The user's, called before each evaluation and each gradient.
    shows_values : bool
        Whether what is recorded shows the function its values, so that it can take them out of the
        library and make constants of them.
    """

    library: str
    in_double: str
    name: str
    arrays: dict[str, Array]
    is_double: bool
    before_each: Callable[[], Any] | None = None
    shows_values: bool = False
    narrow: str = ""

    def prepare(self) -> None:
        """Call what the user wants to be called first."""
        if self.before_each is not None:
            self.before_each()

    @abstractmethod
    def outputs(self, arrays: Arrays) -> list[Array]:
        """Return the differentiable outputs for other values of the arrays."""

    @abstractmethod
    def gradients(self, arrays: Arrays, cotangents: Sequence[Array]) -> dict[str, Array | None]:
        """Return the gradient of ``sum(cotangent * output)``, None where there is none."""

    @abstractmethod
    def record(self, arrays: Arrays | None = None) -> Tape:
        """Return the operations of one run.

        Parameters
        ----------
        arrays : mapping of str to ndarray, optional
            Where it is run; at the point by default.

        Raises
        ------
        TraceError
            If one of them is not known in NumPy.
        """


def require(library: str) -> None:
    """Refuse to work without a library.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed, with what installs it.
    """
    if find_spec(library) is None:
        raise ModuleNotFoundError(
            f"fastcheck.{library} needs {library}, which is not installed: "
            f"pip install 'fastcheck[{library}]'",
            name=library,
        )
