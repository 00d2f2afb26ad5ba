"""The gallery of hook-ups: each runs, is short, passes a right gradient and finds a wrong entry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "hookups.md").read_text("utf-8")
MOST_LINES = 5


def blocks(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


PREAMBLE, *SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)
GALLERY = {section.partition("\n")[0]: blocks(section) for section in SECTIONS}


@dataclass(frozen=True)
class Planted:
    """A fault in the users' code, and where it must be found."""

    old: str
    tensor: str
    index: tuple[int, ...]
    n_wrong: int = 1

    @property
    def new(self) -> str:
        """The code with the fault."""
        head, _, rest = self.old.partition("|")
        return f"{head}spoilt({rest}, {self.index})"


FAULTS = {
    "A dict of arrays": Planted('"W": |x.T @ dz', "W", (2, 1)),
    "Parameters as an argument, gradients as dW": Planted('"dW1": |x.T @ dZ1', "W1", (1, 0)),
    "Lists of arrays": Planted("nabla_W[l], nabla_b[l] = |activations[l].T @ delta", "W.0", (2, 1)),
    "Containers in containers": Planted('{"W": |x.T @ dh', "enc.0.W", (1, 3)),
    "A flat vector": Planted("np.sum(r**2), |np.concatenate([dW.ravel(), db])", "theta", (7,)),
    "One call for loss and gradient": Planted("return loss, dWxh, |dWhh", "Whh", (3, 2)),
    "Attributes of an object": Planted("self.dW = |self.x.T @ dout", "W", (0, 1)),
    "Layers in a network": Planted('"W": |self.x.T @ dz', "layer0.W", (2, 1)),
    "Objects with data and grad": Planted(
        "lambda g: (g @ other.data.T, |self.data.T @ g", "W1", (0, 1)
    ),
    "PyTorch modules": Planted("", "0.weight", (1, 2)),
    "A pair of functions": Planted("return [|x.T @ sign", "0", (2, 0)),
    "A C buffer": Planted(
        "return |np.array([3 * buffer[i] ** 2 for i in range(6)])", "state", (4,)
    ),
    "Views, Fortran order and float32": Planted(
        "dW, db = |np.outer(x.sum(axis=0), V.sum(axis=1))", "0", (1, 1)
    ),
    "Numbers of Python": Planted('{"weights": |dw', "weights", (1,)),
    "Only the update is visible": Planted("dW = |x.T @ (x @ self.W - y)", "W", (1, 1)),
    "An optimiser that is called from inside": Planted("update(self.W, |x.T @ r", "W", (0, 0)),
    "Tied weights": Planted('"encoder": |x.T @ dh', "encoder", (2, 1)),
    "Nodes that were made from one array": Planted(
        "return [delta * w * h * (1 - h) * below for w, h in zip(out, a)], |delta * a", "out", (2,)
    ),
}


def spoilt(gradient: Any, index: tuple[int, ...]) -> np.ndarray:
    """Return a gradient of which one entry is wrong; of another shape as it is."""
    wrong = np.array(gradient)
    if all(i < n for i, n in zip(index, wrong.shape, strict=True)):
        wrong[index] *= 1.1
    return wrong


def run(title: str, planted: Planted | None = None) -> dict[str, Any]:
    """Return what the code of a section defines."""
    names: dict[str, Any] = {"__name__": "page", "spoilt": spoilt}
    exec(*blocks(PREAMBLE), names)
    *users, hookup = GALLERY[title]
    for code in users:
        if planted is not None and planted.old:
            assert planted.old.replace("|", "") in code
            code = code.replace(planted.old.replace("|", ""), planted.new)
        exec(code, names)
    if planted is not None and not planted.old:
        names["model"].get_parameter(planted.tensor).grad[planted.index] *= 1.1
    exec(hookup, names)
    return names


def titles() -> list[Any]:
    return [pytest.param(title, id=title.replace(" ", "-").lower()) for title in GALLERY]


def needs(title: str) -> None:
    if "PyTorch" in title:
        pytest.importorskip("torch")


@pytest.mark.parametrize("title", titles())
def test_a_right_gradient_passes(title: str) -> None:
    needs(title)
    result = run(title)["result"]
    assert result.passed, str(result)
    assert not [f for f in result.findings if f.severity == "error"]


@pytest.mark.parametrize("title", titles())
def test_a_wrong_entry_is_found_at_the_users_name_and_address(title: str) -> None:
    needs(title)
    planted = FAULTS[title]
    result = run(title, planted)["result"]
    assert result.verdict == "fail"
    wrong = {name: t for name, t in result.tensors.items() if t.verdict == "fail"}
    assert planted.tensor in wrong
    assert planted.index in [m.index for m in wrong[planted.tensor].mismatches]


@pytest.mark.parametrize("title", titles())
def test_a_hookup_takes_at_most_five_lines(title: str) -> None:
    assert len(GALLERY[title]) == 2
    hookup = GALLERY[title][-1]
    assert sum(1 for line in hookup.splitlines() if line.strip()) <= MOST_LINES
    assert "fc.check_" in hookup


def test_there_is_an_example_of_each_shape() -> None:
    assert len(GALLERY) >= 14
    assert GALLERY.keys() == FAULTS.keys()
