"""A report is clean only if the gate succeeded without a shadow and without an override."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from greenlight.core.deployment import Deployment, Platform
from greenlight.core.report import Answer, Author, PlanSource, Report, counts_before
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


def test_report_of_the_last_resort_has_a_name_of_its_own() -> None:
    assert SUCCEEDED.name == "AfterAllowTraffic"
    assert replace(SUCCEEDED, written_by=Author.LAST_RESORT).name == "AfterAllowTraffic.last-resort"


@pytest.mark.parametrize("answer", [None, Answer(status=Status.FAILED, told=True)])
def test_report_of_the_hook_counts_unless_its_answer_was_not_confirmed(answer: Answer | None) -> None:
    denied = Answer(status=Status.SUCCEEDED, told=False)
    last_resort = counts_before(Answer(status=Status.FAILED, told=True), Author.LAST_RESORT)

    assert counts_before(answer, Author.HOOK) < last_resort < counts_before(denied, Author.HOOK)
    assert counts_before(None, Author.CALLER) > counts_before(denied, Author.HOOK)
