"""Checks of a stage, run against the allowed hosts only."""

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


def run_stage(
    plan: str, url: str = "", settings: Settings = LOCAL, emit: Callable[[Finding], None] = lambda _: None
) -> Any:
    parsed = parse(f"version: 1\n{plan}")
    green = Deployment(id="d-ABCDEF123", platform=Platform.ECS, stage="AfterAllowTestTraffic", green=Side(url=url))
    prepared = Prepared(deployment=apply_plan_target(green, parsed), plan=parsed)
    return run_checks(prepared, settings, Aws(Account({})), time.monotonic() + 5, emit).findings


def stage(checks: str, more: str = "") -> str:
    return f"stages: {{AfterAllowTestTraffic: {{{more}checks: [{checks}]}}}}\n"


ASK = "{name: c, http: {get: /, expect: {status: 200}}}"


def test_greens_own_host_is_allowed_and_each_finding_is_emitted() -> None:
    emitted: list[Finding] = []
    with answering(answer(200)) as server:
        findings = run_stage(stage(ASK), server.url, emit=emitted.append)
    assert [finding.outcome.value for finding in findings] == ["PASS"]
    assert tuple(emitted) == findings


def test_loopback_is_refused_unless_the_operator_allows_it() -> None:
    with answering(answer(200)) as server:
        (finding,) = run_stage(stage(ASK), server.url, Settings())
    assert (finding.outcome.value, server.connections) == ("ERROR", 0)
    assert "this machine itself" in finding.message


@pytest.mark.parametrize(("allowed", "outcome"), [((), "ERROR"), (("127.0.0.1",), "PASS")])
def test_a_plan_cannot_allow_a_host_by_naming_it(allowed: tuple[str, ...], outcome: str) -> None:
    with answering(answer(200)) as server:
        target = f"target: {{url: '{server.url}'}}\n"
        (finding,) = run_stage(
            target + stage(ASK), "http://green.test", Settings(allow_loopback=True, allowed_hosts=allowed)
        )
    assert finding.outcome.value == outcome
    assert server.connections == (1 if allowed else 0)


def test_nothing_runs_when_any_check_of_any_stage_is_wrong() -> None:
    with answering(answer(200)) as server:
        wrong = stage(ASK)[:-2] + ", AfterAllowTraffic: {checks: [{name: d, htp: {get: /}}]}}\n"
        with pytest.raises(PlanError, match="htp"):
            run_stage(wrong, server.url)
    assert server.connections == 0


def test_a_stage_waits_its_bake_time_before_its_checks() -> None:
    with answering(answer(200)) as server:
        began = time.monotonic()
        run_stage(stage(ASK, "bake: 300ms, "), server.url)
    assert 0.3 <= time.monotonic() - began < 5


def test_clients_are_made_once_for_an_attempt_that_polls() -> None:
    account = Account({"elbv2.describe_target_health": {"TargetHealthDescriptions": []}})
    aws = Aws(account)
    context = Context(Deployment(id="d", platform=Platform.ECS, stage="AfterInstall"), 60.0, None, aws)  # type: ignore[arg-type]
    for _ in range(3):
        context.aws_call("elbv2", "describe_target_health", TargetGroupArn="x")
        time.sleep(0.6)
    assert len(aws._clients) == 1


def test_checks_that_may_change_data_do_not_run_again_after_an_earlier_run() -> None:
    entries = (
        "{name: order, http: {post: /orders, expect: {status: 201}}}, "
        "{name: steps, http: {steps: [{get: /, expect: {status: 200}}, {delete: /orders/1, expect: {status: 204}}]}}, "
        "{name: query, graphql: {query: '{a}', expect: {data: {a: 1}}}}, "
        "{name: skipped, http: {post: /orders, expect: {status: 201}}, when: {platform: lambda}}, "
        f"{ASK}"
    )
    plan = parse(f"version: 1\n{stage(entries)}")
    with answering(answer(200)) as server:
        side = Side(url=server.url)
        deployment = Deployment(id="d-ABCDEF123", platform=Platform.ECS, stage="AfterAllowTestTraffic", green=side)
        prepared = Prepared(deployment=deployment, plan=plan, earlier_run="r-1")
        findings = run_checks(prepared, LOCAL, Aws(Account({})), time.monotonic() + 5, lambda *_: None).findings
    assert [finding.outcome.value for finding in findings] == ["ERROR", "ERROR", "ERROR", "SKIPPED", "PASS"]
    reason = "and invocation r-1, which ended without an answer, may have run it already"
    assert [finding.message for finding in findings[:3]] == [
        f"not run: it sends POST, {reason}",
        f"not run: it sends DELETE, {reason}",
        f"not run: graphql may change data, {reason}",
    ]
    assert len(server.requests) == 1
