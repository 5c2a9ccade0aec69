"""The second step: a stage's checks, run against the hosts that they may reach and no others."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Context
from greenlight.aws.client import Aws
from greenlight.core.deployment import Deployment, Platform, Side
from greenlight.core.errors import PlanError
from greenlight.core.finding import Finding
from greenlight.core.settings import Settings
from greenlight.gate.prepare import Prepared, apply_plan_target
from greenlight.gate.run_checks import run_checks
from greenlight.plan.parser import parse
from tests.support.account import Account
from tests.support.wire import answer, answering

if TYPE_CHECKING:
    from collections.abc import Callable

LOCAL = Settings(allow_loopback=True)


def probed(
    plan: str, url: str = "", settings: Settings = LOCAL, emit: Callable[[Finding], None] = lambda _: None
) -> Any:
    read = parse(f"version: 1\n{plan}")
    green = Deployment(id="d-ABCDEF123", platform=Platform.ECS, stage="AfterAllowTestTraffic", green=Side(url=url))
    prepared = Prepared(deployment=apply_plan_target(green, read), plan=read)
    return run_checks(prepared, settings, Aws(Account({})), time.monotonic() + 5, emit)


def stage(checks: str, more: str = "") -> str:
    return f"stages: {{AfterAllowTestTraffic: {{{more}checks: [{checks}]}}}}\n"


ASK = "{name: c, http: {get: /, expect: {status: 200}}}"


def test_greens_own_host_is_allowed_and_each_finding_is_emitted() -> None:
    emitted: list[Finding] = []
    with answering(answer(200)) as server:
        findings = probed(stage(ASK), server.url, emit=emitted.append)
    assert [each.outcome.value for each in findings] == ["PASS"]
    assert tuple(emitted) == findings


def test_loopback_stays_closed_unless_the_operator_opened_it() -> None:
    with answering(answer(200)) as server:
        (finding,) = probed(stage(ASK), server.url, Settings())
    assert (finding.outcome.value, server.connections) == ("ERROR", 0)
    assert "this machine itself" in finding.message


@pytest.mark.parametrize(("allowed", "outcome"), [((), "ERROR"), (("127.0.0.1",), "PASS")])
def test_a_plan_cannot_allow_a_host_by_naming_it(allowed: tuple[str, ...], outcome: str) -> None:
    with answering(answer(200)) as server:
        target = f"target: {{url: '{server.url}'}}\n"
        (finding,) = probed(
            target + stage(ASK), "http://green.test", Settings(allow_loopback=True, allowed_hosts=allowed)
        )
    assert finding.outcome.value == outcome
    assert server.connections == (1 if allowed else 0)


def test_nothing_runs_when_any_check_of_any_stage_is_wrong() -> None:
    with answering(answer(200)) as server:
        wrong = stage(ASK)[:-2] + ", AfterAllowTraffic: {checks: [{name: d, htp: {get: /}}]}}\n"
        with pytest.raises(PlanError, match="htp"):
            probed(wrong, server.url)
    assert server.connections == 0


def test_a_stage_bakes_before_its_checks() -> None:
    with answering(answer(200)) as server:
        began = time.monotonic()
        probed(stage(ASK, "bake: 300ms, "), server.url)
    assert 0.3 <= time.monotonic() - began < 5


def test_clients_are_made_once_for_an_attempt_that_polls() -> None:
    account = Account({"elbv2.describe_target_health": {"TargetHealthDescriptions": []}})
    aws = Aws(account)
    context = Context(Deployment(id="d", platform=Platform.ECS, stage="AfterInstall"), 60.0, None, aws)  # type: ignore[arg-type]
    for _ in range(3):
        context.aws_call("elbv2", "describe_target_health", TargetGroupArn="x")
        time.sleep(0.6)
    assert len(aws._clients) == 1
