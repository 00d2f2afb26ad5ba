"""When no known mistake fits: weights that are solved for, and deltas that are recovered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.constants import ARBITRARY, ONE, Constant
from fastcheck.diagnose.backward.dense import find_dense
from fastcheck.diagnose.backward.proof import digits_said, is_supported
from fastcheck.diagnose.backward.reason import Reason
from fastcheck.diagnose.backward.view import Subject, View
from fastcheck.diagnose.backward.weighted import find_weighted
from fastcheck.diagnose.evidence import MOST_COUNTED
from fastcheck.graph.ops.contraction import Contraction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.constants import Constants
    from fastcheck.diagnose.backward.layers import Deltas
    from fastcheck.diagnose.backward.proposal import Surroundings
    from fastcheck.graph.node import Node

    Floats = NDArray[np.float64]
    Found = tuple[Reason, dict[int, Floats]] | None

MOST_WORK = 2e8
"""Multiplications up to which weights are solved for."""
NEAR = 1e-9
"""How much a factor must differ from one to be one that was fitted."""
FITTED = Constant(np.nan, "", ARBITRARY)
"""A number that was fitted, whatever it is."""


def find_factors(
    around: Surroundings, subjects: Mapping[str, Subject], constants: Constants
) -> Found:
    """Return factors of units or samples that are the mistake, whatever makes them."""
    dense = find_dense(around, subjects)
    if dense is None or dense.x.size * dense.given.shape[1] > MOST_WORK:
        return None
    reader = _reader(around)
    if reader is not None and 1 in reader[1].shape:
        return None  # factors of units are weights then
    delta = around.found[around.layer.sites[0].node.index]
    delta = delta.T if dense.is_turned else delta
    names = tuple(name for name in around.layer.names if name in subjects)
    for reason, other in find_weighted(dense, delta, names):
        changed = np.abs(other - delta) > NEAR * np.abs(delta)
        n_free = min(int(np.count_nonzero(changed.any(axis=axis))) for axis in (0, 1))
        found = _confirmed(around, subjects, constants, reason, dense.placed(other), n_free)
        if found is not None:
            return found
    return None


def find_weights(
    around: Surroundings, subjects: Mapping[str, Subject], constants: Constants
) -> Found:
    """Return the weights that were used on the way back, solved for: stale ones, or others."""
    dense = find_dense(around, subjects)
    reader = _reader(around)
    if dense is None or reader is None:
        return None
    node, weight = reader
    cotangent = around.found[node.index]
    cotangent = cotangent.T if dense.is_turned else cotangent
    slope = around.chains[0].slope
    slope = slope.T if dense.is_turned else slope
    own = around.anatomy.state.value(weight)
    n_next, n_out, n_in = cotangent.shape[1], slope.shape[1], dense.x.shape[1]
    own = own.T if own.shape == (n_out, n_next) and not dense.is_turned else own
    if own.shape != (n_next, n_out):
        return None
    for source in (around.anatomy.given, around.anatomy.right):
        updated = _updated(around, subjects, constants, weight, source.get(weight.name))
        if updated is not None:
            return updated
    if not _restricts(cotangent, slope):
        return None  # with so few samples some weights give any delta
    n_equations = n_in + (dense.bias is not None)
    if n_equations <= n_next or n_out * n_equations * n_next**2 > MOST_WORK:
        return None
    change = np.zeros((n_next, n_out))  # the least: errors of a softmax add up to zero
    for j in range(n_out):
        part = slope[:, j : j + 1] * cotangent
        matrix, target = dense.x.T @ part, dense.given[:, j]
        if dense.bias is not None:
            matrix = np.vstack([matrix, part.sum(axis=0)])
            target = np.append(target, dense.bias[j])
        change[:, j] = np.linalg.lstsq(matrix, target - matrix @ own[:, j], rcond=1e-12)[0]
    delta = slope * (cotangent @ (own + change))
    off = float(np.linalg.norm(change) / max(float(np.linalg.norm(own)), 1e-300))
    text = (
        f"it is as if {weight.label()} were not what it is on the way forward: look for weights "
        f"that are stale or others (they differ by {off:.1%} of the norm or more)"
    )
    names = tuple(name for name in around.layer.names if name in subjects)
    reason = Reason("stale-weights", text, 2.5, names, off, passes_on=True, is_exact=False)
    return _confirmed(around, subjects, constants, reason, dense.placed(delta))


def _restricts(cotangent: Floats, slope: Floats) -> bool:
    """Return whether not every delta follows from some weights.

    Of a unit only the samples count in which its slope is not zero: if their cotangents are
    independent, anything can be had of them.
    """
    for live in {tuple(column) for column in (slope != 0.0).T.tolist()}:
        some = cotangent[np.array(live)]
        if len(some) and np.linalg.matrix_rank(some) < len(some):
            return True
    return False


def _reader(around: Surroundings) -> tuple[Node, Node] | None:
    """Return the one product that reads the layer, and its weights."""
    end = around.chains[0].end
    region = {node.index for node in around.layer.region}
    readers = [u for u in around.anatomy.users[end.index] if u.index in region]
    if len(readers) != 1 or not isinstance(readers[0].op, Contraction):
        return None
    (reader,) = readers
    others = [i for i in reader.inputs if i is not end]
    is_weight = len(others) == 1 and others[0].ndim == 2 and others[0].batch_axis is None
    if not is_weight or reader.ndim != 2 or reader.index not in around.found:
        return None
    return reader, others[0]


def _updated(
    around: Surroundings,
    subjects: Mapping[str, Subject],
    constants: Constants,
    weight: Node,
    given: Floats | None,
) -> Found:
    """Return that the weights were updated before they were used on the way back.

    ``W - r dW`` is linear in the rate r: one constant for all entries of the layer before.
    """
    if given is None or given.shape != weight.shape:
        return None
    (chain,) = around.chains
    reader, _ = _reader(around) or (None, None)
    if reader is None or reader.op is None:
        return None
    place = reader.inputs.index(chain.end)
    values = list(around.anatomy.state.inputs(reader))
    values[1 - place] = given
    part = reader.op.pull(
        around.found[reader.index], tuple(values), around.anatomy.state.value(reader),
        [i == place for i in range(2)],
    )[place]  # fmt: skip
    assert part is not None
    i = around.layer.sites[0].node.index
    moved = part * chain.slope
    names = sorted(subjects, key=lambda n: subjects[n].evidence.analytic.size)
    for name in names:
        subject = _without_direct(subjects[name])
        base = View(around.anatomy, around.layer, subject, {i: around.found[i]}, constants)
        other = View(around.anatomy, around.layer, subject, {i: moved}, constants)
        if not other.data.any():
            continue
        fits = base.fit(base.data, other.data)
        if fits is None:
            return None
        rate = -fits[1].value
        if not fits[0].is_one or not rate:
            return None
        text = (
            f"{weight.label()} was updated before it was used, with a rate of {rate:.6g}: compute "
            "all gradients first"
        )
        names = [n for n in around.layer.names if n in subjects]
        reason = Reason("stale-weights", text, 2.0, tuple(names), rate, passes_on=True)
        return _confirmed(around, subjects, constants, reason, around.found[i] - rate * moved, 1)
    return None


def _without_direct(subject: Subject) -> Subject:
    """Return what was given less the part that does not come through the layer."""
    evidence, direct = subject.evidence, subject.direct
    if direct is None:
        return subject
    return Subject(replace(evidence, analytic=evidence.analytic - direct), None)


def find_recovered(
    around: Surroundings, subjects: Mapping[str, Subject], constants: Constants
) -> Found:
    """Return the delta that the code must have had, where a gradient determines it."""
    dense = find_dense(around, subjects)
    if dense is None or dense.x.shape[0] > dense.x.shape[1]:
        return None
    if dense.x.size * dense.given.shape[1] * 8 > MOST_WORK:
        return None
    solved, _, rank, _ = np.linalg.lstsq(dense.x.T, dense.given, rcond=1e-10)
    delta: Floats = np.asarray(solved, np.float64)
    if rank < dense.x.shape[0] or dense.bias is None:
        return None
    text = (
        "it is known that they follow as they should from the gradient of their layer's output, "
        "so that this is wrong"
    )
    reason = Reason(
        "unexplained", text, 4.0, tuple(n for n in around.layer.names if n in subjects),
        passes_on=True, is_exact=False,
    )  # fmt: skip
    return _confirmed(around, subjects, constants, reason, dense.placed(delta))


def _confirmed(
    around: Surroundings,
    subjects: Mapping[str, Subject],
    constants: Constants,
    reason: Reason,
    delta: Floats,
    n_free: int = 0,
) -> Found:
    """Return a reason if `delta` gives what was given in every tensor of the layer, by no accident.

    `n_free` numbers were fitted, each of which takes what one entry says.
    """
    i = around.layer.sites[0].node.index
    deltas: Deltas = {i: delta}
    said: list[float] = []
    for subject in subjects.values():
        view = View(around.anatomy, around.layer, subject, deltas, constants)
        if not view.is_right:
            return None
        before = replace(view, deltas={i: around.found[i]}).expected
        said += digits_said(view, ONE, before)
    fitted = [FITTED] * min(n_free, MOST_COUNTED // 2)
    return (reason, deltas) if is_supported(said, fitted) else None
