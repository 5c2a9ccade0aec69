"""Control keys of checks: defaults, exceptions and parameters."""

from __future__ import annotations

import msgspec

from greenlight.core.finding import OnFirstDeployment, OnInconclusive, Severity
from greenlight.core.units import Duration
from greenlight.plan.repeat import Repeat
from tests.support.plan_samples import GOOD, SOMEWHERE, bound


def test_by_default_a_plan_makes_no_exceptions() -> None:
    checks = [check for stage in bound(GOOD).stages.values() for check in stage.checks]

    assert bound(GOOD).shadow is None
    assert {(check.on_inconclusive.value, check.on_first_deployment.value) for check in checks} == {("fail", "run")}


def test_exceptions_of_a_check_are_read() -> None:
    keys = "severity: required-with-override\n        on_inconclusive: tolerate\n        on_first_deployment: skip"
    check = bound(GOOD.replace("severity: advisory", keys)).stages["AfterAllowTestTraffic"].checks[1]

    assert check.severity is Severity.REQUIRED_WITH_OVERRIDE
    assert (check.on_inconclusive, check.on_first_deployment) == (OnInconclusive.TOLERATE, OnFirstDeployment.SKIP)
    assert "no blue" in check.skip_reason(msgspec.structs.replace(SOMEWHERE, first=True, group="blue-green"))


def test_a_repeated_check_is_not_retried_by_default() -> None:
    (check,) = (
        bound(
            GOOD.replace("        target_health:", "        repeat: {count: 3, interval: 1s}\n        target_health:")
        )
        .stages["AfterAllowTraffic"]
        .checks
    )

    assert check.repeat == Repeat(count=3, interval=Duration(1))
    assert check.retry.attempts == 1


def test_a_validator_needs_no_parameters() -> None:
    (check,) = bound(GOOD).stages["AfterAllowTraffic"].checks

    assert check.params == {}
