"""Traced arrays against ordinary ones: random programs of views and of writes in place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastcheck as fc
from fastcheck.tracing.array import Traced
from fastcheck.tracing.finish import finished
from fastcheck.tracing.tape import Tape

START = np.random.default_rng(0).normal(size=(4, 6))
OTHER = np.random.default_rng(1).normal(size=(4, 6))

VIEWS = {
    "row": lambda v: v[-1] if v.ndim > 1 else v,
    "columns": lambda v: v[..., ::2],
    "reversed": lambda v: v[::-1],
    "transpose": lambda v: v.T,
    "reshape": lambda v: v.reshape(-1, 1) if v.flags.c_contiguous else v,
    "ravel": lambda v: v.ravel(),
    "swap": lambda v: np.swapaxes(v, 0, -1),
    "new axis": lambda v: v[None],
    "squeeze": np.squeeze,
    "split": lambda v: np.array_split(v, 2)[0],
    "fancy": lambda v: v[[0, -1]],
    "mask": lambda v: v[v > 0][:3] if (v > 0).sum() > 2 else v,
    "copy": lambda v: v.copy(),
    "product": lambda v: v * 1.5,
}


def _set_first(v):
    v[0] = v[-1] * 2.0


def _set_mask(v):
    v[v > 0.5] = 0.25


def _add(v):
    v += 0.5


def _scale_part(v):
    v[..., 0] *= 3.0


def _square_out(v):
    np.multiply(v, v, out=v)


def _at(v):
    np.add.at(v, [0, 0], 1.25)


def _where(v):
    np.sqrt(np.abs(v), out=v, where=np.asarray(v.shape).sum() > 3)


def _put(v):
    np.copyto(v, -v, where=v < 0)


def _fill(v):
    v[:1].fill(0.75)


def _flat(v):
    v.flat[0] = 9.0


def _sort(v):
    v.sort(axis=0)


WRITES = [_set_first, _set_mask, _add, _scale_part, _square_out, _at, _where, _put, _fill, _flat]
WRITES.append(_sort)
STEPS = st.one_of(
    st.tuples(st.just("view"), st.sampled_from(sorted(VIEWS)), st.integers(0, 20)),
    st.tuples(st.just("write"), st.sampled_from(WRITES), st.integers(0, 20)),
)


def run(program, first, second):
    """Return all arrays of a program, in which each step makes a view or writes to an array."""
    known = [first * 1.0, np.zeros_like(second), second]
    known[1][...] = known[0]
    for what, step, which in program:
        v = known[which % len(known)]
        if v.ndim == 0 or v.size == 0:
            continue
        if what == "view":
            known.append(VIEWS[step](v))
        else:
            step(v)
    return known


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_random_views_and_writes_are_those_of_numpy_and_replay_to_the_last_bit(program):
    expected = run(program, START, OTHER.copy())
    tape = Tape(Traced)
    w = tape.leaf(START, "w", is_param=True)
    known = run(program, w, Traced._new_lifted(tape, OTHER.copy()))
    total = sum(np.sum(k * k) for k in known)
    for mine, theirs in zip(known, expected, strict=True):
        assert np.array_equal(mine._concrete(), theirs)
        assert mine._concrete().strides == theirs.strides
    marks = {k: v._node() for k, v in enumerate(known) if v._node() is not None}
    tape.marks = {str(k): i for k, i in marks.items()}
    recording = finished(tape, total._node())
    moved = START + 1e-9
    for point in (START, moved):
        values = recording.replay({"w": point})
        again = run(program, point, OTHER.copy())
        for k in marks:
            assert np.array_equal(values[recording.marks[str(k)]], again[k])
        assert values[recording.output] == sum(np.sum(k * k) for k in again)


@pytest.fixture
def leaf():
    return Tape(Traced).leaf(START, "w", is_param=True)


def test_a_traced_array_is_an_array_to_isinstance_and_a_number_a_float(leaf):
    assert isinstance(leaf, np.ndarray)
    assert isinstance(leaf.sum(), float)
    assert not isinstance(leaf.sum(), np.ndarray)


@pytest.mark.parametrize(
    "name", ["shape", "ndim", "size", "dtype", "nbytes", "itemsize", "strides"]
)
def test_attributes_are_those_of_the_array(leaf, name):
    assert getattr(leaf, name) == getattr(START, name)


METHODS = [
    lambda a: a.sum(axis=1), lambda a: a.mean(0), lambda a: a.std(axis=0, ddof=1),
    lambda a: a.max(axis=-1, keepdims=True), lambda a: a.argmin(1), lambda a: a.cumsum(axis=1),
    lambda a: a.clip(-0.5, 0.5), lambda a: a.round(2), lambda a: a.take([1, 2], axis=1),
    lambda a: a.repeat(2, axis=0), lambda a: a.dot(a.T), lambda a: a.astype(np.float32),
    lambda a: a.transpose(1, 0), lambda a: a.transpose((1, 0)), lambda a: a.trace(),
    lambda a: a.diagonal(1), lambda a: a.compress([True, False, True, True], axis=0),
    lambda a: a.flatten("F"), lambda a: a.ravel("F"), lambda a: a.prod(), lambda a: a.var(),
    lambda a: (a > 0).any(axis=0), lambda a: (a > 0).nonzero()[1], lambda a: a.argsort(axis=1),
    lambda a: a.searchsorted(0.1) if a.ndim == 1 else a[0].searchsorted(0.1), lambda a: a.mT @ a,
    lambda a: a.real, lambda a: -a // 0.3 % 2, lambda a: 2.0 ** abs(a), lambda a: divmod(a, 0.7)[1],
    lambda a: np.einsum("ij,kj->ik", a, a), lambda a: np.pad(a, 1), lambda a: np.where(a > 0, a, 0),
    lambda a: np.linalg.norm(a, axis=1), lambda a: np.concatenate([a, a], axis=1),
    lambda a: np.maximum.accumulate(a, axis=1), lambda a: np.multiply.outer(a[0], a[1]),
    lambda a: np.add.reduce(a), lambda a: np.full_like(a, 2.0) * a, lambda a: np.modf(a)[0],
    lambda a: [row[0] for row in a][2], lambda a: np.meshgrid(a[0], a[1])[0],
    lambda a: np.apply_along_axis(lambda r: r[:2] * r[2], 1, a),
]  # fmt: skip


@pytest.mark.parametrize("k", range(len(METHODS)))
def test_methods_and_functions_give_what_they_give_for_arrays(leaf, k):
    mine, theirs = METHODS[k](leaf), METHODS[k](START)
    assert type(mine) is Traced
    value = mine._concrete()
    assert np.array_equal(value, theirs)
    assert value.dtype == theirs.dtype
    tape = leaf._tape
    recording = finished(tape, mine._node())
    assert np.array_equal(recording.replay({})[recording.output], theirs)


def test_an_error_of_numpy_is_the_same_error(leaf):
    with pytest.raises(ValueError, match="broadcast"):
        leaf + np.ones(5)
    with pytest.raises(IndexError):
        leaf[7]
    with pytest.raises(TypeError):
        iter(leaf.sum())
    with pytest.raises(ValueError, match="ambiguous"):
        bool(leaf > 0)
    with pytest.raises(TypeError):
        hash(leaf)
    integers = Traced._new_root(leaf._tape, None, np.arange(6))
    with pytest.raises(TypeError, match="cast"):
        integers += leaf[0]


def test_values_that_leave_the_trace_are_guarded_or_noted(leaf):
    tape = leaf._tape
    assert bool(leaf[0, 0] > 0) == (START[0, 0] > 0)
    assert int(np.argmax(leaf)) == np.argmax(START)
    assert range(10)[np.argmin(leaf[0])] == np.argmin(START[0])
    assert np.asarray(leaf > 0).sum() == (START > 0).sum()
    assert [g.kind for g in tape.guards] == ["branch", "int", "index", "array"]
    plain = np.zeros(3)
    plain[0] = leaf[0, 0]
    float(leaf[0, 1])
    np.asarray(leaf)
    assert [n.kind for n in tape.notes] == ["store", "float", "array"]
    assert tape.notes[0].place.source == "plain[0] = leaf[0, 0]"


def test_the_ordinary_array_of_a_trace_cannot_be_written_to(leaf):
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(leaf)[0] = 1.0


def test_a_traced_array_is_of_no_use_after_its_trace(leaf):
    finished(leaf._tape, 0)
    with pytest.raises(fc.TraceError, match="after its trace"):
        leaf + 1.0


def test_parameters_are_not_written_to_and_constants_keep_what_they_were(leaf):
    buffer = np.zeros_like(leaf)
    total = (buffer * leaf).sum()
    buffer[...] = 1.0
    total = total + (buffer * leaf).sum()
    leaf[0] = 0.0
    recording = finished(leaf._tape, total._node())
    assert recording.loss({}) == START.sum()
    assert recording.calls[0].constant[0, 0] == START[0, 0]


def test_a_chain_of_assignments_becomes_one_call(leaf):
    buffer = np.zeros_like(leaf)
    for i in range(4):
        buffer[i] = leaf[i] * 2
    recording = finished(leaf._tape, buffer.sum()._node())
    names = [c.function.__name__ for c in recording.calls if c.function is not None]
    assert names.count("assembled") == 1
    assert "assigned" not in names
    assert recording.loss({}) == (START * 2).sum()
