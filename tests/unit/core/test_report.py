"""A report is clean only if the gate succeeded without a shadow and without an override."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from greenlight.core.deployment import Deployment, Platform
from greenlight.core.report import PlanSource, Report
from greenlight.core.verdict import AppliedOverride, ShadowedVerdict, Status

SUCCEEDED = Report(
    verdict=Status.SUCCEEDED,
    reasons=(),
    checks=(),
    deployment=Deployment(id="d-1", platform=Platform.ECS, stage="AfterAllowTraffic"),
    plan=PlanSource(),
    started_at="2026-11-02T10:00:00+00:00",
    duration_ms=1.0,
    greenlight="1.0.0",
)
SHADOW = ShadowedVerdict(would_have_been=Status.FAILED, until="2026-12-01", why="first weeks")
OVERRIDE = AppliedOverride(
    check="c", who="ann", why="w", created="", expires="", scope="deployment d-1", uri="s3://b/o"
)


@pytest.mark.parametrize(
    "report",
    [
        replace(SUCCEEDED, verdict=Status.FAILED),
        replace(SUCCEEDED, shadow=SHADOW),
        replace(SUCCEEDED, overrides=(OVERRIDE,)),
    ],
    ids=["failed", "shadow", "override"],
)
def test_report_with_an_exception_is_not_clean(report: Report) -> None:
    assert not report.clean


def test_report_of_a_plain_success_is_clean() -> None:
    assert SUCCEEDED.clean
