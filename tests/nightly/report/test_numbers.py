"""A run as JSON, against the schema that is published in `docs/run.schema.json`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fastcheck.nightly.records import SCHEMA, STATUSES, Case, Record, Run
from fastcheck.nightly.report import run_json
from fastcheck.result import SCHEMA as RESULT_SCHEMA
from tests.conftest import ROOT
from tests.nightly.report.nights import many, night, run_of
from tests.results import KINDS, result
from tests.test_pictures import check

jsonschema = pytest.importorskip("jsonschema")
PUBLISHED = json.loads((ROOT / "docs" / "run.schema.json").read_text(encoding="utf-8"))


def validate(data: Any) -> None:
    """Raise unless `data` is as published."""
    jsonschema.Draft202012Validator(PUBLISHED).validate(data)


def everything() -> Run:
    """Return a run with results of every kind, with pictures and without."""
    records = [
        Record(Case(kind, "a.py:f", options={"rtol": 1e-6}), found.verdict, found)
        for kind in KINDS
        for found in [result(kind)]
    ]
    drawn = check()
    return run_of(*records, Record(Case("drawn", "a.py:f"), drawn.verdict, drawn))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(PUBLISHED)


@pytest.mark.parametrize("arrays", [False, True])
def test_every_run_is_valid_and_comes_back(arrays: bool) -> None:
    for run in (everything(), night()[0], run_of(), run_of(finished="")):
        text = run_json(run, arrays=arrays)
        data = json.loads(text, parse_constant=pytest.fail)
        validate(data)
        assert run_json(Run.from_dict(data), arrays=arrays) == text


def test_versions_and_words_are_those_of_the_package() -> None:
    definitions = PUBLISHED["$defs"]
    assert PUBLISHED["properties"]["schema"]["const"] == SCHEMA
    assert definitions["result"]["properties"]["schema"]["const"] == RESULT_SCHEMA
    assert sorted(definitions["record"]["properties"]["status"]["enum"]) == sorted(STATUSES)


def test_the_schema_refuses_what_is_not_a_run() -> None:
    good = json.loads(run_json(night()[0]))
    wrong: list[dict[str, Any]] = [
        {**good, "schema": 2},
        {**good, "more": 1},
        {k: v for k, v in good.items() if k != "records"},
        {**good, "records": [{**good["records"][0], "status": "skipped"}]},
        {**good, "records": [{**good["records"][0], "result": {}}]},
    ]
    for data in wrong:
        with pytest.raises(jsonschema.ValidationError):
            validate(data)


def test_a_case_that_was_not_run_has_no_result() -> None:
    data = json.loads(run_json(replace(many(40), id="x")))
    skipped = [r for r in data["records"] if r["status"] == "not run"]
    assert skipped
    assert all(r["result"] is None and r["started"] == "" for r in skipped)
