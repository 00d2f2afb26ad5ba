"""Places that hold a parameter: an entry of a container, an attribute, or none of the user's."""

from __future__ import annotations

from collections.abc import MutableMapping, MutableSequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastcheck.errors import InputError


@dataclass(frozen=True, slots=True)
class Slot:
    """A place whose content cannot be exchanged: a tuple's, or no place at all.

    Attributes
    ----------
    owner : object
        What has the place.
    key : object
        Which of its places.
    """

    owner: Any
    key: Any

    @property
    def is_mutable(self) -> bool:
        """Whether something else can be put there."""
        return False

    def get(self) -> Any:
        """Return what the place holds."""
        return self.owner if self.key is None else self.owner[self.key]

    def put(self, value: Any) -> None:
        """Let the place hold something else."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Entry(Slot):
    """An entry of a dict, a list or an array of objects."""

    @property
    def is_mutable(self) -> bool:
        """Whether something else can be put there."""
        if isinstance(self.owner, np.ndarray):
            return bool(self.owner.flags.writeable)
        return isinstance(self.owner, MutableMapping | MutableSequence)

    def put(self, value: Any) -> None:
        """Let the entry be something else."""
        self.owner[self.key] = value


@dataclass(frozen=True, slots=True)
class Attribute(Slot):
    """An attribute of an object."""

    @property
    def is_mutable(self) -> bool:
        """Whether something else can be put there; only trying would tell."""
        return True

    def get(self) -> Any:
        """Return the attribute."""
        return getattr(self.owner, self.key)

    def put(self, value: Any) -> None:
        """Set the attribute.

        Raises
        ------
        InputError
            If it has no setter.
        """
        try:
            setattr(self.owner, self.key, value)
        except AttributeError as problem:
            raise InputError(
                f"`params` must be attributes that can be set, got {self.key!r} of "
                f"{type(self.owner).__name__} ({problem}); name the attribute behind it"
            ) from None
