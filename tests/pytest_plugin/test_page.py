"""The page on pytest: its code runs, and prints what is shown."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pytest_plugin.conftest import Inner

pytest_plugins = ["pytester"]

PAGE = (ROOT / "docs/pytest.md").read_text("utf-8")


def block(kind: str, k: int = 0) -> str:
    """Return the code of a kind that stands in the page."""
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)[k]


def told(text: str) -> list[str]:
    """Return the lines of an output without what differs each time."""
    return [" ".join(re.sub(r"± \S+|in [\d.]+s|=", "", line).split()) for line in text.splitlines()]


@pytest.fixture
def page(inner: Inner, pytester: pytest.Pytester) -> Inner:
    """Return a function that runs the commands of the page in a folder with its files."""
    for name, text in {
        "test_net.py": block("python", 0),
        "test_more.py": block("python", 1),
        "test_options.py": block("python", 2),
        "cases.py": block("python", 3),
        "night.toml": block("toml", 1),
    }.items():
        Path(name).write_text(text, encoding="utf-8")
    Path("net.py").unlink()

    def run(command: str, *arguments: str) -> pytest.RunResult:
        return inner(None, *command.split()[1:], *arguments)

    return run


def mend() -> None:
    """Do what the first output asks for."""
    net = Path("test_net.py")
    text = net.read_text("utf-8").replace("1 - self.z1**2", "1 - self.a1**2")
    assert f"`{'1 - self.a1**2'}` it should be" in PAGE
    net.write_text(text, encoding="utf-8")


def test_the_page_shows_what_its_commands_print(page: Inner) -> None:
    first, verbose, night, _ = (block("sh", k) for k in range(4))
    found = [page(first, "test_net.py")]
    mend()
    found += [page(verbose, "test_net.py"), page(night)]
    for k, run in enumerate(found):
        shown = told(block("text", k))
        printed = told(run.stdout.str())
        start = printed.index(shown[0])
        assert printed[start:] == shown


def test_the_other_tests_of_the_page_pass(page: Inner) -> None:
    page("pytest", "test_more.py", "test_options.py").assert_outcomes(passed=7)


def test_the_project_of_the_page_is_run_as_it_is_told(page: Inner) -> None:
    mend()
    Path("pyproject.toml").write_text(block("toml", 0), encoding="utf-8")
    settings = tomllib.loads(block("toml", 0))["tool"]["pytest"]["ini_options"]
    assert settings["fastcheck_suites"] == ["night.toml"]
    found = page(block("sh", 3), "-k", "not doubled and not seed")
    found.assert_outcomes(passed=1, deselected=3)
    written = re.findall(r"`(run\.\w+)`", PAGE)
    assert sorted(path.name for path in Path("reports").iterdir()) == sorted(written)


def test_the_page_quotes_a_refusal(page: Inner) -> None:
    code = "import pytest\n@pytest.mark.fastcheck(rtoll=1)\ndef test_net(fastcheck): pass\n"
    Path("test_net.py").write_text(code, encoding="utf-8")
    (quoted,) = re.findall(r"An option that there is not is refused: ``(.*?)``", PAGE)
    assert quoted in page("pytest", "test_net.py").stdout.str()
