import signal
import sys

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.tracing.functions import number
from fastcheck.tracing.session import record_closure, record_function
from fastcheck.tracing.verify import LiveLoss, preserved, verify
from tests.tracing import awkward_homes, awkward_writes
from tests.tracing.refused import REFUSED
from tests.tracing.states import assert_unchanged, state_of

TRACED = [*awkward_writes.TRACED, *awkward_homes.TRACED]
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def arrays():
    W = np.random.default_rng(0).standard_normal((4, 4))
    return W, np.random.default_rng(1).standard_normal(4)


def trace(loss, params):
    with preserved(loss, params):
        recording = record_closure(loss, params)
        verify(recording, LiveLoss(loss, params), params, np.random.default_rng(2))
    return recording


@pytest.mark.parametrize(
    "make", [*awkward_writes.TRACED, *awkward_homes.TRACED], ids=lambda f: f.__name__
)
def test_awkward_code_is_traced_to_the_last_bit_and_left_as_it_was(make):
    W, x = arrays()
    loss, params = make(W, x), {"W": W, "x": x}
    before = state_of(loss, params)
    recording = trace(loss, params)
    assert_unchanged(before, loss, params)
    result = loss()
    assert recording.loss({}) == (result["loss"] if isinstance(result, dict) else result)


@pytest.mark.parametrize(("make", "word"), REFUSED, ids=lambda f: getattr(f, "__name__", ""))
def test_what_cannot_be_traced_says_why_and_is_left_as_it_was(make, word):
    W, x = arrays()
    loss, params = make(W, x), {"W": W, "x": x}
    before = state_of(loss, params)
    with pytest.raises(fc.TraceError) as caught:
        trace(loss, params)
    assert word in str(caught.value)
    assert_unchanged(before, loss, params)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("buffer_made_by_an_import_inside", "h[0] = x[0]"),
        ("out_into_an_ordinary_array", "np.multiply(x, 2.0, out=h)"),
        ("branch_that_always_moves", "if x[0] == base"),
        ("endless_loop", "total = total + x[0] * x[1]"),
        ("an_error_of_its_own", "(1 // 0)"),
    ],
)
def test_a_message_has_file_and_source(name, source):
    W, x = arrays()
    make = next(f for f, _ in REFUSED if f.__name__ == name)
    with pytest.raises(fc.TraceError, match=r"refused\.py:\d+ \(") as caught:
        trace(make(W, x), {"W": W, "x": x})
    assert source in str(caught.value)
    assert 'engine="black box"' in str(caught.value)


def test_an_interrupt_leaves_everything_as_it_was():
    W, x = arrays()
    holder = {"W": W, "list": [x, (W, x)]}

    def loss():
        holder["new"] = holder["W"] @ holder["list"][0]
        signal.raise_signal(signal.SIGINT)

    before = state_of(loss)
    with pytest.raises(KeyboardInterrupt):
        record_closure(loss, {"W": W, "x": x})
    assert_unchanged(before, loss)


def test_numpy_itself_is_never_changed():
    W, x = arrays()
    before = {name: id(value) for name, value in vars(np).items()}

    def loss():
        assert {name: id(value) for name, value in vars(sys.modules["numpy"]).items()} == before
        assert np is not sys.modules["numpy"]
        return (np.zeros(4) + W @ x).sum()

    record_closure(loss, {"W": W, "x": x})
    assert np is sys.modules["numpy"]


def test_live_parameters_get_their_bits_back_when_the_loss_fails():
    W, x = arrays()
    W[0, 0], bits = np.nan, None
    bits = W.tobytes()

    def loss():
        raise RuntimeError

    with pytest.raises(RuntimeError):
        LiveLoss(loss, {"W": W, "x": x})({"W": np.zeros((4, 4))})
    assert W.tobytes() == bits


def test_a_read_only_parameter_is_written_to_only_for_the_time_of_a_call():
    W, x = arrays()
    W.flags.writeable = False
    trace(lambda: float((W @ x).sum()), {"W": W, "x": x})
    assert not W.flags.writeable


def test_a_parameter_in_memory_that_cannot_be_written_to_is_refused():
    fixed = np.frombuffer(np.arange(4.0).tobytes())
    with pytest.raises(fc.TraceError, match=r"params\['b'\] is read-only"):
        trace(lambda: float((fixed * fixed).sum()), {"b": fixed})


def test_a_replay_that_reads_live_parameters_does_not_look_right():
    W, x = arrays()

    def inner(row):
        return (row * live["x"]).sum()

    live = {}
    live["x"] = x
    kept = np.vectorize(lambda i: inner(W[int(i)]), otypes=[float])
    with pytest.raises(fc.TraceError):
        trace(lambda: (kept(np.arange(4) + 0 * x) * x).sum(), {"W": W, "x": x})


def test_the_user_keeps_the_float_around_the_loss():
    W, x = arrays()
    recording = trace(lambda: float(np.sum(W @ x)), {"W": W, "x": x})
    assert recording.calls[recording.output].function is number
    assert recording.notes == []


def test_flat_parameters_and_their_views_may_be_held_by_either():
    theta = np.arange(1.0, 21.0)
    W, b = theta[:16].reshape(4, 4), theta[16:]
    holder = {"theta": theta, "W": W, "b": b}

    def by_views():
        return ((holder["W"].T @ holder["b"]) ** 2).sum()

    def by_vector():
        t = holder["theta"]
        return ((t[:16].reshape(4, 4) @ t[16:]) ** 2).sum()

    for loss in (by_views, by_vector):
        assert trace(loss, {"theta": theta}).loss({}) == loss()
        assert trace(loss, {"W": W, "b": b}).loss({}) == loss()


def test_marks_are_names_of_values():
    W, x = arrays()

    def loss():
        z = fc.mark("z", W @ x)
        return {"loss": (z * z).sum(), "square": z * z}

    recording = trace(loss, {"W": W, "x": x})
    values = recording.replay({})
    assert np.array_equal(values[recording.marks["z"]], W @ x)
    assert np.array_equal(values[recording.marks["square"]], (W @ x) ** 2)


def test_declared_data_keeps_a_path_to_its_leaf_and_other_constants_are_folded():
    W, _ = arrays()
    rng = np.random.default_rng(3)
    images, labels = rng.normal(size=(5, 4)), rng.integers(0, 4, 5)
    shift = np.ones(4)

    def loss(p, x, y, weight=0.5):
        hot = np.eye(4)[y.astype(int)]
        z = (x[:, ::-1] - (shift + 1.0)) @ p["net"]["W"]
        return -(hot * z).sum() * weight + z[np.arange(len(y)), y].mean()

    params = {"net": {"W": W}}
    recording = record_function(loss, params, (images, labels), batch_axis=0)
    assert set(recording.data.values()) == {"x", "y"}
    assert set(recording.batch.values()) == {0}
    assert list(recording.params) == ["net.W"]
    assert recording.loss({}) == loss(params, images, labels)
    assert not any(c.function is np.add and c.shape == (4,) for c in recording.calls)

    def real(p):
        return float(loss({"net": {"W": p["net.W"]}}, images, labels))

    verify(recording, real, {"net.W": W}, np.random.default_rng(0))


def test_data_may_be_given_by_name():
    W, x = arrays()
    recording = record_function(lambda p, scale: (p @ scale).sum(), W, {"scale": x})
    assert list(recording.params) == ["params"]
    assert list(recording.data.values()) == ["scale"]
    assert recording.loss({"params": 2 * W}) == (2 * W @ x).sum()
