"""target_health: the load balancer calls green's targets healthy.

Waits for as long as the check may take, since targets need their health checks to pass first; a target that
is being taken out of service does not count.

Example:
    checks:
      - name: green's targets are healthy
        timeout: 2m
        target_health: {healthy: 2}

Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

import msgspec

from greenlight.api import Context, Evidence, Finding, GreenlightError, Params, error, failed, passed, validator

POLL_S = 2.0
_LEAVING = ("draining", "unhealthy.draining")


class TargetHealth(Params, frozen=True, kw_only=True):
    """`side` to look at, and how many targets must be `healthy` at least; all that are registered must be, too."""

    side: Literal["green", "blue"] = "green"
    healthy: Annotated[int, msgspec.Meta(ge=1)] = 1


@validator(
    TargetHealth,
    platforms=("ecs",),
    iam=("elasticloadbalancing:DescribeTargetHealth",),
    remediation=(
        "Run `aws elbv2 describe-target-health --target-group-arn ARN` and read reason and description: "
        "Target.Timeout is a security group or a slow start, Target.ResponseCodeMismatch the health check's path "
        "or codes, Target.NotInUse a target group on no listener."
    ),
    cost=(
        "One DescribeTargetHealth request every 2 s until the targets are healthy; no load on green beyond the "
        "balancer's own health checks."
    ),
)
def target_health(params: TargetHealth, context: Context) -> Finding:
    """The load balancer calls green's targets healthy."""
    arn = getattr(context.deployment, params.side).target_group
    if not arn:
        return error(f"{params.side} has no target group at {context.deployment.stage}")
    while True:
        try:
            answer = context.aws_call("elbv2", "describe_target_health", TargetGroupArn=arn)
        except GreenlightError as problem:
            return error(str(problem))
        targets = [each for each in answer.get("TargetHealthDescriptions", []) if _state(each) not in _LEAVING]
        found = [_evidence(each) for each in targets]
        if len(targets) >= params.healthy and all(each.passed for each in found):
            return passed(f"{_counted(targets)} in {_name(arn)}", *found)
        if not context.sleep(POLL_S):
            return failed(
                f"{_name(arn)}: {_counted(targets)}; wanted all healthy and at least {params.healthy}{_advice(targets)}",
                *found,
            )


def _state(target: dict[str, Any]) -> str:
    return str(target.get("TargetHealth", {}).get("State", "unknown"))


def _evidence(target: dict[str, Any]) -> Evidence:
    health, of = target.get("TargetHealth", {}), target.get("Target", {})
    said = " ".join(str(health[key]) for key in ("State", "Reason", "Description") if health.get(key))
    return Evidence(
        query=f"{of.get('Id')}:{of.get('Port')}", expected="healthy", actual=said, passed=_state(target) == "healthy"
    )


def _counted(targets: list[dict[str, Any]]) -> str:
    states = Counter(map(_state, targets))
    return ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "no targets are registered"


def _advice(targets: list[dict[str, Any]]) -> str:
    reasons = {target.get("TargetHealth", {}).get("Reason") for target in targets}
    if "Target.NotInUse" in reasons:
        return "; the group is on no listener with weight yet: use a test listener, or a canary or linear configuration"
    return ""


def _name(arn: str) -> str:
    return arn.split("/")[1] if arn.count("/") >= 2 else arn
