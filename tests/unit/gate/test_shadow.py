"""A shadow that is in force and allowed makes the gate answer Succeeded; any other shadow is only noted."""

from __future__ import annotations

import datetime

import pytest

from greenlight.core.deployment import Deployment, Platform
from greenlight.core.finding import Cause
from greenlight.core.settings import Settings
from greenlight.core.verdict import Status
from greenlight.gate.result import failed_result
from greenlight.gate.shadow import apply_shadow
from greenlight.plan.shadow import Shadow

FAILED = failed_result(
    Cause.RELEASE_FAILED, "status is 500", Deployment(id="d-1", platform=Platform.ECS, stage="AfterInstall")
)
ALLOWED = Settings(allow_shadow=True)


def shadow(days: int) -> Shadow:
    today = datetime.datetime.now(datetime.UTC).date()
    return Shadow(until=(today + datetime.timedelta(days=days)).isoformat(), why="first week")


def test_a_shadow_in_force_answers_succeeded_and_keeps_the_verdict() -> None:
    result = apply_shadow(FAILED, shadow(days=3), ALLOWED)

    assert result.verdict.status is Status.SUCCEEDED
    assert result.verdict.shadow is not None
    assert result.verdict.shadow.would_have_been is Status.FAILED
    assert result.verdict.reasons == FAILED.verdict.reasons


@pytest.mark.parametrize("days", [-1, 4000])
def test_a_shadow_that_is_over_or_too_long_has_no_effect_and_is_noted(days: int) -> None:
    result = apply_shadow(FAILED, shadow(days), ALLOWED)

    assert result.verdict == FAILED.verdict
    assert len(result.deployment.notes) == 1


def test_a_shadow_that_the_installation_does_not_allow_has_no_effect_and_is_noted() -> None:
    result = apply_shadow(FAILED, shadow(days=3), Settings(allow_shadow=False))

    assert result.verdict == FAILED.verdict
    assert "does not allow shadows" in result.deployment.notes[0]


def test_a_result_without_a_shadow_or_without_settings_is_unchanged() -> None:
    assert apply_shadow(FAILED, None, ALLOWED) is FAILED
    assert apply_shadow(FAILED, shadow(days=3), None) is FAILED
