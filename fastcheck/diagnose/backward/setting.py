"""What the walk rests on: layers, gradients, right deltas, constants."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.constants import Constants
from fastcheck.diagnose.backward.view import Subject, View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.layers import Anatomy, Layer
    from fastcheck.diagnose.evidence import Case

    Floats = NDArray[np.float64]

MOST_COMPARED = 8192
"""Entries of a tensor at which it is confirmed that the numerical gradient follows."""


class Setting:
    """One check, as the walk sees it.

    Parameters
    ----------
    anatomy : Anatomy
        The layers.
    case : Case
        The two gradients.
    tops : mapping of int to ndarray
        Numerical cotangents of the sites next to the loss.

    Attributes
    ----------
    right : dict of int to ndarray
        The right cotangents of all sites: numerical ones, and what follows from them.
    subjects : dict of str to Subject
        What is to be explained, by name; :meth:`explaining` changes it.
    """

    def __init__(self, anatomy: Anatomy, case: Case, tops: Mapping[int, Floats]) -> None:
        self.anatomy = anatomy
        self.case = case
        self.constants = Constants(anatomy.graph.n_batch, anatomy.n_outputs)
        self.right: dict[int, Floats] = {}
        for layer in anatomy.layers:
            found = anatomy.arrive(layer, self.right)
            for site in layer.sites:
                i = site.node.index
                self.right[i] = tops.get(i, found[i])
        self.subjects = {
            tensor.name: Subject(
                tensor, self._direct(tensor.name), anatomy.other_uses.get(tensor.name, "")
            )
            for tensor in case.tensors
            if tensor.name in anatomy.home
        }
        self._judged = {n: s for n, s in self.subjects.items() if s.evidence.is_complete}
        self._truth: dict[str, View] = {}

    def _direct(self, name: str) -> Floats | None:
        found = self.anatomy.direct.get(name)
        return found if found is not None and found.any() else None

    def explaining(self, subjects: dict[str, Subject]) -> Setting:
        """Return the same with other gradients to be explained."""
        other = copy.copy(self)
        other.subjects = subjects
        return other

    def names(self, layer: Layer) -> list[str]:
        """Return the parameters of a layer that were given, biases first: they cost least."""
        names = [name for name in layer.names if name in self.subjects]
        return sorted(names, key=lambda name: self.subjects[name].evidence.analytic.size)

    def view(self, layer: Layer, name: str, deltas: Mapping[int, Floats]) -> View:
        """Return a parameter under a hypothesis; under that of right deltas it is made once."""
        view = View(self.anatomy, layer, self.subjects[name], deltas, self.constants)
        if self.are_right(layer, deltas):
            if name not in self._truth:
                self._truth[name] = view
            view = replace(self._truth[name], subject=self.subjects[name])
            view.data = self._truth[name].data
        return view

    def are_right(self, layer: Layer, deltas: Mapping[int, Floats]) -> bool:
        """Return whether the deltas of a layer are the right ones, the very arrays."""
        return all(deltas[s.node.index] is self.right[s.node.index] for s in layer.sites)

    def is_right(self, view: View) -> bool:
        """Return whether a gradient is right; with the right deltas that was judged before."""
        is_judged = view.subject is self._judged.get(view.subject.name)
        if is_judged and self.are_right(view.layer, view.deltas):
            return not view.subject.evidence.wrong.any()
        return view.is_right

    def is_sound(self) -> bool:
        """Return whether the numerical gradient follows from the deltas: else nothing is said."""
        return all(self._follows(name, subject) for name, subject in self.subjects.items())

    def _follows(self, name: str, subject: Subject) -> bool:
        tensor = subject.evidence
        view = self.view(self.anatomy.home[name], name, self.right)
        step = slice(None, None, max(1, tensor.analytic.size // MOST_COMPARED))
        right, found = tensor.numerical.reshape(-1)[step], view.data.reshape(-1)[step]
        if subject.direct is not None:
            found = found + subject.direct.reshape(-1)[step]
        allowed = 4.0 * subject.allowance.reshape(-1)[step] + 2.0**-45 * np.abs(found)
        is_off = np.abs(right - found) > allowed
        return not np.any(is_off & tensor.known.reshape(-1)[step])
