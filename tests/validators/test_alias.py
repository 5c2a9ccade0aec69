"""alias: an alias with another version, or with two versions, never passes.

moto stores an alias's weights and never shifts them, so the tests use scripted answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Side
from greenlight.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable


def at_stage(stage: str) -> dict[str, Any]:
    facts = {"platform": "lambda", "function": "f", "alias": "live", "stage": stage}
    return {"deployment": facts, "blue": Side(version="6"), "version": "7"}


@pytest.mark.parametrize(
    ("stage", "version", "weights", "mismatch"),
    [
        ("BeforeAllowTraffic", "7", {}, 'version is "7", expected "6"'),
        ("AfterAllowTraffic", "6", {}, 'version is "6", expected "7"'),
        ("AfterAllowTraffic", "7", {"6": 0.1}, 'weights of other versions is {"6":0.1}, expected {}'),
    ],
)
def test_an_alias_without_the_version_of_the_stage_fails(
    check: Callable[..., Any], scripted: Any, stage: str, version: str, weights: dict[str, float], mismatch: str
) -> None:
    answer = {"FunctionVersion": version, "RoutingConfig": {"AdditionalVersionWeights": weights}}
    for _ in range(3):
        scripted.add_response("lambda", "get_alias", answer, {"FunctionName": "f", "Name": "live"})

    finding = check("alias", {}, aws=scripted, timeout_s=3.0, clock=FakeClock(), **at_stage(stage))

    assert (finding.outcome, finding.message) == ("FAIL", f"f:live: {mismatch}")


@pytest.mark.parametrize(("stage", "version"), [("BeforeAllowTraffic", "6"), ("AfterAllowTraffic", "7")])
def test_an_alias_with_all_traffic_on_the_version_of_the_stage_passes(
    check: Callable[..., Any], scripted: Any, stage: str, version: str
) -> None:
    scripted.add_response("lambda", "get_alias", {"FunctionVersion": version})

    finding = check("alias", {}, aws=scripted, **at_stage(stage))

    assert (finding.outcome, finding.message) == ("PASS", f"f:live points to version {version} only")


def test_an_alias_may_move_within_the_time(check: Callable[..., Any], scripted: Any) -> None:
    clock = FakeClock()
    for version in ("6", "7"):
        scripted.add_response("lambda", "get_alias", {"FunctionVersion": version})

    assert check("alias", {}, aws=scripted, clock=clock, **at_stage("AfterAllowTraffic")).outcome == "PASS"
    assert clock.slept == [1.0]


def test_an_alias_that_cannot_be_read_or_has_no_name_is_an_error(check: Callable[..., Any], scripted: Any) -> None:
    scripted.add_client_error("lambda", "get_alias", "ResourceNotFoundException")
    assert check("alias", {}, aws=scripted, **at_stage("AfterAllowTraffic")).outcome == "ERROR"
    unnamed = {**at_stage("AfterAllowTraffic")["deployment"], "alias": ""}
    assert "names no alias" in check("alias", {}, aws=scripted, deployment=unnamed).message
