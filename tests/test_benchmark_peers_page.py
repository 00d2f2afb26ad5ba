"""Growth, the survey of mistakes and the page: what is shown is what was measured."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from benchmarks.measure import NotEqualError
from benchmarks.peers import command, growth, page, page_growth, pictures, recipes, survey
from benchmarks.peers.alone import about, one_core
from benchmarks.peers.command import PAGE, RESULTS, main
from benchmarks.peers.growth import Spot, fitted
from benchmarks.peers.page import END, MARK, written
from benchmarks.peers.roster import BY_NAME, OURS
from benchmarks.peers.side_by_side import Effort
from benchmarks.peers.text import growth_table, survey_table

EFFORT = Effort(rounds=1, longest=60.0, shortest=0.0)
LISTED = ("fastcheck", "plain", "ten-entries", "pytensor")


def row(peer: str, **changed: Any) -> dict[str, Any]:
    """Return a row of the table as it is kept."""
    kind = BY_NAME[peer]
    return {
        "peer": peer, "title": kind.title, "looks_at": kind.looks_at, "rule": kind.rule,
        "step": kind.step, "installed": True, "seconds": 0.02, "ratio": 1.0, "n_entries": 9,
        "extrapolated": False, "error": 1e-13, "right": "pass", "planted": ["fail", "fail"],
    } | changed  # fmt: skip


def table(*rows: dict[str, Any], name: str = "S3") -> dict[str, Any]:
    """Return figures as `table` keeps them."""
    problem = {
        "name": name, "title": "9-5-3", "data": "drawn", "n_params": 68, "n_batch": 2,
        "faults": [{"title": "sign", "change": 2.0}, {"title": "a row", "change": 0.1}],
        "rows": [row("fastcheck"), *rows],
    }  # fmt: skip
    return about(["table", "--json", "some/file", "--longest", "5"], "cpu", 2) | {
        "problems": [problem]
    }


def point(n: int, seconds: float, **changed: Any) -> dict[str, Any]:
    """Return a point of growth as it is kept."""
    return {
        "series": "width", "hidden": "relu", "n": n, "n_params": 100 * n, "n_batch": 7,
        "plan": "exhaustive", "peak_bytes": 2e8 + n, "base_bytes": 2e8, "seconds": seconds,
        "peers": {},
    } | changed  # fmt: skip


# ------------------------------------------------------------ growth


def test_a_point_is_measured_with_its_plan_its_memory_and_its_peers() -> None:
    found = growth.measured(Spot("batch", "tanh", 2), EFFORT, ["ten-entries"])
    assert (found["n_params"], found["n_batch"], found["plan"]) == (39760, 2, "exhaustive")
    assert 0.0 < found["seconds"] < 60.0
    assert 1e7 < found["base_bytes"] <= found["peak_bytes"] < 1e12
    assert found["peers"]["ten-entries"]["seconds"] > 0.0
    assert "ten-entries" in growth_table([found])


def test_a_point_whose_derivatives_are_wrong_is_no_point(monkeypatch: pytest.MonkeyPatch) -> None:
    right = fc.check_gradients

    def wrong(*args: Any, **options: Any) -> Any:
        result = right(*args, **options)
        moved = {n: value + 1e-6 for n, value in result.numerical.items()}
        return replace(result, numerical=moved)

    monkeypatch.setattr(growth.fc, "check_gradients", wrong)
    with pytest.raises(NotEqualError, match=r"784-50-10: W1 is \d.* of its largest entry off"):
        growth.measured(Spot("batch", "relu", 2), EFFORT)


def test_series_grow_in_one_direction_and_peers_stop_where_it_takes_too_long() -> None:
    sizes = [Spot("width", "relu", n) for n in (10, 64, 4096)]
    assert [spot.problem().net.sizes[1:] for spot in sizes] == [(10, 10), (64, 10), (4096, 10)]
    assert Spot("depth", "tanh", 3).problem().net.sizes[1:] == (64, 64, 64, 10)
    assert Spot("batch", "tanh", 3).problem().n_batch == 3
    assert [growth.wanted(spot) for spot in sizes] == [growth.WITH, growth.WITH, ()]
    assert growth.wanted(Spot("width", "tanh", 10)) == ()
    assert len(growth.spots(growth.SERIES)) == 2 * (10 + 8 + 10)


def test_an_exponent_is_fitted_to_the_larger_half() -> None:
    overhead = [point(n, 1.0) for n in (1, 2, 3, 4)]
    power = [point(n, 0.25 * (100.0 * n) ** 1.5) for n in (8, 16, 32, 64)]
    exponent, first, last = fitted(overhead + power, "n_params") or (0.0, 0, 0)
    assert exponent == pytest.approx(1.5)
    assert (first, last) == (800, 6400)
    assert fitted(power[:2], "n_params") is None


def test_each_plan_has_an_exponent_of_its_own() -> None:
    points = [point(n, float(n)) for n in (1, 2, 4)]
    points += [point(n, 8.0 * n**0.5, plan="units") for n in (8, 16, 32)]
    peers = {"jax-loop": {"seconds": 3.0, "extrapolated": True}}
    points = [p | {"peers": peers} for p in points]
    lines = [line.replace("-0.00", "0.00") for line in page_growth.exponents("width", points)]
    assert lines == [
        "fastcheck, relu, exhaustive: time grows as parameters^1.00 from 100 to 400",
        "fastcheck, relu, units: time grows as parameters^0.50 from 800 to 3,200",
        "JAX, jitted loop: time grows as parameters^0.00 from 800 to 3,200",
    ]
    text = page_growth.growth({"points": points}, "pics")
    assert "![Time and memory](pics/growth-width.svg)" in text
    assert "| 8 | 800 | 22.6 s | units | 200 |" in text
    assert "~3 s (3×) |" in text


def test_growth_is_printed_kept_and_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measured_here(spot: Spot, words: list[str], names: Any) -> dict[str, Any]:
        assert words == ["--clock", "cpu", "--rounds", "1", "--longest", "6.0"]
        if spot.n == 16 and spot.hidden == "tanh":
            raise NotEqualError("width: off")
        return point(spot.n, 0.1 * spot.n, hidden=spot.hidden)

    monkeypatch.setattr(growth, "in_new_process", measured_here)
    file = tmp_path / "growth.json"
    words = ["growth", "--quick", "--series", "width", "--clock", "cpu", "--json", str(file)]
    assert main([*words, "--pictures", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert "WRONG: width: off" in err
    assert "width, tanh  10" in out
    assert [p["n"] for p in json.loads(file.read_text())["points"]] == [10, 16, 10]
    assert (tmp_path / "growth-width.svg").exists()


@pytest.mark.slow
def test_a_point_is_measured_in_a_process_of_its_own() -> None:
    found = growth.in_new_process(Spot("batch", "relu", 1), ["--rounds", "1"], ())
    assert found["peak_bytes"] < 1e9
    with pytest.raises(NotEqualError, match="invalid choice"):
        growth.in_new_process(Spot("batch", "elu", 1), [], ())


# ------------------------------------------------------------ pictures


def luminance(color: str) -> float:
    """Return the relative luminance of a colour."""
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("page_color", ["#ffffff", "#0d1117"])
@pytest.mark.parametrize("color", [pictures.INK, *(line[0] for line in pictures.LINES.values())])
def test_colours_stand_out_from_light_and_dark_pages(color: str, page_color: str) -> None:
    dark, light = sorted([luminance(color), luminance(page_color)])
    assert (light + 0.05) / (dark + 0.05) > 3.0


def test_lines_can_be_told_apart_without_colours() -> None:
    assert len({marker for _, marker, _ in pictures.LINES.values()}) == len(pictures.LINES)
    assert {*growth.WITH, "fastcheck, relu", "fastcheck, tanh"} == set(pictures.LINES)


def test_pictures_have_no_background_name_their_lines_and_are_the_same_each_time(
    tmp_path: Path,
) -> None:
    pytest.importorskip("matplotlib")
    peers = {"torch-slow": {"seconds": 9.0, "extrapolated": False}}
    points = [point(n, 0.1 * n, peers=peers) for n in (10, 20)]
    points += [point(n, 0.2 * n, series="batch", hidden="tanh", plan="units") for n in (1, 2)]
    first, second = (pictures.draw(points, tmp_path / name) for name in "ab")
    assert [file.name for file in first] == ["growth-width.svg", "growth-batch.svg"]
    assert [f.read_bytes() for f in first] == [f.read_bytes() for f in second]
    text = first[0].read_text()
    assert "torch gradcheck, slow mode" in text
    assert "fastcheck, relu" in text
    assert "fill: #ffffff" not in text
    ET.fromstring(text)


# ------------------------------------------------------------ survey


def test_mistakes_of_all_sizes_are_planted_and_counted() -> None:
    kinds = [*(BY_NAME[name] for name in LISTED), replace(BY_NAME["torch-slow"], package="no_such")]
    networks = list(survey.problems(1, quick=True))
    found = survey.surveyed(networks[:1], kinds, str, each=2)
    ours, plain, drawn, pytensor, absent = found["rows"]
    assert not absent["installed"]
    for one in (ours, plain, drawn, pytensor):
        assert sum(count["planted"] for count in one["counts"]) > 50
        assert (one["right"], one["alarms"]) == (1, 0)
        assert sum(one["names"].values()) == sum(count["missed"] for count in one["counts"])
    missed = [
        sum(c["missed"] for c in one["counts"] if not c["size"].startswith("less"))
        for one in (ours, plain, drawn, pytensor)
    ]
    assert missed[0] == 0
    assert min(missed[2:]) > 0
    assert pytensor["names"]["one entry off"] > 0
    assert "not installed" in survey_table(found)
    text = page.survey(found)
    assert "| **fastcheck** | 0/1 | 0/" in text
    assert "Who misses fewer than fastcheck: nobody." in text


def test_a_false_alarm_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    never = replace(recipes.NaiveLoop.rule, passes=lambda a, n: False)
    monkeypatch.setattr(recipes.NaiveLoop, "rule", never)
    networks = survey.problems(1, quick=True)
    found = survey.surveyed(networks, [OURS, BY_NAME["plain"]], str, each=40)
    assert (found["rows"][1]["alarms"], found["rows"][1]["names"]) == (3, {})
    found["rows"][0]["counts"][0]["missed"] += 1
    assert (
        "Who misses fewer than fastcheck: of 1 % and more, with false alarms in brackets, "
        "plain Python loop (3)."
    ) in page.survey(found)


def test_the_survey_is_printed_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(survey, "PEERS", ("fastcheck", "pytensor"))
    monkeypatch.setattr(command, "RESULTS", tmp_path / "new")
    assert main(["faults", "--quick", "--write"]) == 0
    assert "PyTensor" in capsys.readouterr().out
    found = json.loads((tmp_path / "new/faults.json").read_text())
    assert (found["n_networks"], found["command"]) == (
        3, "python -m benchmarks.peers faults --quick --write",
    )  # fmt: skip


# ------------------------------------------------------------ the page


def test_only_the_marked_parts_of_a_page_are_written() -> None:
    marks = "\n".join(f"{MARK.format(name=n)}\nold {n}\n{END.format(name=n)}" for n in
                      ("table", "faults", "machine"))  # fmt: skip
    before = f"By hand.\n\n{marks}\n\nBy hand too.\n"
    after = written(before, {"table": table()}, "pics")
    assert after.startswith("By hand.\n\n<!-- begin table")
    assert after.endswith("<!-- end machine -->\n\nBy hand too.\n")
    assert "old" not in after
    assert "Not measured yet: `python -m benchmarks.peers faults --write`." in after
    assert "`python -m benchmarks.peers table --longest 5` on 20" in after
    assert "time of the processor, 2 rounds" in after
    assert written(after, {"table": table()}, "pics") == after


def test_a_mark_that_nobody_writes_or_that_has_no_end_is_refused() -> None:
    for text in (MARK.format(name="tables"), MARK.format(name="table")):
        with pytest.raises(ValueError, match=r"must be one of table, ahead, .* and end with"):
            written(text, {"table": table()}, "")


def test_a_row_says_what_was_extrapolated_missed_and_called_wrong() -> None:
    absent = {k: v for k, v in row("jax-loss").items() if k not in ("seconds", "ratio")}
    slow = row("torch-slow", seconds=5.0, ratio=250.4, extrapolated=True, right="fail",
               planted=["fail", "pass"], error=2e-7)  # fmt: skip
    text = page.side_by_side(table(slow, absent | {"installed": False}))
    assert (
        "| torch gradcheck, slow mode | every entry | ~5 s | 250 (target 300) | 2e-07 | "
        "**false alarm** | 2 |"
    ) in text
    assert "| **fastcheck** | every entry | 20 ms | 1 | 1e-13 | passes | none |" in text
    assert "| JAX, jitted loss in a Python loop | not installed |" in text
    assert "Planted: 1 sign; 2 a row." in text


def test_the_page_says_where_others_are_ahead() -> None:
    fast = row("torch-fast", seconds=0.002, ratio=0.1, error=None, planted=["pass", "pass"])
    right = row("numdifftools", ratio=900.0, error=1e-14, right="fail")
    late = row("jax-loop", ratio=120.0, error=1e-9)
    first, second, third = page.ahead(table(fast, right, late)).splitlines()
    assert first == (
        "- S3: torch gradcheck, fast mode takes 2 ms against 20 ms (it looks at one direction per "
        "tensor); it misses 2 of 2 mistakes."
    )
    assert second == (
        "- S3: numdifftools.Gradient has a worst error of 1e-14 against 1e-13; it calls the right "
        "gradient wrong."
    )
    assert third == (
        "- S3: fastcheck is meant to be 300 times faster than JAX, jitted loop, and is 120 times "
        "faster."
    )
    assert page.ahead(table(late, name="S1")) == "Nowhere, and no target is missed."


def test_a_mistake_that_only_others_find_is_said() -> None:
    figures = table(row("plain", error=1e-9))
    figures["problems"][0]["rows"][0] |= {"planted": ["fail", "pass"], "right": "inconclusive"}
    assert page.ahead(figures) == (
        "- S3: plain Python loop finds mistake 2 and passes the right gradient."
    )


def test_the_page_of_the_project_is_what_its_figures_say(tmp_path: Path) -> None:
    copy = tmp_path / "comparison.md"
    copy.write_text(PAGE.read_text("utf-8"), "utf-8")
    kept = PAGE.read_text("utf-8")
    assert written(kept, page.load(RESULTS), "comparison") == kept
    assert {"table", "faults", "growth"} == set(page.load(RESULTS))
    assert all((PAGE.parent / p).exists() for p in re.findall(r"\]\((comparison/[^)]+)\)", kept))


def test_the_page_is_written_by_the_command(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "table.json").write_text(json.dumps(table()))
    points = [point(n, float(n)) for n in (1, 2, 4)]
    figures = about(["growth"], "wall", 1) | {"points": points}
    (tmp_path / "growth.json").write_text(json.dumps(figures))
    file = tmp_path / "page.md"
    file.write_text(f"{MARK.format(name='growth')}\n{END.format(name='growth')}\n")
    assert main(["page", "--results", str(tmp_path), "--file", str(file)]) == 0
    assert "](page/growth-width.svg)" in file.read_text()
    assert (tmp_path / "page/growth-width.svg").exists()


def test_one_core_is_given_back() -> None:
    os = pytest.importorskip("os")
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("processes cannot be pinned here")
    before = os.sched_getaffinity(0)
    with one_core():
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before
