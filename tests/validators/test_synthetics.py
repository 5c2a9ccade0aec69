"""synthetics never passes for a canary that failed, ran too long ago or did not end.

moto has canaries but no runs, so the tests use scripted answers.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable


def run(state: str, minutes_ago: float = 1, identity: str = "old") -> dict[str, Any]:
    ended = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=minutes_ago)
    timeline = {} if state == "RUNNING" else {"Completed": ended}
    return {"Id": identity, "Status": {"State": state, "StateReason": "said the canary"}, "Timeline": timeline}


def script_runs(aws: Any, *listed: dict[str, Any]) -> None:
    aws.add_response("synthetics", "get_canary_runs", {"CanaryRuns": list(listed)}, {"Name": "shop", "MaxResults": 100})


@pytest.mark.parametrize(
    ("listed", "outcome"),
    [
        ([("FAILED", 1), ("PASSED", 5)], "FAIL"),
        ([("PASSED", 5), ("FAILED", 1)], "FAIL"),
        ([("ODD", 1)], "FAIL"),
        ([("PASSED", 11)], "INCONCLUSIVE"),
        ([("RUNNING", 1)], "INCONCLUSIVE"),
        ([], "INCONCLUSIVE"),
        ([("RUNNING", 1), ("PASSED", 5), ("FAILED", 6)], "PASS"),
    ],
)
def test_the_last_run_that_ended_decides(
    check: Callable[..., Any], scripted: Any, listed: list[tuple[str, float]], outcome: str
) -> None:
    script_runs(scripted, *(run(state, minutes_ago) for state, minutes_ago in listed))

    assert check("synthetics", {"canary": "shop"}, aws=scripted).outcome == outcome


def test_a_run_without_an_end_proves_nothing(check: Callable[..., Any], scripted: Any) -> None:
    script_runs(scripted, {"Id": "1", "Status": {"State": "PASSED"}})

    assert check("synthetics", {"canary": "shop"}, aws=scripted).outcome == "INCONCLUSIVE"


@pytest.mark.parametrize(("state", "outcome"), [("FAILED", "FAIL"), ("PASSED", "PASS")])
def test_the_check_waits_for_a_started_run_and_ignores_older_ones(
    check: Callable[..., Any], scripted: Any, state: str, outcome: str
) -> None:
    clock = FakeClock()
    old = run("PASSED")
    script_runs(scripted, old)
    scripted.add_response("synthetics", "start_canary", {}, {"Name": "shop"})
    script_runs(scripted, old)
    script_runs(scripted, run("RUNNING", identity="new"), old)
    script_runs(scripted, run(state, identity="new"), old)

    finding = check("synthetics", {"canary": "shop", "start": True}, aws=scripted, timeout_s=60.0, clock=clock)

    assert finding.outcome == outcome
    assert clock.slept == [5.0, 5.0]


def test_a_run_that_does_not_end_in_time_and_a_canary_that_cannot_be_started_are_errors(
    check: Callable[..., Any], scripted: Any
) -> None:
    params = {"canary": "shop", "start": True}
    script_runs(scripted)
    scripted.add_response("synthetics", "start_canary", {})
    script_runs(scripted, run("RUNNING", identity="new"))
    assert check("synthetics", params, aws=scripted, clock=FakeClock()).outcome == "ERROR"

    script_runs(scripted)
    scripted.add_client_error("synthetics", "start_canary", "AccessDeniedException")
    assert "synthetics:StartCanary was denied" in check("synthetics", params, aws=scripted).message
