"""Every author's backward pass is right: by central differences, without the checker."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from tests.wild.cases import CASES, LARGE, Case, name_of

STEP = 1e-5
NETS = sorted((Path(__file__).parent / "nets").glob("[a-z]*.py"))


def sample(case: Case, rng: np.random.Generator, n: int = 60) -> dict[str, np.ndarray]:
    """Return some flat indices into each array, at most `n` in all and one for each."""
    share = max(1, n // len(case.params))
    return {
        name: rng.choice(array.size, min(share, array.size), replace=False)
        for name, array in case.params.items()
    }


def differences(case: Case, name: str, indices: np.ndarray) -> np.ndarray:
    """Return central differences of the loss in some entries of one live array."""
    array = case.params[name]
    result = []
    for k in indices:
        entry = np.unravel_index(k, array.shape)
        old = array[entry]
        array[entry] = old + STEP
        above = case.loss()
        array[entry] = old - STEP
        below = case.loss()
        array[entry] = old
        result.append((above - below) / (2 * STEP))
    return np.array(result)


def worst(case: Case, grads: dict[str, np.ndarray]) -> float:
    """Return the largest relative error of a tensor, of norms over the sampled entries.

    Where a gradient vanishes, as that of a bias under batch norm, it is compared with what
    rounding makes of a difference.
    """
    errors = []
    for name, indices in sample(case, np.random.default_rng(1)).items():
        numerical = differences(case, name, indices)
        analytic = np.array(grads[name]).reshape(-1)[indices]
        scale = np.linalg.norm(analytic) + np.linalg.norm(numerical)
        floor = 5e-4 * max(1.0, abs(float(case.loss())))
        errors.append(np.linalg.norm(analytic - numerical) / max(scale, floor))
    return max(errors)


@pytest.mark.parametrize("make", CASES, ids=name_of)
def test_a_backward_pass_agrees_with_differences(make) -> None:
    case = make()
    first = float(case.loss())
    grads = {name: np.array(g, dtype=float) for name, g in case.grads().items()}
    assert case.name == name_of(make)
    assert np.isfinite(first)
    assert np.ndim(case.loss()) == 0
    assert float(case.loss()) == first
    assert {k: a.shape for k, a in case.params.items()} == {k: g.shape for k, g in grads.items()}
    assert {a.dtype for a in case.params.values()} == {np.dtype(float)}
    if case.functional:
        f, arguments = case.functional
        assert float(f(*arguments)) == first
    assert worst(case, grads) < 1e-6
    assert float(case.loss()) == first


@pytest.mark.parametrize("make", CASES, ids=name_of)
def test_a_case_is_made_again_from_its_seed_and_another_from_another(make) -> None:
    first = float(make(0).loss())
    assert float(make(1).loss()) != first
    assert float(make(0).loss()) == first


def test_a_wrong_backward_pass_is_noticed() -> None:
    case = CASES[0]()
    grads = case.grads()
    assert worst(case, grads | {"W1": grads["W1"] * (1 + 1e-5)}) > 1e-6


@pytest.mark.parametrize("name", LARGE)
def test_the_large_factories_take_a_smaller_batch(name: str) -> None:
    case = LARGE[name](batch=4)
    assert np.isfinite(float(case.loss()))
    assert sum(a.size for a in case.params.values()) > 20_000


def test_there_are_enough_networks_with_many_parameters() -> None:
    sizes = [sum(a.size for a in make().params.values()) for make in CASES]
    assert len(NETS) >= 28
    assert sum(size > 2_000 for size in sizes) >= 12


@pytest.mark.parametrize("path", NETS, ids=lambda path: path.stem)
def test_an_author_knows_numpy_and_little_else(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module)
    roots = {module.partition(".")[0] for module in modules}
    assert "numpy" in roots
    assert roots <= {"numpy", "scipy", "math", "collections", "functools"}
    assert ast.get_docstring(tree)
