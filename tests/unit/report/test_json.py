"""The JSON report, from which every other format is rendered."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from greenlight.core.deployment import Deployment, Platform
from greenlight.core.finding import Evidence, Finding, Outcome
from greenlight.core.report import PlanSource, Report
from greenlight.core.verdict import Status
from greenlight.report.json import render


def report(actual: Any) -> Report:
    finding = Finding(outcome=Outcome.FAIL, message="m", evidence=(Evidence(query="q", expected=1, actual=actual),))
    return Report(
        verdict=Status.FAILED,
        reasons=(),
        checks=(finding,),
        deployment=Deployment(id="d-1", platform=Platform.ECS, stage="AfterAllowTraffic"),
        plan=PlanSource(),
        started_at="2026-01-01T00:00:00.000+00:00",
        duration_ms=1.0,
        greenlight="0.1.0",
    )


@pytest.mark.parametrize("actual", [float("nan"), float("inf"), object(), {1}, b"x"])
def test_values_without_json_are_rendered_as_valid_json(actual: Any) -> None:
    json.loads(render(report(actual)), parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))


@pytest.mark.parametrize("actual", [None, 5, "\x1b[2J\n\u2028", {"a": [1.5, True, None]}])
def test_report_survives_a_round_trip(actual: Any) -> None:
    original = report(actual)

    assert msgspec.json.decode(render(original), type=Report) == original


def test_document_begins_with_its_schema() -> None:
    assert render(report(1)).startswith('{\n  "schema": "greenlight.report/1",\n  "verdict": "Failed",')
