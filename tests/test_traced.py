"""What users do to a traced check that is not a network."""

import functools

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.tracing.recording import Recording

RNG = np.random.default_rng(5)
W = RNG.normal(size=(4, 4))
X = RNG.normal(size=(5, 4))


def test_overlapping_views_are_not_traced_apart():
    u = np.array([1.0, 2.0, 3.0])
    params = {"a": u[:2], "b": u[1:]}
    right = {"a": 2 * u[:2], "b": 2 * u[1:]}

    def loss():
        return (u**2).sum()

    result = fc.check_gradients(loss, params, right)
    assert result.passed
    assert "share memory" in " ".join(f.message for f in result.findings)
    wrong = right | {"a": np.array([2.0, 1.0])}
    assert fc.check_gradients(loss, params, wrong).verdict == "fail"
    with pytest.raises(fc.TraceError, match="a and b share memory"):
        fc.check_gradients(loss, params, right, engine="trace")


def test_one_array_under_two_names():
    tied = W.copy()
    z = np.tanh(X @ tied)
    ones = np.ones((5, 4))
    total = X.T @ ((ones @ tied) * (1 - z * z)) + ones.T @ z
    result = fc.check_gradients(
        lambda: (np.tanh(X @ tied) @ tied.T).sum(),
        {"enc": tied, "dec": tied},
        {"enc": total, "dec": total},
    )
    assert result.passed, str(result)


def test_a_loss_of_one_entry_is_a_number():
    w = W.copy()
    loss = lambda: np.mean(w**2, keepdims=True)  # noqa: E731
    assert fc.check_gradients(loss, {"w": w}, {"w": w / 8}, engine="trace").passed


def test_a_loss_of_several_entries_is_refused():
    w = W.copy()
    result = fc.check_gradients(lambda: w**2, {"w": w}, {"w": 2 * w})
    assert result.verdict == "inconclusive"
    assert [f.kind for f in result.findings] == ["loss-not-scalar"]
    assert "one real number, got an array of shape (4, 4)" in result.findings[0].message


def test_whatever_goes_wrong_while_tracing_is_a_reason_and_no_crash():
    w = W.copy()

    def loss():
        return np.select([w < -0.5, w > 0.5], [w**2, w], np.sin(w)).sum()

    right = np.select([w < -0.5, w > 0.5], [2 * w, np.ones_like(w)], np.cos(w))
    result = fc.check_gradients(loss, {"w": w}, {"w": right})
    assert result.passed, str(result)


def test_caches_of_functions_do_not_keep_traced_values():
    w = W.copy()

    @functools.lru_cache
    def size():
        return np.linalg.norm(w)

    n = size()
    right = 2 * w / n - (w**2).sum() * w / n**3
    result = fc.check_gradients(lambda: (w**2).sum() / size(), {"w": w}, {"w": right})
    assert isinstance(size(), float)
    assert size() == n
    assert result.engine == "trace" or result.engine == "black box"


def test_positions_of_the_largest_are_constants():
    w = W.copy()

    def loss():
        z = np.tanh(X @ w)
        return (z[np.arange(5), z.argmax(1)] ** 2).mean()

    z = np.tanh(X @ w)
    dz = np.zeros_like(z)
    best = np.arange(5), z.argmax(1)
    dz[best] = 2 * z[best] / 5 * (1 - z[best] ** 2)
    result = fc.check_gradients(loss, {"w": w}, {"w": X.T @ dz}, engine="trace")
    assert result.passed, str(result)


def test_tracing_leaves_the_state_of_the_loss_as_it_was():
    w, state = W.copy(), {"n": 0, "seen": [], "mean": np.zeros(4)}

    def loss():
        z = X @ w
        state["n"] += 1
        state["seen"].append(1)
        state["mean"] += 1.0
        state["last"] = z
        return (z**2).mean()

    grads = {"w": 2 * X.T @ (X @ w) / 20}
    assert fc.check_gradients(loss, {"w": w}, grads, engine="trace").passed
    assert state["n"] == 0
    assert state["seen"] == []
    assert "last" not in state
    assert (state["mean"] == 0).all()


def test_parameters_of_a_trace_have_names():
    with pytest.raises(fc.InputError, match="`params` must map names"):
        fc.trace(lambda p, x: (x @ p[0]).sum(), [W], X)
    with pytest.raises(fc.InputError, match="`loss` must be a function"):
        fc.trace(3.0, {"W": W})


def test_a_loss_that_differed_while_it_was_traced_cannot_pass():
    """The calls that follow may agree by chance."""
    w, calls = W.copy(), iter(range(10**6))

    def loss():
        return (w**2).sum() + (1e-3 if next(calls) == 3 else 0.0)

    result = fc.check_gradients(loss, {"w": w}, {"w": 2 * w})
    assert result.verdict == "inconclusive"
    assert "two calls of the loss differ" in " ".join(f.message for f in result.findings)
    calls = iter(range(10**6))
    with pytest.raises(fc.TraceError, match="two calls of the loss differ"):
        fc.check_gradients(loss, {"w": w}, {"w": 2 * w}, engine="trace")


def test_the_reason_of_an_error_while_tracing_is_told():
    w = W.copy()

    def loss():
        return np.select([w < -0.5, w > 0.5], [w**2, w], np.sin(w)).sum()

    with pytest.raises(fc.TraceError, match=r"tracing ended with TypeError: .*condlist"):
        fc.check_gradients(loss, {"w": w}, {"w": w}, engine="trace")


@pytest.mark.parametrize("seed", range(4))
def test_float32_code_is_followed_in_float64_and_judged_at_its_own_precision(seed):
    rng = np.random.default_rng(seed)
    x, y = (rng.normal(size=s).astype(np.float32) for s in ((32, 8), (32, 1)))
    params = {
        "W1": (rng.normal(size=(8, 16)) / 3).astype(np.float32),
        "b1": rng.normal(size=16).astype(np.float32),
        "W2": (rng.normal(size=(16, 1)) / 4).astype(np.float32),
    }

    def passes():
        a = np.tanh(x @ params["W1"] + params["b1"])
        d = 2 * (a @ params["W2"] - y) / 32
        dz = (d @ params["W2"].T) * (1 - a * a)
        loss = ((a @ params["W2"] - y) ** 2).mean()
        return loss, {"W1": x.T @ dz, "b1": dz.sum(0), "W2": a.T @ d}

    loss, grads = passes()
    assert loss.dtype == grads["W1"].dtype == np.float32
    result = fc.check_gradients(lambda: passes()[0], params, grads)
    assert (result.engine, result.verdict) == ("trace", "pass")
    assert result.engine_reason == "the loss is NumPy code, followed in float64"
    assert result.coverage.n_resolved > 0.95 * result.coverage.n_entries
    assert {f.kind for f in result.findings} <= {"mostly-close"}
    grads["W1"] = grads["W1"].copy()
    grads["W1"][2, 3] *= np.float32(1.001)
    wrong = fc.check_gradients(lambda: passes()[0], params, grads)
    assert [m.address for m in wrong.tensors["W1"].mismatches] == ["W1[2, 3]"]
    assert wrong.tensors["b1"].passed
    called = fc.check_gradients(lambda: passes()[0], params, passes()[1], engine="black box")
    assert sum(t.n_disagree for t in called.tensors.values()) == 0


def _single(loss):
    """Return the graph of a loss of float32 arrays, as the names of its operations."""
    rng = np.random.default_rng(0)
    params = {"W": rng.normal(size=(4, 3)).astype(np.float32)}
    x = rng.normal(size=(6, 4)).astype(np.float32)
    objective = fc.trace(loss, params, x)
    assert objective.loss(params) == pytest.approx(float(loss(params, x)), rel=1e-5)
    return {type(node.op).__name__ for node in objective.graph.nodes}


def test_compositions_are_recognised_in_float32_too():
    def sigmoid(p, x):
        return np.sum(1 / (1 + np.exp(-(x @ p["W"]))))

    def softmax(p, x):
        z = x @ p["W"]
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return np.log(e / e.sum(axis=1, keepdims=True))[:, 0].mean()

    def normalised(p, x):
        z = x @ p["W"]
        return np.sum(((z - z.mean(0)) / np.sqrt(z.var(0) + np.float32(1e-5))) ** 3)

    assert "Sigmoid" in _single(sigmoid)
    assert "Exp" not in _single(softmax)
    assert "Normalise" in _single(normalised)


def test_what_only_float32_cannot_tell_from_a_composition_is_not_taken_for_it():
    def guarded(p, x):
        z = x @ p["W"]
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return np.log(e / (e.sum(axis=1, keepdims=True) + np.float32(1e-8)))[:, 0].mean()

    def nearly(p, x):
        return np.sum(1 / (1 + np.exp(-(x @ p["W"])) + np.float32(1e-8)))

    assert "Exp" in _single(guarded)
    assert "Sigmoid" not in _single(nearly)


def test_what_cannot_be_made_again_in_float64_is_followed_without_being_recognised(monkeypatch):
    def sigmoid(p, x):
        return np.sum(1 / (1 + np.exp(-(x @ p["W"]))))

    def widened(recording):
        raise TypeError("float32 alone")

    monkeypatch.setattr(Recording, "widened", widened)
    assert {"Exp", "Divide"} <= _single(sigmoid)


def test_a_mistake_of_code_in_float32_is_named():
    rng = np.random.default_rng(1)
    p = {n: rng.normal(size=s).astype(np.float32) for n, s in {"W": (4, 5), "V": (5, 2)}.items()}
    x = rng.normal(size=(6, 4)).astype(np.float32)

    def loss(p, x):
        return np.sum((1 / (1 + np.exp(-(x @ p["W"]))) @ p["V"]) ** 2)

    a = 1 / (1 + np.exp(-(x @ p["W"])))
    dy = 2 * a @ p["V"]
    wrong = {"W": x.T @ ((dy @ p["V"].T) * (1 - a**2)), "V": a.T @ dy}
    assert wrong["W"].dtype == np.float32
    (found,) = fc.check_gradients(fc.trace(loss, p, x), p, wrong).diagnosis
    assert (found.kind, found.tensor) == ("slope-of-other", "W")
