"""Parameters that a loss without arguments reads, wherever it keeps them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.errors import DtypeError
from fastcheck.holding import Held
from tests.holding.shapes import CASES, Case, Viewed, Wrapped, drawn


def gradients(case: Case) -> dict[str, np.ndarray]:
    """Return the right gradient by name, in the shapes of the parameters."""
    shapes = {name: a.shape for name, a in Held(case.params, is_live=True).arrays.items()}
    return {n: np.cos(v).reshape(shapes[n]) for n, v in case.values().items()}


def state(case: Case) -> list[Any]:
    """Return all that could change: identities, types, bits."""
    found: list[Any] = []
    for value in case.objects():
        bits = value.tobytes() if hasattr(value, "tobytes") else repr(value)
        items = [*map(id, value)] if isinstance(value, list) else None
        found.append((type(value), bits, items, id(value) if isinstance(value, float) else None))
    return found


@pytest.mark.parametrize("make", CASES)
def test_each_shape_is_checked_under_the_users_names(make: Callable[[], Case]) -> None:
    case = make()
    before, right = state(case), gradients(case)
    result = fc.check_gradients(case.loss, case.params, right, engine="black box")
    assert result.passed, str(result)
    assert [*result.tensors] == [*case.values()]
    assert result.coverage.n_checked == sum(map(len, case.values().values()))
    assert state(case) == before


@pytest.mark.parametrize("make", CASES)
def test_a_wrong_entry_of_each_shape_is_found(make: Callable[[], Case]) -> None:
    case = make()
    for name, gradient in gradients(case).items():
        if not gradient.size:
            continue
        wrong = gradients(case)
        index = tuple(n - 1 for n in gradient.shape)
        wrong[name][index] *= 1.05
        result = fc.check_gradients(case.loss, case.params, wrong, engine="black box")
        assert [(m.tensor, m.index) for t in result.tensors.values() for m in t.mismatches] == [
            (name, index)
        ]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
@pytest.mark.parametrize("k", [1, 2, 9, 40])
@pytest.mark.parametrize("make", CASES)
def test_whatever_happens_everything_is_put_back(
    make: Callable[[], Case], k: int, error: type[BaseException]
) -> None:
    case = make()
    before, right, n_calls = state(case), gradients(case), 0

    def loss() -> float:
        nonlocal n_calls
        n_calls += 1
        if n_calls >= k:
            raise error
        return case.loss()

    with suppress(ZeroDivisionError, KeyboardInterrupt):
        fc.check_gradients(loss, case.params, right, engine="black box")
    assert state(case) == before


@pytest.mark.parametrize("make", CASES)
def test_whatever_engine_is_chosen_it_is_right(make: Callable[[], Case]) -> None:
    case = make()
    before, right = state(case), gradients(case)
    assert fc.check_gradients(case.loss, case.params, right).passed
    assert state(case) == before


# ------------------------------------------------------------ what the user's code puts elsewhere


def test_a_loss_that_binds_another_array_is_told_and_undone() -> None:
    layer = SimpleNamespace(W=drawn(3))
    own = layer.W

    def loss() -> float:
        layer.W = layer.W * 0.9
        return float(np.sin(layer.W).sum())

    result = fc.check_gradients(
        loss, fc.attributes(layer, "W"), {"W": drawn(3)}, engine="black box"
    )
    assert [f.kind for f in result.findings] == ["params-mutated"]
    assert "the loss changes W, so that" in result.findings[0].message
    assert layer.W is own


def test_a_loss_that_changes_a_number_is_told_and_undone() -> None:
    p = {"s": 0.5, "v": [0.25, 1.0]}
    number, own = p["s"], copy.copy(p["v"])

    def loss() -> float:
        p["s"] += 1.0
        p["v"][1] *= 2.0
        return p["s"]

    result = fc.check_gradients(loss, p, {"s": 1.0, "v": [0, 0]}, engine="black box")
    assert result.findings[0].message.startswith("the loss changes s and v, so that")
    assert p["s"] is number
    assert [a is b for a, b in zip(p["v"], own, strict=True)] == [True, True]


def test_weights_that_the_loss_sets_itself_are_told() -> None:
    state = {"x": 0.5}
    params = fc.accessors(lambda: state["x"], lambda v: state.update(x=v))

    def loss() -> float:
        state["x"] += 1.0
        return state["x"]

    result = fc.check_gradients(loss, params, 1.0, engine="black box")
    assert [f.kind for f in result.findings] == ["params-mutated"]
    assert state["x"] == 0.5


def test_numbers_that_a_gradient_changes_are_put_back() -> None:
    p = {"s": 0.5}

    def gradient() -> dict[str, float]:
        p["s"] -= 0.1
        return {"s": 1.0}

    result = fc.check_gradients(lambda: p["s"], p, gradient, engine="black box")
    assert "the gradient changes s" in result.findings[0].message
    assert p == {"s": 0.5}


# ------------------------------------------------------------ what cannot be perturbed


class Copied:
    """Gives a copy at each access."""

    @property
    def weight(self) -> np.ndarray:
        """A copy."""
        return drawn(3)


class Slotted:
    """Has an attribute without a setter."""

    @property
    def s(self) -> float:
        """A number."""
        return 0.5


ROWS = [[0.5, 1.0]] * 2


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"s": (0.5, 1.0)}, r"`params\['s'\]` must be numbers in lists, .* numbers in a tuple"),
        ((drawn(2), 0.5), r"`params\['1'\]` must be in a dict, a list .* got a float on its own"),
        (0.5, "`params` must be in a dict, a list or an attribute"),
        (
            {"n": np.int64(3)},
            r"`params\['n'\]` must be of floating point, got dtype int64; convert",
        ),
        ({"n": [1, 2]}, r"`params\['n'\]` must be of floating point, got dtype int64"),
        ({"W": bytearray(8)}, "must be of floating point, got dtype uint8"),
        ({"W": memoryview(drawn(2)).toreadonly()}, "must be writeable, got a read-only memoryview"),
        (SimpleNamespace(W=drawn(2)), "`params` must be the array that the loss reads, got Simple"),
        ({"l": SimpleNamespace()}, r"`params\['l'\]` .* got SimpleNamespace; .* fc.attributes"),
        (iter([drawn(2)]), "must be a structure of arrays, got list_iterator, which can be read"),
        ({"a.b": drawn(1), "a": {"b": drawn(1)}}, "must have different names, got a.b more than"),
        ({"name": "x"}, "`params` must hold an array, got none"),
        (None, "`params` must hold an array, got NoneType; pass what the loss depends on"),
        ({"W": ROWS}, r"`params\['W'\]` must be lists of its own, got the same list in several"),
        ({"W": ROWS, "v": ROWS[0]}, "must be lists of its own"),
    ],
)
def test_what_cannot_be_perturbed_is_refused(params: Any, message: str) -> None:
    with pytest.raises(fc.InputError, match=message):
        fc.check_gradients(lambda: 0.5, params, {})


def test_attributes_that_cannot_be_perturbed_are_refused() -> None:
    with pytest.raises(fc.InputError, match="got another one at each access; name the attribute"):
        Held(fc.attributes(Copied(), "weight"), is_live=True)
    with pytest.raises(fc.InputError, match="attributes that can be set, got 's' of Slotted"):
        fc.check_gradients(lambda: 0.5, fc.attributes(Slotted(), "s"), {"s": 1.0})


def test_integers_are_refused_by_an_error_that_names_them() -> None:
    with pytest.raises(DtypeError) as caught:
        Held({"W": np.arange(3), "n": Wrapped(np.arange(2))}, is_live=True)
    assert caught.value.names == ("W", "n")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), r"`names` must be names of attributes, got \(\); write"),
        ((1,), r"got \(1,\)"),
        (("weights",), r"attributes of Viewed, got 'weights' \(did you mean weight\?\); name what"),
        (("theta.x",), "must be attributes of ndarray, got 'theta.x', in which 'x' is missing"),
    ],
)
def test_attributes_that_do_not_exist_are_refused(names: Any, message: str) -> None:
    with pytest.raises(fc.InputError, match=message):
        fc.attributes(Viewed(), *names)


def test_paths_that_lead_nowhere_are_refused() -> None:
    net = SimpleNamespace(layers=[1.0], p={"W": 1.0})
    with pytest.raises(fc.InputError, match=r"got 'layers\[1\].W', of which 1 exist; count from 0"):
        fc.attributes(net, "layers[1].W")
    with pytest.raises(fc.InputError, match=r"attributes of dict, got 'p.w'.* mean W\?"):
        fc.attributes(net, "p.w")


def test_a_pair_must_be_functions() -> None:
    with pytest.raises(fc.InputError, match="`get` must be a function, got list; pass the method"):
        fc.accessors([], print)  # type: ignore[arg-type]
    with pytest.raises(fc.InputError, match="`set` must be a function, got NoneType"):
        fc.accessors(list, None)  # type: ignore[arg-type]


def test_a_pair_must_return_the_same_structure_each_time() -> None:
    n_calls = 0

    def get() -> list[np.ndarray]:
        nonlocal n_calls
        n_calls += 1
        return [drawn(2)] * (1 if n_calls == 1 else 3)

    with pytest.raises(fc.InputError, match="same structure each time, got 3 arrays and 1 before"):
        fc.check_gradients(lambda: 0.5, fc.accessors(get, lambda w: None), [drawn(2)])
