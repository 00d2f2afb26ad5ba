"""The code in the documents runs, and is right."""

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.cli import main
from fastcheck.cli.download import download
from fastcheck.datasets.published import PUBLISHED
from fastcheck.result import ACCEPTABLE

ROOT = Path(__file__).parents[1]


def blocks(name: str) -> list[str]:
    """Return the Python code in a document."""
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text("utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def architecture() -> dict[str, Any]:
    """Return what the code of the architecture page defines, run on small data."""
    rng = np.random.default_rng(0)
    names: dict[str, Any] = {
        "fc": fc,
        "images": rng.random((20, 784)),
        "labels": np.arange(20) % 10,
    }
    params = {"W1": rng.standard_normal((784, 10)) / 28, "b1": np.zeros(10)}
    names |= {"params": params, "grads": None}
    for code in blocks("docs/architecture.md"):
        building, _, checking = code.partition("result = ")
        exec(building, names)
        if checking:
            names["grads"] = names["objective"].gradient(params)
            exec("result = " + checking, names)
    return names


def test_the_graph_of_the_architecture_page_is_checked(architecture: dict[str, Any]) -> None:
    assert architecture["result"].passed
    assert architecture["result"].coverage.n_resolved == 7850


def test_the_page_on_tracing_runs(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"__name__": "page"}  # else its classes would be those of Python
    for code in blocks("docs/tracing.md"):
        exec(code, names)
    assert capsys.readouterr().out.split() == ["pass", "pass", "trace", "not", "traced", "pass"]


def test_the_readme_shows_what_its_code_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    first, second = blocks("README.md")[:2]
    page = (ROOT / "README.md").read_text("utf-8")
    (shown,) = re.findall(r"```\n(FAIL.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(first + second, names)
    rounding = r"(?<=± )\S+| +"
    printed = capsys.readouterr().out
    told = [re.sub(rounding, "", line) for line in shown.splitlines()]
    seen = [re.sub(rounding, "", line) for line in printed.splitlines()]
    assert seen == told


def test_the_page_on_accepting_shows_what_its_code_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (code,) = blocks("docs/accept.md")
    exec(code, {})
    printed = capsys.readouterr().out.splitlines()
    page = " ".join((ROOT / "docs/accept.md").read_text("utf-8").split())
    assert "This prints `{}`, then `{}`, then `{}`".format(*printed) in page


def test_the_page_on_accepting_lists_every_name_with_its_kinds() -> None:
    rows = re.findall(
        r"^\| (`.*?) \| .* \| (`.*) \|$", (ROOT / "docs/accept.md").read_text(), re.MULTILINE
    )
    told = {
        name: tuple(re.findall(r"`(.*?)`", kinds))
        for names, kinds in rows
        for name in re.findall(r"`(.*?)`", names)
    }
    assert told == ACCEPTABLE


def test_the_page_on_layers_runs(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"__name__": "page"}
    for code in blocks("docs/layers.md"):
        exec(code, names)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "pass ['x', 'W', 'b']"
    assert printed[1] == "2.Affine is the first layer of which the backward pass is wrong"
    assert printed[2:] == ["['2.Affine.b']", "pass", "pass", "pass", "pass", "pass", "fail x"]


@pytest.mark.parametrize("batch_axis", [0, None])
def test_the_own_operation_of_the_architecture_page_is_right(
    architecture: dict[str, Any], batch_axis: int | None
) -> None:
    rng = np.random.default_rng(2)
    data = rng.standard_normal((5, 3, 4)), rng.standard_normal((5, 3, 3))
    params = {"Q": rng.standard_normal((4, 2)), "K": rng.standard_normal((4, 2))}

    def objective(operation: Any) -> fc.GraphObjective:
        graph = fc.Graph()
        x, target = (graph.data(a, batch_axis) for a in data)
        p = operation(*(x @ graph.param(name, (4, 2)) for name in params))
        graph.set_loss(fc.ops.mean(fc.ops.square(p - target)))
        return fc.GraphObjective(graph)

    def native(q: Any, k: Any) -> Any:
        return fc.ops.softmax(q @ k.swapaxes(-1, -2), axis=-1)

    right = objective(native).gradient(params)
    own = objective(architecture["attention"])
    assert fc.check_gradients(own, params, right).passed
    for name in params:
        assert not fc.check_gradients(own, params, right | {name: 1.0001 * right[name]})


@pytest.mark.interpreted
@pytest.mark.parametrize("batch_axis", [0, None])
def test_the_operations_of_the_architecture_page_are_right(
    architecture: dict[str, Any], batch_axis: int | None
) -> None:
    rng = np.random.default_rng(1)
    graph = fc.Graph()
    z = graph.data(rng.standard_normal((6, 4)), batch_axis) @ graph.param("W", (4, 3))
    smooth = graph.apply(architecture["LogSumExp"](1), architecture["arctan"](z))
    graph.set_loss(fc.ops.mean(smooth))
    objective = fc.GraphObjective(graph)
    params = {"W": rng.standard_normal((4, 3))}
    right = objective.gradient(params)
    assert fc.check_gradients(objective, params, right, strict=True)
    assert not fc.check_gradients(objective, params, {"W": 1.01 * right["W"]})


def test_the_page_on_the_self_test_shows_what_its_commands_print(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs/selftest.md").read_text("utf-8")
    (code,) = blocks("docs/selftest.md")
    (tmp_path / "net.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    commands = re.findall(r"```sh\nfastcheck (.*)\n```", page)
    shown = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    assert len(commands) == len(shown) == 2
    for command, text, status in zip(commands, shown, (0, 1), strict=True):
        with pytest.raises(SystemExit) as end:
            main(shlex.split(command))
        assert end.value.code == status
        printed = capsys.readouterr().out
        assert without_times(printed) == without_times(text)


def without_times(text: str) -> list[str]:
    """Return the lines of a report, without what depends on the machine."""
    return [line for line in text.split("\n") if not line.startswith(("time ", "plan "))]


def test_the_page_on_processes_has_a_loss_that_runs() -> None:
    names: dict[str, Any] = {}
    local, cluster = blocks("docs/parallel.md")
    exec(local, names)
    params, x = names["params"], names["x"]
    e = np.exp(x @ params["W"] + params["b"])
    d = e / e.sum(axis=1, keepdims=True) - np.eye(3)[names["y"]]
    np.testing.assert_allclose(names["numerical"].values["W"], x.T @ d, rtol=1e-7)
    compile(cluster, "parallel.md", "exec")


def test_the_page_on_diagnosis_shows_what_its_code_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names: dict[str, Any] = {}
    first, walk, reruns = blocks("docs/diagnosis.md")
    page = (ROOT / "docs/diagnosis.md").read_text("utf-8")
    texts = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    for block, shown in zip((first, walk), texts, strict=True):
        exec(block, {})
        assert capsys.readouterr().out == shown
    exec(first, names)
    capsys.readouterr()
    exec(reruns, names)
    assert capsys.readouterr().out == "order-of-samples\n"


MAKERS = (
    "Fit", "Part", "Diagnosis", "said_cause", "_said", "Proposal", "Output", "Slope", "Other",
    "Reason",
)  # fmt: skip


def test_the_page_on_diagnosis_has_the_kinds_of_the_package() -> None:
    page = (ROOT / "docs/diagnosis.md").read_text("utf-8")
    rows = re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE)
    told = {kind for row in rows for kind in re.findall(r"`([a-z0-9-]+)`", row)}
    folder = ROOT / "fastcheck/diagnose"
    code = "".join(p.read_text("utf-8") for p in folder.rglob("*.py"))
    assert [kind for kind in sorted(told) if f'"{kind}"' not in code] == []
    made = re.findall(rf'(?:{"|".join(MAKERS)})\(\s*"([a-z0-9-]+)"', code)
    assert set(made) - {"beside-decay"} <= told
    assert len(set(made)) > 20


def test_the_page_on_plans_shows_what_its_code_prints(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    directions, sample = blocks("docs/plans.md")
    page = (ROOT / "docs/plans.md").read_text("utf-8")
    shown = re.findall(r"```text\n(.*?)```", page, re.DOTALL)

    def compared(text: str) -> list[str]:
        return [re.sub(r"± \S+", "±", line).rstrip() for line in text.splitlines()]

    exec(directions, names)
    assert compared(capsys.readouterr().out) == compared(shown[0])
    exec(sample, names)
    printed = capsys.readouterr().out  # how many entries there are depends on the machine
    assert printed.startswith("pass ")
    for words in ("238,510 entries checked", "each perturbed on its own", "probability 0.95"):
        assert words in printed
        assert words in shown[1]


def test_the_page_on_data_has_the_options_and_sizes_of_the_download() -> None:
    page = (ROOT / "docs/data.md").read_text("utf-8")
    told = re.findall(r"^\| `(--[a-z]+)", page, re.MULTILINE)
    assert told == [option.opts[0] for option in download.params[1:]]
    for published in PUBLISHED.values():
        size = sum(file.size for file in published.files) / 1e6
        assert f"{size:.1f} MB, to `{published.folder}`" in page
