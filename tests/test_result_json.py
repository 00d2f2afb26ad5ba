"""Results as JSON, as files, and in notebooks."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pickle
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from fastcheck.errors import DataError
from fastcheck.result import CheckResult, Finding
from tests.results import KINDS, MEAN, result, tensor


def strict_json(text: str) -> dict[str, object]:
    """Read JSON and refuse the tokens that are not JSON."""

    def refuse(token: str) -> None:
        raise AssertionError(f"not JSON: {token}")

    data = json.loads(text, parse_constant=refuse)
    assert isinstance(data, dict)
    return data


@pytest.mark.parametrize("arrays", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_json_is_strict_and_gives_the_same_result_back(kind: str, arrays: bool) -> None:
    before = result(kind)
    text = before.to_json(arrays=arrays)
    data = strict_json(text)
    assert data == before.to_dict(arrays=arrays)
    assert (data["schema"], data["verdict"]) == (7, before.verdict)
    after = CheckResult.from_json(text)
    assert after.to_json(arrays=arrays) == text
    assert str(after) == str(before)
    for field in dataclasses.fields(before):
        if field.name not in ("numerical", "bounds", "tensors"):
            assert getattr(after, field.name) == getattr(before, field.name), field.name
    assert repr(after.tensors) == repr(before.tensors)  # NaN is not equal to itself
    for name, array in (before.numerical if arrays else {}).items():
        np.testing.assert_array_equal(after.numerical[name], array)
        assert after.bounds[name].shape == before.bounds[name].shape


def test_what_is_not_finite_is_written_as_text() -> None:
    data = result("fail", loss=-math.inf).to_dict(arrays=True)
    assert data["loss"] == "-Infinity"
    assert data["norm_ratio"] == "NaN"
    assert data["numerical"]["b2"] == {"shape": [3], "values": [1.0, "NaN", "-Infinity"]}
    assert data["tensors"]["b2"]["worst"]["analytic"] == "NaN"


def test_the_limit_of_what_is_close_is_kept() -> None:
    assert CheckResult.from_json(result(rtol=1e-7).to_json()).rtol == 1e-7
    assert math.isnan(CheckResult.from_json(result(rtol=math.nan).to_json()).rtol)


def test_a_tensor_named_nan_stays_a_name() -> None:
    tensors = {"NaN": dataclasses.replace(tensor("b1"), name="NaN")}
    after = CheckResult.from_json(result(tensors=tensors).to_json())
    assert after.tensors["NaN"].name == "NaN"


def test_numbers_of_numpy_become_numbers() -> None:
    odd = result(
        loss=np.float32(0.5), interrupted=np.bool_(False), timings={"total": np.float64(1)}
    )
    data = strict_json(odd.to_json())
    assert (data["loss"], data["interrupted"], data["timings"]) == (0.5, False, {"total": 1.0})
    with pytest.raises(TypeError, match="must hold numbers and text, got object"):
        result(timings={"total": object()}).to_json()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "must be a result of schema 7, got schema 2"),
        ({"schema": None}, "must be a result of schema 7, got schema None"),
        ({"verdict": ...}, "must be a complete result.*verdict"),
        ({"coverage": {"n_entries": 1}}, "must be a complete result.*n_checked"),
        ({"tensors": {"W1": {}}}, "must be a complete result.*worst"),
    ],
)
def test_data_of_another_kind_are_refused(change: dict[str, object], message: str) -> None:
    data = {k: v for k, v in (result().to_dict() | change).items() if v is not ...}
    with pytest.raises(ValueError, match=message):
        CheckResult.from_dict(data)


def test_a_result_survives_pickling() -> None:
    before = result("fail")
    after = pickle.loads(pickle.dumps(before))  # noqa: S301
    assert after.to_json(arrays=True) == before.to_json(arrays=True)


# ------------------------------------------------------------ files


def test_a_saved_result_is_whole_and_replaces_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text("old")
    result("fail").save(path, arrays=True)
    assert strict_json(path.read_text("utf-8")) == result("fail").to_dict(arrays=True)
    assert list(tmp_path.iterdir()) == [path]


def test_a_result_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "result.json"
    path.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"result.json: cannot be written \(No space left"):
        result().save(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


# ------------------------------------------------------------ notebooks


class Tags(HTMLParser):
    """Collects texts, and checks that tags are balanced."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Remember a tag."""
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Compare it with the last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect a text."""
        self.texts.append(data)


@pytest.mark.parametrize("kind", KINDS)
def test_a_notebook_shows_a_table(kind: str) -> None:
    tags = Tags()
    tags.feed(result(kind)._repr_html_())
    assert tags.open == []
    assert tags.texts[0] == result(kind).verdict.upper()
    for name in result(kind).tensors:
        assert name in tags.texts
    assert (MEAN in " ".join(tags.texts)) is (kind == "fail")


def test_a_notebook_escapes_what_comes_from_outside() -> None:
    evil = "<script>alert(1)</script>"
    tensors = {evil: dataclasses.replace(tensor("b2", "nan"), name=evil)}
    finding = Finding("x", "warning", evil, evil)
    html = result(tensors=tensors, findings=[finding])._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
